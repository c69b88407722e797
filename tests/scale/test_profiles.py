"""Stub runs of the profiles that `make test` does not run.

Engines, clusters and conda are stand-ins (stand-ins/), which take the options of the real ones and run the tasks here.
"""

import json
import re
import shutil
from pathlib import Path

import pytest
from encode_sheet import write_sheet

import launching
from launching import ROOT, Pipeline, cluster_of_the_page, tasks, wrappers

pytestmark = [pytest.mark.pipeline, pytest.mark.slow, pytest.mark.scale]

ON_GPU = {"CHECK_GPU", "TRAIN", "PREDICT", "INTERPRET"}


@pytest.fixture
def stand_ins(pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the stand-ins, first on PATH."""
    return launching.stand_ins(pipeline, tmp_path, monkeypatch)


def stub(pipeline: Pipeline, name: str, *arguments: str | Path) -> dict[str, str]:
    """A stub run with results and work in folders of that name; the wrapper of each process."""
    output = pipeline.run(*arguments, "-stub-run", "--outdir", name, "-work-dir", f"work-{name}")
    assert f"Done: open {name}/" in output
    assert not tasks(output, "Re-submitted")
    made = wrappers(pipeline.folder / f"work-{name}")
    assert made.keys() >= {"CHECK_SETUP", "MAKE_PLAN", "EXTRACT_SIGNALS", "PREDICT", "EVALUATE", "REPORT"}
    return made


@pytest.mark.parametrize(
    ("profiles", "options", "some"),
    [
        ("chr20", (), "SCORE_MOTIFS"),
        ("cells", (), "COMPARE"),
        ("test,gpu", ("--local_tools", "--device", "cpu"), "INTERPRET"),
    ],
)
def test_cases_run_with_the_tools_of_the_machine(
    pipeline: Pipeline, profiles: str, options: tuple[str, ...], some: str
) -> None:
    made = stub(pipeline, profiles.replace(",", "-"), "-profile", profiles, *options)
    assert some in made
    assert not any("docker run" in text for text in made.values())


def test_the_mouse_case_runs(pipeline: Pipeline) -> None:
    """Its addresses are those of big files; here a small file of the right kind stands for each."""
    assert write_sheet(ROOT / "assets/test_full/mouse.csv", pipeline.folder / "mouse.csv") == {"CH12.LX", "MEL"}
    addresses = re.findall(r"(\w+) = 'https://", (ROOT / "conf/test_full_mouse.config").read_text())
    test = dict(re.findall(r"(\w+) = \"\$\{projectDir\}/(.*)\"", (ROOT / "conf/test.config").read_text()))
    given = [part for name in addresses for part in (f"--{name}", ROOT / test[name])]
    made = stub(pipeline, "mouse", "-profile", "test_full_mouse", "--samplesheet", "mouse.csv", *given)
    assert {"SCORE_MOTIFS", "INTERPRET"} <= made.keys()


def test_docker_gets_image_user_and_gpu(pipeline: Pipeline, stand_ins: Path) -> None:
    pipeline.take_any_machine_for_one_with_a_gpu()
    made = stub(pipeline, "docker", "-profile", "k562,gpu")  # docker is the GPU's engine
    calls = (stand_ins / "calls").read_text()
    assert calls.count("docker run -i ") == len(list((pipeline.folder / "work-docker").glob("*/*/.command.run")))
    for process, text in made.items():
        (call,) = re.findall(r"^ *(docker run .*)", text, re.MULTILINE)
        assert ("--gpus all --shm-size 8g" in call) == (process in ON_GPU), process
        assert f"crexpress-{'gpu' if process in ON_GPU else 'cpu'}:0.1.0 " in call
    manifest = json.loads((pipeline.folder / "docker/pipeline_info/manifest.json").read_text())
    assert manifest["engine"] == "docker"
    images = [{"name": f"crexpress-{kind}:0.1.0", "id": "sha256:stand-in"} for kind in ("cpu", "gpu")]
    assert manifest["images"] == images


def test_a_run_that_fails_while_images_are_asked_for_ends_with_one_message(pipeline: Pipeline, stand_ins: Path) -> None:
    """The container of the GPU cannot start while the engine is asked what it knows the other's image by."""
    docker = (stand_ins / "docker").read_text().splitlines()
    docker[3:3] = [
        "here=$(dirname $0)",
        '[[ $1 != run || $* = *crexpress-gpu* ]] || touch "$here/ran"',
        '[[ $1 != image || ! -e $here/ran ]] || { touch "$here/asked"; sleep 5; }',
        "if [[ $1 == run && $* == *crexpress-gpu* ]]; then",
        '    for _ in {1..300}; do [[ -e $here/asked ]] && break; sleep 0.2; done; echo "no such device" >&2; exit 125',
        "fi",
    ]
    (stand_ins / "docker").write_text("\n".join(docker) + "\n")
    both = ("-executor.cpus", "64")  # at once, also on two processors
    places = ("--outdir", "dead", "-work-dir", "work-dead")
    output = pipeline.run("-profile", "test,gpu", "-stub-run", *both, *places, code=1)
    assert (stand_ins / "asked").exists()
    assert "no such device" in output
    assert "Exception" not in output


@pytest.mark.parametrize("engine", ["apptainer", "singularity"])
def test_apptainer_and_singularity_get_files_and_gpu(pipeline: Pipeline, stand_ins: Path, engine: str) -> None:
    pipeline.take_any_machine_for_one_with_a_gpu()
    chosen = ("-profile", f"k562,{engine},gpu")
    output = pipeline.run(*chosen, "--outdir", "none", code=1)
    for kind in ("cpu", "gpu"):
        assert f"name the file, --image_{kind} $PWD/crexpress-{kind}.sif" in output
    (pipeline.folder / "here.sif").touch()
    output = pipeline.run(*chosen, "--image_cpu", "here.sif", "--outdir", "none", code=1)
    assert "give its full path, --image_cpu $PWD/here.sif\n" in output
    images = []
    for kind in ("cpu", "gpu"):
        (stand_ins / f"{kind}.sif").touch()
        images += [f"--image_{kind}", stand_ins / f"{kind}.sif"]
    made = stub(pipeline, engine, *chosen, *images)
    calls = (stand_ins / "calls").read_text()
    assert calls.count(f"{engine} exec ") == len(list((pipeline.folder / f"work-{engine}").glob("*/*/.command.run")))
    for process, text in made.items():
        (call,) = re.findall(rf"; env - .* ({engine} exec .*)", text)
        assert ("--nv" in call) == (process in ON_GPU), process
        assert str(stand_ins / f"{'gpu' if process in ON_GPU else 'cpu'}.sif") in call


def test_conda_makes_one_environment_of_the_checkout(
    pipeline: Pipeline, stand_ins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("containers", "pyproject.toml", "README.md", "LICENSE"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, pipeline.project / name)
    monkeypatch.delitem(pipeline.environment, "PYTHONPATH")  # only the environment has the library
    made = stub(pipeline, "conda", "-profile", "k562,conda")
    calls = (stand_ins / "calls").read_text()
    (prefix,) = re.findall(r"conda env create .*--prefix (\S+) ", calls)
    assert all(f"/bin/activate {prefix}\n" in text for text in made.values())
    assert (Path(prefix) / "bin/train").is_file()


def test_slurm_gets_every_task_as_a_job(pipeline: Pipeline, stand_ins: Path) -> None:
    (pipeline.folder / "site.config").write_text(cluster_of_the_page())
    pipeline.take_any_machine_for_one_with_a_gpu()
    made = stub(pipeline, "slurm", "-profile", "k562,slurm,gpu", "--local_tools", "-c", "site.config")
    calls = (stand_ins / "calls").read_text().splitlines()
    jobs = [call for call in calls if call.startswith("sbatch")]
    assert len(jobs) == len(list((pipeline.folder / "work-slurm").glob("*/*/.command.run")))
    assert any(call.startswith("squeue") for call in calls)
    for process, text in made.items():
        directives = re.findall(r"^#SBATCH (.*)$", text, re.MULTILINE)
        gpu = process in ON_GPU
        assert {"-p short", "-t 24:00:00" if gpu else "-t 04:00:00"} <= set(directives), process
        assert ("-c 4" in directives) >= gpu
        assert any(re.fullmatch(r"--mem \d+M", directive) for directive in directives), process
        assert ("--account=lab --partition=gpu --gres=gpu:1" in directives) == gpu
        assert ("--account=lab" in directives) != gpu


def test_a_job_that_leaves_no_exit_code_is_tried_again_with_more_memory(pipeline: Pipeline, stand_ins: Path) -> None:
    body = "label 'process_single'\n debug true\n script:\n \"echo attempt ${task.attempt}: ${task.memory}\""
    (pipeline.folder / "one.nf").write_text(f"process ONE {{\n {body}\n}}\nworkflow {{\n ONE()\n}}\n")
    (pipeline.folder / "lost.config").write_text(
        "executor { pollInterval = '1 sec'\n queueStatInterval = '1 sec'\n exitReadTimeout = '3 sec' }\n"
    )
    (stand_ins / "lose").touch()
    config = ("-C", f"{pipeline.project / 'nextflow.config'},lost.config")
    output = pipeline.nextflow(*config, "run", "one.nf", "-profile", "slurm", "-process.queue", "short")
    assert "attempt 2: 4 GB" in output
    assert tasks(output, "Re-submitted") == ["ONE"]


def test_every_task_of_aws_batch_has_what_a_job_needs(pipeline: Pipeline) -> None:
    """As it resolves for each task; they run locally, for the plugin of the other executor cannot be had offline."""
    registry = "1.dkr.ecr.eu-west-1.amazonaws.com"
    wanted = ["process", "container", "queue", "cpus", "memory", "time", "disk", "accelerator", "containerOptions"]
    values = ", ".join("task.accelerator?.request" if name == "accelerator" else f"task.{name}" for name in wanted)
    (pipeline.folder / "aws.config").write_text(
        # an included file sees the parameters of its own place alone
        "params { awscli = null\n awsfusion = false\n awsjobrole = null }\n"
        f"includeConfig '{pipeline.project}/conf/awsbatch.config'\n"
        f"process {{ executor = 'local'\n resourceLimits = [cpus: 64, memory: 512.GB]\n"
        f" beforeScript = {{ '# WANTS ' + [{values}].join(';') }} }}\n"
        "executor { queueSize = 2\n $local { cpus = 64\n memory = 512.GB } }\n"
    )
    queues = ["--awsqueue", "crexpress", "--awsqueue_gpu", "crexpress-gpu", "--awsregion", "eu-west-1"]
    images = [p for kind in ("cpu", "gpu") for p in (f"--image_{kind}", f"{registry}/crexpress-{kind}:0.1.0")]
    pipeline.take_any_machine_for_one_with_a_gpu()
    made = stub(pipeline, "aws", "-profile", "test,gpu", "-c", "aws.config", "--local_tools", *queues, *images)
    assert len(made) >= 13
    for process, text in made.items():
        line = re.search(r"^ *# WANTS (.*)$", text, re.MULTILINE)
        assert line, process
        task = dict(zip(wanted, line[1].split(";"), strict=True))
        gpu = process in ON_GPU
        assert task["container"] == f"{registry}/crexpress-{'gpu' if gpu else 'cpu'}:0.1.0", task
        assert task["queue"] == ("crexpress-gpu" if gpu else "crexpress"), task
        assert task["accelerator"] == ("1" if gpu else "null"), task
        assert int(task["cpus"]) >= 1, task
        assert re.fullmatch(r"\d+ GB", task["memory"]), task
        assert re.fullmatch(r"\d+ GB", task["disk"]), task
        assert re.fullmatch(r"(4h|1d)", task["time"]), task
        assert ("--shm-size 8g" in task["containerOptions"]) == gpu, task  # with a blank: Batch's parser wants it
