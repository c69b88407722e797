"""The largest answers of `--explain` as small tables: what contributes to a gene, what edits change, which motifs stand
out; `answers_genes` has those of genes and their elements. Their files have all.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from crexpress.core import groups
from crexpress.report import answers_genes, answers_network, cell_facts, facts, logos, style
from crexpress.report.answers_genes import MOST
from crexpress.report.inputs import Inputs, Loaded, model_told, unit_told
from crexpress.report.page import Block, Picture, Table, TableCell, Text

_DRAWN = 3  # links whose bases are drawn
_NAMED = 3  # inputs of a kind that a row names
_LETTERS = 12  # of an allele that are written out
_SITE = "site"  # bases under a motif's matches, which the sequence's sum holds already
_KINDS = {"track": "Tracks", "sequence": "Bases", "motif": "Motifs", "profile": "The gene's own profile"}
_LOG_TPM = "log10(1 + TPM)"
_UNEXPRESSED = math.log10(1 + 1)  # below 1 TPM a factor's motif says little


def contributions(inputs: Inputs, cell: str, file: Loaded[pl.DataFrame]) -> list[Block]:
    """The links with the largest sums, and the motifs that contribute most to all links asked for."""
    unit = unit_told(file)
    own = file.data.filter(pl.col("kind") != _SITE)
    links = own.group_by("gene_id", "element", maintain_order=True).agg(
        pl.first("gene_name", "element_id", "class", "distance"), sum=groups.total(pl.col("contribution"))
    )
    top = links.sort(pl.col("sum").abs(), descending=True, maintain_order=True).head(MOST)
    strand = dict(inputs.genes.data.select("gene_id", "strand").iter_rows())
    kinds = [kind for kind in _KINDS if kind in own["kind"]]
    digits = style.digits(top["sum"])
    rows = []
    for link in top.iter_rows(named=True):
        here = own.filter(pl.col("gene_id") == link["gene_id"], pl.col("element") == link["element"])
        away = style.base_pairs(cell_facts.along(link["distance"], strand[link["gene_id"]]))
        rows.append(
            [
                TableCell(link["gene_name"] or link["gene_id"], gene=link["gene_name"] or link["gene_id"]),
                TableCell(link["element_id"], f"{link['class']}, {away}"),
                TableCell(style.signed(link["sum"], digits), numeric=True),
                *(_largest(here.filter(pl.col("kind") == kind), kind, digits) for kind in kinds),
            ]
        )
    caption = (
        f"{_of_how_many(len(rows), len(links), 'links', 'largest sums')}, by {model_told(file)}. What the inputs of an "
        f"element contribute to the predicted expression of a gene, in {unit}: plus raises it, minus lowers it. Their "
        "sum is what the prediction loses without the element (within 1 % in the median link). Distances are along the "
        "gene."
    )
    columns = ["Gene", "Element", "Sum", *(_KINDS[kind] for kind in kinds)]
    drawn = _logos(inputs.logos.get(cell, []), top)
    return [Table(caption, columns, rows), *drawn, *_factors(inputs, cell, file.data, unit)]


def _logos(folders: Sequence[Path], links: pl.DataFrame) -> list[Block]:
    """Contributions of the strongest links drawn base by base, of one model; those of several tell no model's apart."""
    if len(folders) != 1:
        return []
    pictures: list[Block] = []
    for link in links.iter_rows(named=True):
        name = logos.name_of(link)
        path = folders[0] / f"{name}.svg"
        if path.is_file() and len(pictures) < _DRAWN:
            about = (
                f"what {link['element_id']} contributes to {link['gene_name']}, base by base, and its ranked factors"
            )
            caption = f"{style.sentence(about)}. Others are in explained/{folders[0].name}/."
            pictures.append(Picture(f"logo.{name}", path.read_bytes(), style.sentence(about), caption))
    return pictures


def _largest(here: pl.DataFrame, kind: str, digits: int) -> TableCell:
    """The inputs of one kind that contribute most to a link, each with its sign."""
    shown = here.filter(pl.col("contribution").abs() >= 0.5 * 10**-digits)
    shown = shown.sort(pl.col("contribution").abs(), descending=True, maintain_order=True).head(_NAMED)
    if kind == "sequence":
        return TableCell(style.signed(float(here["contribution"].sum()), digits), numeric=True)
    name = style.track if kind in ("track", "profile") else str
    told = [
        f"{name(factor or title)}\u00a0{style.signed(value, digits)}"  # in one line
        for title, factor, value in shown.select("name", "factor", "contribution").iter_rows()
    ]
    return TableCell(", ".join(told) or style.DASH)


def _factors(inputs: Inputs, cell: str, table: pl.DataFrame, unit: str) -> list[Block]:
    """Motifs by their mean contribution to all links, with the factor's expression in the cell."""
    kind = "motif" if "motif" in table["kind"] else _SITE
    links = table.select("gene_id", "element").n_unique()
    motifs = table.filter(pl.col("kind") == kind).group_by("name", "factor", maintain_order=True)
    mean = motifs.agg(
        mean=groups.total(pl.col("contribution")) / links, raises=(pl.col("contribution") > 0).sum(),
        expression=pl.col("expression").first(),
    )  # fmt: skip
    top = mean.filter(pl.col("mean") != 0).sort(pl.col("mean").abs(), descending=True, maintain_order=True).head(MOST)
    if top.is_empty():
        return []
    digits = style.digits(top["mean"])
    columns = ["name", "factor", "mean", "raises", "expression"]
    rows = [
        [
            TableCell(factor or name, "" if factor in (None, name) else name),
            TableCell(style.signed(value, digits), numeric=True),
            TableCell(f"{raises} of {links}", numeric=True),
            _expressed(inputs, cell, level),
        ]
        for name, factor, value, raises, level in top.select(columns).iter_rows()
    ]
    caption = (
        f"The {len(rows)} factors whose motifs contribute most, mean over all {links:,} links asked for, in {unit}. A "
        "motif says that a factor could bind there, not that it does; factors of a family share motifs."
    )
    titles = ["Factor", "Mean contribution", "Raises", f"Its expression, {facts.unit(inputs, cell)}"]
    if top["expression"].null_count() == len(top):  # of no factor known
        titles, rows = titles[:-1], [row[:-1] for row in rows]
    return [Table(caption, titles, rows)]


def _expressed(inputs: Inputs, cell: str, level: float | None) -> TableCell:
    """Expression of a factor in the cell, with a word where it is hardly expressed."""
    low = level is not None and level < _UNEXPRESSED and facts.unit(inputs, cell) == _LOG_TPM
    return TableCell(style.number(level, 2), "below 1 TPM" if low else "", numeric=True)


def variants(inputs: Inputs, cell: str, file: Loaded[pl.DataFrame]) -> list[Block]:
    """The edits with the largest effect on a gene, a row each: that gene, and how many others it reaches."""
    table = file.data
    if table.is_empty():
        return [Text("No edit touches an element that a gene sees.")]
    unit = unit_told(file)
    keys = ["line", "name", "chrom", "start", "end", "ref", "alt", "action"]
    strand = dict(inputs.genes.data.select("gene_id", "strand").iter_rows())
    ordered = table.sort(pl.col("effect").abs(), descending=True, maintain_order=True)
    edits = ordered.group_by(keys, maintain_order=True).agg(pl.all().first(), genes=pl.len())
    digits = style.digits(edits["effect"].head(MOST))
    rows = []
    for edit in edits.head(MOST).iter_rows(named=True):
        gene = edit["gene_name"] or edit["gene_id"]
        more = f"and {edit['genes'] - 1:,} more, changed less" if edit["genes"] > 1 else ""
        away = style.base_pairs(cell_facts.along(edit["distance"], strand[edit["gene_id"]]))
        spread = "" if edit["spread"] is None else f"± {style.number(edit['spread'], digits)}"
        fold = _percent(10 ** edit["effect"] - 1) if unit == _LOG_TPM else ""
        rows.append(
            [
                TableCell(edit["name"] or _place(edit), _what(edit) + (f", {_place(edit)}" if edit["name"] else "")),
                TableCell(gene, more, gene=gene),
                TableCell(away, edit["classes"].replace(",", ", "), numeric=True),
                TableCell(style.number(edit["predicted"], digits), numeric=True),
                TableCell(style.number(edit["edited"], digits), numeric=True),
                TableCell(style.signed(edit["effect"], digits), "; ".join(filter(None, [spread, fold])), numeric=True),
            ]
        )
    models = int(table["models"][0])
    caption = (
        f"{_of_how_many(len(rows), len(edits), 'edits', 'largest effects')} on a gene; together they reach "
        f"{table['gene_id'].n_unique():,} genes. Predicted expression in {unit} of {model_told(file)}, before and "
        "after, and the effect, after less before"
        + (f" (mean of {models} models, ± their standard deviation)" if models > 1 else "")
        + ("; below it the change of 1 + TPM in percent" if unit == _LOG_TPM else "")
        + f". It is what the network says, not what was measured. Edits that reach no gene are in "
        f"variants.{cell}.left_out.tsv."
    )
    return [Table(caption, ["Edit", "Gene", "Distance to its TSS", "Before", "After", "Effect"], rows)]


def _percent(share: float) -> str:
    """With its sign: "+4.7 %", or "+0.012 %" of what is small."""
    value = 100 * share
    return f"{value:+.{1 if abs(value) >= 0.1 else 3}f} %".replace("-", style.MINUS)


def _place(edit: dict[str, object]) -> str:
    first, last = int(str(edit["start"])) + 1, int(str(edit["end"]))
    return f"{edit['chrom']}:{first:,}" + (f"-{last:,}" if last > first else "")


def _what(edit: dict[str, object]) -> str:
    """What an edit does, in words."""
    if edit["action"] == "sequence":
        length = int(str(edit["end"])) - int(str(edit["start"]))
        ref = str(edit["ref"] or style.DASH) if length <= _LETTERS else f"{length:,} bp"
        alt = str(edit["alt"] or style.DASH)
        return f"{ref} > {alt if len(alt) <= _LETTERS else f'{len(alt):,} bp'}"
    words = {"delete": "deleted", "silence": "signals to 0", "remove": "element taken away", "signal": f"{edit['alt']}"}
    return words[str(edit["action"])]


def enriched_motifs(inputs: Inputs, cell: str, file: Loaded[pl.DataFrame]) -> list[Block]:
    """The motifs that active elements have most clearly more often than others like them."""
    about = file.header["parameters"]
    q = f"q_{about['test']}"
    found = file.data.filter(pl.col(q) < 0.05)
    families = found["family"].n_unique()
    top = file.data.sort(q, pl.col("odds_ratio"), descending=[False, True], maintain_order=True).head(MOST)
    known = "expression" in top.columns
    rows = [
        [
            TableCell(row["factor"], "" if row["factor"] == row["motif"] else row["motif"]),
            TableCell(style.percent(row["active_with"] / max(row["active"], 1)), numeric=True),
            TableCell(style.percent(row["background_with"] / max(row["background"], 1)), numeric=True),
            TableCell(style.number(row["odds_ratio"], 2), numeric=True),
            TableCell(style.significant(row[q]), numeric=True),
            *([_expressed(inputs, cell, row["expression"])] if known else []),
        ]
        for row in top.iter_rows(named=True)
    ]
    caption = (
        f"{len(found):,} of {len(file.data):,} motifs, of {families:,} famil{'y' if families == 1 else 'ies'} of "
        f"motifs alike, are enriched at q < 0.05; the {len(rows)} with the lowest q. Share of active elements with a "
        f"match (p < {about['p_value']:g}), and of other elements of the same class, GC content and distance to a TSS. "
        "q: Benjamini and Hochberg's over all motifs."
    )
    columns = ["Factor", "Active elements", "Others like them", "Odds ratio", "q"]
    return [Table(caption, columns + ([f"Its expression, {facts.unit(inputs, cell)}"] if known else []), rows)]


def _of_how_many(shown: int, total: int, what: str, which: str) -> str:
    return f"The {total:,} {what} asked for" if shown == total else f"Of {total:,} {what} the {shown} with the {which}"


TABLES: dict[str, tuple[str, Callable[[Inputs, str, Loaded[pl.DataFrame]], list[Block]]]] = {
    "contributions": ("What contributes to genes", contributions),
    "variants": ("What edits change", variants),
    "mutations": ("Bases whose change matters most", answers_genes.mutations),
    "pairs": ("Elements silenced together", answers_network.pairs),
    "active": ("Active elements", answers_genes.active),
    "enriched_motifs": ("Motifs of active elements", enriched_motifs),
    "categories": ("Genes rightly and wrongly predicted", answers_genes.categories),
}
