"""What can be known of the pipeline without running a task."""

import json
import re
import subprocess

import pytest
from launching import ROOT, Pipeline

pytestmark = pytest.mark.pipeline

ENGINES = ("docker", "podman", "apptainer", "singularity", "conda")
CASES = ["k562", "test", "chr20", "test_full", "test_full_mouse"]
SINGLE = ["standard", *CASES, *ENGINES]
MACHINES = ["gpu", "slurm", "awsbatch"]
TOGETHER = [
    "k562,docker,gpu",
    "test,podman",
    "test,apptainer,gpu",
    "test_full,slurm,gpu",
    "test,awsbatch",
    "k562,awsbatch,gpu",
    "gpu,podman",
    "chr20,singularity",
    "k562,conda",
    "test_full,apptainer,gpu",
]


@pytest.fixture(scope="module")
def schema() -> dict:
    return json.loads((ROOT / "nextflow_schema.json").read_text())


def flat_config(pipeline: Pipeline, profile: str) -> dict[str, str]:
    text = pipeline.nextflow("config", pipeline.project, "-profile", profile, "-o", "flat")
    return dict(re.findall(r"^([^ ]+) = (.*)$", text, re.MULTILINE))


def test_linter_has_nothing_to_say(pipeline: Pipeline) -> None:
    output = pipeline.nextflow(
        "lint", *(pipeline.project / part for part in ("main.nf", "modules", "subworkflows", "conf"))
    )
    assert "had no errors" in output
    assert not re.search(r"\b(Warn|Error)\b", output), output


@pytest.mark.parametrize("profile", SINGLE + MACHINES + TOGETHER)
def test_every_profile_resolves_and_keeps_what_tasks_ask_for(pipeline: Pipeline, profile: str) -> None:
    config = flat_config(pipeline, profile)
    gpu = "process.'withLabel:process_gpu'."
    # a selector in a profile would replace these
    assert {f"{gpu}cpus", f"{gpu}memory", f"{gpu}time", f"{gpu}accelerator", f"{gpu}containerOptions"} <= config.keys()
    asked = set(profile.split(","))
    assert config[f"{gpu}maxForks"] == ("64" if asked & {"slurm", "awsbatch"} else "1")
    assert config["params.use_gpu"] == ("true" if "gpu" in asked else "false")
    assert config["process.container"] == "'crexpress-cpu:0.1.0'"
    assert config[f"{gpu}container"] == ("'crexpress-gpu:0.1.0'" if "gpu" in asked else "'crexpress-cpu:0.1.0'")
    engines = asked & set(ENGINES) or (asked & {"gpu"} and {"docker"})
    assert {name for name in ENGINES if config[f"{name}.enabled"] == "true"} == engines
    # only tasks with the label get a GPU
    assert [name for name in config if name.endswith(".accelerator")] == [f"{gpu}accelerator"]
    executors = [f"'{name}'" for name in ("slurm", "awsbatch") if name in asked]
    assert [config[name] for name in config if name == "process.executor"] == executors


def test_aws_batch_gets_what_it_needs_of_every_process(pipeline: Pipeline) -> None:
    config = flat_config(pipeline, "test,awsbatch,gpu")
    labels = {
        label for module in ROOT.glob("modules/*/main.nf") for label in re.findall(r"label '(\w+)'", module.read_text())
    }
    assert labels == {"process_single", "process_low", "process_medium", "process_gpu"}
    for label in labels:
        for need in ("cpus", "memory", "disk"):
            assert f"process.'withLabel:{label}'.{need}" in config
    assert {"process.time", "process.container", "process.queue", "aws.batch.maxSpotAttempts"} <= config.keys()
    assert all("label '" in module.read_text() for module in ROOT.glob("modules/*/main.nf"))


def test_images_are_listed(pipeline: Pipeline) -> None:
    listed = json.loads(pipeline.nextflow("inspect", pipeline.project, "-profile", "test,podman,gpu"))["processes"]
    images = {entry["name"]: entry["container"] for entry in listed}
    on_gpu = {"TRAIN", "PREDICT", "INTERPRET", "CHECK_GPU"}
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
        for name, value in flat_config(pipeline, "standard").items()
        if name.startswith("params.")
    }
    assert config == {name: json.dumps(value.get("default")).strip('"') for name, value in properties.items()}
    assert all(value.get("description") for value in properties.values())
    assert {ref["$ref"].split("/")[-1] for ref in schema["allOf"]} == set(schema["$defs"])


def test_the_list_of_parameters_is_current() -> None:
    made = subprocess.run([ROOT / ".ci/parameters-table"], capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/parameters.md").read_text() == made, "run `make docs`"
