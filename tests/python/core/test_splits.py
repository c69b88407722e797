"""Folds of cross-validation; splits by chromosome and region are tested with training."""

import polars as pl
import pytest

from crexpress.core import splits
from crexpress.core.errors import InputError


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


def test_a_chromosome_by_its_other_name_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    table = genes(chr1=20, chr2=12, chr3=11)
    assert splits.of_fold(table, "2") == ("chr3", "chr2")
    assert "the fold '2' is taken for chr2" in capsys.readouterr().err


def test_a_part_of_the_genome_keeps_the_split_of_the_whole() -> None:
    part = genes(chr1=2, chr3=1)
    with pytest.raises(InputError, match="the val region 'chr2' holds no gene"):
        splits.assign(part, "chr2", "chr3")
    assert splits.assign(part, "chr2", "chr3", partial=True).tolist() == ["train", "train", "test"]
    assert splits.assign(genes(**{"1": 1, "3": 1}), "chr2", "chr3", partial=True).tolist() == ["train", "test"]


@pytest.mark.parametrize(
    ("val", "test", "tested"),
    [
        *(("chr5", "chr5", True), ("chr5", "chr6,5", True), ("chr5:10-20", "chr5:0-30", True)),
        *(("chr5", "chr6", False), ("chr5,chr6", "chr5", False), ("chr5", "chr5:0-30", False), ("", "chr5", False)),
    ],
)
def test_a_validation_list_that_is_tested_whole_is_known(val: str, test: str, tested: bool) -> None:
    assert splits.all_tested(val, test) is tested


@pytest.mark.parametrize("fold", ["0/5", "6/5", "1/2", "chr9", "third", "1/5/3"])
def test_what_is_no_fold_is_named(fold: str) -> None:
    with pytest.raises(InputError, match=f"'{fold}' is no fold"):
        splits.of_fold(genes(chr1=3, chr2=3, chr3=3), fold)


def test_too_few_chromosomes_are_counted() -> None:
    with pytest.raises(InputError, match="--fold 1/4 needs 4 chromosomes with genes, there are 3"):
        splits.of_fold(genes(chr1=3, chr2=3, chr3=3), "1/4")
    with pytest.raises(InputError, match="--fold chr1 needs three chromosomes"):
        splits.of_fold(genes(chr1=3, chr2=3), "chr1")
