"""Which genes train, validate and test: by chromosome ("chr8,chr9") or region ("chr20:7000000-10000000")."""

import re
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress import cli, genome
from crexpress.errors import InputError

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


def assign(genes: pl.DataFrame, val: str, test: str) -> np.ndarray:
    """Split of every gene, by its TSS: array of "train", "val" or "test"; test wins where both claim a gene.

    "5" stands for chr5 (and the other way round) where only that has genes. Raises InputError when a list names a
    chromosome or region that has no gene.
    """
    chroms, tss = genes["chrom"].to_numpy(), genes["tss"].to_numpy()
    present = set(chroms)
    split = np.full(len(genes), TRAIN, dtype="<U5")
    for name, text in ((VAL, val), (TEST, test)):
        for region in parse(text):
            chrom = region.chrom
            if chrom not in present and genome.other_spelling(chrom) in present:
                chrom = genome.other_spelling(chrom)
                cli.say(f"the {name} region '{region.chrom}' is taken for {chrom}")
            inside = (chroms == chrom) & (tss >= region.start)
            if region.end is not None:
                inside &= tss < region.end
            if not inside.any():
                known = ", ".join(genes["chrom"].unique(maintain_order=True).head(30))
                raise InputError(f"the {name} region '{region.chrom}' holds no gene; chromosomes with genes: {known}")
            split[inside] = name
    return split
