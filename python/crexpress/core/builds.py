"""Genome builds, told by the lengths of their chromosomes; what is of another build is refused, never guessed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from crexpress.core.errors import InputError

# first chromosomes of each, bp; any of them tells the build
_LENGTHS = {
    "hg38": {
        "1": 248_956_422,
        "8": 145_138_636,
        "16": 90_338_345,
        "20": 64_444_167,
        "22": 50_818_468,
        "X": 156_040_895,
    },
    "hg19": {
        "1": 249_250_621,
        "8": 146_364_022,
        "16": 90_354_753,
        "20": 63_025_520,
        "22": 51_304_566,
        "X": 155_270_560,
    },
    "mm10": {"1": 195_471_971, "8": 129_401_213, "16": 98_207_768, "X": 171_031_299},
    "mm39": {"1": 195_154_279, "8": 130_127_694, "16": 98_008_968, "X": 169_476_592},
}
_OTHER_NAMES = {"grch38": "hg38", "grch37": "hg19", "b37": "hg19", "grcm38": "mm10", "grcm39": "mm39"}


def of_lengths(chromosomes: Sequence[Sequence[object]] | Mapping[str, int | None]) -> str | None:
    """The build of chromosomes with their lengths, as a header lists them; None where they tell none."""
    pairs = list(chromosomes.items()) if isinstance(chromosomes, Mapping) else [(one[0], one[1]) for one in chromosomes]
    given = {str(name).removeprefix("chr"): length for name, length in pairs}
    return next(
        (
            build
            for build, known in _LENGTHS.items()
            if any(given.get(name) == length for name, length in known.items())
        ),
        None,
    )


def of_comments(lines: Iterable[str]) -> str | None:
    """The build that an annotation's comments name: the only one, or, as GENCODE has it, what it is "mapped to"."""
    found = re.findall(r"(mapped to )?(GRC[hm]\d+|\bhg\d+|\bmm\d+)", "\n".join(lines))
    names = {named(name) for mapped, name in found if mapped} or {named(name) for _, name in found}
    return names.pop() if len(names) == 1 else None


def of_name(path: str | Path) -> str | None:
    """The build that a file's name names: hg19 of "loops.hg19.bed"; None where it names none, or several."""
    return of_comments([Path(path).name.replace("_", " ")])


def of_header(header: Mapping[str, Any]) -> str | None:
    """The build of an elements.parquet, by its chromosomes; None where they tell none."""
    return of_lengths(header["parameters"].get("chromosomes", []))


def named(text: str) -> str:
    """A build by its usual name: GRCh37 is hg19."""
    return _OTHER_NAMES.get(text.strip().lower(), text.strip().lower())


def require_build(path: str | Path, given: str | None, run: str | None) -> None:
    """Raise InputError where a file is said to be of another build than the run."""
    if given and run and named(given) != named(run):
        raise InputError(
            f"{path} is of {named(given)}, this run of {named(run)}; give a table of {named(run)}, or a chain file "
            f"from {named(given)} (column chain of benchmarks.csv, for evaluate --benchmarks)"
        )
