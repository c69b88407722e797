"""How a published table of links is read: which columns hold what, and how its authors put its scores together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from crexpress.core import chromosome_names
from crexpress.core.builds import named, of_name, require_build
from crexpress.core.errors import InputError
from crexpress.core.log import say
from crexpress.core.methods import PLAIN, PUBLISHED, Method
from crexpress.core.names import GENE_ID
from crexpress.formats import text_tables
from crexpress.links.published import AGGREGATES, Aggregate, Linkset, Score, gene_keys, without_promoters

CHROM = ("chr", "chrom", "chromosome", "#chr", "#chrom", "chrElement", "seqnames")
START = ("start", "chromStart", "startElement")
END = ("end", "chromEnd", "stop", "endElement")
SYMBOL = ("TargetGene", "GeneSymbol", "measuredGeneSymbol", "gene_name", "symbol", "gene", "Gene")
ENSEMBL = ("TargetGeneEnsembl_ID", "TargetGeneEnsemblID", "measuredGeneEnsemblId", "gene_id", "ensembl_id", "ENSG")
CELL = ("CellType", "cell", "biosample_name", "Cell type")
SCORE = ("score", "Score", "predicted_score", "raw_score")


@dataclass(frozen=True)
class Format:
    """A method's table. `columns` {chrom, start, end, symbol, ensembl, cell, score: names, the first that is there}.

    `prepare` makes of a table that is no list of intervals one that is. `note` is told to the reader of the figures.
    `fitted_to`: the cells to whose screens the score was fitted (None: not known).
    """

    name: str
    title: str
    score: Sequence[str] = SCORE
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    higher_is_better: bool = True
    aggregate: Aggregate = "max"
    fill: float = float("-inf")
    build: str | None = None
    note: str = ""
    fitted_to: tuple[str, ...] | None = None
    prepare: Callable[[pl.DataFrame, Path], pl.DataFrame] | None = None


@dataclass(frozen=True)
class Wish:
    """What a user says of a table beyond its format, its columns among it; None: as the format has it."""

    label: str | None = None
    cell: str | None = None
    chrom: str | None = None
    start: str | None = None
    end: str | None = None
    gene: str | None = None
    score: str | None = None
    aggregate: str | None = None
    fill: float | None = None
    build: str | None = None
    lower_is_better: bool = False


def read(path: Path, form: Format, wish: Wish, genes: pl.DataFrame | None, run_build: str | None) -> list[Linkset]:
    """The links of a table, one set a cell. Raises InputError for another build, missing columns and broken values.

    Names of genes are compared as `gene_keys` does; with `genes`, elements on a TSS interval are left out and counted.
    """
    build = wish.build or form.build or of_name(path)
    require_build(path, build, run_build)
    text = text_tables.read(path, _is_header(form, wish), least=4)
    if text.names is None:
        raise InputError(
            f"{path} has no header with columns that are known (chrom, start, ...); name them as in chrom=COLUMN"
        )
    frame = text.named()
    if form.prepare:
        frame = form.prepare(frame, path)
    frame = _columns(path, frame, form, wish)
    if genes is not None:
        spelling = chromosome_names.reconcile(
            frame["chrom"].unique(maintain_order=True).to_list(), genes["chrom"].unique(), path
        )
        frame = frame.with_columns(pl.col("chrom").replace_strict(spelling, default=None, return_dtype=pl.String))
        elsewhere = frame["chrom"].null_count()
        if elsewhere:
            say(f"{path}: {elsewhere:,} links lie on chromosomes that this run does not have and are left out")
            frame = frame.drop_nulls("chrom")
    frame = frame.with_columns(gene_keys(frame, genes).alias("key"))
    if dates := text_tables.told_of_dates(frame["symbol"].filter(frame["ensembl"].is_null())):
        say(f"Warning: {path}: {dates}; no gene is called so; export the table again without one")
    unnamed = frame["key"].null_count()
    if unnamed:
        say(f"{path}: {unnamed:,} of {len(frame):,} links name no gene and are left out")
    aggregate = wish.aggregate or form.aggregate
    if aggregate not in AGGREGATES:
        raise InputError(f"{path}: '{aggregate}' is no way to put scores together; give {', '.join(AGGREGATES)}")
    label = wish.label or form.title
    method = Method(label.lower().replace(" ", "_"), label, PUBLISHED, form=PLAIN)
    score = Score(label, method, form.higher_is_better and not wish.lower_is_better, aggregate,
                  form.fill if wish.fill is None else wish.fill, form.fitted_to)  # fmt: skip
    cells = [wish.cell] if wish.cell else frame["cell"].unique(maintain_order=True).to_list()
    found = []
    for cell in cells:
        own = frame if wish.cell else frame.filter(pl.col("cell").eq_missing(cell))
        more = ["ensembl"] if genes is None else []
        table = own.drop_nulls("key").select("chrom", "start", "end", "key", "score", *more)
        links = Linkset(cell, table, {"score": score}, build=named(build) if build else None)
        found.append(links if genes is None else without_promoters(links, genes))
    return found


def _is_header(form: Format, wish: Wish) -> Callable[[Sequence[str]], bool]:
    known = {name for names in _wanted(form, wish).values() for name in names}
    return lambda first: len(known & {name.strip() for name in first}) > 1


def _wanted(form: Format, wish: Wish) -> dict[str, Sequence[str]]:
    usual = {"chrom": CHROM, "start": START, "end": END, "symbol": SYMBOL, "ensembl": ENSEMBL, "cell": CELL}
    given = {what: getattr(wish, what) for what in ("chrom", "start", "end", "score")}
    named: dict[str, Sequence[str]] = {what: (name,) for what, name in given.items() if name}
    if wish.gene:  # of ids or symbols
        named |= {"symbol": (wish.gene,), "ensembl": ()}
    return {**usual, **form.columns, "score": form.score, **named}


def _columns(path: Path, frame: pl.DataFrame, form: Format, wish: Wish) -> pl.DataFrame:
    """chrom, start, end, symbol, ensembl, cell, score; InputError naming what is missing, or the first broken line."""
    chosen = {
        what: next((name for name in names if name in frame.columns), None)
        for what, names in _wanted(form, wish).items()
    }
    missing = [what for what in ("chrom", "start", "end", "score") if chosen[what] is None]
    missing += [] if chosen["symbol"] or chosen["ensembl"] else ["gene"]
    if missing:
        raise InputError(
            f"{path} has no column for {', '.join(missing)} of {form.title}; its columns are "
            f"{', '.join(frame.columns[1:15])}; name the one that holds it, as in chrom=COLUMN,gene=COLUMN,score=COLUMN"
        )
    several = [name for name in SCORE if name in frame.columns]
    if not wish.score and form.score is SCORE and len(several) > 1:
        raise InputError(f"{path} has the score columns {', '.join(several)}; name one, as in score={several[0]}")
    if chosen["symbol"] == chosen["ensembl"]:
        chosen["symbol"] = None
    values = {}
    for what, name in chosen.items():
        column = frame[name] if name else pl.repeat(None, len(frame), dtype=pl.String, eager=True)
        column = column.cast(pl.String).str.strip_chars()
        values[what] = column.set(column.is_in(text_tables.MISSING).fill_null(True), None).alias(what)
    if chosen["symbol"] and not chosen["ensembl"]:  # ids in the column of symbols
        is_id = values["symbol"].str.contains(GENE_ID).fill_null(False)
        values["ensembl"] = values["symbol"].set(~is_id, None).alias("ensembl")
        values["symbol"] = values["symbol"].set(is_id, None)
    table = pl.DataFrame(values)
    for what in ("start", "end", "score"):
        kind = pl.Float64 if what == "score" else pl.Int64
        number = values[what].cast(pl.Float64, strict=False).cast(kind, strict=False)
        broken = (number.is_null() & values[what].is_not_null()).arg_true()
        if len(broken):
            line = frame["line"][int(broken[0])] if "line" in frame.columns else int(broken[0]) + 2
            raise InputError(
                f"{path} line {line}: '{values[what][int(broken[0])]}' in column {chosen[what]} is no number"
            )
        table = table.with_columns(number.alias(what))
    return table.drop_nulls(["chrom", "start", "end", "score"])
