"""What can be known of expression tables, tracks, perturbation screens and variants before a run starts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from crexpress.core import chromosome_names
from crexpress.core.errors import InputError, InputErrors
from crexpress.core.files import replacing
from crexpress.core.names import is_whole
from crexpress.core.staged import as_given
from crexpress.formats import genome_files, screen_files, text_files
from crexpress.formats.edit_files import read_edits
from crexpress.formats.peaks import Peaks
from crexpress.formats.samplesheet import TABLES
from crexpress.interpret import edits
from crexpress.links.train import FEWEST
from crexpress.prepare import asked_genes, expression, peak_places, quantifications, screening, signals
from crexpress.prepare.genes import read_genes


def genes(gtf: Path, biotypes: Collection[str], exclude: Collection[str]) -> pl.DataFrame:
    """Genes of the annotation, as far as tables and screens name them; InputError as from `read_genes`."""
    return read_genes(gtf, "gene", biotypes, exclude, known=exclude)  # merge-ccres knows what the genome has


def table_faults(tables: Iterable[tuple[str, str, str]], annotation: pl.DataFrame, gtf: Path) -> list[str]:
    """One sentence for every table (cell, quantity, FILE[:COLUMN]) that quantify-expression would refuse."""
    faults = []
    for cell, quantity, text in tables:
        try:
            path, column = expression.file_and_column(text)
            suffix = Path(path.name.lower().removesuffix(".gz")).suffix
            if suffix in TABLES:
                quantifications.read_values(annotation, path, column, gtf)
            elif suffix == ".bed" and column:
                _require_number(path, column)
        except InputError as error:
            faults.append(f"{cell}, {quantity}: {error}")
    return faults


def tracks(
    files: Iterable[tuple[str, str, Path]], sizes: Mapping[str, int], exclude: Collection[str], ccres: Sequence[Path]
) -> tuple[list[str], list[str]]:
    """Warnings and faults: one sentence for every bigWig or file of peaks (cell, track, path) that cannot be opened, or
    is of another genome than `sizes`: {chromosome: bp}; and for peaks that do not lie on the cCREs.
    """
    lengths = {name: sizes[name] for name in chromosome_names.usable(sizes, exclude)}
    lists = [text_files.read_intervals(path).select("chrom", "start", "end") for path in ccres]
    warnings, faults = list[str](), list[str]()
    for cell, name, path in files:
        try:
            source, names = signals.open_track(path, lengths)
        except InputError as error:
            faults.append(f"{cell}, {name}: {error}")
            continue
        if lists and isinstance(source, Peaks):
            why = peak_places.doubt(name, source, names, pl.concat(lists))
            warnings += [f"{cell}, {name}: {why}"] if why else []
    return warnings, faults


def gene_faults(names: Sequence[str], annotation: pl.DataFrame) -> list[str]:
    """One sentence for every gene asked for by a name that none or several have."""
    try:
        asked_genes.rows(annotation, names)
    except InputErrors as error:
        return [f"genes asked for: {fault}" for fault in error.faults]
    except InputError as error:
        return [f"genes asked for: {error}"]
    return []


def variant_faults(variants: Path, fasta: Path) -> list[str]:
    """A sentence for a file of variants or edits that cannot be read, or is of another genome build than the FASTA."""
    try:
        edits.check(read_edits(variants), variants, fasta, genome_files.chromosome_sizes(fasta))
    except InputError as error:
        return [f"--variants: {error}"]
    return []


def _require_number(path: Path, column: str) -> None:
    """Of a BED with tags, as large as it may be, the first line is enough."""
    fields = text_files.first_fields(path)
    if not (is_whole(column) and 1 <= int(column) <= len(fields)):
        raise InputError(f"{path} has no value column '{column}'; give the column's number, for example 5")


def screens(
    options: Sequence[str],
    ccres: Sequence[Path],
    annotation: pl.DataFrame,
    cells: Sequence[str],
    only: str | None,
    fitted: str | None,
    build: str | None = None,
) -> tuple[list[str], list[str]]:
    """Warnings and faults of the screens given as [NAME=]FILE, in those `cells` whose links are scored, or `only` one.

    A screen that is of other cells is a fault only where no other has a pair to score; one that has none of the run's
    genes, chromosomes or cCREs always is: it is of another species or build, or spells them otherwise.
    """
    if not options:
        return [], []
    lists = [text_files.read_intervals(path).select("chrom", "start", "end") for path in ccres]
    found: list[screening.Screening] = []
    warnings: list[str] = []
    faults: list[str] = []
    if only and only not in cells:
        known = ", ".join(sorted(cells)) or "no cell"
        warnings.append(f"--crispr-cell: links are scored of {known}, not of {only}: screens tell what needs no model.")
    for name, path in screen_files.parse(options).items():
        try:
            found.append(_screen(name, path, lists, annotation, [only] if only else cells, build))
            if name == fitted and only:
                _require_fit(found[-1], only)
        except InputError as error:
            faults.append(f"--crispr {name}: {error}")
    if not faults:
        try:
            screening.require_one(found)
        except InputError as error:
            faults.append(f"--crispr: {error}")
    return warnings + [warning for one in found for warning in one.warnings], faults


def _screen(
    name: str,
    path: Path,
    lists: Sequence[pl.DataFrame],
    annotation: pl.DataFrame,
    cells: Sequence[str],
    build: str | None,
) -> screening.Screening:
    """A screen beside annotation and cCREs; InputError when it cannot be of this genome."""
    chromosomes = dict.fromkeys(chrom for frame in lists or [annotation] for chrom in frame["chrom"].unique())
    found = screening.screen(name, path, annotation, chromosomes, cells, build)
    for cell, pairs in list(found.cells.items()):
        touched = np.ones(len(pairs), bool)
        if lists:
            touched = np.any([screening.touching(pairs, frame) for frame in lists], axis=0)
        screening.fit(found, cell, annotation, pl.concat([frame[:1] for frame in lists or [annotation]]), touched)
        if cell not in found.cells:
            raise InputError(found.warnings[-1])
    return found


def _require_fit(found: screening.Screening, cell: str) -> None:
    """A fit needs regulated pairs; how many of them links reach is known only later."""
    positives = int(found.cells[cell]["Regulated"].sum()) if cell in found.cells else 0
    if positives < FEWEST:
        raise InputError(f"it has {positives} regulated pairs in {cell}, and fit-links needs {FEWEST}")


def write(path: Path, warnings: Sequence[str]) -> None:
    """One warning a line."""
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{as_given(warning)}\n" for warning in warnings), encoding="utf-8")
