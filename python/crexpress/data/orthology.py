"""A model in another genome: is it another, and which of its motifs stand for the model's."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crexpress.core import chromosome_names, log
from crexpress.core.errors import InputError

ABSENT = -1  # read as zero: the mean of a standardised score, and so neutral

Chromosomes = Sequence[Sequence[Any]]  # [name, length or None] of each


def same_genome(trained: Chromosomes, applied: Chromosomes) -> bool:
    """Whether two lists of chromosomes can be of one genome: a name in both has one length, or one unknown (said).

    "1" stands for chr1. A part of a genome (one chromosome, or one more scaffold) is the same genome; another assembly
    is another.
    """
    lengths = {chromosome_names.other_spelling(name): length for name, length in applied} | dict(map(tuple, applied))
    shared = [(length, lengths[name]) for name, length in trained if name in lengths]
    if any(one == other is not None for one, other in shared):
        return True
    assumed = any(None in pair for pair in shared)
    if assumed:
        log.say(
            "these genes are taken for those of the model's genome by the names of their chromosomes alone, whose "
            "lengths are not known; give merge-ccres --chrom-sizes or --fasta"
        )
    return assumed


def match(motifs: Sequence[str], factors: Sequence[str], about: Mapping[str, Any], path: Path) -> np.ndarray:
    """Column of a motif file for each of the model's motifs: int64 [motifs], ABSENT where it has none.

    By name where the file has all of them. Else, as of another species, by factor: orthologues share their symbol up to
    its case (GATA1, Gata1). The n-th motif of a factor stands for the model's n-th, and the first for those beyond:
    collections list a factor's best motif first. `about` are the parameters of the header of `path`.

    Raises InputError when not one factor is found, or unknown motifs have no neutral score (any mode but log-odds).
    """
    order = {name: column for column, name in enumerate(about["motifs"])}
    if all(name in order for name in motifs):
        return np.array([order[name] for name in motifs])
    of_factor: dict[str, list[int]] = {}
    for column, factor in enumerate(about.get("factors", [])):
        of_factor.setdefault(factor.lower(), []).append(column)
    columns, taken = np.full(len(motifs), ABSENT), dict.fromkeys(map(str.lower, factors), 0)
    for number, factor in enumerate(map(str.lower, factors)):
        found = of_factor.get(factor, [])
        if found:
            columns[number] = found[taken[factor] if taken[factor] < len(found) else 0]
        taken[factor] += 1
    missing = [motif for motif, column in zip(motifs, columns, strict=True) if column == ABSENT]
    if len(missing) == len(motifs):
        lacking = [name for name in motifs if name not in order]
        raise InputError(
            f"{path} lacks {len(lacking)} of the model's {len(motifs)} motifs, the first is {lacking[0]}, and has none "
            "of their factors; give the motifs of these cells' species, named by factor"
        )
    if missing and about.get("mode") != "log-odds":
        raise InputError(
            f"{path} lacks {missing[0]} and {len(missing) - 1} more of the model's motifs, and scores of mode "
            f"{about.get('mode')} have no neutral value; run score-motifs --mode log-odds for both genomes"
        )
    told = (
        f"; {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''} without one are neutral (0)"
        if missing
        else ""
    )
    log.say(f"{path}: {len(motifs) - len(missing)} of the model's {len(motifs)} motifs found by their factor{told}")
    return columns
