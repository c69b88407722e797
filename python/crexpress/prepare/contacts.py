"""Chromatin loops as binned contacts: bin them, look up pairs of elements.

Both anchors of a loop are cut into bins by rounding down (the released ScPGE code rounds elements to the
nearest bin, half a bin off its loops). A read count and -log10 q are different strengths and are kept
apart.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from crexpress.core import artifacts, chromosome_names, log
from crexpress.core.errors import InputError
from crexpress.formats.loop_files import MATRIX, Loops

Anchors = Literal["span", "start"]
Infinite = Literal["cap", "drop"]
Duplicates = Literal["largest", "first"]
Value = Literal["count", "neglog10q"]
ANCHORS: tuple[Anchors, ...] = ("span", "start")
INFINITE: tuple[Infinite, ...] = ("cap", "drop")
DUPLICATES: tuple[Duplicates, ...] = ("largest", "first")
_MOST_PAIRS, _MOST_OF_ALL = 10_000, 200_000_000  # pairs of bins of one loop (anchors of 100 bins), and of a cell's


class Contacts:
    """Binned contacts of one cell, made for looking up many pairs of bins at once.

    Bins are numbered through the genome; -1 stands for a place without a bin (padding, unknown chromosome).
    """

    def __init__(self, header: artifacts.Header, tensors: Mapping[str, np.ndarray]) -> None:
        self.header = header
        self.bin_size = int(header["parameters"]["bin_size"])
        self.offsets = tensors["offsets"]
        self.first_bin = dict(zip(tensors["chroms"].tolist(), self.offsets[:-1].tolist(), strict=True))
        self.total = int(self.offsets[-1])
        self.row, self.col = tensors["row"].astype(np.int64), tensors["col"].astype(np.int64)
        self.keys = self.row * self.total + self.col  # ascending: contacts are stored in this order
        self._values = {name: tensors[name] for name in ("count", "neglog10q")}
        self.widths = tensors.get("width")  # of the anchors, bp [contacts], NaN where not known; None: of no contact
        self.given: set[str] = {name for name, values in self._values.items() if not np.isnan(values).all()}
        # the furthest partner of each bin, so that most pairs need no search
        self._reach = np.full(self.total, -1)
        np.maximum.at(self._reach, self.row, self.col)

    @classmethod
    def open(cls, path: str | Path) -> "Contacts":
        """Contacts of a contacts.CELL.npz."""
        return cls(*artifacts.read_sparse(path, "contacts"))

    def without_widths(self) -> "Contacts":
        """The same contacts, their anchors' widths not known."""
        found = copy(self)
        found.widths = None
        return found

    def span(self, chrom: str) -> tuple[int, int]:
        """First bin of a chromosome, and that after its last; two zeros where it has none."""
        if chrom not in self.first_bin:
            return 0, 0
        return self.first_bin[chrom], int(self.offsets[list(self.first_bin).index(chrom) + 1])

    @cached_property
    def expected(self) -> np.ndarray:
        """Mean count of all pairs of bins of a distance, by that distance in bins: float64, as far as there is a count.

        Of a contact matrix, whose pairs without a read count as 0, on the chromosomes that have any; of a list of loops
        it says nothing.
        """
        total = np.bincount(self.col - self.row, self.strengths("count").astype(np.float64))
        size = np.diff(self.offsets)[np.diff(np.searchsorted(self.row, self.offsets)) > 0]
        pairs = np.maximum(size[:, None] - np.arange(len(total)), 0).sum(axis=0)
        mean: np.ndarray = total / np.maximum(pairs, 1)
        return mean

    def bins(self, chroms: pl.Series, positions: np.ndarray) -> np.ndarray:
        """Bin (int64) of each 0-based position, -1 where its chromosome has none."""
        first = chroms.replace_strict(self.first_bin, default=None, return_dtype=pl.Int64)
        end = chroms.replace_strict(
            dict(zip(self.first_bin, self.offsets[1:].tolist(), strict=True)),
            default=None,
            return_dtype=pl.Int64,
        )
        bins = first.fill_null(-1).to_numpy() + np.maximum(positions, 0) // self.bin_size
        return np.where(first.is_null().to_numpy() | (bins >= end.fill_null(0).to_numpy()), -1, bins)

    def strengths(self, value: Value) -> np.ndarray:
        """Strength (float32) of every contact, aligned to `keys`; InputError when the loops came without it."""
        if value not in self.given:
            raise InputError(f"the loops of {self.header['cell']} have no {value}; use the other strength")
        return np.nan_to_num(self._values[value])

    def lookup(self, a: np.ndarray, b: np.ndarray, value: Value = "count") -> np.ndarray:
        """Strength (float32) of the contact of bins `a` and `b`, broadcast together; 0 where there is none.

        Raises InputError when the loops came without this strength.
        """
        values = self.strengths(value)
        a, b = np.broadcast_arrays(a, b)
        low, high = np.minimum(a, b), np.maximum(a, b)
        found = np.zeros(low.shape, np.float32)
        near = np.nonzero((low >= 0) & (high <= self._reach[low]))  # a negative `low` reads any bin, and is dropped
        wanted = low[near].astype(np.int64) * self.total + high[near]
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        found[near] = np.where(self.keys[place] == wanted, values[place], 0)
        return found


def bin_contacts(
    loops: Sequence[Loops],
    paths: Sequence[str | Path],
    chromosomes: Mapping[str, int | None],
    bin_size: int,
    anchors: Anchors = "span",
    infinite: Infinite = "cap",
    duplicates: Duplicates = "largest",
) -> dict[str, np.ndarray]:
    """Arrays of a contacts artefact (docs/artifacts.md) from the loops of one cell.

    chromosomes: those of the element set, with lengths in bp (None where not known). anchors: "span" links
    every bin under one anchor to every bin under the other; "start" only the bins in which the anchors
    start, as the released ScPGE code does. For anchors of one bin the two agree.

    infinite: -log10 q of q = 0 becomes the largest finite one ("cap"), or such loops are left out ("drop", as
    the released code does with the strongest loops of all). duplicates: a pair of bins that is found several
    times (a loop listed from both ends, two loops, two files) keeps the largest value of each strength, or
    the values of its first line ("first", released code).

    `width`, the mean width of a loop's two anchors as the file has them, is of one loop of a pair of bins: that of the
    largest count (where none has one, of the largest -log10 q), of several such the one of the larger -log10 q, then
    the narrower; or that of the first line. It is NaN for contacts of a matrix and for anchors of a single bp, which
    stand for a place (FitHiC's middles), and left out where all are so.

    What is capped and left out is said. Raises InputError for loops of another genome.
    """
    parts = [_within(part, path, chromosomes, infinite) for part, path in zip(loops, paths, strict=True)]
    if anchors == "span":
        _require_narrow(parts, paths, bin_size)
    table = pl.concat(parts).with_columns(pl.Series("neglog10q", _cap_infinite(pl.concat(parts)["neglog10q"])))
    furthest = pl.max_horizontal("end_1", "end_2", pl.col("start_1", "start_2") + 1).max()
    ends = dict(table.group_by("chrom_1").agg(furthest).iter_rows())
    lengths = np.array([length or ends.get(name, 0) for name, length in chromosomes.items()], dtype=np.int64)
    offsets = np.append(0, np.cumsum(-(-lengths // bin_size)))
    first_bin = dict(zip(chromosomes, offsets.tolist(), strict=False))
    binned = pl.concat(
        _bin_one(part, first_bin[str(chrom)], bin_size, anchors, duplicates)
        for (chrom,), part in table.partition_by("chrom_1", as_dict=True).items()
    ).sort("row", "col")
    if binned["width"].is_nan().all():
        binned = binned.drop("width")
    log.say(f"{len(table):,} lines of loops -> {len(binned):,} pairs of {bin_size} bp bins")
    if (binned["row"] == binned["col"]).all():
        log.say(f"warning: no loop joins two bins of {bin_size} bp; are the second anchors copies of the first?")
    if (binned.select("count", "neglog10q").fill_nan(0).max_horizontal() <= 0).all():
        log.say("warning: the strength of every loop is 0; is it the right column?")
    seen = table["chrom_1"].unique().to_list()
    if len(seen) == 1 < len(chromosomes):
        log.say(f"Note: every loop lies on {seen[0]}; the other {len(chromosomes) - 1} chromosomes have none")
    return {
        **{name: binned[name].to_numpy() for name in binned.columns},
        "chroms": np.array(list(chromosomes), dtype=str),
        "offsets": offsets,
    }


def _require_narrow(parts: Sequence[pl.DataFrame], paths: Sequence[str | Path], bin_size: int) -> None:
    """Raise InputError for an anchor so wide that its pairs of bins would fill the memory: a whole chromosome, say."""
    total = 0
    for table, path in zip(parts, paths, strict=True):
        width = {side: (table[f"end_{side}"] - table[f"start_{side}"]) for side in ("1", "2")}
        pairs = (width["1"] // bin_size + 1) * (width["2"] // bin_size + 1)
        total += int(pairs.sum())
        if len(pairs) and pairs.max() > _MOST_PAIRS:  # type: ignore[operator]
            row = table.row(int(pairs.arg_max() or 0), named=True)
            ends = " and ".join(f"{row[f'start_{side}']:,}-{row[f'end_{side}']:,}" for side in ("1", "2"))
            raise InputError(
                f"{path}: the loop of {row['chrom_1']}:{ends} has anchors too wide for bins of {bin_size} bp; "
                "give loops with narrower anchors, a larger --bin-size, or --anchors start"
            )
    if total > _MOST_OF_ALL:
        raise InputError(
            f"the loops of {paths[0]} cover {total:,} pairs of bins, more than {_MOST_OF_ALL:,}; "
            "use a larger --bin-size"
        )


def _bin_one(
    table: pl.DataFrame, first_bin: int, bin_size: int, anchors: Anchors, duplicates: Duplicates
) -> pl.DataFrame:
    """Pairs of bins of the loops of one chromosome, each once with its largest, or first, strengths, and the width of
    the anchors of one loop (`bin_contacts`).
    """
    low, size = {}, {}
    for side in ("1", "2"):
        low[side] = table[f"start_{side}"].to_numpy() // bin_size
        high = np.maximum(table[f"end_{side}"].to_numpy() - 1, 0) // bin_size
        size[side] = np.maximum(high - low[side] + 1, 1) if anchors == "span" else np.ones_like(high)
    pairs = size["1"] * size["2"]
    loop = np.repeat(np.arange(len(pairs)), pairs)
    place = np.arange(len(loop)) - np.repeat(np.cumsum(pairs) - pairs, pairs)  # 0, 1, ... within each loop
    one = (low["1"][loop] + place // size["2"][loop]).astype(np.int32)
    two = (low["2"][loop] + place % size["2"][loop]).astype(np.int32)
    values = table.select(pl.col("count", "neglog10q", "width").cast(pl.Float32).fill_nan(None))
    strength, width = pl.col("count", "neglog10q"), pl.col("width")
    if duplicates == "largest":
        order = ("count", "neglog10q", "width")
        strength, width = strength.max(), width.sort_by(*order, descending=[True, True, False], nulls_last=True)
    else:
        strength = strength.first()
    return (
        values[loop]
        .with_columns(
            pl.Series("row", np.minimum(one, two) + np.int32(first_bin)),
            pl.Series("col", np.maximum(one, two) + np.int32(first_bin)),
        )
        .group_by("row", "col", maintain_order=True)
        .agg(one.fill_null(float("nan")) for one in (strength, width.first()))
    )


def _within(loops: Loops, path: str | Path, chromosomes: Mapping[str, int | None], infinite: Infinite) -> pl.DataFrame:
    """Loops with both ends on one chromosome of the element set, under its name there, and `width` of their anchors."""
    size = [pl.col(f"end_{side}") - pl.col(f"start_{side}") for side in "12"]
    told = (pl.min_horizontal(size) > 1) & pl.lit(loops.format != MATRIX)
    table = loops.table.with_columns(pl.when(told).then(pl.mean_horizontal(size)).alias("width"))
    if infinite == "drop":
        table = table.filter(~pl.any_horizontal(pl.col("count", "neglog10q").is_infinite()))
        if len(table) < len(loops.table):
            log.say(f"{path}: {len(loops.table) - len(table):,} loops of infinite strength are left out")
    elif table["count"].is_infinite().any():
        raise InputError(f"{path} holds an infinite count; if its scores are -log10 q, use --score neglog10q")
    inter = table.filter(pl.col("chrom_1") != pl.col("chrom_2"))
    table = table.filter(pl.col("chrom_1") == pl.col("chrom_2"))
    if len(inter):
        log.say(f"{path}: {len(inter):,} loops between two chromosomes are left out")
    if not len(table):
        raise InputError(f"{path} holds no loop within a chromosome; give intrachromosomal loops")
    known = chromosome_names.reconcile(table["chrom_1"].unique(maintain_order=True), chromosomes, path)
    lengths_there = {known[name]: loops.lengths[name] for name in known if name in loops.lengths}
    chromosome_names.require_same_build(lengths_there, chromosomes, path)
    unknown = table.filter(pl.col("chrom_1").is_in(list(known)).not_())
    if len(unknown):
        where = ", ".join(unknown["chrom_1"].unique().sort()[:3])
        log.say(f"{path}: {len(unknown):,} loops on chromosomes without elements are left out ({where})")
    table = table.filter(pl.col("chrom_1").is_in(list(known))).with_columns(
        pl.col("chrom_1", "chrom_2").replace_strict(known)
    )
    lengths = pl.col("chrom_1").replace_strict(dict(chromosomes), return_dtype=pl.Int64)
    beyond = table.filter(pl.max_horizontal("start_1", "start_2") >= lengths)
    if len(beyond):
        row = beyond.row(0, named=True)
        place = max(row["start_1"], row["start_2"])
        raise InputError(
            f"{path}: a loop reaches {row['chrom_1']}:{place:,}, but the chromosome ends at "
            f"{chromosomes[row['chrom_1']]:,}; were the loops called on another genome build?"
        )
    # the last bin of a binned anchor may overhang the chromosome
    return table.with_columns(pl.min_horizontal(name, lengths).alias(name) for name in ("end_1", "end_2"))


def _cap_infinite(column: pl.Series) -> np.ndarray:
    values = column.to_numpy()
    infinite = np.isinf(values)
    if not infinite.any():
        return values
    finite = values[np.isfinite(values)]
    cap = finite.max() if len(finite) else -np.log10(np.finfo(np.float64).tiny)
    log.say(f"{infinite.sum():,} loops have q = 0 (infinite -log10 q); capped at {cap:g}")
    return np.where(infinite, cap, values)
