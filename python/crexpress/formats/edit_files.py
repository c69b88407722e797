"""Changes of the genome that a user gives: variants of a VCF, edits of a BED, one row an allele."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from crexpress.core.errors import InputError
from crexpress.core.names import is_whole
from crexpress.formats.text_files import open_text, read_intervals

# `start`, `end`: the bases replaced, 0-based half-open; `ref`: what the file says stands there, or null; `alt`: what
# replaces them. `action`: "sequence" replaces bases alone, "delete" takes their signal away too, "silence" that alone,
# "signal" puts other values into the tracks that `alt` names, as dnase=2.5,h3k27ac=0 in the tracks' own unit.
SCHEMA = {
    "line": pl.Int64, "name": pl.String, "chrom": pl.String, "start": pl.Int64, "end": pl.Int64,
    "ref": pl.String, "alt": pl.String, "action": pl.String,
}  # fmt: skip
_BASES = re.compile("[ACGTN]*", re.IGNORECASE)
_LEVEL = re.compile(r"\d{1,9}(\.\d{1,9})?")


class Edits(NamedTuple):
    """Edits of a file, with columns SCHEMA, and what of it cannot be used, with those of `left_out`."""

    table: pl.DataFrame
    left_out: pl.DataFrame


def left_out(rows: list[tuple[int, str | None, str, str]]) -> pl.DataFrame:
    """A table of what was left out: number of the line, the file's name for it (rsID), the variant, why."""
    return pl.DataFrame(
        rows,
        schema={"line": pl.Int64, "name": pl.String, "variant": pl.String, "reason": pl.String},
        orient="row",
    )


def read_edits(path: Path) -> Edits:
    """A VCF, plain, gzipped or bgzipped, or a BED of edits, told by its content."""
    with open_text(path) as file:
        for line in file:
            if line.startswith("##fileformat=VCF") or line.startswith("#CHROM"):
                return read_vcf(path)
            if line.strip() and not line.startswith(("#", "track ", "browser ")):
                break
    return read_bed(path)


def read_vcf(path: Path) -> Edits:
    """Every alternative allele a row; symbolic ones other than <DEL>, and records not to be read, are left out.

    Raises InputError for a file without a record, or whose records are not those of a VCF.
    """
    rows: list[tuple[Any, ...]] = []
    lost: list[tuple[int, str | None, str, str]] = []
    records = 0
    for number, fields in _records(path):
        records += 1
        chrom, place, name, ref, alts = fields[:5]
        own = None if name in (".", "") else name
        shown = f"{chrom}:{place} {ref[:20]}>{alts[:20]}"
        if not is_whole(place) or int(place) < 1 or not ref or not _BASES.fullmatch(ref):
            lost.append((number, own, shown, "its position or reference allele cannot be read"))
            continue
        start = int(place) - 1
        for alt in alts.split(","):
            allele = f"{chrom}:{place} {ref[:20]}>{alt[:20]}"
            end = _end(fields[7] if len(fields) > 7 else "")
            if alt == "<DEL>" and end is not None and end > start + 1:
                rows.append((number, own, chrom, start + 1, end, None, "", "delete"))
            elif alt in (".", "*", "") or not _BASES.fullmatch(alt):
                lost.append((number, own, allele, "no allele of bases: only letters and <DEL> with END= are read"))
            elif alt.upper() == ref.upper():
                lost.append((number, own, allele, "the alternative is the reference allele"))
            else:
                rows.append((number, own, chrom, *_spelt(start, ref.upper(), alt.upper())))
    if not records:
        raise InputError(f"{path} holds no variant; give a VCF with records below its header")
    if not rows and lost[-1][-1].startswith("its position"):
        raise InputError(
            f"{path} line {lost[0][0]}: '{lost[0][2]}' is no record of a VCF; give CHROM, POS, ID, REF, ALT"
        )
    return Edits(pl.DataFrame(rows, schema=SCHEMA, orient="row"), left_out(lost))


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = line.rstrip("\r\n").split("\t")
            if len(fields) < 5:
                raise InputError(
                    f"{path} line {number}: a record of a VCF has at least 5 tab-separated columns, found "
                    f"'{line.strip()[:60]}'"
                )
            yield number, fields


def _spelt(start: int, ref: str, alt: str) -> tuple[int, int, str, str, str]:
    """start, end, ref, alt and action of an allele in letters: where bases are lost alone it is a deletion, as <DEL>
    and a BED's del are, of the bases after those that both alleles begin with.
    """
    if ref.startswith(alt):
        return start + len(alt), start + len(ref), ref[len(alt) :], "", "delete"
    return start, start + len(ref), ref, alt, "sequence"


def _end(info: str) -> int | None:
    found = re.search(r"(?:^|;)END=(\d+)(?:;|$)", info)
    return int(found[1]) if found else None


def read_bed(path: Path) -> Edits:
    """BED whose fourth column says what is done: del, ins:ACGT (before the first base), rep:ACGT, silence or
    set:TRACK=VALUE,... (`signal_levels`).

    The fifth, if there is one, is a name. Raises InputError, naming the line, for any other word.
    """
    table = read_intervals(path, 4)
    rows = []
    for row in table.iter_rows(named=True):
        word, _, bases = (row["column_4"] or "").strip().partition(":")
        place = row["line"], row.get("column_5"), row["chrom"], row["start"]
        good = bool(_BASES.fullmatch(bases)) and bool(bases) == (word in ("ins", "rep"))
        if word == "set":
            good = bool(signal_levels(bases))
        if word not in ("del", "ins", "rep", "silence", "set") or not good:
            raise InputError(
                f"{path} line {row['line']}: '{row['column_4']}' is no edit; write del, ins:ACGT, rep:ACGT, silence or "
                "set:dnase=2.5 (values from 0 in the track's unit) in the fourth column"
            )
        action = {"del": "delete", "silence": "silence", "set": "signal"}.get(word, "sequence")
        alt = bases if word == "set" else bases.upper()
        rows.append((*place, row["start"] if word == "ins" else row["end"], None, alt, action))
    return Edits(pl.DataFrame(rows, schema=SCHEMA, orient="row"), left_out([]))


def signal_levels(text: str) -> dict[str, float]:
    """{track: value} of "dnase=2.5,h3k27ac=0"; empty for what is not this, or names a track twice."""
    found = {}
    for part in text.split(","):
        track, _, value = part.partition("=")
        if not track.strip() or not _LEVEL.fullmatch(value.strip()):
            return {}
        found[track.strip()] = float(value)
    return found if len(found) == text.count(",") + 1 else {}
