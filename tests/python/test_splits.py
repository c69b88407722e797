"""Folds of cross-validation; splits by chromosome and region are tested with training."""

import polars as pl
import pytest
from crexpress import splits
from crexpress.errors import InputError


def genes(**counts: int) -> pl.DataFrame:
    chroms = [chrom for chrom, count in counts.items() for _ in range(count)]
    return pl.DataFrame({"chrom": chroms, "tss": list(range(len(chroms)))})


def test_every_gene_is_tested_once_and_folds_are_about_even() -> None:
    table = genes(chr1=20, chr2=12, chr3=11, chr4=9, chr5=8, chr6=7, chr7=5, chrX=3)
    tested = []
    for number in range(1, 5):
        val, test = splits.of_fold(table, f"{number}/4")
        split = splits.assign(table, val, test)
        assert {"train", "val", "test"} == set(split)
        assert splits.of_fold(table, f"{number % 4 + 1}/4")[1] == val  # the next fold is what this one validates on
        tested.append(split == "test")
    assert (sum(tested) == 1).all()  # type: ignore[attr-defined]
    assert [int(fold.sum()) for fold in tested] == [20, 20, 18, 17]


def test_a_chromosome_is_left_out() -> None:
    table = genes(chr1=20, chr2=12, chr3=11, chrX=2)
    assert splits.of_fold(table, "chr2") == ("chr3", "chr2")
    assert splits.of_fold(table, "chrX") == ("chr3", "chrX")
    assert splits.of_fold(table, "X") == ("chr3", "chrX")


@pytest.mark.parametrize("fold", ["0/5", "6/5", "1/2", "chr9", "third", "1/5/3"])
def test_what_is_no_fold_is_named(fold: str) -> None:
    with pytest.raises(InputError, match=f"'{fold}' is no fold"):
        splits.of_fold(genes(chr1=3, chr2=3, chr3=3), fold)


def test_too_few_chromosomes_are_counted() -> None:
    with pytest.raises(InputError, match="--fold 1/4 needs 4 chromosomes with genes, there are 3"):
        splits.of_fold(genes(chr1=3, chr2=3, chr3=3), "1/4")
    with pytest.raises(InputError, match="--fold chr1 needs three chromosomes"):
        splits.of_fold(genes(chr1=3, chr2=3), "chr1")
