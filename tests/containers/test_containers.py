"""Runs of the pipeline whose tasks are containers."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from images import IMAGE

from launching import ROOT, Pipeline, tasks, wrappers

# a run here and one in containers before the first test: minutes, on a machine that is not busy
pytestmark = [pytest.mark.pipeline, pytest.mark.slow, pytest.mark.timeout(3600)]

OF_MACHINE = re.compile(r"setup\.json|fontlist-.*\.json")  # what packages and fonts there are
SHORT = ("--steps", "40")
RESULTS = (
    "model/model.safetensors",
    "predictions/*.parquet",
    "links/*",
    "evaluation/*.parquet",
    "reference/*",
    "cells/*",
)


@pytest.fixture(scope="module")
def by_hand(pipeline: Pipeline) -> Path:
    """The simulated case with the tools of this machine, inputs copied into each task's folder; its work folder."""
    settings = pipeline.folder / "copy.config"
    settings.write_text("process.stageInMode = 'copy'")
    pipeline.run("-profile", "test", *SHORT, "--outdir", "local", "-c", settings, "-work-dir", "work-local")
    return pipeline.folder / "work-local"


@pytest.fixture(scope="module")
def in_containers(pipeline: Pipeline, engine: str) -> Path:
    """Results of the simulated case in containers."""
    pipeline.run("-profile", f"test,{engine}", *SHORT, "--outdir", "contained")
    return pipeline.folder / "contained"


@pytest.mark.usefixtures("by_hand")
def test_containers_and_the_machine_itself_give_the_same_bytes(pipeline: Pipeline, in_containers: Path) -> None:
    names = sorted(path.relative_to(in_containers) for pattern in RESULTS for path in in_containers.glob(pattern))
    assert len(names) > 25
    other = [
        name for name in names if (in_containers / name).read_bytes() != (pipeline.folder / "local" / name).read_bytes()
    ]
    assert not other


def test_the_manifest_says_what_ran_with_what(in_containers: Path, engine: str) -> None:
    manifest = json.loads((in_containers / "pipeline_info/manifest.json").read_text())
    listed = [engine, "image", "inspect", "--format", "{{.Id}}", IMAGE]
    image = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.strip()
    assert manifest["engine"] == engine
    assert manifest["images"] == [{"name": IMAGE, "id": image}]
    assert manifest["parameters"]["steps"] == int(SHORT[1])
    inputs = {(entry["file"], entry["sha256"]) for entry in manifest["inputs"]}
    for path in (ROOT / "assets/test").glob("*.gz"):
        assert (path.name, hashlib.sha256(path.read_bytes()).hexdigest()) in inputs
    assert manifest["versions"]["TRAIN"].startswith("train (crexpress)")
    (setup,) = manifest["setups"].values()
    assert setup["packages"]["torch"]


def test_a_task_needs_nothing_but_its_own_folder(by_hand: Path, engine: str, tmp_path: Path) -> None:
    """What AWS Batch gives a task: its inputs and a folder. No network, nothing else mounted, nothing else writable."""
    seen, wrong = set(), []
    for script in sorted(by_hand.glob("*/*/.command.sh")):
        process = re.search(r"^### name: '([\w:]+)", script.with_name(".command.run").read_text(), re.MULTILINE)
        assert process
        if process[1] in seen:
            continue
        seen.add(process[1])
        task = script.parent
        made = {
            path.relative_to(task)
            for path in task.rglob("*")
            if path.is_file() and path.stat().st_mtime > script.stat().st_mtime
        }
        outputs = {path for path in made if not path.name.startswith(".")}
        staged = set(re.findall(r"cp -fRL \S+ (\S+)", script.with_name(".command.run").read_text()))
        outputs = {path for path in outputs if not staged & {str(path), *map(str, path.parents)}}
        assert outputs, process[1]
        fresh = tmp_path / process[1].replace(":", "-")
        shutil.copytree(task, fresh, ignore=lambda folder, names, task=task, outputs=outputs: [
            name for name in names if (Path(folder) / name).relative_to(task) in outputs
        ])  # fmt: skip
        own = [option for name in ("HOME", "MPLCONFIGDIR") for option in ("-e", f"{name}={fresh}")]
        bare = [
            "--rm",
            "--network",
            "none",
            "--read-only",
            *(["--read-only-tmpfs=false"] if engine == "podman" else []),
        ]
        mount = ["--user", f"{os.getuid()}:{os.getgid()}", "-v", f"{fresh}:{fresh}", "-w", str(fresh)]
        done = subprocess.run(
            [engine, "run", *bare, *own, *mount, IMAGE, "bash", "-ue", ".command.sh"], capture_output=True, text=True
        )
        if done.returncode:
            wrong.append(f"{process[1]}: {done.stderr}")
            continue
        outputs = {path for path in outputs if not OF_MACHINE.fullmatch(path.name)}
        same = {name for name in outputs if (fresh / name).read_bytes() == (task / name).read_bytes()}
        wrong += [f"{process[1]}: {name} differs" for name in sorted(outputs - same)]
    assert not wrong
    assert len(seen) >= 13


@pytest.fixture(scope="module")
def stubbed(pipeline: Pipeline, engine: str) -> str:
    """What Nextflow said of a run without work that asks for a GPU, and whose first task lacks memory.

    The GPU is a variable of the container, and the image the CPU's.
    """
    settings = pipeline.folder / "memory.config"
    settings.write_text("process { withName: MAKE_PLAN { memory = { task.attempt == 1 ? 12.MB : 2.GB } } }")
    pipeline.take_any_machine_for_one_with_a_gpu()
    options = ("--gpu_container_options", "-e CREXPRESS_TEST_GPU=1", "--image_gpu", IMAGE)
    places = ("--outdir", "stubbed", "-work-dir", "work-stubbed", "-c", settings)
    return pipeline.run("-profile", f"test,{engine},gpu", "-stub-run", *options, *places)


def test_a_task_that_ran_out_of_memory_gets_more_and_succeeds(stubbed: str) -> None:
    assert tasks(stubbed, "Re-submitted") == ["MAKE_PLAN"]
    assert "terminated with an error exit status (137)" in stubbed
    assert "Done: open stubbed/report.html" in stubbed


@pytest.mark.usefixtures("stubbed")
def test_gpu_options_go_to_gpu_tasks_alone(pipeline: Pipeline) -> None:
    made = wrappers(pipeline.folder / "work-stubbed")
    assert len(made) >= 13
    assert {name for name, text in made.items() if "CREXPRESS_TEST_GPU=1" in text} == {
        "CHECK_GPU",
        "TRAIN",
        "PREDICT",
        "INTERPRET",
    }


def test_bad_input_is_said_on_the_terminal_and_not_tried_again(pipeline: Pipeline, engine: str) -> None:
    sheet = pipeline.folder / "cells.csv"
    sheet.write_text("cell,assay,file\ncell1,dnase,absent.bw\ncell5,dnase,absent.bw\n")
    output = pipeline.run("-profile", f"test,{engine}", "-stub-run", "--samplesheet", sheet, "--outdir", "bad", code=1)
    assert "'absent.bw' does not exist" in output
    assert "exit status (65)" in output
    assert tasks(output) == ["MAKE_PLAN"]


@pytest.mark.usefixtures("in_containers")  # its preparation is cached
def test_ctrl_c_ends_every_child_within_ten_seconds(pipeline: Pipeline, engine: str) -> None:
    arguments = ("-profile", f"test,{engine}", "--steps", "100000", "--outdir", "stopped", "-resume")
    process = pipeline.start("run", pipeline.project, *arguments)

    def containers() -> str:
        listed = [engine, "ps", "--quiet", "--filter", "name=nxf-"]
        return subprocess.run(listed, capture_output=True, text=True, check=True).stdout

    deadline = time.monotonic() + 300
    while not any("step 200/" in log.read_text() for log in pipeline.folder.glob("work/*/*/.command.err")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert containers()
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    while containers():
        assert time.monotonic() - begin < 60
        time.sleep(0.1)
    assert time.monotonic() - begin < 10
