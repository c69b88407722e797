"""Enformer's wrapper: without weights no number; a small random network of the real package; which elements it sees."""

import json
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from crexpress.core.errors import InputError
from crexpress.interpret import enformer
from enformer_case import ASK, PYTHON, SMALL
from tools import run


def fasta(path: Path, masked: tuple[int, int] | None = None) -> tuple[Path, str]:
    letters = np.array(list("ACGT"))[np.random.default_rng(2).integers(0, 4, 500_000)]
    if masked:
        letters[slice(*masked)] = "N"
    text = "".join(letters)
    path.write_text("".join(f">{name}\n{text}\n" for name in ("chr1", "chr2", "chr3")))
    return path, text


def options(tiny: Any, fasta: Path, *more: object) -> list[object]:
    return ["--elements", tiny.elements, "--genes", tiny.genes, "--fasta", fasta, *more]


def test_without_weights_it_says_so_and_gives_no_number(tiny: Any, tmp_path: Path) -> None:
    genome, _ = fasta(tmp_path / "g.fa")
    (tmp_path / "empty").mkdir()
    for given in ([], ["--weights", tmp_path / "empty"]):
        result = run("score-enformer", *options(tiny, genome, *given, "--outdir", tmp_path / "out"))
        assert result.exit_code == 65
        assert "not run: no weights" in result.output
        assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_what_is_missing_is_told(tiny: Any, tmp_path: Path) -> None:
    genome, _ = fasta(tmp_path / "g.fa")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_text("")
    given = options(tiny, genome, "--weights", tmp_path, "--ask-genes", "NAME5", "--outdir", tmp_path / "out")
    result = run("score-enformer", *given, "--tracks", "4828,x")
    assert result.exit_code == 65
    assert "--tracks 4828,x: give whole numbers from 0" in result.output
    if find_spec("enformer_pytorch") is None:
        result = run("score-enformer", *given)
        assert result.exit_code == 65
        assert "Enformer needs enformer_pytorch, which is not installed; make it an environment of" in result.output


def test_weights_that_do_not_fit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_words: object, **_named: object) -> None:
        raise RuntimeError("ended with 1: Traceback\nIndexError: index out of range in self")

    monkeypatch.setattr(enformer.apart, "run", refuses)
    with pytest.raises(InputError, match=r"do not give tracks 9 of the head human on cpu \(IndexError: index out of"):
        enformer._asked({"tracks": np.array([9])}, Path("w"), "human", "cpu", None)


def test_it_sees_elements_whose_middle_is_within_98_kb() -> None:
    half = enformer.LENGTH // 2
    windows = pl.DataFrame({"gene": [0], "chrom": "c", "start": [1_000_000 - half]})
    middle = [1_000_000 - half - 1, 1_000_000 - half, 1_000_000, 1_000_000 + half - 1, 1_000_000 + half]
    elements = pl.DataFrame({"chrom": "c", "start": [at - 50 for at in middle], "end": [at + 50 for at in middle]})
    assert (enformer._pairs(windows, elements)["start"] + 50).to_list() == middle[1:4]


@pytest.mark.slow
@pytest.mark.skipif(PYTHON is None, reason="enformer-pytorch is not installed; `make test` makes it an environment")
def test_a_small_network_of_the_package_scores_genes_and_elements(tiny: Any, tmp_path: Path) -> None:
    (gene,) = pl.read_parquet(tiny.genes).filter(gene_name="NAME20").iter_rows(named=True)
    start = gene["tss"] - enformer.LENGTH // 2
    own = pl.read_parquet(tiny.elements).filter(pl.col("class") != "TSS", pl.col("chrom") == gene["chrom"])
    own = own.filter(pl.col("ccre_start") > start, pl.col("ccre_end") < start + enformer.LENGTH)
    places = own.select("ccre_start", "ccre_end").rows()
    assert len(places) > 20
    genome, text = fasta(tmp_path / "g.fa", places[3])  # unknown bases are no input
    words = [f"{low - start}-{high - start}" for low, high in places]
    asked = [PYTHON, "-c", ASK, json.dumps(SMALL), tmp_path / "weights", *words]
    told = subprocess.run(
        asked, input=text[start : start + enformer.LENGTH], capture_output=True, text=True, check=True
    )
    value, *scores = map(float, told.stdout.split())
    common = ["--weights", tmp_path / "weights", "--python", PYTHON, "--ask-genes", "NAME20", "--tracks", "0,2"]
    result = run("score-enformer", *options(tiny, genome, *common, "--outdir", tmp_path))
    assert result.exit_code == 0, result.output
    predicted = pl.read_csv(tmp_path / "enformer.expression.tsv", separator="\t")
    assert predicted.rows() == [(gene["gene_id"], "NAME20", pytest.approx(value, rel=1e-4))]
    links = pl.read_csv(tmp_path / "enformer.links.tsv", separator="\t")
    assert links["gene"].unique().to_list() == [gene["gene_id"]]
    found = dict(zip(links.select("start", "end").rows(), links["score"], strict=True))
    assert [found[place] for place in places] == pytest.approx(scores, rel=1e-3)
    assert [score == 0 for score in scores] == [number == 3 for number in range(len(places))]
