"""Answers of `--explain` on the network itself: attention of genes, elements silenced together, clusters."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from crexpress.prepare import asked_genes
from crexpress.report import cell_facts, interpretation_plots, style
from crexpress.report.answers_genes import MOST
from crexpress.report.inputs import Inputs, Loaded, model_told, unit_told
from crexpress.report.page import Block, Table, TableCell
from crexpress.report.study import Study

_EACH = 5  # elements of a gene that a table names
_GENES = 6  # genes in it
_CLASSES = 4  # of a cluster's elements that are named


def attention(inputs: Inputs, cell: str, names: Sequence[str]) -> Table | None:
    """Of each gene asked for the elements that it attends to most, beside what silencing them does; None where the
    links of the cell have no attention.
    """
    file = inputs.links[cell]
    if "attention" not in file.data.columns:
        return None
    effects = "perturbation" in file.data.columns
    genes = inputs.genes.data[asked_genes.rows(inputs.genes.data, names)].head(_GENES)
    links = cell_facts.marked(inputs, cell, file.data.join(genes.select("gene_id"), on="gene_id", how="semi"))
    scores = ["attention", "perturbation"] if effects else ["attention"]
    ranked = links.with_columns(
        pl.col(name).rank("ordinal", descending=True).over("gene_id").alias(f"rank_{name}") for name in scores
    ).with_columns(of=pl.len().over("gene_id"))
    rows = []
    for gene in genes.iter_rows(named=True):
        own = ranked.filter(pl.col("gene_id") == gene["gene_id"]).sort("rank_attention").head(_EACH)
        name = gene["gene_name"] or gene["gene_id"]
        for link in own.iter_rows(named=True):
            away = style.base_pairs(cell_facts.along(link["distance"], gene["strand"]))
            about = [link["class"], away, cell_facts.NO_SIGNAL if link["silent"] else ""]
            row = [
                TableCell(name, gene=name),
                TableCell(link["element_id"], ", ".join(filter(None, about))),
                TableCell(style.percent(link["attention"]), f"rank {link['rank_attention']}", numeric=True),
            ]
            if effects:
                place = f"rank {link['rank_perturbation']} of {link['of']}"
                row.append(TableCell(style.signed(link["perturbation"], 3), place, numeric=True))
            rows.append(row)
    if not rows:
        return None
    more = f" (the first {_GENES} of {len(names)} genes)" if len(names) > _GENES else ""
    caption = (
        f"Of each gene asked for{more} the {_EACH} elements that it attends to most, by {model_told(file)}: the share "
        "of its attention, mean over heads and layers"
        + (
            f", and beside it how far the prediction falls when the element is silenced, in {unit_told(file)}. "
            "Attention is no effect: the second rank says what the prediction rests on"
            if effects
            else ""
        )
        + f". Attention of elements to each other is in map-attention/attention.{cell}.GENE.npz."
    )
    return Table(caption, ["Gene", "Element", "Attention", *(["Fall when silenced"] if effects else [])], rows)


def pairs(inputs: Inputs, cell: str, file: Loaded[pl.DataFrame]) -> list[Block]:
    """The pairs of elements whose effects add up least: of each alone, their sum, of both, and the difference."""
    table = file.data
    strongest = table.sort(pl.col("epistasis").abs(), descending=True, maintain_order=True)
    genes = strongest["gene_id"].unique(maintain_order=True).head(_GENES)
    each = max(2, MOST // max(1, len(genes)))  # of a gene: else those of the one that changes most would be all
    own = strongest.filter(pl.col("gene_id").is_in(genes.implode()))
    top = own.group_by("gene_id", maintain_order=True).head(each)
    strand = dict(inputs.genes.data.select("gene_id", "strand").iter_rows())
    digits = style.digits(top["perturbation_both"])
    rows = []
    for pair in top.iter_rows(named=True):
        name = pair["gene_name"] or pair["gene_id"]
        away = [style.base_pairs(cell_facts.along(pair[f"distance_{side}"], strand[pair["gene_id"]])) for side in "ab"]
        alone = [pair["perturbation_a"], pair["perturbation_b"]]
        rows.append(
            [
                TableCell(name, gene=name),
                TableCell(f"{pair['element_a']} and {pair['element_b']}", " and ".join(away)),
                TableCell(" and ".join(style.signed(value, digits) for value in alone), numeric=True),
                TableCell(style.signed(sum(alone), digits), numeric=True),
                TableCell(style.signed(pair["perturbation_both"], digits), numeric=True),
                TableCell(style.signed(pair["epistasis"], digits), numeric=True),
            ]
        )
    number = table["gene_id"].n_unique()
    caption = (
        f"Of {len(table):,} pairs of elements of {number} gene{'' if number == 1 else 's'} those whose effects add up "
        f"least, {each} of {'each' if number <= _GENES else f'the {_GENES} genes that have most of it'}, by "
        f"{model_told(file)}: how far the prediction falls, in {unit_told(file)}, when each is silenced alone, the sum "
        "of these, when both are, and the difference, both less the sum. Where both do more than the sum, they stand "
        "in for each other; where they do less, one counts mostly beside the other. "
        + ("In a logarithm 0 says that they multiply. " if unit_told(file).startswith("log") else "")
        + f"What whole windows do is in silence-together/windows.{cell}.tsv."
    )
    return [Table(caption, ["Gene", "Elements", "Each alone", "Sum", "Both", "Difference"], rows)]


def embedding(study: Study, cell: str, file: Loaded[pl.DataFrame]) -> list[Block]:
    """The map of elements, coloured by cluster and by class, and which classes each cluster has."""
    table = file.data
    places = table.select("umap_1", "umap_2").to_numpy().astype(np.float64)
    shown = [(name, table[name].to_list()) for name in ("cluster", "class")]
    counts = table.group_by("cluster").len().sort("len", "cluster", descending=[True, False])
    every = dict(table.group_by("class").len().iter_rows())
    rows = []
    for name, count in counts.head(MOST).iter_rows():
        own = (
            table.filter(pl.col("cluster") == name)
            .group_by("class")
            .len()
            .sort("len", "class", descending=[True, False])
        )
        told = [f"{kind}\u00a0{style.percent(number / count)}" for kind, number in own.head(_CLASSES).iter_rows()]
        most, times = max(
            ((kind, number / count / (every[kind] / len(table))) for kind, number in own.iter_rows()),
            key=lambda pair: pair[1],
        )
        rows.append(
            [
                TableCell(name),
                TableCell(f"{count:,}", style.percent(count / len(table)), numeric=True),
                TableCell(", ".join(told)),
                TableCell(most, f"{style.number(times, 1)} times its share of all"),
            ]
        )
    about = f"{len(table):,} elements of {cell}, by what the network of {model_told(file)} makes of each"
    picture = study.picture(
        interpretation_plots.clusters(places, shown),
        f"embedding.{cell}",
        f"{about}: a map (UMAP) in which alike elements lie together, coloured by cluster and by class.",
        f"{about} (vectors after its encoder, UMAP), coloured by cluster (Leiden) and by class of element. Distances "
        "between groups say little; that a group is one says that its elements are read alike.",
    )
    caption = (
        f"The {len(rows)} largest of {len(counts)} clusters" if len(counts) > len(rows) else f"The {len(rows)} clusters"
    )
    caption += (
        f": elements, their classes, and the class that a cluster has most beyond its share of all elements drawn. "
        f"Tracks and expression nearby are in embed/cluster_tracks.{cell}.tsv and embed/cluster_expression.{cell}.tsv."
    )
    return [picture, Table(caption, ["Cluster", "Elements", "Classes", "More than elsewhere"], rows)]
