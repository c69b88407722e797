"""Command lines of the README and of docs/ that run the pipeline, as they stand (tests/page_lines.py).

Stub runs on stand-ins for the files: all is checked, planned, staged and called, and nothing computed, which other
tests do. `...` stands for what a reader has. Engines and Slurm are the stand-ins of tests/scale.
"""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from launching import ROOT, Pipeline, cluster_of_the_page, stand_ins, tasks
from page_lines import NEXTFLOW, Line
from pages import commands

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]
TEST = ROOT / "assets" / "test"
MADE_UP = {  # names on the pages: what stands in for them
    "genes.gtf.gz": ("gencode.gtf.gz", "genes.gtf.gz", "gencode.v29.annotation.gtf.gz", "mm10.gtf.gz"),
    "ccres.bed.gz": ("GRCh38-cCREs.bed.gz", "cCREs.bed.gz", "mm10-cCREs.bed.gz"),
    "motifs.meme": ("motifs.meme", "HOCOMOCOv11_full_HUMAN_mono_meme_format.meme"),
    **{f"genome.fa.gz{index}": (f"genome.fa.gz{index}", f"GRCh38.fa.gz{index}") for index in ("", ".fai", ".gzi")},
}
HAS = {  # what a reader has: the values of `--option ...`, and of what a line leaves out by `...`
    "--gtf": "genes.gtf.gz",
    "--ccres": "cCREs.bed.gz",
    "--chrom_sizes": "hg38.chrom.sizes",
    "--image_cpu": "crexpress-cpu.sif",
    "--image_gpu": "crexpress-gpu.sif",
}
FOUR = ("dnase dnase.bigWig", "h3k4me3 h3k4me3.bigWig", "h3k27ac h3k27ac.bigWig", "ctcf ctcf.bigWig")
RNA = "rna rna.1.genes.results.gz"
SHEETS = {  # {sheet: {cell: (folder of assets/test, rows)}}
    "two.csv": {"K562": ("cell1", (*FOUR[::2], RNA)), "HeLa-S3": ("cell2", FOUR[::2])},
    "four.csv": {"K562": ("cell1", (*FOUR, RNA)), "HeLa-S3": ("cell2", (*FOUR, RNA))},
    "atac.csv": {"K562": ("cell1", ("atac dnase.bigWig", RNA)), "HeLa-S3": ("cell2", ("atac dnase.bigWig",))},
    "new.csv": {"MINE": ("cell3", FOUR[::2])},
}


@pytest.fixture(scope="module")
def folder(pipeline: Pipeline) -> Path:
    """The launch folder with all files that the lines name."""
    here = pipeline.folder
    for file, names in MADE_UP.items():
        for name in names:
            (here / name).symlink_to(TEST / file)
    lengths = [line.split("\t")[:2] for line in (TEST / "genome.fa.gz.fai").read_text().splitlines()]
    for name in ("hg38.chrom.sizes", "mm10.chrom.sizes"):
        (here / name).write_text("".join(f"{name}\t{length}\n" for name, length in lengths))
    for name, cells in SHEETS.items():
        rows = [(cell, own, *row.split()) for cell, (own, assays) in cells.items() for row in assays]
        table = [f"{cell},{assay},{TEST / own / file},1" for cell, own, assay, file in rows]
        (here / name).write_text("\n".join(["cell,assay,file,replicate", *table]) + "\n")
    shipped = json.loads((ROOT / "assets/pretrained/direct/config.json").read_text())
    shipped["model"]["tracks"] = ["dnase", "h3k27ac"]
    for model in (here / "results/model", here / "results/human/model"):
        model.mkdir(parents=True)
        (model / "config.json").write_text(json.dumps(shipped))
        (model / "model.safetensors").touch()
    for kind in ("cpu", "gpu"):
        (here / f"crexpress-{kind}.sif").touch()
    small = (ROOT / "python/crexpress/models/presets/scpge-small.json").read_text()
    (here / "diagonal.json").write_text(small.replace('"mask": "none"', '"mask": "diagonal"'))
    (here / "assets").symlink_to(ROOT / "assets")
    (here / "site.config").write_text(cluster_of_the_page())
    pipeline.take_any_machine_for_one_with_a_gpu()
    return here


def given(words: list[str], folder: Path, sheet: str) -> list[str]:
    """The words behind `nextflow run .`, with what a reader puts in for `...` and for his samplesheet."""
    has = {option: str(folder / file) for option, file in (HAS | {"--samplesheet": sheet}).items()}
    found = []
    for option, word in pairwise(words[2:]):
        if word == "..." or option == "--samplesheet":
            found += [has[option]] if option in has else []
        else:
            found.append(word.replace("$PWD", str(folder)))
    if "..." in words:
        needed = [name for name in has if "image" not in name or "apptainer" in " ".join(words)]
        found += [part for name in needed if name not in found for part in (name, has[name])]
    return found if "--outdir" in found else [*found, "--outdir", "out"]


@pytest.mark.parametrize(
    "line",
    [pytest.param(line, marks=[] if line.always else pytest.mark.scale) for line in NEXTFLOW],
    ids=lambda line: f"{line.page} {line.holding}",
)
def test_a_line_of_a_page_runs(
    pipeline: Pipeline, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: Line
) -> None:
    (words,) = [found for found in commands(ROOT / line.page) if line.of(found)]
    stand_ins(pipeline, tmp_path, monkeypatch)
    said = given(words, folder, line.sheet)
    output = pipeline.run(*said, "-stub-run", "-work-dir", tmp_path / "work")
    done = {name.split(" [")[0] for name in tasks(output)}
    assert any(name.startswith(line.task.rstrip(")")) for name in done), output
    assert (folder / said[said.index("--outdir") + 1]).is_dir()
    assert "Done: open " in output
