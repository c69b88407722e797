"""A full disk: one sentence, and nothing half-written under a final name (on a real full disk, a tiny tmpfs)."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WRITERS = """
import errno, sys
from pathlib import Path
import numpy as np, polars as pl
from crexpress.core import artifacts
from crexpress.formats import bigwig_writer
from crexpress.prepare import elements
from crexpress.models import save_model
from crexpress.report import plots
from matplotlib.figure import Figure
from crexpress.training.presets import read_preset
from crexpress.models.regulatory import RegulatoryModel

values = np.random.default_rng(0).random(100_000)
header = artifacts.make_header("things", "test")
ids = pl.Series(values.astype(str))
rows = pl.DataFrame({"start": range(100_000), "end": range(1, 100_001), "element_id": ids})
rows = rows.with_columns(pl.lit("chr1").alias("chrom"), pl.lit("dELS").alias("class"))
figure = Figure(figsize=(9, 9))
figure.subplots().plot(values[:2000])
model = RegulatoryModel(read_preset("scpge-small")[0].replace(tracks=("dnase",)))
for name, write in {
    "table.parquet": lambda path: artifacts.write_table(path, pl.DataFrame({"a": values}), header),
    "arrays.safetensors": lambda path: artifacts.write_arrays(path, {"a": values}, header),
    "sparse.npz": lambda path: artifacts.write_sparse(path, {"a": values}, header),
    "browser.bed.gz": lambda path: elements.write_bed(path, rows, {"chr1": None}),
    "model.safetensors": lambda path: save_model(path.parent, model, {}),
    "track.bw": lambda path: bigwig_writer.write(
        path, {"chr1": 10**6}, [("chr1", at, at + 9, value) for at, value in zip(range(0, 10**6, 10), values)]
    ),
    "figure.svg": lambda path: plots.save(figure, path.parent, "figure"),
}.items():
    path = Path(sys.argv[1], name)
    try:
        write(path)
    except OSError as error:
        assert (error.errno, error.filename) == (errno.ENOSPC, str(path)), (name, error)
    else:
        raise AssertionError(f"{name} was written to a full disk")
    assert not list(path.parent.iterdir()), name
"""


def in_namespace(script: str) -> list[str]:
    """A command that may mount without being root, and whose mounts end with it."""
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", script]


def on_a_full_disk(folder: Path, *command: object) -> subprocess.CompletedProcess[str]:
    """Run a command with 64 kB of space in `folder`; stdout is what it left there."""
    folder.mkdir()
    mount = f"mount -t tmpfs -o size=64k tmpfs {folder}"
    if subprocess.run(in_namespace(mount), capture_output=True, check=False).returncode:
        pytest.skip("a small tmpfs cannot be mounted here")
    text = shlex.join(map(str, command))
    script = f"{mount} && {{ {text} >/dev/null; code=$?; ls -A {folder}; exit $code; }}"
    return subprocess.run(in_namespace(script), capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_every_writer_names_the_file_and_leaves_nothing(tmp_path: Path) -> None:
    done = on_a_full_disk(tmp_path / "full", sys.executable, "-c", WRITERS, tmp_path / "full")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_tool_ends_with_one_sentence(tmp_path: Path) -> None:
    ccres = tmp_path / "ccres.bed"
    ccres.write_text("".join(f"chr1\t{at}\t{at + 300}\tE{at * 7919 % 1_000_003}\n" for at in range(0, 20_000_000, 997)))
    (tmp_path / "genes.bed").write_text("chr1\t1000\t2000\tA\t0\t+\n")
    done = on_a_full_disk(
        tmp_path / "full",
        *(sys.executable, ROOT / "bin/merge-ccres", "--ccres", ccres, "--gtf", tmp_path / "genes.bed"),
        *("--method", "none", "--outdir", tmp_path / "full"),
    )
    assert done.returncode == 65, done.stderr
    assert f"Error: cannot use {tmp_path}/full/elements.parquet: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.slow
def test_a_file_larger_than_the_user_may_write_is_one_sentence(tmp_path: Path) -> None:
    """polars says "Invalid thrift: transport error" of it, as of some full disks."""
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "import polars as pl; from pathlib import Path; from crexpress.core import artifacts\n"
        "try: artifacts.write_table(Path(sys.argv[1]), pl.DataFrame({'a': [f'{n * 7919}' for n in range(9999)]}), {})\n"
        "except OSError as error: assert 'File too large' in str(error) and error.filename == sys.argv[1], error\n"
        "else: raise AssertionError"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "a.parquet"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())
