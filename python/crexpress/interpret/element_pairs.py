"""What elements give each other in a map of attention (CREaTor, Fig. 3c and 3f): CTCF sites of domains, and direction.

Attention falls with distance, and CTCF sites that flank one domain lie at its length from each other: each pair is
therefore also held against all pairs of elements of like distance (`above`: log2 of its attention over their mean).
"""

import numpy as np
import polars as pl
from scipy.stats import mannwhitneyu

from crexpress.core import bootstrap
from crexpress.core.errors import InputError
from crexpress.interpret.attention import AttentionMap

MARGIN = 5_000  # bp from an end of a domain within which a CTCF site is its anchor
ONE, INSIDE, ACROSS = CLASSES = ("flank one domain", "anchor and site inside", "anchors across")
STRETCH, _RESAMPLES, _FEW = 1_000_000, 1_000, 10  # bp that are drawn together, how often, and of fewer no interval
_QUARTILES = (25, 50, 75)
_STEPS = 4  # bins of distance for each doubling
_LEAST = 20  # pairs of like distance that an expectation, or a control, is made of


def ctcf_pairs(found: AttentionMap, elements: pl.DataFrame, bound: np.ndarray, domains: pl.DataFrame) -> pl.DataFrame:
    """Attention, both directions together, of pairs of CTCF-bound elements, by what domains have to do with them:
    anchors of both ends of one domain; an anchor and a site inside the domain that is none; anchors of no domain in
    common.

    bound: bool [elements]. One row a class, as `compared` has them. Raises InputError where no pair flanks a domain.
    """
    return compared(classed(found, elements, bound, domains))


def classed(found: AttentionMap, elements: pl.DataFrame, bound: np.ndarray, domains: pl.DataFrame) -> pl.DataFrame:
    """The pairs of `ctcf_pairs`: `class`, `chrom`, `place` of the first (bp), `attention` and `above`, so that those of
    several maps can be put together.
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
    first, second = np.nonzero(np.triu(np.isfinite(above) & (kind >= 0), 1))
    return pl.DataFrame(
        {"class": np.array(CLASSES)[kind[first, second]], "chrom": chrom[first], "place": middle[first],
         "attention": both[first, second], "above": above[first, second]},
        schema_overrides={"class": pl.String, "chrom": pl.String},
    )  # fmt: skip


def compared(pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs of `classed`, one row a class: `pairs`, quartiles of `attention` and of `above`; against the pairs that
    flank one domain `p`, two-sided Mann-Whitney of `above`, and `less`, the mean of `above` less theirs, with a 95 %
    interval of resampled stretches of 1 Mb (null for fewer than 10 of them), as pairs that share a site are not
    independent, which p takes them to be.
    """
    one = pairs.filter(pl.col("class") == ONE)
    if one.is_empty():
        raise InputError(
            "no two CTCF sites of the map flank one domain; map a region that holds whole domains, with a model that "
            "sees as far"
        )
    stretch = pairs.select(pl.struct("chrom", pl.col("place") // STRETCH).rank("dense")).to_series().to_numpy() - 1
    counts = bootstrap.draw(int(stretch.max()) + 1, _RESAMPLES, seed=1)
    kind, value = pairs["class"].to_numpy(), pairs["above"].to_numpy()

    def means(name: str) -> np.ndarray:
        own = kind == name
        sums, number = (np.bincount(stretch[own], of, counts.shape[1]) for of in (value[own], None))
        with np.errstate(invalid="ignore"):
            drawn: np.ndarray = (counts @ sums) / (counts @ number)
        return drawn

    table = []
    for name in CLASSES:
        own = pairs.filter(pl.col("class") == name)
        row: dict[str, object] = {"class": name, "pairs": len(own)}
        for what in ("attention", "above"):
            cut = np.percentile(own[what].to_numpy(), _QUARTILES).tolist() if len(own) else [None] * 3
            row |= {f"{what}_{part}": value for part, value in zip(_QUARTILES, cut, strict=True)}
        row |= dict.fromkeys(("p", "less", "less_low", "less_high"))
        if len(own) and name != ONE:
            less = means(name) - means(ONE)
            many = counts.shape[1] >= _FEW
            low, high = bootstrap.interval(less) if many else (None, None)
            row["p"] = float(mannwhitneyu(own["above"], one["above"]).pvalue)
            row |= {"less": float(less[0]), "less_low": low, "less_high": high}
        table.append(row)
    numbers = ("p", "less", "less_low", "less_high", *(f"{what}_{part}" for what in ("attention", "above")
                                                     for part in _QUARTILES))  # fmt: skip
    return pl.DataFrame(table, infer_schema_length=None, schema_overrides=dict.fromkeys(numbers, pl.Float64))


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
