"""Where edits of the genome fall, whether its FASTA has what they replace, and what the elements' windows become."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pysam

from crexpress.core import chromosome_names
from crexpress.core.errors import InputError
from crexpress.core.tracks import stored
from crexpress.formats.edit_files import Edits, left_out, signal_levels
from crexpress.formats.genome_files import open_fasta
from crexpress.prepare import sequence
from crexpress.prepare.elements import TSS

WRONG = 0.1  # share of reference alleles that may differ from the FASTA; above, it is another build
SHOWN = 8  # edits named in a message
WRITTEN = 1_000  # bases: a longer stretch is told by start and end alone, as each of its genes' rows would hold it
LONGEST = 10_000  # bases beside a window that may move into it; of a longer deletion the rest is unknown


class Checked(NamedTuple):
    """Edits on chromosomes of the elements, whose reference allele is that of the FASTA; and all that is left out."""

    table: pl.DataFrame
    left_out: pl.DataFrame


def check(edits: Edits, path: Path, fasta: Path, lengths: Mapping[str, int | None]) -> Checked:
    """Edits with the elements' names of chromosomes, their reference alleles looked up (null of long ones: `WRITTEN`).

    Raises InputError where no chromosome is shared, the FASTA is of another build than the elements, more than a tenth
    of the reference alleles differ from it: then the file is of another build; or as many edits lie beyond its ends.
    """
    table = edits.table
    if not len(table):
        raise InputError(f"{path} holds no edit that can be used: {edits.left_out['reason'][0]}")
    spelt = chromosome_names.reconcile(table["chrom"].unique(maintain_order=True), set(lengths), path)
    known = table["chrom"].is_in(list(spelt))
    lost = [edits.left_out, _lost(table.filter(~known), "on a chromosome without elements")]
    table = table.filter(known).with_columns(pl.col("chrom").replace_strict(spelt))
    with open_fasta(fasta) as file:
        sizes = dict(zip(file.references, file.lengths, strict=True))
        names = chromosome_names.reconcile(sizes, set(lengths), fasta)
        chromosome_names.require_same_build({names[name]: sizes[name] for name in names}, lengths, fasta)
        own = {chrom: name for name, chrom in names.items()}
        found = [_bases(file, own.get(chrom), sizes, start, end, ref is not None) for chrom, start, end, ref in
                 table["chrom", "start", "end", "ref"].iter_rows()]  # fmt: skip
    table = table.with_columns(there=pl.Series(found, dtype=pl.String))
    beyond, every = table.filter(pl.col("there").is_null()), len(table)
    lost.append(_lost(beyond, "beyond the end of its chromosome in the FASTA"))
    stated = table["ref"].count()
    table = table.filter(pl.col("there").is_not_null())
    differs = (pl.col("ref") != pl.col("there")) & ~pl.col("ref").str.contains("N")
    wrong = table.filter(differs.fill_null(False))
    differing = len(wrong) + beyond["ref"].count()
    if len(wrong) and differing > WRONG * stated:
        first = wrong.row(0, named=True)
        raise InputError(
            f"{path} line {first['line']} says {first['ref'][:20]} at {first['chrom']}:{first['start'] + 1:,}, where "
            f"{fasta} has {first['there'][:20]}; {differing:,} of {stated:,} reference alleles differ, so it was made "
            "for another genome build: lift it over, or give the FASTA of its build with elements made on that"
        )
    if len(beyond) > WRONG * every:
        raise InputError(
            f"{path}: {len(beyond):,} of {every:,} edits lie beyond the end of their chromosome in {fasta}: "
            f"{_placed(beyond, {chrom: sizes[name] for chrom, name in own.items()})}; correct them, or, where the file "
            "was made for another genome build, lift it over"
        )
    lost.append(_lost(wrong, "its reference allele is not that of the FASTA"))
    short = pl.col("end") - pl.col("start") <= WRITTEN
    table = table.filter(~differs.fill_null(False)).with_columns(ref=pl.when(short).then("there")).drop("there")
    return Checked(table, pl.concat(lost))


def _bases(
    file: pysam.FastaFile, name: str | None, sizes: Mapping[str, int], start: int, end: int, stated: bool
) -> str | None:
    """What stands there, None beyond the end; "" of a long stretch that the file does not state, which is not asked."""
    if name is None or end > sizes[name]:
        return None
    if not stated and end - start > WRITTEN:
        return ""
    return str(file.fetch(name, start, end)).upper()


def _placed(edits: pl.DataFrame, sizes: Mapping[str, int]) -> str:
    """Line and place of the first edits, and where their chromosomes end."""
    told = [
        f"line {row['line']} ({row['chrom']}:{row['start'] + 1:,}-{row['end']:,}; "
        + (f"it ends at {sizes[row['chrom']]:,})" if row["chrom"] in sizes else "not in the FASTA)")
        for row in edits.head(SHOWN).iter_rows(named=True)
    ]
    return ", ".join(told) + (", ..." if len(edits) > SHOWN else "")


def _lost(rows: pl.DataFrame, reason: str) -> pl.DataFrame:
    return left_out([(row["line"], row["name"], shown(row), reason) for row in rows.iter_rows(named=True)])


def shown(edit: Mapping[str, object]) -> str:
    """An edit as people write it, 1-based: chr1:1000 A>G, chr1:1000 set:dnase=2."""
    ref, alt = str(edit["ref"] or ""), str(edit["alt"] or "")
    length = int(str(edit["end"])) - int(str(edit["start"]))
    ref = f"{length} bp" if length and not ref else ref
    words = {"sequence": f"{ref[:20] or '-'}>{alt[:20] or '-'}", "signal": f"set:{alt[:40]}"}
    what = words.get(str(edit["action"]), edit["action"])
    return f"{edit['chrom']}:{int(str(edit['start'])) + 1} {what}"


def touched(edits: pl.DataFrame, elements: pl.DataFrame) -> pl.DataFrame:
    """Columns `edit` and `element` (rows), for each window that an edit changes.

    `whole`: whether a deletion takes the whole cCRE, or TSS window, so that nothing is left of the element; `silent`:
    whether its whole signal is gone, by a deletion or by silencing.
    """
    is_tss = pl.col("class") == TSS
    elements = elements.with_columns(
        low=pl.when(is_tss).then("start").otherwise("ccre_start"),
        high=pl.when(is_tss).then("end").otherwise("ccre_end"),
    )
    width = int(elements["end"][0] - elements["start"][0])
    parts = []
    for (chrom,), own in elements.with_row_index("element").group_by("chrom", maintain_order=True):
        here = edits.with_row_index("edit").filter(pl.col("chrom") == chrom)
        own = own.sort("start")
        starts = own["start"].to_numpy()
        low = np.searchsorted(starts, here["start"].to_numpy() - width, "right")
        high = np.searchsorted(starts, here["end"].to_numpy(), "left")
        count = np.maximum(high - low, 0)
        edit = np.repeat(np.arange(len(here)), count)
        row = np.arange(count.sum()) + np.repeat(low - np.cumsum(count) + count, count)
        parts.append(
            pl.DataFrame(
                {
                    "edit": here["edit"][edit],
                    "element": own["element"][row],
                    "action": here["action"][edit],
                    "covered": (here["start"][edit] <= own["low"][row]) & (here["end"][edit] >= own["high"][row]),
                }
            )
        )
    found = pl.concat(parts).sort("edit", "element")
    return found.select(
        *("edit", "element"),
        whole=pl.col("covered") & (pl.col("action") == "delete"),
        silent=pl.col("covered") & pl.col("action").is_in(["delete", "silence"]),
    )


def edited_bases(
    edits: pl.DataFrame, elements: pl.DataFrame, lengths: Mapping[str, int | None], fasta: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Windows before and after, uint8 [n, width], of one edit and one element a row; on the plus strand.

    The side of the window that the edit is farther from stays in its place, so that the middle of the element does;
    where bases are lost, those beyond the other end move in.
    """
    width = int(elements["end"][0] - elements["start"][0]) if len(elements) else 0
    before, after = (np.empty((len(elements), width), np.uint8) for _ in range(2))
    bases = edits.select(pl.when(pl.col("action") == "signal").then(pl.lit("")).otherwise("alt").alias("alt"))["alt"]
    places = zip(edits["chrom"], edits["start"], edits["end"], bases, elements["start"], strict=True)
    with open_fasta(fasta) as file:
        names = chromosome_names.reconcile(file.references, set(lengths), fasta)
        own = {chrom: name for name, chrom in names.items()}
        for row, (chrom, start, end, alt, window) in enumerate(places):
            beside = min(end - start, LONGEST)
            origin = window - beside
            around = _around(file, own[chrom], origin, window + width + beside)
            before[row] = around[beside : beside + width]
            low, high = (int(np.clip(place - origin, 0, len(around))) for place in (start, end))
            changed = np.concatenate([around[:low], sequence.encode(alt), around[high:]])
            left = start + end < 2 * window + width  # of the middle: counted from the right then
            part = changed[::-1][beside : beside + width] if left else changed[beside : beside + width]
            part = np.pad(part, (0, width - len(part)), constant_values=sequence.UNKNOWN)
            after[row] = part[::-1] if left else part
    same = edits["action"].is_in(["silence", "signal"]).to_numpy()
    after[same] = before[same]
    return before, after


def _around(file: pysam.FastaFile, name: str, start: int, end: int) -> np.ndarray:
    """Codes of an interval that may reach beyond the chromosome, where bases are unknown."""
    length = file.get_reference_length(name)
    low, high = max(start, 0), min(end, length)
    codes = sequence.encode(file.fetch(name, low, high))
    return np.pad(codes, (low - start, end - high), constant_values=sequence.UNKNOWN)


def require_tracks(edits: pl.DataFrame, tracks: Sequence[str], path: Path, cell: str) -> None:
    """InputError for edits that set a track which the model does not read in the cell, whose `tracks` it reads."""
    for line, alt in edits.filter(pl.col("action") == "signal")["line", "alt"].iter_rows():
        unknown = [name for name in signal_levels(alt) if name not in tracks]
        if unknown:
            raise InputError(
                f"{path} line {line} sets {', '.join(unknown)}, which the model does not read in {cell}; it reads "
                f"{', '.join(tracks) or 'no track'}"
            )


def edited_signals(
    edits: pl.DataFrame, windows: np.ndarray, signals: np.ndarray, tracks: Sequence[str], transform: str, bin_size: int
) -> np.ndarray:
    """Signals float32 [n, tracks, bins] along the genome after one edit each, of windows that begin at `windows`.

    A bin of which a part is edited is the mean of what stays and what the edit puts there: nothing, or the values that
    it sets, brought to the scale of `transform`.
    """
    edges = windows[:, None] + np.arange(signals.shape[2] + 1) * bin_size
    start, end = (edits[name].to_numpy()[:, None] for name in ("start", "end"))
    share = np.clip(np.minimum(edges[:, 1:], end) - np.maximum(edges[:, :-1], start), 0, bin_size) / bin_size
    level = np.zeros((len(edits), len(tracks)))
    touched = np.repeat((edits["action"] != "sequence").to_numpy()[:, None], len(tracks), 1)
    for row, (action, alt) in enumerate(edits["action", "alt"].iter_rows()):
        if action == "signal":
            values = signal_levels(alt)
            touched[row] = [name in values for name in tracks]
            level[row] = stored(np.array([values.get(name, 0.0) for name in tracks]), transform)
    share = share[:, None] * touched[:, :, None]
    changed: np.ndarray = (signals * (1 - share) + level[:, :, None] * share).astype(np.float32)
    return changed
