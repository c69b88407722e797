"""Peaks of another genome build than the elements, which no length tells."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.formats.peaks import Peaks
from crexpress.pipeline import check_files
from crexpress.prepare import peak_places
from tools import run

SIZE = 60_000_000


@pytest.fixture(scope="module")
def elements() -> pl.DataFrame:
    start = np.sort(np.random.default_rng(0).choice(SIZE // 1_000 - 1, 4_000, replace=False)) * 1_000
    return pl.DataFrame({"chrom": "chr1", "start": start, "end": start + 400})


def peaks(path: Path, elements: pl.DataFrame, by: int) -> Path:
    """A narrowPeak of half of the elements and as many places elsewhere, moved by `by` bp."""
    other = np.random.default_rng(1).integers(0, SIZE - 1_000, 2_000)
    starts = np.concatenate([elements["start"].to_numpy()[::2], other]) + by
    lines = [f"chr1\t{start}\t{start + 300}\t.\t0\t.\t7.5\t-1\t-1\t150" for start in np.sort(starts[starts < SIZE])]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("by", "assay", "said"), [(0, "dnase", False), (40_300, "dnase", True), (40_300, "h3k27me3", False)]
)
def test_peaks_beside_the_elements_are_told(
    tmp_path: Path, elements: pl.DataFrame, by: int, assay: str, said: bool
) -> None:
    path = peaks(tmp_path / "a.narrowPeak", elements, by)
    why = peak_places.doubt(assay, Peaks(path), {"chr1": "chr1"}, elements)
    assert bool(why) == said
    assert not said or "a.narrowPeak: its peaks lie on " in str(why)


def test_few_peaks_and_other_spellings_tell_nothing(tmp_path: Path, elements: pl.DataFrame) -> None:
    moved = Peaks(peaks(tmp_path / "a.narrowPeak", elements, 40_300))
    assert peak_places.doubt("dnase", moved, {"chr1": "chr1"}, elements[:500]) is None
    assert peak_places.doubt("dnase", moved, {"chr1": "chr1"}, elements.with_columns(chrom=pl.lit("1"))) is None


def test_it_is_said_before_the_start_and_by_the_tool(tmp_path: Path, elements: pl.DataFrame) -> None:
    moved = peaks(tmp_path / "a.narrowPeak", elements, 40_300)
    elements.write_csv(tmp_path / "ccres.bed", separator="\t", include_header=False)
    (tmp_path / "genome.sizes").write_text(f"chr1\t{SIZE}\n")
    (tmp_path / "genes.gtf").write_text(
        'chr1\tx\tgene\t5001\t9000\t.\t+\t.\tgene_id "G"; gene_name "N"; gene_type "protein_coding";\n'
    )
    warnings, faults = check_files.tracks([("C", "dnase", moved)], {"chr1": SIZE}, [], [tmp_path / "ccres.bed"])
    assert not faults
    assert len(warnings) == 1
    assert "C, dnase: " in warnings[0]
    made = run("merge-ccres", "--ccres", tmp_path / "ccres.bed", "--gtf", tmp_path / "genes.gtf", "--chrom-sizes",
               tmp_path / "genome.sizes", "--width", 600, "--tss", "gene", "--outdir", tmp_path)  # fmt: skip
    assert made.exit_code == 0, made.output
    done = run("extract-signals", "--elements", tmp_path / "elements.parquet", "--cell", "C", "--track",
               f"dnase={moved}", "--output", tmp_path / "signals.C.safetensors")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "as by chance: are peaks and elements of one genome build?" in done.output
