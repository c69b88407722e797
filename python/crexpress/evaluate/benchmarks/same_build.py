"""Of which genome build a benchmark's file is, by what it says and by where its places lie.

Places of another build look like any others, and their figures are wrong without looking so: what a file says (column
`build`, comments, its name) must be the run's, no place may end behind its chromosome, and where it says nothing its
places must lie on cCREs more often than others near by, or somebody must say it.
"""

from itertools import islice, takewhile
from pathlib import Path

import polars as pl

from crexpress.core import builds
from crexpress.core.errors import InputError
from crexpress.core.intervals import any_overlap
from crexpress.evaluate.benchmarks.base import Entry, World
from crexpress.formats import chain, text_files

# bp that the last bin of a map may reach behind a chromosome; lengths of hg19 and hg38 mostly differ by more
_ROUNDED = 50_000
_ASIDE, _MORE, _TELLING = 40_000, 1.2, 30  # bp; how much more often than aside; places from which on shares tell
_MATRICES = (".hic", ".cool", ".mcool")


def said(entry: Entry, world: World, known: str | None = None) -> str | None:
    """The build that is said of an entry's file (`known`: by its layout), None where nothing is; the run's once lifted.

    Raises InputError where it is another than the run's, or, where no run has one, than that of a published table.
    """
    path = entry.file
    assert path is not None
    if entry.options.get("chain"):
        return world.build
    build = entry.options.get("build") or known
    if not build and not path.name.endswith(_MATRICES):
        with text_files.open_text(path) as file:
            comments = list(takewhile(lambda line: line.startswith(("#", "track", "browser")), islice(file, 50)))
        build = builds.of_comments(comments)
    build = build or builds.of_name(path)
    builds.require_build(path, build, world.build)
    known_of = [(str(path), builds.named(build))] if build else []
    known_of += [(links.labels, links.build) for links in world.links if links.build and not world.build]
    if len({of for _, of in known_of}) > 1:
        raise InputError(
            f"{' and '.join(f'{what} is of {of}' for what, of in dict.fromkeys(known_of))}: give tables of one genome "
            "build, or a chain file from one to the other (column chain of benchmarks.csv, for evaluate --benchmarks)"
        )
    return build


def lifted(
    frame: pl.DataFrame, entry: Entry, what: str, names: tuple[str, str, str] = ("chrom", "start", "end")
) -> tuple[pl.DataFrame, list[str]]:
    """Rows that the entry's chain file takes to the run's build, and what to tell of it; all where there is none."""
    if not entry.options.get("chain"):
        return frame, []
    file = Path(entry.options["chain"])
    chrom, start, end = names
    places = chain.read(file).lift(
        frame[chrom].to_list(), frame[start].cast(pl.Int64).to_numpy(), frame[end].cast(pl.Int64).to_numpy()
    )
    columns = [pl.Series(name, values) for name, values in zip(names[1:], places[1:], strict=True)]
    found = frame.with_columns(pl.Series(chrom, places[0], pl.String), *columns).drop_nulls(chrom)
    return found, [f"lifted by {file.name}: {len(found):,} of {len(frame):,} {what}"]


def require_within(entry: Entry, places: pl.DataFrame, world: World) -> None:
    """Raise InputError where a place (chrom, start, end) ends behind its chromosome."""
    length = pl.col("chrom").replace_strict(dict(world.lengths), default=None, return_dtype=pl.Int64)
    behind = places.with_columns(length.alias("length")).filter(pl.col("end") > pl.col("length") + _ROUNDED)
    if len(behind):
        chrom, start, end, length_of = behind.select("chrom", "start", "end", "length").row(0)
        raise InputError(
            f"{entry.file}: {len(behind):,} of {len(places):,} places end behind their chromosome, as {chrom}:"
            f"{start:,}-{end:,} where {chrom} has {length_of:,} bp: it is of another genome build than this run; give "
            "one of this run's, or a chain file (column chain of benchmarks.csv)"
        )


def require_on_elements(entry: Entry, places: pl.DataFrame, world: World) -> list[str]:
    """What to tell of places of which no build is said. Raises InputError where they lie on cCREs as others do."""
    places = places.select("chrom", "start", "end").unique(maintain_order=True)
    if world.elements is None or world.build is None:
        return []
    if len(places) < _TELLING:
        return [f"nothing tells of which build its {len(places)} places are; they are taken for {world.build}"]
    extents = world.elements.select("chrom", start="ccre_start", end="ccre_end")
    moved = [places.with_columns(pl.col("start", "end") + by) for by in (-_ASIDE, _ASIDE)]
    share, *aside = (float(any_overlap(these, extents).mean()) for these in (places, *moved))
    if share > _MORE * sum(aside) / 2:
        return []
    raise unknown(
        entry,
        world,
        f"its places lie on cCREs no more often ({share:.0%}) than places {_ASIDE // 1000} kb aside "
        f"({sum(aside) / 2:.0%})",
    )


def unknown(entry: Entry, world: World, why: str) -> InputError:
    """The refusal of a file of which nobody says the build."""
    return InputError(
        f"{entry.file} does not say of which genome build it is, and {why}; say it in the column build of "
        f"benchmarks.csv ({world.build}) or in the file's name, or give a chain file where it is another (column chain)"
    )
