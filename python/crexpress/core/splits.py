"""Which genes train, validate and test: by chromosome ("chr8,chr9"), region ("chr20:7000000-10000000") or fold."""

import re
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core import chromosome_names, log
from crexpress.core.errors import InputError

TRAIN, VAL, TEST = "train", "val", "test"


class Region(NamedTuple):
    """A 0-based half-open stretch of a chromosome; `end` is None for the whole chromosome."""

    chrom: str
    start: int = 0
    end: int | None = None


def parse(text: str) -> list[Region]:
    """Regions of a comma-separated list; coordinates are 0-based half-open, thousands commas are not allowed."""
    regions = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = re.fullmatch(r"([^:\s]+)(?::(\d+)-(\d+))?", part)
        if not match or (match[2] and int(match[2]) >= int(match[3])):
            raise InputError(f"'{part}' is not a chromosome (chr8) or a region (chr20:7000000-10000000)")
        regions.append(Region(match[1], int(match[2] or 0), int(match[3]) if match[3] else None))
    return regions


def assign(genes: pl.DataFrame, val: str, test: str, partial: bool = False) -> np.ndarray:
    """Split of every gene, by its TSS: array of "train", "val" or "test"; test wins where both claim a gene.

    "5" stands for chr5 (and the other way round) where only that has genes. Raises InputError when a list names a
    chromosome or region that has no gene, unless the genes may be those of a part of the genome (`partial`).
    """
    chroms, tss = genes["chrom"].to_numpy(), genes["tss"].to_numpy()
    present = set(chroms)
    split = np.full(len(genes), TRAIN, dtype="<U5")
    for name, text in ((VAL, val), (TEST, test)):
        for region in parse(text):
            chrom = region.chrom
            if chrom not in present and chromosome_names.other_spelling(chrom) in present:
                chrom = chromosome_names.other_spelling(chrom)
                log.say(f"the {name} region '{region.chrom}' is taken for {chrom}")
            inside = (chroms == chrom) & (tss >= region.start)
            if region.end is not None:
                inside &= tss < region.end
            if not inside.any() and not partial:
                known = ", ".join(genes["chrom"].unique(maintain_order=True).head(30))
                raise InputError(f"the {name} region '{region.chrom}' holds no gene; chromosomes with genes: {known}")
            split[inside] = name
    return split


def all_tested(val: str, test: str) -> bool:
    """Whether every region of `val` lies within one of `test`, which leaves no gene to validate on."""

    def within(one: Region, other: Region) -> bool:
        ends = other.end is None or (one.end is not None and one.end <= other.end)
        same = other.chrom in (one.chrom, chromosome_names.other_spelling(one.chrom))
        return same and one.start >= other.start and ends

    return bool(parse(val)) and all(any(within(one, other) for other in parse(test)) for one in parse(val))


def of_fold(genes: pl.DataFrame, fold: str) -> tuple[str, str]:
    """Validation and test chromosomes, as `assign` takes them, of a fold of cross-validation.

    "3/5": chromosomes are dealt to 5 folds, the one with most genes first, each to the fold that has fewest; the third
    fold is tested and the one after it validates. "chr8": this chromosome is left out and tested; the one whose number
    of genes is nearest to its own validates. Raises InputError for anything else.
    """
    counted = genes.group_by("chrom", maintain_order=True).len()
    sizes: dict[str, int] = dict(counted.iter_rows())
    left_out = fold if fold in sizes else chromosome_names.other_spelling(fold)
    if left_out in sizes:
        if left_out != fold:
            log.say(f"the fold '{fold}' is taken for {left_out}, which is left out")
        others = [chrom for chrom in sizes if chrom != left_out]
        if len(others) < 2:
            raise InputError(
                f"--fold {fold} needs three chromosomes with genes: one each to test, validate and train on"
            )
        return min(others, key=lambda chrom: abs(sizes[chrom] - sizes[left_out])), left_out
    number, count = dealt(fold)
    if count > len(sizes):
        raise InputError(f"--fold {fold} needs {count} chromosomes with genes, there are {len(sizes)}")
    folds: list[list[str]] = [[] for _ in range(count)]
    for chrom in sorted(sizes, key=lambda chrom: -sizes[chrom]):
        min(folds, key=lambda chroms: sum(sizes[name] for name in chroms)).append(chrom)
    return ",".join(folds[number % count]), ",".join(folds[number - 1])


def dealt(fold: str) -> tuple[int, int]:
    """Number of a fold, from 1, and how many there are: (3, 5) of "3/5". Raises InputError for anything else."""
    match = re.fullmatch(r"(\d+)/(\d+)", fold)
    if not match or not 1 <= int(match[1]) <= int(match[2]) or int(match[2]) < 3:
        raise InputError(
            f"'{fold}' is no fold: give a number and how many there are, three or more (3/5), or a chromosome with "
            "genes to be left out (chr8)"
        )
    return int(match[1]), int(match[2])
