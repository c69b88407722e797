"""Single commands of the pages, as they stand, on the files of a tiny study under the names that the pages use."""

import json
import re
import shlex
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pysam
import pytest

from crexpress.core import artifacts
from enformer_case import ASK, PYTHON, SMALL
from interpret_case import TRACKS, with_profiles
from pages import ROOT, commands, of_other_programs
from tiny_case import TinyCase
from tools import inputs, run

pytestmark = pytest.mark.slow


def line(page: str, tool: str, **names: str) -> list[str]:
    """The one command of a page that calls a tool, as words, with other names for cells of the page."""
    (words,) = [words for words in commands(ROOT / "docs" / page) if words[0] == tool]
    for old, new in names.items():
        words = [word.replace(old.replace("_", "-"), new) for word in words]
    return words


def does(*words: Any) -> None:
    done = run(*words)
    assert done.exit_code == 0, (words, done.output)


@pytest.fixture
def here(tiny: TinyCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A launch folder with the files of a study in `results`."""
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    for path in (tiny.elements, tiny.genes, tiny.expression("A"), tiny.expression("C")):
        (tmp_path / "results" / path.name).symlink_to(path)
    return tmp_path


def genome(path: Path) -> Path:
    """Random bases of the tiny case's chromosomes, as a bgzipped FASTA."""
    bases = np.random.default_rng(1).choice(list("ACGT"), (3, 500_000))
    plain = path.with_suffix("")
    plain.write_text("".join(f">chr{number}\n{''.join(row)}\n" for number, row in enumerate(bases, 1)))
    pysam.tabix_compress(str(plain), str(path), force=True)
    return path


def test_a_mean_with_trees_and_edits_as_the_page_says(here: Path, tiny: TinyCase) -> None:
    """howto.md: `ensemble --baselines`, `score-variants` on a BED of edits."""
    with_profiles(tiny, here / "results")  # of A
    tracks = [part for name in TRACKS for part in ("--track", f"{name}=results/{name}.bw")]
    does("extract-signals", "--elements", tiny.elements, "--genes", tiny.genes, "--cell", "C", *tracks,
         "--output", "results/signals.C.safetensors")  # fmt: skip
    small = ["--neighbours", 4, "--steps", 4, "--layers", 1, "--threads", 1, "--val", "chr2", "--test", "chr3"]
    does("train", "--study", "results", "--cells", "A", *small, "--outdir", "results/model")
    does("predict", "--model", "results/model", "--study", "results", "--outdir", "predictions")
    split = ["--val", "chr2", "--test", "chr3", "--holdout-cells", "C"]
    does("fit-baselines", "--study", "results", *split, "--outdir", "baselines")
    does(*line("howto.md", "ensemble", HeLa_S3="C"))
    both, header = artifacts.read_table(Path("both/predictions.C.parquet"), "predictions")
    own, _ = artifacts.read_table(Path("predictions/predictions.C.parquet"), "predictions")
    assert header["parameters"]["mean_of"] == 2
    assert not both["predicted"].equals(own["predicted"])

    element = pl.read_parquet(tiny.elements).filter(pl.col("class") != "TSS").row(10, named=True)
    edit = [element["chrom"], element["ccre_start"], element["ccre_end"]]
    Path("edits.bed").write_text("\t".join(map(str, [*edit, "del"])) + "\n")
    genome(Path("genome.fa.gz"))
    does(*line("howto.md", "score-variants", K562="A"))
    told, _ = artifacts.read_table(Path("edited/variants.A.parquet"), "variants")
    assert set(told["elements"]) == {element["element_id"]}
    assert told["effect"].abs().max() > 0


def test_a_preset_of_ones_own_as_the_page_says(here: Path, tiny: TinyCase) -> None:
    """usage.md: `sed` makes the file, `train` takes it."""
    Path("python").symlink_to(ROOT / "python")
    (sed,) = [text for text in of_other_programs(ROOT / "docs/usage.md") if text.startswith("sed ")]
    subprocess.run(["bash", "-euc", sed], check=True)
    quick = ["--neighbours", 4, "--steps", 2, "--threads", 1, "--val", "chr2", "--test", "chr3", "--outdir", "own"]
    does("train", *inputs(tiny, "A"), *quick, *[word for word in line("usage.md", "train")[1:] if word != "..."])
    config = json.loads(Path("own/config.json").read_text())
    assert (config["preset"], config["model"]["mask"]) == ("diagonal", "diagonal")


def test_the_sweep_of_ones_own_on_the_page_is_sound(here: Path) -> None:
    """cells.md: the block beside the line, on the demo's samplesheet."""
    block = re.search(r"^    seeds: \[1, 2, 3\].*?\n\n", (ROOT / "docs/cells.md").read_text(), re.DOTALL | re.MULTILINE)
    assert block
    Path("sweep.yml").write_text(textwrap.dedent(block[0]))
    does("check-samplesheet", "--samplesheet", ROOT / "assets/k562/samplesheet.csv", "--output", "checked.csv")
    does("check-sweep", "--samplesheet", "checked.csv", "--sweep", "sweep.yml", "--output", "runs.json", "--",
         "--preset", "crexpress-small")  # fmt: skip
    runs = json.loads(Path("runs.json").read_text())
    points = {run["point"] for run in runs}
    assert {"all", "without-ctcf", "leave-out-K562"} < points
    assert (len(points), len(runs)) == (7, 21)  # the grid has four; three seeds each


@pytest.mark.scale
@pytest.mark.skipif(PYTHON is None, reason="enformer-pytorch is not installed; `make test` makes it an environment")
def test_enformer_as_the_page_says(here: Path) -> None:
    """usage.md, with a small random network in the place of Enformer's weights, for one gene."""
    genome(Path("GRCh38.fa.gz"))
    assert PYTHON is not None
    script = Path("enformer/bin/python")
    script.parent.mkdir(parents=True)
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(str(PYTHON))} "$@"\n')
    script.chmod(0o755)
    asked = [PYTHON, "-c", ASK, json.dumps(SMALL), "enformer-official-rough"]
    subprocess.run(asked, input="A" * 196_608, capture_output=True, text=True, check=True)
    less = ["--tracks", "0,2", "--ask-genes", "NAME20"]  # it has no track of K562's CAGE
    does(*line("usage.md", "score-enformer"), *less)
    links = pl.read_csv("enformer/enformer.links.tsv", separator="\t")
    assert len(links) > 20
    assert links["score"].max() > 0


@pytest.mark.scale  # twenty CPU seconds, most of them the layout of UMAP
def test_what_is_read_out_of_a_model_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """results-interpretation.md: what the shipped model says of a cell, here one of the simulated case."""
    test, folder = ROOT / "assets/test", tmp_path / "F/store/main"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    Path("assets").symlink_to(ROOT / "assets")
    does("merge-ccres", "--ccres", test / "ccres.bed.gz", "--gtf", test / "genes.gtf.gz", "--fasta",
         test / "genome.fa.gz")  # fmt: skip
    where = ["--genes", "genes.parquet", "--cell", "K562"]
    tracks = [part for name in ("dnase", "h3k27ac") for part in ("--track", f"{name}={test / f'cell1/{name}.bigWig'}")]
    does("extract-signals", "--elements", "elements.parquet", *where, *tracks)
    does("quantify-expression", *where, "--rna", test / "cell1/rna.1.genes.results.gz")
    does("predict", "--model", "assets/pretrained/direct", "--study", ".")
    for tool in ("interpret", "classify-genes", "find-active", "embed"):
        words = line("results-interpretation.md", tool)
        does(*[str(tmp_path / word) if word.startswith("F/") else word for word in words])
    links, header = artifacts.read_table(Path("links.K562.parquet"), "links")
    assert "attention_rollout" in links.columns
    assert header["parameters"]["preset"] == "crexpress-small"
    for made in ("categories/categories.K562.parquet", "active.K562.parquet", "elements.K562.h5ad"):
        assert Path(made).stat().st_size > 0
