"""What elements give each other in a map of attention (CREaTor, Fig. 3c and 3f): CTCF sites of domains, and direction.

Attention falls with distance, and CTCF sites that flank one domain lie at its length from each other: each pair is
therefore also held against all pairs of elements of like distance (`above`: log2 of its attention over their mean).
"""

import numpy as np
import polars as pl
from scipy.stats import mannwhitneyu

from crexpress.core.errors import InputError
from crexpress.interpret.attention import AttentionMap

MARGIN = 5_000  # bp from an end of a domain within which a CTCF site is its anchor
ONE, INSIDE, ACROSS = CLASSES = ("flank one domain", "anchor and site inside", "anchors across")
_STEPS = 4  # bins of distance for each doubling
_LEAST = 20  # pairs of like distance that an expectation, or a control, is made of


def ctcf_pairs(found: AttentionMap, elements: pl.DataFrame, bound: np.ndarray, domains: pl.DataFrame) -> pl.DataFrame:
    """Attention, both directions together, of pairs of CTCF-bound elements, by what domains have to do with them:
    anchors of both ends of one domain; an anchor and a site inside the domain that is none; anchors of no domain in
    common.

    bound: bool [elements]. One row a class: `pairs`, quartiles of `attention` and of `above`, and `p`, two-sided
    Mann-Whitney of `above` against the pairs that flank one domain. Raises InputError where no pair does.
    """
    rows = elements[found.elements]
    middle, chrom = places(rows)
    above, both = relative(found, middle, chrom)
    sites = np.flatnonzero(bound[found.elements])
    ends = [
        tuple(own[np.abs(middle[own] - at) <= MARGIN] for at in (start, end))
        for name, start, end in domains.select("chrom", "start", "end").iter_rows()
        for own in [sites[chrom[sites] == name]]
    ]
    anchors = np.unique(np.concatenate([one for both_ends in ends for one in both_ends] or [sites[:0]]))
    others = np.setdiff1d(sites, anchors)
    kind = np.full(both.shape, -1, np.int8)
    apart = np.abs(middle[anchors, None] - middle[anchors]) > 2 * MARGIN  # else they are anchors of one place
    kind[np.ix_(anchors, anchors)] = np.where(apart, CLASSES.index(ACROSS), -1)
    for (low, high), (name, start, end) in zip(ends, domains.select("chrom", "start", "end").iter_rows(), strict=True):
        inside = others[(chrom[others] == name) & (middle[others] > start) & (middle[others] < end)]
        _mark(kind, np.union1d(low, high), inside, CLASSES.index(INSIDE))
        _mark(kind, low, high, CLASSES.index(ONE))
    upper = np.triu(np.isfinite(above), 1)
    values = {name: (both[at], above[at]) for number, name in enumerate(CLASSES) for at in [upper & (kind == number)]}
    if not len(values[ONE][0]):
        raise InputError(
            "no two CTCF sites of the map flank one domain; map a region that holds whole domains, with a model that "
            "sees as far"
        )
    quartiles = [25, 50, 75]
    table = []
    for name, (attention, own) in values.items():
        few = len(own) == 0
        row: dict[str, object] = {"class": name, "pairs": len(own)}
        for what, numbers in (("attention", attention), ("above", own)):
            cut = [None] * 3 if few else np.percentile(numbers, quartiles).tolist()
            row |= {f"{what}_{part}": value for part, value in zip(quartiles, cut, strict=True)}
        row["p"] = None if few or name == ONE else float(mannwhitneyu(own, values[ONE][1]).pvalue)
        table.append(row)
    return pl.DataFrame(table, infer_schema_length=None)


def direction(found: AttentionMap, elements: pl.DataFrame, first: str, second: str) -> pl.DataFrame:
    """Does one element attend to another more than the other to it? One row: `forward` (first to second), `backward`,
    `log2_ratio`, and of the map's other pairs of like distance on that side how many, their median log2 ratio, and `p`,
    the share that is as far from their median.

    Raises InputError for elements that the map lacks, and for fewer than 20 such pairs.
    """
    rows = elements[found.elements]
    names = rows["element_id"].to_list()
    if missing := [name for name in (first, second) if name not in names]:
        raise InputError(f"the map has no element {', '.join(missing)}; give two of those that its genes see")
    a, b = names.index(first), names.index(second)
    middle, chrom = places(rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log2(found.probability.astype(np.float64)) - np.log2(found.probability.astype(np.float64).T)
    if not np.isfinite(ratio[a, b]):
        raise InputError(f"no gene of the map sees both {first} and {second}; map a gene that does")
    apart = middle[None, :] - middle[:, None]
    like = (chrom[:, None] == chrom[None, :]) & (np.abs(apart - apart[a, b]) <= 0.1 * abs(apart[a, b]))
    like &= np.isfinite(ratio)
    like[a, b] = False
    others = ratio[like]
    if len(others) < _LEAST:
        raise InputError(
            f"the map has {len(others)} other pairs about as far apart as {first} and {second}, and {_LEAST} are "
            "needed to compare with; map a region of more genes"
        )
    median = float(np.median(others))
    extreme = np.abs(others - median) >= abs(ratio[a, b] - median)
    return pl.DataFrame(
        {"first": first, "second": second, "distance": int(apart[a, b]), "forward": float(found.probability[a, b]),
         "backward": float(found.probability[b, a]), "log2_ratio": float(ratio[a, b]), "others": len(others),
         "others_median": median, "p": (1 + int(extreme.sum())) / (1 + len(others))}
    )  # fmt: skip


def places(rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Middle (bp) and chromosome of elements."""
    return ((rows["ccre_start"] + rows["ccre_end"]) // 2).to_numpy(), rows["chrom"].to_numpy()


def relative(found: AttentionMap, middle: np.ndarray, chrom: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Attention of both directions together [n, n], and log2 of it over the mean of all pairs of like distance, NaN
    where there is none, or fewer than 20 pairs of it.
    """
    both = found.probability.astype(np.float64) + found.probability.T
    apart = np.abs(middle[:, None] - middle[None, :])
    there = np.isfinite(both) & (chrom[:, None] == chrom[None, :]) & (apart > 0)
    step = np.where(there, np.floor(_STEPS * np.log2(np.maximum(apart, 1))), -1).astype(np.int64)
    number = np.bincount(step[there], minlength=1)
    total = np.bincount(step[there], both[there], minlength=len(number))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(number >= 2 * _LEAST, total / number, np.nan)  # each pair is counted twice
        above = np.where(there, np.log2(both / mean[np.where(there, step, 0)]), np.nan)
    return np.where(np.isfinite(above), above, np.nan), both


def _mark(kind: np.ndarray, first: np.ndarray, second: np.ndarray, number: int) -> None:
    kind[np.ix_(first, second)] = number
    kind[np.ix_(second, first)] = number
