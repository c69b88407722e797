"""Merging, overlap and neighbours against bedtools (skipped where pybedtools or the program bedtools is missing)."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.data import neighbours
from crexpress.formats import text_files
from crexpress.prepare import elements, genes

pybedtools = pytest.importorskip("pybedtools")
pytestmark = pytest.mark.skipif(shutil.which("bedtools") is None, reason="bedtools is not installed")

CHR20 = Path(__file__).parents[3] / "assets/chr20"
CHROMOSOMES = {"chr1": 300_000, "chr2": 80_000, "chr10": 5_000}


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path) -> Iterator[None]:
    """bedtools' files are written to and removed with the test's own folder."""
    pybedtools.set_tempdir(str(tmp_path))
    yield
    pybedtools.cleanup()


def drawn(seed: int, count: int, longest: int) -> pl.DataFrame:
    """Intervals, many of them overlapping or adjacent, up to both ends of each chromosome."""
    rng = np.random.default_rng(seed)
    parts = []
    for chrom, length in CHROMOSOMES.items():
        start = rng.integers(0, length // 50, count) * 50
        end = np.minimum(start + rng.integers(1, longest // 50, count) * 50, length)
        parts.append(pl.DataFrame({"chrom": [chrom] * count, "start": start, "end": end}))
    frame = pl.concat(parts).unique(maintain_order=True).with_row_index("row")
    return frame.select("chrom", "start", "end", element_id=pl.format("E{}", "row")).with_columns(
        pl.lit("dELS").alias("class"), classes=pl.lit("dELS")
    )


def bedtool(frame: pl.DataFrame, *columns: str) -> "pybedtools.BedTool":
    text = frame.select("chrom", "start", "end", *columns).write_csv(separator="\t", include_header=False)
    return pybedtools.BedTool(text, from_string=True).sort()


def test_interval_merge_is_bedtools_merge() -> None:
    frame = drawn(1, 400, 1000)
    expected = {(row.chrom, row.start, row.end) for row in bedtool(frame).merge()}
    merged = elements.merge(frame, "interval")
    assert set(merged.select("chrom", "ccre_start", "ccre_end").rows()) == expected
    assert len(merged) == len(expected) < len(frame)


def test_blacklist_is_bedtools_intersect(tmp_path: Path) -> None:
    frame, black = drawn(2, 300, 500), drawn(3, 20, 2000)
    (tmp_path / "black.bed").write_text(
        black.select("chrom", "start", "end").write_csv(separator="\t", include_header=False)
    )
    expected = {row.name for row in bedtool(frame, "element_id").intersect(bedtool(black), v=True)}
    kept = elements.drop_blacklisted(frame, tmp_path / "black.bed")
    assert set(kept["element_id"]) == expected
    assert 0 < len(kept) < len(frame)


def real() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Elements and genes of the built-in chr20 case, with cCREs of one midpoint merged."""
    ccres = elements.read_ccres([CHR20 / "K562.derived_elements.hg38.chr20_0-10Mb.bed.gz"], {"chr20": None})
    found = genes.read_genes(CHR20 / "GENCODE24.hg38.chr20_0-10Mb.derived.gtf.gz")
    return elements.with_tss_windows(elements.merge(ccres, "greedy", 600), found)


def synthetic() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Elements on two of three chromosomes, and genes at the ends, in deserts and on the chromosome without any."""
    ccres = drawn(4, 200, 400).filter(pl.col("chrom") != "chr10")
    places = [(chrom, tss) for chrom, length in CHROMOSOMES.items() for tss in (0, 1, length // 3, length - 1)]
    found = pl.DataFrame(places, schema=["chrom", "tss"], orient="row").with_columns(
        gene_id=pl.format("{}:{}", "chrom", "tss"), strand=pl.lit("+")
    )
    merged = elements.merge(ccres, "none", 2)
    return elements.with_tss_windows(merged.unique(["chrom", "start"], maintain_order=True), found, 2)


def midpoints(store: pl.DataFrame) -> "pybedtools.BedTool":
    """One base at each cCRE's midpoint."""
    middle = (pl.col("start") + pl.col("end")) // 2
    ccres = store.filter(pl.col("class") != elements.TSS)
    return bedtool(ccres.with_columns(start=middle, end=middle + 1), "element_id")


def sites(found: pl.DataFrame) -> "pybedtools.BedTool":
    return bedtool(found.with_columns(start="tss", end=pl.col("tss") + 1), "gene_id")


def listed(store: pl.DataFrame, found: pl.DataFrame, index: np.ndarray) -> set[tuple[str, str, int]]:
    """(gene, element, signed distance) of every cCRE in the index."""
    middle = index.shape[1] // 2
    distance = neighbours.distances(found, store, index)
    return {
        (gene, store["element_id"][row], int(apart))
        for gene, rows, aparts in zip(found["gene_id"], index.tolist(), distance, strict=True)
        for column, (row, apart) in enumerate(zip(rows, aparts, strict=True))
        if row != neighbours.PAD and column != middle
    }


@pytest.mark.parametrize("case", [real, synthetic])
@pytest.mark.parametrize("m", [2, 20])
def test_nearest_is_bedtools_closest(case: object, m: int) -> None:
    store, found = case()  # type: ignore[operator]
    expected = set()
    for side in ({"id": True, "io": True}, {"iu": True}):  # not downstream and not on it; not upstream
        for row in sites(found).closest(midpoints(store), D="ref", k=m // 2, t="first", **side):
            if row[5] != "-1":  # what bedtools says of a gene without any
                expected.add((row[3], row[7], int(row[8])))
    assert listed(store, found, neighbours.nearest(found, store, m)) == expected


@pytest.mark.parametrize("case", [real, synthetic])
@pytest.mark.parametrize("window", [2000, 50_000, 1_000_000])
def test_within_is_bedtools_window(case: object, window: int) -> None:
    store, found = case()  # type: ignore[operator]
    rows = sites(found).window(midpoints(store), w=window // 2)
    expected = {(row[3], row[7], int(row[5]) - int(row[1])) for row in rows}
    assert listed(store, found, neighbours.within(found, store, window)) == expected


def test_interval_files_are_read_as_bedtools_reads_them() -> None:
    path = CHR20 / "K562.derived_elements.hg38.chr20_0-10Mb.bed.gz"
    ours = text_files.read_intervals(path).select("chrom", "start", "end").rows()
    assert ours == [(row.chrom, row.start, row.end) for row in pybedtools.BedTool(str(path))]
