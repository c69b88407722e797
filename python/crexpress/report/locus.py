"""One gene's locus: which gene to show, and what lies around it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy import ndimage

from crexpress.core import builds, log, methods, splits
from crexpress.core.artifacts import Arrays
from crexpress.core.errors import InputError
from crexpress.core.intervals import overlapping
from crexpress.core.tracks import element_means
from crexpress.formats import screen_files
from crexpress.prepare import asked_genes, screening
from crexpress.prepare.contacts import Contacts, Value
from crexpress.report import cell_facts, facts, known_elements, style
from crexpress.report.inputs import Inputs, Loaded
from crexpress.report.known_elements import NOTHING, Beside

STRONGEST = 10  # elements a score that get an arc
LOOPS = 120  # loops drawn at most, strongest first
CELLS = 4  # cells whose tracks are drawn at most: that of the links, then those never seen

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Locus:
    """What one picture shows.

    `gene` is its row of genes.parquet, `view` 0-based half-open, `linked` its rows of `cell_facts.candidates`,
    `elements` those in view, `tracks` a value per element of each (cell, track), `loops` both anchors [n, 4] in bp,
    `tested` the gene's tested intervals or None without a screen, `genes` all genes in view, `beside` known elements.
    """

    cell: str
    gene: Row
    view: tuple[int, int]
    linked: pl.DataFrame
    elements: pl.DataFrame
    tracks: Mapping[tuple[str, str], np.ndarray]
    loops: np.ndarray
    loops_left_out: int
    tested: pl.DataFrame | None
    genes: pl.DataFrame
    beside: Beside = NOTHING


def scores(links: Loaded[pl.DataFrame]) -> dict[str, str]:
    """Scores of a links table that are pictured, {column: label}: all but those over distance and within each gene."""
    return {
        method.score: style.sentence(method.title)
        for method in methods.of_links(links.header["parameters"])
        if method.score in links.data.columns and method.form == methods.PLAIN
    }


def screen(files: Sequence[str], inputs: Inputs) -> pl.DataFrame:
    """Tested pairs of known genes in the screens given as [NAME=]FILE, each once: `gene_id`, `cell` (of a file that
    names none what evaluate took it for, else null), `chrom`, `start`, `end`, `regulated` (by any of several tests).
    """
    tables, genes, screens = [], inputs.genes.data, facts.screens(inputs)
    chromosomes = {*genes["chrom"].unique(), *(inputs.elements.data["chrom"].unique() if inputs.elements else ())}
    build = builds.of_header(inputs.elements.header) if inputs.elements else None
    for name, path in screen_files.parse(files).items():
        table = screen_files.read(path, chromosomes)
        pairs, _ = screening.placed(path, table.pairs, genes, table.build, build)
        assumed = screens.get(name, {}).get("assumed_cell")
        cell = pl.col("CellType") if "CellType" in pairs.columns else pl.lit(assumed, pl.String)
        tables.append(
            pairs.select(
                pl.col("gene_id"),
                cell.alias("cell"),
                pl.col("chrom"),
                pl.col("chromStart").cast(pl.Int64).alias("start"),
                pl.col("chromEnd").cast(pl.Int64).alias("end"),
                pl.col("Regulated").alias("regulated"),
            )
        )
    keys = ["gene_id", "cell", "chrom", "start", "end"]
    known = pl.concat(tables).filter(pl.col("gene_id").is_not_null())
    return known.group_by(keys, maintain_order=True).agg(pl.col("regulated").any())


def file_name(inputs: Inputs, gene: Row) -> str:
    """A gene's symbol as part of a file's name; its id where it has no symbol, or one that other genes have as well."""
    symbol = gene["gene_name"]
    alone = symbol and (inputs.genes.data["gene_name"] == symbol).sum() == 1
    return re.sub(r"[^\w.-]", "_", symbol if alone else gene["gene_id"])


def asked(inputs: Inputs, cell: str, names: Sequence[str]) -> list[Row]:
    """Genes by symbol or id, as rows of genes.parquet; those without any link are said and left out.

    Raises InputError for names that no gene or several have, and where no gene is left.
    """
    genes = inputs.genes.data[asked_genes.rows(inputs.genes.data, names)]
    linked = set(cell_facts.candidates(inputs, cell)["gene_id"].unique())
    lacking = [name for name, gene in zip(names, genes["gene_id"], strict=True) if gene not in linked]
    told = f"{inputs.links[cell].name} holds no link of {', '.join(lacking)}: no element is in reach"
    if lacking and len(lacking) == len(names):
        raise InputError(f"{told}; ask for other genes")
    if lacking:
        log.say(f"Warning: {told}; not drawn")
    return list(genes.filter(pl.col("gene_id").is_in(list(linked))).iter_rows(named=True))


def choose(inputs: Inputs, cell: str, pairs: pl.DataFrame | None) -> Row:
    """The gene to show: of those with regulated pairs among their links, unseen ones first, the one with most such
    pairs and loops; without a screen the unseen gene with most loops and the highest prediction.
    """
    links = inputs.links[cell]
    genes = inputs.genes.data.join(
        links.data.select("gene_id").unique(), on="gene_id", how="semi", maintain_order="left"
    )
    counted = pl.DataFrame(schema={"gene_id": pl.String, "positives": pl.UInt32})
    if pairs is not None:
        counted = (
            _covered(links.data, pairs.filter(_of_cell(cell)))
            .group_by("gene_id")
            .agg(pl.col("regulated").sum().alias("positives"))
        )
    predicted = pl.DataFrame(schema={"gene_id": pl.String, "split": pl.String, "predicted": pl.Float32})
    if cell in inputs.predictions:
        predicted = inputs.predictions[cell].data.select(predicted.columns)
    for table in (predicted, counted):
        genes = genes.join(table, on="gene_id", how="left", maintain_order="left")
    genes = genes.with_columns(pl.col("positives").fill_null(0))
    for wanted in (pl.col("positives") > 0, pl.col("split") == splits.TEST):
        genes = genes.filter(wanted) if len(genes.filter(wanted)) else genes
    of_genes = links.data.join(genes.select("gene_id"), on="gene_id", how="semi", maintain_order="left")
    loops = of_genes.filter(looped(inputs.contacts.get(cell), of_genes)).group_by("gene_id").agg(loops=pl.len())
    ranked = genes.join(loops, on="gene_id", how="left", maintain_order="left")
    by = [pl.col("loops").fill_null(0) > 0, "positives", "loops", "predicted"]
    return ranked.sort(by, descending=True, nulls_last=True, maintain_order=True).row(0, named=True)


def gather(
    inputs: Inputs, cell: str, gene: Row, pairs: pl.DataFrame | None, known: Mapping[str, pl.DataFrame] | None = None
) -> Locus:
    """Collect what the picture of `gene` in `cell` shows; the view holds its strongest, tested, looped and known
    elements (`known_elements.read`), the last up to 2 Mb from the TSS.

    A link model scores elements that the network has not read: they are linked as well, and not `read`.
    """
    labels, contacts = scores(inputs.links[cell]), inputs.contacts.get(cell)
    linked = cell_facts.candidates(inputs, cell).filter(pl.col("gene_id") == gene["gene_id"]).sort("start")
    of_network = [pl.col(name).is_not_null() for name in labels if name != methods.PROBABILITY]
    linked = linked.with_columns(read=pl.any_horizontal(of_network or [pl.lit(True)]))
    shown = [
        linked.filter("called" if name == methods.PROBABILITY else "read")
        .sort(name, descending=True, nulls_last=True)
        .head(STRONGEST)
        for name in labels
    ]
    near = linked.filter("read")
    shown.append(near.filter(looped(contacts, near)).sort(pl.col("distance").abs()).head(STRONGEST))
    tested = None
    if pairs is not None:
        tested = pairs.filter((pl.col("gene_id") == gene["gene_id"]) & _of_cell(cell)).sort("start")
        shown += [_within(tested, near), _within(tested.filter("regulated"), linked)]
    beside = known_elements.beside(inputs, cell, gene, known) if known else NOTHING
    shown += beside.known.values()
    edges = [gene["tss"], gene["start"], gene["end"]]
    for frame in shown:
        edges += [*frame["start"], *frame["end"]]
    pad = max(2_000, (max(edges) - min(edges)) // 25)
    view = (min(edges) - pad, max(edges) + pad)
    tested = None if tested is None else tested.filter((pl.col("end") > view[0]) & (pl.col("start") < view[1]))

    inside = (pl.col("chrom") == gene["chrom"]) & (pl.col("end") > view[0]) & (pl.col("start") < view[1])
    elements, tracks = linked.rename({"start": "ccre_start", "end": "ccre_end"}), {}
    if inputs.elements is not None:
        elements = inputs.elements.data.with_row_index("row").filter(inside)
        rows = elements["row"].to_numpy()
        order = sorted(inputs.signals, key=lambda name: (name != cell, facts.seen(inputs, name), name))
        for name in order[:CELLS]:
            signals = inputs.signals[name]
            for track in signals.header["parameters"]["tracks"]:
                tracks[name, track] = element_means(signals.data.tensors[track][rows], dtype=np.float32)
    loops = _loops(contacts, gene["chrom"], view)
    return Locus(
        cell=cell,
        gene=gene,
        view=view,
        linked=linked,
        elements=elements,
        tracks=tracks,
        loops=loops[:LOOPS],
        loops_left_out=max(0, len(loops) - LOOPS),
        tested=tested,
        genes=inputs.genes.data.filter(inside),
        beside=beside,
    )


def _within(tested: pl.DataFrame, linked: pl.DataFrame) -> pl.DataFrame:
    """Tested intervals between the first and the last of these elements."""
    return tested.filter((pl.col("end") > linked["start"].min()) & (pl.col("start") < linked["end"].max()))


def _of_cell(cell: str) -> pl.Expr:
    """Tested pairs of a cell, and those of a screen that names none."""
    return pl.col("cell").is_null() | (pl.col("cell") == cell)


def _covered(links: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Tested pairs that touch a linked element of their gene, one row a pair: `gene_id`, `regulated`."""
    tested, link = overlapping(pairs, links)
    same = (pairs["gene_id"][tested] == links["gene_id"][link]).to_numpy()
    return pairs[np.unique(tested[same])].select("gene_id", "regulated")


def looped(contacts: Loaded[Arrays] | None, links: pl.DataFrame) -> np.ndarray:
    """Whether a loop joins each link's element to the bin of its gene's TSS: bool [links]."""
    if contacts is None:
        return np.zeros(len(links), bool)
    binned = Contacts(contacts.header, contacts.data.tensors)
    middle = ((links["start"] + links["end"]) // 2).to_numpy()
    promoter, element = (binned.bins(links["chrom"], at) for at in (links["tss"].to_numpy(), middle))
    value: Value = "count" if np.isfinite(contacts.data.tensors["count"]).any() else "neglog10q"
    found: np.ndarray = (promoter != element) & (binned.lookup(promoter, element, value) > 0)
    return found


def _loops(contacts: Loaded[Arrays] | None, chrom: str, view: tuple[int, int]) -> np.ndarray:
    """Both anchors of the loops inside the view: [n, 4] start, end, start, end in bp; strongest first, then shortest.

    Bins that touch belong to one loop: a broad anchor fills many.
    """
    if contacts is None or chrom not in contacts.data.tensors["chroms"]:
        return np.zeros((0, 4))
    tensors, size = contacts.data.tensors, contacts.header["parameters"]["bin_size"]
    offset = tensors["offsets"][tensors["chroms"].tolist().index(chrom)]
    first, last = (offset + max(0, at) // size for at in view)
    here = (tensors["row"] >= first) & (tensors["col"] <= last) & (tensors["col"] > tensors["row"])
    grid = np.zeros((last - first + 1,) * 2)
    strength = np.where(np.isfinite(tensors["count"][here]), tensors["count"][here], tensors["neglog10q"][here])
    grid[tensors["row"][here] - first, tensors["col"][here] - first] = np.nan_to_num(strength, nan=1.0, posinf=1e9)
    labels, number = ndimage.label(grid > 0)
    boxes = ndimage.find_objects(labels)
    bins = np.array([[side.start, side.stop, top.start, top.stop] for side, top in boxes]).reshape(-1, 4)
    tallest = np.asarray(ndimage.maximum(grid, labels, np.arange(1, number + 1))).reshape(-1)
    order = np.lexsort((bins[:, 2] - bins[:, 1], -tallest))
    return (bins[order] + first - offset) * size
