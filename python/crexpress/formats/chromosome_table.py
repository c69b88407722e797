"""A user's table of chromosome names: each line holds the names of one sequence (NC_000021.9 chr21)."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from crexpress.core import chromosome_names
from crexpress.core.errors import InputError
from crexpress.formats import text_tables


def read(path: str | Path, reference: Collection[str]) -> dict[str, str]:
    """The names of `reference` for every other name of the same line of the table.

    Two columns do, in any order; UCSC's chromAlias.txt and NCBI's assembly_report.txt are read as they are. What
    stands in several lines (a role, a unit of the assembly) is no name. Raises InputError when no line names a
    chromosome of `reference`.
    """
    table = text_tables.read(path, lambda first: False, ragged=True)
    lines = [{text.strip() for text in row[1:] if text and text.strip()} for row in table.rows.iter_rows()]
    times = Counter(name for line in lines for name in line)
    found: dict[str, str] = {}
    for line in lines:
        own = [name for name in line if times[name] == 1]
        ours = {name for name in own if name in reference} or {
            other for name in own if (other := chromosome_names.other_spelling(name)) in reference
        }
        if len(ours) == 1:
            found |= dict.fromkeys(set(own) - ours, *ours)
    if not found:
        raise InputError(
            f"{path} names none of the genome's chromosomes ({chromosome_names.shown(reference, 3)}); each line must "
            "hold the names of one chromosome, the genome's among them"
        )
    return found
