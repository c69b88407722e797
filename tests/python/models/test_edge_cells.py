"""What is odd but may happen is said in one sentence: windows and genes without elements, cells that do not fit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from crexpress.core import artifacts
from crexpress.data import neighbours
from tools import run

WINDOW = 2_000


def train(tiny: Any, outdir: Path, *more: Any) -> Result:
    given = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", tiny.signals("A")]
    given += ["--expression", tiny.expression("A"), "--preset", "creator-small", "--val", "chr2", "--test", "chr3"]
    return run("train", *given, "--steps", 2, "--batch-size", 8, "--threads", 1, "--outdir", outdir, *more)


def changed(source: Path, folder: Path, tensors: dict[str, str] | None = None, **header: Any) -> Path:
    """A copy of signals under another header, with these tensors {new name: old name}."""
    opened = artifacts.open_arrays(source, "signals")
    names = tensors or {name: name for name in opened.tensors}
    about = opened.header | {"parameters": opened.header["parameters"] | {"tracks": list(names)}} | header
    path = folder / f"signals.{about['cell']}.safetensors"
    artifacts.write_arrays(path, {new: opened.tensors[old] for new, old in names.items()}, about)
    return path


def refused(result: Result, *parts: str) -> None:
    """Exit code 65 and one sentence that has these parts."""
    lines = [line for line in result.output.splitlines() if "rror" in line]
    assert (result.exit_code, len(lines)) == (65, 1), result.output
    for part in parts:
        assert part in lines[0], result.output


def test_a_window_that_holds_no_element_of_any_gene(tiny: Any, tmp_path: Path) -> None:
    result = train(tiny, tmp_path, "--window", 2)
    refused(result, f"no gene of {tiny.genes} has a cCRE within 1 bp of the TSS; train with a wider --window")


@pytest.mark.slow
def test_genes_without_elements_are_counted_and_get_a_prediction(tiny: Any, tmp_path: Path) -> None:
    tables = [
        artifacts.read_table(path, kind)[0] for path, kind in ((tiny.genes, "genes"), (tiny.elements, "elements"))
    ]
    alone = (neighbours.within(*tables, WINDOW) >= 0).sum(1) == 1
    assert 3 < alone.sum() < 110
    first = ", ".join(f"NAME{number}" for number in np.flatnonzero(alone)[:3])
    said = f"{alone.sum()} of 120 genes have no cCRE within 1,000 bp of the TSS ({first}, ...): "
    result = train(tiny, tmp_path, "--window", WINDOW)
    assert result.exit_code == 0, result.output
    assert said + "all get the same prediction" in result.output
    given = ["--model", tmp_path, "--elements", tiny.elements, "--genes", tiny.genes, "--signals", tiny.signals("B")]
    assert run("predict", *given, "--outdir", tmp_path).exit_code == 0
    predicted = artifacts.read_table(tmp_path / "predictions.B.parquet", "predictions")[0]["predicted"].to_numpy()
    assert np.isfinite(predicted).all()
    assert np.ptp(predicted[alone]) < 1e-6 < np.ptp(predicted[~alone])
    assert run("interpret", *given, "--outdir", tmp_path).exit_code == 0
    links = artifacts.read_table(tmp_path / "links.B.parquet", "links")[0]
    assert set(links["gene_id"]) == {f"G{number}" for number in np.flatnonzero(~alone)}
    promoters = train(tiny, tmp_path, "--preset", "scpge-small", "--window", WINDOW)
    assert said + "their TSS windows alone are seen" in promoters.output


def test_a_cell_with_no_track_that_the_model_knows(tiny: Any, tmp_path: Path) -> None:
    other = changed(tiny.signals("B"), tmp_path, {"atac": "dnase"})
    told = f"{other} has none of the model's tracks (dnase, h3k27ac); it has atac, of which this model knows nothing"
    assert train(tiny, tmp_path / "model").exit_code == 0
    given = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", other, "--outdir", tmp_path]
    for tool in ("predict", "interpret"):
        refused(run(tool, "--model", tmp_path / "model", *given), told)
    known = ["--signals", other, "--expression", tiny.expression("B"), "--tracks", "dnase,h3k27ac"]
    refused(train(tiny, tmp_path / "joint", *known), told)


def test_two_cells_of_different_genome_builds(tiny: Any, tmp_path: Path) -> None:
    """Elements of another build have another digest; extract-signals refuses its raw files (test_bad_cell_files)."""
    other = changed(tiny.signals("B"), tmp_path, elements="0123456789abcdef")
    told = f"{other} and {tiny.elements} were made for different elements (0123456789abcdef and "
    result = train(tiny, tmp_path / "joint", "--signals", other, "--expression", tiny.expression("B"))
    refused(result, told, "make both from the same elements.parquet")
    assert train(tiny, tmp_path / "model").exit_code == 0
    given = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", tiny.signals("A"), "--signals", other]
    refused(run("predict", "--model", tmp_path / "model", *given, "--outdir", tmp_path), told)


def test_a_gene_set_of_another_build_is_refused(tiny: Any, tmp_path: Path) -> None:
    table, header = artifacts.read_table(tiny.expression("B"), "expression")
    other = tmp_path / "expression.B.parquet"
    artifacts.write_table(other, table, header | {"genes": "0123456789abcdef"})
    result = train(tiny, tmp_path, "--signals", tiny.signals("B"), "--expression", other)
    refused(result, f"{other} and {tiny.genes} were made for different genes")


@pytest.mark.parametrize("window", [0, 500])
def test_pads_are_no_elements(tiny: Any, tmp_path: Path, window: int) -> None:
    """--neighbours 0 asks for the promoter alone: nothing is missing then."""
    result = train(tiny, tmp_path, "--preset", "scpge-small", "--neighbours", 0, "--window", window)
    assert result.exit_code == 0, result.output
    assert "have no cCRE" not in result.output
