"""What `import crexpress as cx` offers of a trained model beside its predictions and links: its attention, its vectors
of elements and genes, contributions of its inputs, effects of variants.

As in `crexpress.api`, each function calls the room whose work it is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch

from crexpress.apply import cell_model
from crexpress.apply.predict import encode
from crexpress.core.errors import InputError
from crexpress.data.study import Study
from crexpress.interpret import contributions as attribution
from crexpress.interpret.chosen import asked_pairs
from crexpress.interpret.contribution_tables import channel_rows, link_rows
from crexpress.interpret.contributions import Background
from crexpress.interpret.embedding import annotated, gene_vectors
from crexpress.interpret.score_variants import score_variants
from crexpress.models.base import Model


class Embeddings(NamedTuple):
    """The elements that some gene sees (rows of elements.parquet), and a vector of each, float32 [elements, d]."""

    elements: pl.DataFrame
    vectors: np.ndarray

    def anndata(self) -> Any:
        """As an AnnData for scanpy; `crexpress.interpret.embedding.cluster` clusters it as the tool `embed` does."""
        return annotated(self.vectors, self.elements, "element_id")


class GeneEmbeddings(NamedTuple):
    """The genes (rows of genes.parquet) with their `predicted` expression, and a vector of each, float32 [genes, d]."""

    genes: pl.DataFrame
    vectors: np.ndarray

    def anndata(self) -> Any:
        """As an AnnData for scanpy, as of `Embeddings`."""
        return annotated(self.vectors, self.genes, "gene_id")


class Contributed(NamedTuple):
    """Contributions of links: their tables by link and by channel, and those of single inputs, some links a part."""

    links: pl.DataFrame
    channels: pl.DataFrame
    parts: list[attribution.Contributions]


def attention(model: Model, study: Study, cell: str, gene: str) -> pl.DataFrame:
    """The attention map of a gene: a row for each element that it sees, layer and head.

    `attention` is the probability with which the gene's token attends to the element (after softmax), `logit` what it
    is made of; both hold what attention starts from (position, loops).

    Example:
        attention = cx.attention(model, study, "A", "NAME7")
        print(attention.group_by("element_id").agg(pl.col("attention").mean()).sort("attention").tail(3))
    """
    row = study.gene(gene)
    store = study.store(model, cell)
    with torch.no_grad():
        found = model(store.batch(np.zeros(1, np.int64), np.array([row])))
    if not found.attention.shape[1]:
        raise InputError("a model of 0 layers has no attention; take one with layers")
    seen = store.index[row].numpy()
    columns = np.flatnonzero(seen >= 0)
    layers, heads = found.attention.shape[1:3]
    values, logits = (part[0, :, :, columns].float().cpu().numpy() for part in (found.attention, found.logits))
    place = np.repeat(columns, layers * heads)
    order = np.moveaxis(np.indices((len(columns), layers, heads)), 0, -1).reshape(-1, 3)
    middle = (study.elements["start"] + study.elements["end"]).to_numpy() // 2
    return study.elements.select("element_id", "class", "chrom", start="ccre_start", end="ccre_end")[
        seen[place]
    ].with_columns(
        distance=middle[seen[place]] - study.genes["tss"][row],
        layer=order[:, 1],
        head=order[:, 2],
        attention=values.transpose(2, 0, 1).reshape(-1),
        logit=logits.transpose(2, 0, 1).reshape(-1),
    )


def embed(model: Model, study: Study, cell: str, *, precision: str = "float32") -> Embeddings:
    """What the model's encoder makes of every element that some gene sees, in a cell.

    Example:
        embeddings = cx.embed(model, study, "A")
        print(embeddings.elements["class"].value_counts(), embeddings.vectors.shape)
    """
    store = study.store(model, cell)
    used = torch.unique(store.index[store.index >= 0]).numpy()
    vectors = encode(model, store, 0, precision)
    return Embeddings(study.elements[used], vectors[torch.from_numpy(used).long()].cpu().numpy())


def embed_genes(model: Model, study: Study, cell: str, *, precision: str = "float32") -> GeneEmbeddings:
    """What the network makes of every gene in a cell, its elements mixed in: what expression is predicted from.

    Example:
        of_genes = cx.embed_genes(model, study, "A")
        print(of_genes.genes.select("gene_name", "predicted").head(3), of_genes.vectors.shape)
    """
    store = study.store(model, cell)
    found, predicted = gene_vectors(model, store, 0, encode(model, store, 0, precision))
    return GeneEmbeddings(study.genes.with_columns(predicted=pl.Series(predicted)), found)


def contributions(
    model: Model,
    study: Study,
    cell: str,
    genes: str | Sequence[str] = (),
    elements: str | Sequence[str] = (),
    *,
    background: Background = "silent",
    shuffles: int = 10,
    seed: int = 1,
    tokens: int = 200_000,
) -> Contributed:
    """What bases, track bins, motifs and profile bins of elements contribute to the expression of genes in a cell.

    Integrated gradients (captum) of the links of genes, elements or both; those of a link sum to its effect, the fall
    of the prediction without the element, within the `error` of `.links`. `.channels` sums them by track and motif,
    with the factors' expression; `.parts` has single inputs. Background "shuffled": expected gradients of the bases.

    Example:
        found = cx.contributions(model, study, "A", genes="NAME7")
        print(found.links.select("element_id", "effect", "error"), found.channels.sort("contribution").tail(3))
        bases = found.parts[0].bases * found.parts[0].hypothetical  # [links, 4, width]
    """
    loaded = cell_model.of_cells(model, study.inputs(cell))
    pairs = asked_pairs(loaded.store, cell, joined(genes), joined(elements))
    parts = list(attribution.contributions(model, loaded.store, 0, pairs, background, shuffles, seed, tokens))
    return Contributed(
        pl.concat([link_rows(loaded.store, part) for part in parts]),
        pl.concat([channel_rows(loaded.store, model.config, 0, part) for part in parts]),
        parts,
    )


def variants(
    models: Model | Sequence[Model],
    study: Study,
    cell: str,
    variants: str | Path | None = None,
    *,
    remove: str | Sequence[str] = (),
    fasta: str | Path | None = None,
    motif_file: str | Path | None = None,
    tokens: int = 200_000,
) -> pl.DataFrame:
    """What variants of a VCF, edits of a BED, or the removal of elements do to every gene that sees what they touch.

    `effect` is the edited prediction less the unedited one; of several models their mean, with its `spread`. Variants
    need the genome's FASTA, and models that read motif scores the MEME file that these were made with.

    Example:
        print(cx.variants(model, study, "A", remove=["E3", "E4"]).select("name", "gene_name", "effect"))
    """
    given = [models] if isinstance(models, Model) else list(models)
    loaded = [cell_model.of_cells(model, study.inputs(cell)) for model in given]
    paths = (None if path is None else Path(path) for path in (variants, fasta, motif_file))
    file, genome, meme = paths
    rows, _ = score_variants(
        loaded, 0, variants=file, remove=joined(remove), fasta=genome, motif_file=meme, motifs=study.path("motifs"),
        tokens=tokens,
    )  # fmt: skip
    return rows


def joined(names: str | Sequence[str]) -> str | None:
    """Names as tools take them, comma-separated; None for none."""
    return (names if isinstance(names, str) else ",".join(names)) or None
