"""What is in the image, and what is not."""

import json
import subprocess
from pathlib import Path

import pytest
from images import IMAGE

from tiny_case import TinyCase
from tools import TOOLS

# what Nextflow's wrappers call, on AWS Batch too
WRAPPERS = [
    "bash",
    "ps",
    "awk",
    "sed",
    "grep",
    "date",
    "tail",
    "head",
    "mktemp",
    "basename",
    "sha256sum",
    "tini",
    "aws",
]


def run(engine: str, *command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """A command as a user that the image does not know, on a root file system that cannot be written."""
    start = [engine, "run", "--rm", "--read-only", "--tmpfs", "/tmp", "--user", "12345:54321", *options, IMAGE]
    return subprocess.run([*start, *command], capture_output=True, text=True)


def test_every_tool_starts_for_any_user_on_a_read_only_system(engine: str) -> None:
    done = run(engine, "bash", "-c", f"for tool in {' '.join(TOOLS)}; do $tool --version || exit; done")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == TOOLS


def test_it_has_what_wrappers_call_and_no_compiler(engine: str) -> None:
    done = run(engine, "bash", "-c", f"command -v {' '.join(WRAPPERS)} >/dev/null && aws --version && pip check")
    assert done.returncode == 0, done.stdout + done.stderr
    present = run(engine, "bash", "-c", "command -v gcc cc g++ c++ clang make ld as nvcc; true")
    assert present.stdout == ""


def test_it_is_labelled_and_not_root(engine: str) -> None:
    text = subprocess.run([engine, "image", "inspect", IMAGE], capture_output=True, text=True, check=True).stdout
    config = json.loads(text)[0]["Config"]
    assert config["User"] not in ("", "0", "root")
    assert config["Entrypoint"][0] == "tini"
    assert {"title", "version", "revision", "licenses", "description"} <= {
        name.removeprefix("org.opencontainers.image.") for name in config["Labels"]
    }


def test_nothing_of_the_machine_that_built_it_stays(engine: str) -> None:
    done = run(
        engine, "bash", "-c", "test ! -s /etc/pip.conf && test ! -e /run/secrets/ca.crt && ls -A /source 2>/dev/null"
    )
    assert done.stdout == ""


@pytest.mark.slow
def test_a_model_trains_in_it(engine: str, tiny: TinyCase, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    mounts = ("-v", f"{tiny.folder}:{tiny.folder}:ro", "-v", f"{tmp_path}:/out", "-w", "/out")
    store = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", tiny.signals("A")]
    small = ["--neighbours", "4", "--batch-size", "8", "--steps", "3", "--val", "chr2", "--test", "chr3"]
    tiny.folder.chmod(0o755)
    done = run(engine, "train", *map(str, store), "--expression", str(tiny.expression("A")), *small, options=mounts)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "model").iterdir()} >= {"model.safetensors", "config.json"}


@pytest.mark.slow
def test_a_gpu_that_is_not_there_is_said_at_once(engine: str) -> None:
    done = run(engine, "check-setup", "--device", "cuda", "--output", "/tmp/setup.json")
    assert done.returncode == 65
    for word in ("driver", "nvidia-smi", "--gpus all", "--nv"):
        assert word in done.stderr
