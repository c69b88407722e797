"""A list of active elements as users have it, and elements like them to compare with."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from crexpress.core import artifacts, chromosome_names, log
from crexpress.core.errors import InputError
from crexpress.core.intervals import CHROM_STEP, end_to_end
from crexpress.formats import text_files
from crexpress.formats.text_files import read_intervals
from crexpress.interpret.chosen import element_rows
from crexpress.prepare.elements import TSS

FAR = (2_000, 10_000, 50_000, 200_000)  # bp to the nearest TSS: edges of what counts as the same distance
GC_CLASSES = 5
ENOUGH = 0.9  # of the active elements must find their partners, else fewer partners are asked for


def read_active(path: Path, elements: pl.DataFrame, lengths: Mapping[str, int | None]) -> np.ndarray:
    """Rows of cCREs in a parquet table (column element_id), a BED (all that overlap), or a list of element_ids."""
    if path.suffix == ".parquet":
        table = pl.read_parquet(path)
        if "element_id" not in table.columns:
            raise InputError(f"{path} has no column element_id; it has {', '.join(table.columns[:8])}")
        rows = element_rows(elements, table["element_id"].unique(maintain_order=True).to_list())
    elif len(fields := text_files.first_fields(path)) >= 3 and fields[1].isdigit():
        rows = _overlapping(path, elements, lengths)
    else:
        rows = element_rows(elements, text_files.names(str(path)))
    return _ccres(rows, elements, path)


def strongest_elements(
    path: Path, elements: pl.DataFrame, score: str, count: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the `count` elements with the highest score at any gene in a links file, and of all that it lists.

    At most half of these, and it is said: the others are what active elements are compared with. None: half, which is
    what found most factors where the answer is known (docs/results-interpretation.md).
    """
    links, header = artifacts.read_table(path, "links")
    if score not in links.columns:
        known = ", ".join(entry["name"] for entry in header["parameters"]["scores"])
        raise InputError(f"{path} has no score '{score}'; it has {known}")
    if len(links) and links["element"].to_numpy().max() >= len(elements):
        raise InputError(f"{path} is of other elements; give the elements.parquet that it was made with")
    best = links.group_by("element", maintain_order=True).agg(pl.col(score).max())
    most = max(1, len(best) // 2)
    if count is None or count > most:
        log.say(f"{path} lists {len(best):,} elements; the stronger half, {most:,}, counts as active")
    top = best.sort(score, descending=True, maintain_order=True).head(most if count is None else min(count, most))
    return top["element"].to_numpy().astype(np.int64), best["element"].to_numpy().astype(np.int64)


def _overlapping(path: Path, elements: pl.DataFrame, lengths: Mapping[str, int | None]) -> np.ndarray:
    table = read_intervals(path)
    spelt = chromosome_names.reconcile(table["chrom"].unique(maintain_order=True), set(lengths), path)
    table = table.filter(pl.col("chrom").is_in(list(spelt))).with_columns(pl.col("chrom").replace_strict(spelt))
    rank = {name: number for number, name in enumerate(lengths)}
    shift = end_to_end(elements["chrom"], rank)
    order = np.argsort(shift + elements["ccre_start"].to_numpy(), kind="stable")
    start = (shift + elements["ccre_start"].to_numpy())[order]
    last = np.maximum.accumulate((shift + elements["ccre_end"].to_numpy())[order])
    at = end_to_end(table["chrom"], rank)
    low = np.searchsorted(last, at + table["start"].to_numpy(), "right")
    high = np.searchsorted(start, at + table["end"].to_numpy(), "left")
    found = np.zeros(len(elements), bool)
    ends = (shift + elements["ccre_end"].to_numpy())[order]
    for first, stop, begin in zip(low, high, at + table["start"].to_numpy(), strict=True):
        found[order[first:stop][ends[first:stop] > begin]] = True
    log.say(f"{path}: {len(table):,} intervals overlap {found.sum():,} elements")
    return np.flatnonzero(found)


def _ccres(rows: np.ndarray, elements: pl.DataFrame, path: Path) -> np.ndarray:
    """The rows without TSS windows, which have a class and a distance of their own."""
    own = rows[(elements["class"] != TSS).to_numpy()[rows]]
    if not len(own):
        raise InputError(f"{path} names no cCRE of these elements; give cCREs, by element_id or as BED")
    return np.unique(own)


def matched(
    active: np.ndarray,
    pool: np.ndarray,
    elements: pl.DataFrame,
    genes: pl.DataFrame,
    gc: np.ndarray,
    ratio: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of active elements, and of `ratio` (or fewer) others for each, of the same class, GC content and distance to
    a TSS: drawn without replacement from `pool`. Active elements without such partners are left out, and told.
    """
    pool = np.setdiff1d(pool, active)
    distance = nearest_tss(elements, genes)
    edges = np.unique(np.nanquantile(gc[active], np.arange(1, GC_CLASSES) / GC_CLASSES))
    kinds = elements["class"].rank("dense").to_numpy().astype(np.int64)
    stratum = (kinds * GC_CLASSES + np.searchsorted(edges, gc)) * (len(FAR) + 1) + np.searchsorted(FAR, distance)
    groups = [(active[stratum[active] == key], pool[stratum[pool] == key]) for key in np.unique(stratum[active])]
    while True:
        kept = sum(min(len(own), len(others) // ratio) for own, others in groups)
        if kept >= ENOUGH * len(active) or ratio == 1:
            break
        ratio -= 1
    if not kept:
        raise InputError("no other element has the class, GC content and distance of an active one; name fewer active")
    rng = np.random.default_rng(seed)
    left, right = [], []
    for own, others in groups:
        count = min(len(own), len(others) // ratio)
        left.append(rng.permutation(own)[:count])
        right.append(rng.permutation(others)[: count * ratio])
    first, second = np.sort(np.concatenate(left)), np.sort(np.concatenate(right))
    log.say(
        f"{len(first):,} of {len(active):,} active elements have {ratio} partners each of their class, GC content "
        f"({np.nanmean(gc[first]):.3f} and {np.nanmean(gc[second]):.3f}) and distance to a TSS; the others are left out"
    )
    return first, second


def nearest_tss(elements: pl.DataFrame, genes: pl.DataFrame) -> np.ndarray:
    """Distance (bp) of each element's midpoint to the nearest TSS; very far on a chromosome without genes."""
    chroms = pl.concat([elements["chrom"], genes["chrom"]]).unique(maintain_order=True)
    rank = {name: number for number, name in enumerate(chroms)}
    tss = np.sort(end_to_end(genes["chrom"], rank) + genes["tss"].to_numpy())
    middle = end_to_end(elements["chrom"], rank) + (elements["start"] + elements["end"]).to_numpy() // 2
    at = np.searchsorted(tss, middle)
    beside = np.stack([tss[np.clip(at - 1, 0, len(tss) - 1)], tss[np.clip(at, 0, len(tss) - 1)]])
    found: np.ndarray = np.minimum(np.abs(beside - middle).min(0), CHROM_STEP)
    return found


def gc_content(codes: np.ndarray, rows: np.ndarray | None = None, at_once: int = 65_536) -> np.ndarray:
    """Share of C and G among the known bases of each window (of `rows`, others NaN); NaN where none is known."""
    found = np.full(len(codes), np.nan)
    rows = np.arange(len(codes)) if rows is None else rows
    for start in range(0, len(rows), at_once):
        some = rows[start : start + at_once]
        part = codes[some]
        known = (part < 4).sum(1)
        found[some] = np.where(known > 0, ((part == 1) | (part == 2)).sum(1) / np.maximum(known, 1), np.nan)
    return found


def fasta(codes: np.ndarray, elements: pl.DataFrame, rows: Sequence[int] | np.ndarray) -> str:
    """Windows as FASTA, for MEME-ChIP: >element_id chrom:start-end."""
    letters = np.frombuffer(b"ACGTN", np.uint8)
    own = elements[rows].select("element_id", "chrom", "start", "end")
    return "".join(
        f">{name} {chrom}:{start}-{end}\n{letters[codes[row]].tobytes().decode()}\n"
        for row, (name, chrom, start, end) in zip(rows, own.iter_rows(), strict=True)
    )
