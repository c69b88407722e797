"""Which loci the page shows, why, and how well the links of each agree with a screen."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core import splits
from crexpress.core.intervals import overlapping
from crexpress.report import cell_facts, facts, locus, style
from crexpress.report.inputs import Inputs

EACH = 3  # loci shown of the best, and of the worst
_LEAST_TESTED = 3  # tested pairs of a gene that can be ranked


class Example(NamedTuple):
    """A gene to show: its row of genes.parquet, in a word what it is an example of, and why it was chosen."""

    gene: locus.Row
    label: str
    why: str


def choose(inputs: Inputs, cell: str, pairs: pl.DataFrame | None, symbols: Sequence[str] = ()) -> list[Example]:
    """The genes asked for; else the three best and the three worst that a screen or the measured expression tells
    apart; else one.
    """
    if symbols:
        return [Example(row, "asked for", "Asked for.") for row in locus.asked(inputs, cell, symbols)]
    ranked = _by_screen(inputs, cell, pairs) if pairs is not None else _by_expression(inputs, cell)
    if len(ranked) < 2:
        return [Example(locus.choose(inputs, cell, pairs), "example", _WHY_ONE if pairs is None else _WHY_SCREEN)]
    half = min(EACH, len(ranked) // 2)
    rows = {row["gene_id"]: row for row in inputs.genes.data.iter_rows(named=True)}
    best = [Example(rows[gene], "among the best", why) for gene, why in ranked[:half]]
    worst = [Example(rows[gene], "among the worst", why) for gene, why in ranked[len(ranked) - half :]]
    return best + worst


_WHY_ONE = "Chosen because it was not seen in training, has loops where there are any, and is predicted highest."
_WHY_SCREEN = (
    "Chosen because the screen found elements of it, and it was not seen in training where there is such a gene."
)


def _by_screen(inputs: Inputs, cell: str, pairs: pl.DataFrame) -> list[tuple[str, str]]:
    """Genes with regulated and unregulated elements in the screen, best first, by the average precision of their tested
    elements: (gene_id, why).
    """
    tested = pairs.filter(pl.col("cell").is_null() | (pl.col("cell") == cell)).with_row_index("pair")
    score, label = cell_facts.main_score(inputs, cell)
    links = cell_facts.candidates(inputs, cell).join(tested.select("gene_id").unique(), on="gene_id", how="semi")
    one, other = overlapping(tested, links)
    same = (tested["gene_id"][one] == links["gene_id"][other]).to_numpy()
    best = pl.DataFrame({"pair": tested["pair"][one[same]], "score": links[score][other[same]].cast(pl.Float64)})
    best = best.group_by("pair").agg(pl.col("score").max())
    held = tested.join(best, on="pair", how="left", maintain_order="left").with_columns(pl.col("score").fill_null(0))
    found = []
    for (gene,), own in held.group_by("gene_id", maintain_order=True):
        hits, number = int(own["regulated"].sum()), len(own)
        if number < _LEAST_TESTED or not 0 < hits < number or own["score"].max() == 0:
            continue
        order = own.sort("score", descending=True, maintain_order=True)["regulated"].to_numpy()
        precision = float(np.mean((np.cumsum(order) / np.arange(1, number + 1))[order]))
        found.append((precision - hits / number, str(gene), precision, hits, number))
    found.sort(key=lambda row: (-row[0], row[1]))
    of = f"of the {len(found)} genes that can be ranked by the screen"
    return [
        (
            gene,
            f"{style.sentence(of)} place {place} by how far it is above guessing: average precision "
            f"{style.number(value)} by {label}, where guessing reaches {style.number(hits / number)} ({hits} of "
            f"{number} tested elements are regulated).",
        )
        for place, (_, gene, value, hits, number) in enumerate(found, start=1)
    ]


def _by_expression(inputs: Inputs, cell: str) -> list[tuple[str, str]]:
    """Expressed genes that were not seen in training and have links, the best predicted first: (gene_id, why)."""
    if cell not in inputs.predictions or cell not in inputs.expression or facts.classifies(inputs, cell):
        return []
    linked = inputs.links[cell].data.select("gene_id").unique()
    genes = facts.scored_genes(inputs, cell).filter(pl.col("split") == splits.TEST)
    genes = genes.join(linked, on="gene_id", how="semi", maintain_order="left")
    genes = genes.filter(pl.col("expression") >= genes["expression"].quantile(0.75) if len(genes) else pl.lit(True))
    ranked = genes.with_columns(error=(pl.col("predicted") - pl.col("expression")).abs()).sort("error", "gene_id")
    of = f"of the {len(ranked)} highest expressed unseen genes"
    return [
        (
            row["gene_id"],
            f"{style.sentence(of)} place {place} by error: predicted {style.number(row['predicted'], 2)}, measured "
            f"{style.number(row['expression'], 2)} {facts.unit(inputs, cell)}. No screen says which links are right.",
        )
        for place, row in enumerate(ranked.iter_rows(named=True), start=1)
    ]


def verdict(shown: locus.Locus, score: str, label: str) -> tuple[str, bool]:
    """Where the screen's regulated elements rank among the gene's by a score, in words, and whether that is a failure:
    none of them is a recommended link.
    """
    if shown.tested is None or not shown.tested["regulated"].any():
        return "", False
    far = shown.linked.filter(pl.col("distance").abs() >= cell_facts.PROMOTER, pl.col(score).is_not_null())
    far = far.with_columns(place=pl.col(score).rank("min", descending=True).cast(pl.Int64))
    places: list[int] = []
    found = 0
    hits = shown.tested.filter("regulated")
    for start, end in hits.select("start", "end").iter_rows():
        touching = far.filter((pl.col("start") < end) & (pl.col("end") > start))
        places += [int(touching["place"].min())] if len(touching) else []  # type: ignore[arg-type]
        found += bool(touching["called"].any())
    missed = len(hits) - len(places)
    text = ""
    if places:
        ranks = style.join(_ordinal(place) for place in sorted(places))
        many = len(places) > 1
        rank = "elements that the screen found rank" if many else "element that the screen found ranks"
        text = f"The {rank} {ranks} of {len(far)} by {label}; {_recommended(found, len(places))}."
    if missed:
        have = "have" if missed > 1 else "has"
        text += f" {missed} of the {len(hits)} regulated elements {have} no element among these links."
    return text.strip(), not found


def _recommended(found: int, number: int) -> str:
    """How many of the elements are recommended links."""
    if number == 1:
        return "it is recommended" if found else "it is not recommended"
    return f"{found if found else 'none'} of them {'is' if found <= 1 else 'are'} recommended"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"
