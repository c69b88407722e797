"""What can be known of the pipeline without running a task."""

import json
import os
import re
from pathlib import Path

import pytest

from launching import ROOT, Pipeline

pytestmark = pytest.mark.pipeline
PARSER = "v2"  # of Nextflow: stricter, a start in half the time

ENGINES = ("docker", "podman", "apptainer", "singularity", "conda")
CASES = ("k562", "cells", "test", "chr20", "test_full", "test_full_mouse")
CLUSTERS = ("slurm", "awsbatch")
LABELS = ("process_single", "process_low", "process_medium", "process_gpu")


def every_two_together() -> list[str]:
    """Profiles as users name them: each case with each engine, cluster and GPU taken in turns, in changing order."""
    lists = []
    for row, case in enumerate(("", *CASES)):
        for column, engine in enumerate(("", *ENGINES)):
            cluster = ("", *CLUSTERS)[(row + column) % 3]
            gpu = ("", "gpu")[(row + column // 3) % 2]
            names = [name for name in (case, engine, cluster, gpu) if name]
            lists.append(",".join(names[::-1] if column % 2 else names) or "standard")
    return lists


def resolve(pipeline: Pipeline, profiles: list[str]) -> dict[str, dict[str, str]]:
    """{profiles: {setting: its text}}, resolved by Nextflow itself in one start."""
    (pipeline.folder / "profiles.txt").write_text("\n".join(profiles))
    options = ("--profiles", pipeline.folder / "profiles.txt", "--project", pipeline.project)
    output = pipeline.nextflow("run", ROOT / "tests/pipeline/resolve.nf", *options)
    parts = re.split(r"^== (.*)$", output, flags=re.MULTILINE)[1:]
    texts = zip(parts[::2], parts[1::2], strict=True)
    return {name: dict(re.findall(r"^([^ \n]+) = (.*)$", text, re.MULTILINE)) for name, text in texts}


def check(profiles: str, config: dict[str, str]) -> None:
    """What must hold of any list of profiles."""
    asked = set(profiles.split(","))
    gpu = "process.'withLabel:process_gpu'."
    assert config["params.use_gpu"] == ("true" if "gpu" in asked else "false")
    engines = asked & set(ENGINES) or (asked & {"gpu"} and {"docker"})
    assert {name for name in ENGINES if config[f"{name}.enabled"] == "true"} == engines
    executors = [f"'{name}'" for name in CLUSTERS if name in asked]
    assert [config[name] for name in config if name == "process.executor"] == executors
    # a selector in a profile would replace those of base.config: every process still has all that it asks for
    for label in LABELS:
        for need in ("cpus", "memory", "disk"):
            assert f"process.'withLabel:{label}'.{need}" in config
    assert {"process.container", "process.time", "process.errorStrategy", "process.maxRetries"} <= config.keys()
    assert {f"{gpu}time", f"{gpu}accelerator", f"{gpu}containerOptions"} <= config.keys()
    assert config[f"{gpu}maxForks"] == ("64" if asked & set(CLUSTERS) else "1")
    assert config["process.container"] == "'crexpress-cpu:0.1.0'"
    assert config[f"{gpu}container"] == ("'crexpress-gpu:0.1.0'" if "gpu" in asked else "'crexpress-cpu:0.1.0'")
    # only tasks with the label get a GPU
    assert [name for name in config if name.endswith(".accelerator")] == [f"{gpu}accelerator"]
    # the machine at hand limits its own tasks, not those of a cluster, and one runs beside the largest
    limits = " ".join(f"{name}: {value}" for name, value in config.items() if "resourceLimits" in name)
    assert ("cpus" in limits) == (not asked & set(CLUSTERS)), limits
    if not asked & set(CLUSTERS):
        assert re.search(rf"cpus: ?{max(1, (os.cpu_count() or 1) - 1)}\b", limits), limits
    if "awsbatch" in asked:
        assert {"process.queue", "aws.batch.maxSpotAttempts", "aws.batch.jobRole"} <= config.keys()
        assert config["aws.batch.terminateUnschedulableJobs"] == "true"
    if asked & set(CASES):
        assert config["params.samplesheet"].endswith(".csv'")


@pytest.fixture(scope="module")
def schema() -> dict:
    return json.loads((ROOT / "nextflow_schema.json").read_text())


def test_linter_has_nothing_to_say(pipeline: Pipeline) -> None:
    output = pipeline.nextflow(
        "lint", *(pipeline.project / part for part in ("main.nf", "modules", "subworkflows", "conf"))
    )
    assert "had no errors" in output
    assert not re.search(r"\b(Warn|Error)\b", output), output


@pytest.mark.parametrize(("parser", "share"), [("v1", 1), ("v2", 5)])
def test_profiles_resolve_and_keep_what_tasks_ask_for(pipeline: Pipeline, parser: str, share: int) -> None:
    profiles = every_two_together()[::share]
    pipeline.environment["NXF_SYNTAX_PARSER"] = parser
    try:
        resolved = resolve(pipeline, profiles)
    finally:
        del pipeline.environment["NXF_SYNTAX_PARSER"]
    assert list(resolved) == profiles
    for name, config in resolved.items():
        try:
            check(name, config)
        except AssertionError as error:
            raise AssertionError(f"-profile {name}: {error}") from None


def test_every_process_has_one_of_the_labels() -> None:
    named = {path: re.findall(r"label '(process_\w+)'", path.read_text()) for path in ROOT.glob("modules/*/main.nf")}
    assert all(
        len(labels) == len(re.findall(r"(?m)^process \w+ {$", path.read_text())) for path, labels in named.items()
    )
    assert {label for labels in named.values() for label in labels} == set(LABELS)


def test_what_aws_batch_lacks_is_said_at_once(pipeline: Pipeline) -> None:
    """Before any task; the executor is local, for its own plugin cannot be had offline."""
    output = pipeline.run("-profile", "test,awsbatch,gpu", "-process.executor", "local", "--outdir", "aws", code=1)
    assert "The parameters have 6 faults" in output
    for name in ("--awsqueue", "--awsqueue_gpu", "--awsregion"):
        assert f"{name} is missing: " in output
    assert "AWS Batch needs a bucket: -work-dir s3://BUCKET/work" in output
    for kind in ("cpu", "gpu"):
        assert f"--image_{kind} ACCOUNT.dkr.ecr.REGION.amazonaws.com/crexpress-{kind}:0.1.0" in output
    assert "Submitted" not in output


def test_what_the_engine_lacks_is_said_at_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any task, with the line to type; engines are scripts here, and no other engine is on PATH."""
    tools = pipeline.folder / "tools"
    tools.mkdir()
    for folder in reversed(pipeline.environment["PATH"].split(":")):
        for path in Path(folder).iterdir() if Path(folder).is_dir() else ():
            if path.name not in ENGINES:
                (tools / path.name).unlink(missing_ok=True)
                (tools / path.name).symlink_to(path)
    monkeypatch.setitem(pipeline.environment, "PATH", str(tools))

    def said(profile: str, *options: str, **engines: str) -> str:
        for engine, script in engines.items():
            (tools / engine).write_text(f"#!/bin/sh\n{script}\n")
            (tools / engine).chmod(0o755)
        output = pipeline.run("-profile", f"test,{profile}", *options, "--outdir", "engine", code=1)
        assert "Submitted" not in output
        assert "Exception" not in output
        return output

    output = said("gpu")
    assert "docker, in which tasks are to run, is not on PATH: install it; " in output
    assert (
        "or use -profile gpu,podman or -profile gpu,apptainer, or the tools on PATH (-profile gpu --local_tools)"
        in output
    )

    output = said("docker", docker="echo 'Is the daemon running?' >&2; exit 1")
    assert "docker, in which tasks are to run, does not work here (Is the daemon running?): start its daemon" in output
    assert "or use -profile podman or -profile apptainer, or the tools on PATH (no engine in -profile)" in output

    output = said("podman,gpu", podman='[ "$1" = info ]')  # it has no image
    for kind in ("cpu", "gpu"):
        assert (
            f"podman has no image crexpress-{kind}:0.1.0: build it from this checkout, make images ENGINE=podman"
            in output
        )
    if not any(Path(folder).is_dir() and any(Path(folder).iterdir()) for folder in ("/etc/cdi", "/var/run/cdi")):
        assert "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml" in output
    # on processors neither the GPU's image nor its driver is asked for
    output = said("podman,gpu", "--device", "cpu")
    assert "The parameters have 1 fault:\n  podman has no image crexpress-cpu:0.1.0" in output


ASKS = """
process ASK {
    label 'process_gpu'
    exec:
    println("asks ${[task.container, task.accelerator?.request, task.queue, task.containerOptions]}")
}
workflow {
    ASK()
    [0, 1, 2, 65, 75, 137, 255, null, Integer.MAX_VALUE].each { code ->
        def strategy = workflow.session.config.process.errorStrategy.clone()
        strategy.delegate = [task: [exitStatus: code]]
        strategy.resolveStrategy = Closure.DELEGATE_FIRST
        println("code ${code} ${strategy.call()}")
    }
}
"""


def test_processors_take_all_of_the_gpu_away_and_lost_tasks_are_tried_again(pipeline: Pipeline) -> None:
    """The settings as a task sees them; AWS Batch's queue, while its executor cannot be had offline."""
    (pipeline.folder / "asks.nf").write_text(ASKS)
    place = ("-process.executor", "local", "-executor.cpus", "64", "-executor.memory", "512 GB")
    options = ("-profile", "podman,gpu,awsbatch", *place)
    config = ("-C", pipeline.project / "nextflow.config", "run", "asks.nf")
    queues = ("--awsqueue", "few", "--awsqueue_gpu", "dear")
    output = pipeline.nextflow(*config, *options, *queues)
    gpu = "crexpress-gpu:0.1.0, 1, dear, --device nvidia.com/gpu=all --shm-size 8g"
    assert f"asks [{gpu}]" in output
    strategies = dict(re.findall(r"^code (\w+) (\w+)$", output, re.MULTILINE))
    again = {"75", "137", "null", str(2**31 - 1)}  # the last two: AWS Batch has no exit code
    assert strategies == {code: "retry" if code in again else "finish" for code in strategies}
    assert strategies.keys() > again
    output = pipeline.nextflow(*config, *options, *queues, "--device", "cpu")
    assert "asks [crexpress-cpu:0.1.0, null, few, ]" in output


def test_images_are_listed(pipeline: Pipeline) -> None:
    listed = json.loads(pipeline.nextflow("inspect", pipeline.project, "-profile", "test,podman,gpu"))["processes"]
    images = {entry["name"].split(":")[-1]: entry["container"] for entry in listed}
    assert images.pop("MULTIQC").startswith("quay.io/biocontainers/multiqc:")
    on_gpu = {"TRAIN", "PREDICT", "INTERPRET", "CHECK_GPU", "MEASURE_COMPLEXITY"}
    on_gpu |= {"ATTRIBUTE", "SCORE_VARIANTS", "ASK_MODEL"}
    assert len(images) >= 13
    assert {name for name, image in images.items() if image == "crexpress-gpu:0.1.0"} == on_gpu & images.keys()
    assert {image for name, image in images.items() if name not in on_gpu} == {"crexpress-cpu:0.1.0"}
    released = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert released
    assert images["TRAIN"].endswith(f":{released[1]}")


def test_parameters_and_schema_agree(pipeline: Pipeline, schema: dict) -> None:
    properties = {name: value for group in schema["$defs"].values() for name, value in group["properties"].items()}
    config = {
        name.removeprefix("params."): value.strip("'")
        for name, value in resolve(pipeline, ["standard"])["standard"].items()
        if name.startswith("params.") and not name.startswith("params.genomes.")  # what --genome stands for
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d", config.pop("trace_report_suffix"))  # of this minute
    assert not properties["trace_report_suffix"].get("default")
    del properties["trace_report_suffix"]
    assert config == {name: json.dumps(value.get("default")).strip('"') for name, value in properties.items()}
    assert all(value.get("description") for value in properties.values())
    assert {ref["$ref"].split("/")[-1] for ref in schema["allOf"]} == set(schema["$defs"])
