"""A real run of the shipped models: a cell of which called peaks alone are there, in another annotation than theirs."""

import gzip
import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pyBigWig
import pytest

from crexpress.core import artifacts
from launching import ROOT, Pipeline, tasks

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]
K562, CELLS = ROOT / "assets/k562", ROOT / "assets/cells"
CHROM = "chr22"
KNOWN = ["HUVEC", "HeLa-S3", "K562", "NHEK"]
RENAMED = 5  # genes that no known cell has under the id of this annotation


def narrow_peaks(bigwig: Path, output: Path) -> str:
    """Called peaks of a chromosome, as ENCODE gives them: the height in signalValue, the seventh column."""
    with gzip.open(output, "wt") as file, pyBigWig.open(str(bigwig)) as signal:
        for number, (start, end, value) in enumerate(signal.intervals(CHROM)):
            file.write(f"{CHROM}\t{start}\t{end}\tpeak{number}\t0\t.\t{value:.5f}\t-1\t-1\t{(end - start) // 2}\n")
    return output.name


def coverage(output: Path) -> str:
    """Signal everywhere, as coverage has it and called peaks have not."""
    with gzip.open(output, "wt") as file:
        for start in range(0, 50_000_000, 200):
            value = 1 + np.sin(start) ** 2
            file.write(f"{CHROM}\t{start}\t{start + 200}\tbin{start}\t0\t.\t{value:.3f}\t-1\t-1\n")
    return output.name


def of_chromosome(source: Path, output: Path) -> list[str]:
    """The lines of a chromosome, also written to `output`."""
    with gzip.open(source, "rt") as file:
        lines = [line for line in file if line.startswith(f"{CHROM}\t")]
    output.write_text("".join(lines))
    return lines


def annotation(output: Path) -> list[str]:
    """Genes of a later release: other versions, and some with other ids; these ids."""
    lines = of_chromosome(K562 / "GENCODE24.protein_coding.hg38.derived.gtf.gz", output)
    text = re.sub(r'(ENSG\d+)\.\d+"', r'\1.99"', "".join(lines))
    ids = sorted(set(re.findall(r"ENSG\d+", text)))[:RENAMED]
    for number, name in enumerate(ids):
        text = text.replace(name, f"ENSG9999999999{number}")
    output.write_text(text)
    return [f"ENSG9999999999{number}.99" for number in range(RENAMED)]


def measured(table: Path) -> pl.DataFrame:
    """Genes that a cell's table measures, by the ids of the later release, with log10(1 + TPM)."""
    return (
        pl.read_csv(table, separator="\t", infer_schema_length=0)
        .select(
            pl.col("gene_id").str.split(".").list.first() + ".99",
            measured=(1 + pl.col("TPM_Roadmap").cast(pl.Float64, strict=False)).log10(),
        )
        .drop_nulls()
    )


def predicted(folder: Path, cell: str) -> tuple[pl.DataFrame, artifacts.Header]:
    return artifacts.read_table(folder / f"predictions/predictions.{cell}.parquet", "predictions")


CHOSEN = (
    *("--model", "pretrained", "--samplesheet", "sheet.csv", "--tracks", "dnase,h3k27ac", "--interpret_cells", "MINE"),
    *("--genome", "GRCh38", "--gtf", "later.gtf", "--ccres", "ccres.bed", "--merge_method", "none"),
)


def link_model_of(folder: Path) -> str:
    """Name of the link model that gave MINE its probabilities."""
    return artifacts.read_table(folder / "scored/links.MINE.parquet", "links")[1]["parameters"]["link_model_name"]


@pytest.fixture(scope="module")
def applied(pipeline: Pipeline) -> tuple[str, list[str]]:
    """What Nextflow said of the shipped models' run, results in the folder "out", and the genes' other ids."""
    place = pipeline.folder
    renamed = annotation(place / "later.gtf")
    of_chromosome(K562 / "cCRE_like.shared.hg38.bed.gz", place / "ccres.bed")
    rows = []
    for name in ("DNase", "H3K27ac"):
        peaks = narrow_peaks(CELLS / f"HUVEC.{name}.peaks.hg38.bw", place / f"{name}.narrowPeak.gz")
        rows.append(f"MINE,{name.lower()},{peaks}")
    rows += [f"WIDE,dnase,{coverage(place / 'wide.broadPeak.gz')}", "WIDE,h3k27ac,H3K27ac.copy.narrowPeak.gz"]
    (place / "H3K27ac.copy.narrowPeak.gz").symlink_to("H3K27ac.narrowPeak.gz")
    (place / "sheet.csv").write_text("\n".join(["cell,assay,file,replicate", *(f"{row},1" for row in rows)]) + "\n")
    return pipeline.run(*CHOSEN, "--outdir", "out"), renamed


def test_a_cell_with_tracks_alone_gets_expression_and_links_without_training(
    pipeline: Pipeline, applied: tuple[str, list[str]]
) -> None:
    place, (done, renamed) = pipeline.folder, applied
    assert not [name for name in tasks(done) if name.startswith(("TRAIN", "FIT_BASELINES"))]
    out = place / "out"

    truth = measured(CELLS / "HUVEC.gene_expression.GENCODE24_PC.tsv.gz")
    tables = [path for place in (CELLS, K562) for path in place.glob("*.gene_expression.*")]
    known = {name for path in tables for name in measured(path)["gene_id"]}
    reached = {}
    for mode, folder in (("direct", out), ("anchored", out / "anchored")):
        table, header = predicted(folder, "MINE")
        about = header["parameters"]
        assert about["missing_tracks"] == ["h3k4me3", "ctcf"]
        assert about["anchor_cells"] == (KNOWN if mode == "anchored" else [])
        assert about["unlike_training"] == []  # narrowPeak: the scale of training
        lost = table.filter(pl.col("predicted").is_null())["gene_id"].to_list()
        unknown = {*table["gene_id"]} - known if mode == "anchored" else set()
        assert {*lost} == unknown  # no id is taken for another
        assert len(unknown & {*renamed}) == (RENAMED if mode == "anchored" else 0)
        both = table.join(truth, on="gene_id").drop_nulls()
        assert len(both) > 350
        reached[mode] = np.corrcoef(both["predicted"], both["measured"])[0, 1]
    # genes that were trained on, in a cell that is among the known ones: a rough figure, but none that chance gives
    assert reached["anchored"] > reached["direct"] > 0.7

    [note] = predicted(out / "anchored", "WIDE")[1]["parameters"]["unlike_training"]
    assert note.startswith("WIDE: dnase has signal in ")
    page = (out / "report.html").read_text()
    [copied] = predicted(out / "anchored", "MINE")[1]["parameters"]["same_tracks"]  # its known cells beside it
    assert copied.startswith("MINE: dnase, h3k27ac are those of HUVEC, which the model was trained on")
    assert copied in page
    assert "WIDE: dnase has signal in" in page
    assert f"{len(unknown)} of {len(table)} genes of MINE are measured in no known cell" in page
    with gzip.open(out / "tables/links.MINE.tsv.gz", "rt") as file:
        assert len(file.readlines()) > 100
    assert link_model_of(out) == "activity"  # of the shipped ones, what DNase and H3K27ac are enough for
    shown = pl.read_csv(out / "tables/genes.MINE.tsv", separator="\t")["predicted"].null_count()
    assert shown == len(unknown)  # the anchored model's figures: the better one in a cell never seen
    sources = json.loads((out / "pipeline_info/manifest.json").read_text())["inputs"]
    assert {"DNase.narrowPeak.gz", "NHEK.H3K27ac.peaks.hg38.bw"} <= {source["file"] for source in sources}


@pytest.mark.usefixtures("applied")
def test_a_shipped_link_model_is_taken_by_its_name_and_with_none_there_are_no_probabilities(pipeline: Pipeline) -> None:
    done = pipeline.run(*CHOSEN, "--link_model", "access", "--outdir", "named", "-resume")
    assert "SCORE_LINKS (MINE)" in tasks(done)
    assert link_model_of(pipeline.folder / "named") == "access"
    done = pipeline.run(*CHOSEN, "--link_model", "none", "--outdir", "none", "-resume")
    assert not [name for how in ("Submitted", "Cached") for name in tasks(done, how) if name.startswith("SCORE_LINKS")]
    out = pipeline.folder / "none"
    assert (out / "links/links.MINE.parquet").exists()
    assert not (out / "scored").exists()
    assert "probability (link model)" not in (out / "report.html").read_text()
    assert "probability (link model)" in (pipeline.folder / "named/report.html").read_text()
