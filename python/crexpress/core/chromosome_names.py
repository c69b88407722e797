"""Names of chromosomes: their order, which are whole, how they are spelt ("1" or "chr1"), whose build they are."""

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from crexpress.core import log
from crexpress.core.errors import InputError

if TYPE_CHECKING:
    pass


_CANONICAL = re.compile(r"(?i:chr)?(\d{1,3}[ABLR]?|[IVX]+|[WXYZ]|M|MT|Mito)")
LEFT_OUT = ("chrY", "chrM")  # chromosomes left out unless the user says otherwise
_SEX_AND_MITO = {"X": 1, "Y": 2, "Z": 3, "W": 4, "M": 5}


def natural_order(names: Iterable[str]) -> list[str]:
    """Distinct chromosome names, numbers by value, then X, Y, Z, W, M, then all others by name."""

    def key(name: str) -> tuple[int, int, str]:
        bare = _bare(name)
        number = re.match(r"\d{1,18}", bare)  # Python takes no number of thousands of digits, as damaged files have
        if number:
            return 0, int(number[0]), bare[number.end() :]
        return 1, _SEX_AND_MITO.get(bare, 99), bare

    return sorted(set(names), key=lambda name: (*key(name), name))


def shown(names: Iterable[str], most: int = 5) -> str:
    """Chromosome names for a message: the first `most` in natural order."""
    ordered = natural_order(names)
    return ", ".join([*ordered[:most], *(["..."] if len(ordered) > most else [])])


def is_canonical(name: str) -> bool:
    """Whether a name is a whole chromosome (chr1, 1, X, 2L, MT) and not a scaffold, patch or decoy."""
    return _CANONICAL.fullmatch(name) is not None


def usable(names: Iterable[str], exclude: Collection[str], scaffolds: bool = False) -> list[str]:
    """The names in natural order, without excluded ones (in any spelling) and, by default, scaffolds."""
    unwanted = {_bare(name) for name in exclude}
    kept = (name for name in natural_order(names) if _bare(name) not in unwanted)
    return [name for name in kept if scaffolds or is_canonical(name)]


def require_known(exclude: Iterable[str], names: Collection[str], path: str | Path) -> None:
    """Raise InputError for a chromosome to exclude that no file has, in any spelling: it is mistyped.

    Y and the mitochondrion, which are left out by default, need not be there.
    """
    known = {_bare(name) for name in (*names, *LEFT_OUT)}
    for name in exclude:
        if _bare(name) not in known:
            raise InputError(f"there is no chromosome '{name}' to exclude in {path}; it has {shown(names, 30)}")


def other_spelling(name: str) -> str:
    """ "1" for "chr1" and "chr1" for "1"."""
    return name[3:] if name.startswith("chr") else f"chr{name}"


def strange_names(names: Iterable[str], path: str | Path) -> str:
    """What to say of a file whose chromosomes bear none of the names known here, such as accessions."""
    return (
        f"{path} shares no chromosome with the other input by name: it calls them {shown(names, 3)}, not chr1 or 1; "
        "rename them as the genome does, or, for cCREs and genes, give a table of both names as --chromosome-names"
    )


def reconcile(
    names: Iterable[str],
    reference: Collection[str],
    path: str | Path,
    aliases: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """Map the chromosome names of the file `path` to those of `reference`; others are left out.

    aliases: names of `reference` for others that the file may use, of a table that the user gives.

    "1" and "chr1" are taken for the same chromosome only when no name agrees as it stands, and the user
    is told. chrM and MT are never: UCSC's hg19 has another sequence under chrM. Raises InputError when nothing
    matches, or one file spells some chromosomes with and others without chr.
    """
    names, known = list(dict.fromkeys(names)), set(reference)
    if told := {name: aliases[name] for name in names if name not in known and aliases.get(name) in known}:
        if twice := next((name for name in told if told[name] in names), None):
            raise InputError(f"{path} uses both {twice} and {told[twice]}, which are one chromosome; spell it one way")
        return {name: name for name in names if name in known} | told
    same = {name: name for name in names if name in known}
    respelt = {name: other_spelling(name) for name in names if name not in known and other_spelling(name) in known}
    both = [name for name in respelt if other_spelling(name) in names]
    if both:
        raise InputError(f"{path} uses both {both[0]} and {other_spelling(both[0])}; spell it one way")
    if same and respelt:
        raise InputError(
            f"{path} spells {next(iter(same))} as the other input does and {next(iter(respelt))} otherwise; "
            "spell all chromosomes one way"
        )
    if same:
        return same
    if not respelt:
        if any(re.match(r"(NC|NT|NW|CM|GL|KI)_?\d+\.\d", name) for name in names):
            raise InputError(strange_names(names, path))
        raise InputError(
            f"{path} shares no chromosome with the other input: it has {', '.join(names[:3])}, "
            f"the other {', '.join(list(reference)[:3])}; give files of the same genome"
        )
    first = next(iter(respelt))
    log.say(f"{path}: chromosome names respelt ({first} -> {respelt[first]}, {len(respelt)} names)")
    return respelt


def require_same_build(sizes: Mapping[str, int], reference: Mapping[str, int | None], path: str | Path) -> None:
    """Raise InputError when a chromosome has another length in `path`: it is of another genome build."""
    for name, length in sizes.items():
        expected = reference.get(name)
        if expected is not None and expected != length:
            raise InputError(
                f"{path}: {name} is {length:,} bp long here but {expected:,} bp in the genome of this run; "
                "it was made for another genome build"
            )


def _bare(name: str) -> str:
    """A name without chr, and M for MT, to find a chromosome by any of its spellings."""
    bare = re.sub("^chr", "", name, flags=re.IGNORECASE)
    return "M" if bare == "MT" else bare
