"""Command lines of the README and of how-to pages, as they stand, through the pipeline; files are stand-ins.

Stub runs: all is checked, planned, staged and called, and nothing computed, which other tests do. Lines for machines
that are not here (GPU, Slurm, AWS, containers, an institution) and sweeps are held against schema and profiles only
(tests/python/docs/test_commands.py); their profiles run in test_configuration.py and tests/scale.
"""

import json
from pathlib import Path

import pytest

from launching import ROOT, Pipeline, tasks
from pages import commands

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]
TEST = ROOT / "assets" / "test"
MADE_UP = {  # names on the pages: what stands in for them
    "gencode.gtf.gz": "genes.gtf.gz",
    "genes.gtf.gz": "genes.gtf.gz",
    "GRCh38-cCREs.bed.gz": "ccres.bed.gz",
    "cCREs.bed.gz": "ccres.bed.gz",
}


@pytest.fixture(scope="module")
def folder(pipeline: Pipeline) -> Path:
    """The launch folder with all files that the lines name."""
    here = pipeline.folder
    for name, file in MADE_UP.items():
        (here / name).symlink_to(TEST / file)
    lengths = [line.split("\t")[:2] for line in (TEST / "genome.fa.gz.fai").read_text().splitlines()]
    (here / "hg38.chrom.sizes").write_text("".join(f"{name}\t{length}\n" for name, length in lengths))
    rows = {
        "atac.csv": ("K562 atac dnase.bigWig", "K562 rna rna.1.genes.results.gz", "HeLa-S3 atac dnase.bigWig"),
        "own.csv": (
            *("K562 dnase dnase.bigWig", "K562 h3k27ac h3k27ac.bigWig", "K562 rna rna.1.genes.results.gz"),
            *("HeLa-S3 dnase dnase.bigWig", "HeLa-S3 h3k27ac h3k27ac.bigWig"),
        ),
        "new.csv": ("MINE dnase dnase.bigWig", "MINE h3k27ac h3k27ac.bigWig"),
    }
    own = {"K562": "cell1", "HeLa-S3": "cell2", "MINE": "cell3"}
    for name, lines in rows.items():
        words = [line.split() for line in lines]
        table = [f"{cell},{assay},{TEST / own[cell] / file},1" for cell, assay, file in words]
        (here / name).write_text("\n".join(["cell,assay,file,replicate", *table]) + "\n")
    (here / "mine.csv").symlink_to("new.csv")
    model = here / "results" / "model"
    model.mkdir(parents=True)
    shipped = json.loads((ROOT / "assets/pretrained/direct/config.json").read_text())
    shipped["model"]["tracks"] = ["dnase", "h3k27ac"]
    (model / "config.json").write_text(json.dumps(shipped))
    (model / "model.safetensors").touch()
    return here


@pytest.mark.parametrize(
    ("page", "holding", "sheet", "expected"),
    [
        ("README.md", "--samplesheet cells.csv --tracks dnase,h3k27ac", "own.csv", {"TRAIN (crexpress-small)"}),
        ("README.md", "--samplesheet mine.csv --model pretrained", "mine.csv", {"PREDICT (MINE)"}),
        pytest.param(
            *("docs/howto.md", "--tracks atac", "atac.csv", {"TRAIN (crexpress-small)", "PREDICT (HeLa-S3)"}),
            marks=pytest.mark.scale,
        ),
        pytest.param(
            *("docs/howto.md", "new.csv --model results/model ", "new.csv", {"PREDICT (MINE)"}), marks=pytest.mark.scale
        ),
    ],
)
def test_a_line_of_a_page_runs(
    pipeline: Pipeline, folder: Path, page: str, holding: str, sheet: str, expected: set[str]
) -> None:
    (words,) = [line for line in commands(ROOT / page) if holding in " ".join(line) and line[0] == "nextflow"]
    given = [str(folder / sheet) if words[at - 1] == "--samplesheet" else word for at, word in enumerate(words)]
    output = pipeline.run(*given[3:], "-stub-run", *(["--outdir", "out"] if "--outdir" not in given else []))
    done = {name.split(" [")[0] for name in tasks(output)}
    assert {name for name in expected if not any(one.startswith(name.rstrip(")")) for one in done)} == set(), output
    assert (folder / "out" / "report.html").is_file()
