"""The same elements and neighbours as the released ScPGE code (docs/science.md, rows 3 to 5).

The numbers were made by the released program itself: tests/reference/make_scpge_elements.py.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.data import neighbours
from crexpress.prepare import elements, genes

ROOT = Path(__file__).parents[3]
RELEASED = json.loads((ROOT / "tests/reference/scpge_elements.json").read_text())
CHR20 = ROOT / "assets/chr20"


def merged_of(path: Path) -> pl.DataFrame:
    chromosomes = dict.fromkeys(f"chr{name}" for name in [*range(1, 23), "X"])
    return elements.merge(elements.read_ccres([path], chromosomes), "greedy", 600)


@pytest.mark.parametrize(
    ("case", "ccres"),
    [
        ("chr20", CHR20 / "K562.derived_elements.hg38.chr20_0-10Mb.bed.gz"),
        pytest.param("k562", ROOT / "assets/k562/cCRE_like.shared.hg38.bed.gz", marks=pytest.mark.slow),
    ],
)
def test_greedy_merge_keeps_the_same_midpoints(case: str, ccres: Path) -> None:
    merged = merged_of(ccres)
    assert len(merged) == RELEASED[case]["merged"]
    places = merged.select("chrom", middle=(pl.col("start") + pl.col("end")) // 2).sort("chrom", "middle")
    text = places.write_csv(include_header=False, separator="\t")
    assert hashlib.sha256(text.encode()).hexdigest() == RELEASED[case]["sha256"]


def seen(store: pl.DataFrame, found: pl.DataFrame) -> np.ndarray:
    """Midpoints of the 20 nearest cCREs of every gene, 0 where there is none, as the released code has them."""
    index = np.delete(neighbours.nearest(found, store, 20), 10, axis=1)
    return np.where(index < 0, 0, ((store["start"] + store["end"]) // 2).to_numpy()[index])


def test_neighbours_are_the_same_but_for_the_base_of_the_tss() -> None:
    merged = merged_of(CHR20 / "K562.derived_elements.hg38.chr20_0-10Mb.bed.gz")
    annotated = genes.read_genes(CHR20 / "GENCODE24.hg38.chr20_0-10Mb.derived.gtf.gz", "gene")
    store, found = elements.with_tss_windows(merged, annotated)
    released = np.array([RELEASED["chr20"]["neighbours"][gene] for gene in found["gene_id"]])
    assert len(found) == len(RELEASED["chr20"]["neighbours"]) == 105

    # row 3: the released code takes the 1-based coordinate of the GTF for a 0-based one, one base further on
    compat = genes.read_genes(CHR20 / "GENCODE24.hg38.chr20_0-10Mb.derived.gtf.gz", "scpge-compat")
    _, as_released = elements.with_tss_windows(merged, compat)
    assert as_released["gene_id"].to_list() == found["gene_id"].to_list()  # no two of them share a name
    assert (as_released["tss"] - found["tss"] == 1).all()
    # row 5: it drops a cCRE whose midpoint is exactly there; none is, among these genes
    middles = (merged["start"] + merged["end"]) // 2
    assert not as_released["tss"].is_in(middles.implode()).any()
    np.testing.assert_array_equal(seen(store, as_released), released)
    np.testing.assert_array_equal(seen(store, found), released)  # the corrected base changes no neighbour here


def test_a_ccre_exactly_at_the_tss_is_kept() -> None:
    ccres = pl.DataFrame({"chrom": ["chr1"], "start": [900], "end": [1100], "element_id": ["E"], "class": ["PLS"]})
    merged = elements.merge(ccres.with_columns(classes=pl.col("class")))
    gene = pl.DataFrame({"gene_id": ["A"], "chrom": ["chr1"], "tss": [1000], "strand": ["+"]})
    store, found = elements.with_tss_windows(merged, gene)
    assert neighbours.nearest(found, store, 2).tolist() == [[-1, 1, 0]]
    assert neighbours.nearest(found, store, 2, "dropped").tolist() == [[-1, 1, -1]]  # row 5, as released
