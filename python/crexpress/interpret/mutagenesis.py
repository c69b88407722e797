"""Saturation mutagenesis: every single base of an element changed to each other one, and the gene predicted anew.

Where the windows of several elements that the gene sees share a base, it changes in all of them, as in the genome.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import torch

from crexpress.apply.predict import encode
from crexpress.core import artifacts, log
from crexpress.core.errors import InputError
from crexpress.data.store import Store
from crexpress.interpret.chosen import Pairs
from crexpress.interpret.edited import Edited, Motifs
from crexpress.interpret.link_view import LinkView
from crexpress.models.base import Model

BASES = 4
_SCHEMA = {"gene_id": pl.String, "gene_name": pl.String, "element_id": pl.String, "chrom": pl.String}


def mutate(
    model: Model, store: Store, cell: int, pairs: Pairs, sequence: Path | None, motifs: Motifs | None, tokens: int
) -> Iterator[tuple[pl.DataFrame, np.ndarray, np.ndarray]]:
    """For each link, its table (position, ref, alt, effect), effects float32 [4, width] and codes [width]: plus strand.

    Effects are changes of the prediction; 0 at the base that is there, and where it is unknown. InputError for a model
    that reads neither sequence nor motif scores, and without the elements' sequence.
    """
    if not (model.config.sequence or model.config.motifs):
        raise InputError(
            "this model reads neither sequence nor motif scores, so that no base of an element matters to it"
        )
    if sequence is None:
        raise InputError("bases are changed in the elements' sequence; give --sequence (from score-motifs)")
    header, tensors = artifacts.open_arrays(sequence, "sequence")
    like = {"elements": store.digests["elements"]}
    artifacts.require_same("elements", sequence, header, "the model's inputs", like)
    edited = Edited(model, store, cell, motifs)
    vectors = encode(model, store, cell, genes=np.unique(pairs.gene))
    for number in log.progress(range(len(pairs.gene)), "mutating elements"):
        one = Pairs(pairs.gene[number : number + 1], pairs.column[number : number + 1])
        view = LinkView(model, store, cell, one, vectors)
        columns = _sharing(store, one)
        codes = np.array(tensors["codes"][view.element[0]])
        effect = _effects(view, edited, columns, tensors["codes"], view.rows_at_once(tokens))
        yield _table(store, view, codes, effect), effect, codes


def _sharing(store: Store, one: Pairs) -> np.ndarray:
    """Columns in which a link's gene sees elements whose windows share bases with the link's, which is one of them."""
    index = store.index[one.gene[0]].numpy().astype(np.int64)
    start = store.elements["start"].to_numpy()
    width = int(store.elements["end"][0] - start[0])
    apart = np.abs(start[index] - start[index[one.column[0]]])  # a gene sees elements of its own chromosome alone
    return np.flatnonzero((apart < width) & (index >= 0))


def _effects(view: LinkView, edited: Edited, columns: np.ndarray, every: np.ndarray, rows: int) -> np.ndarray:
    """Effects [4, width]; `every` are the codes of all elements, `columns` as of `_sharing`."""
    store, element = view.store, view.element[0]
    codes = np.array(every[element])
    elements = store.index[view.pairs.gene[0]].numpy().astype(np.int64)[columns]
    start_of = store.elements["start"].to_numpy()
    shift = start_of[element] - start_of[elements]
    place, base = np.nonzero((codes[:, None] != np.arange(BASES)) & (codes < BASES)[:, None])
    where = torch.from_numpy(columns).to(store.device)
    whole = view.of(view.inputs, torch.zeros(1, dtype=torch.long, device=store.device), 1)
    effect = np.zeros((BASES, len(codes)), np.float32)
    for start in range(0, len(place), rows):
        some = slice(start, start + rows)
        vectors = view.tokens.vectors[:1, where].repeat(len(place[some]), 1, 1)
        for number, other in enumerate(elements):
            at = place[some] + shift[number]
            inside = np.flatnonzero((at >= 0) & (at < len(codes)))
            if not len(inside):
                continue
            changed = np.repeat(np.array(every[other])[None], len(inside), 0)
            changed[np.arange(len(inside)), at[inside]] = base[some][inside]
            features = edited.features(np.full(len(inside), other))
            features = edited.changed(features, changed, np.repeat(edited.turned[[other]], len(inside)))
            vectors[torch.from_numpy(inside).to(store.device), number] = edited.embed(features).to(vectors.dtype)
        with torch.no_grad():
            predicted = view.with_vectors(vectors, where, 0)
        effect[base[some], place[some]] = (predicted - whole).float().cpu().numpy()
    return effect


def _table(store: Store, view: LinkView, codes: np.ndarray, effect: np.ndarray) -> pl.DataFrame:
    gene, element = store.genes.row(int(view.pairs.gene[0]), named=True), int(view.element[0])
    place, base = np.nonzero((codes[:, None] != np.arange(BASES)) & (codes < BASES)[:, None])
    row = store.elements.row(element, named=True)
    names = {"gene_id": gene["gene_id"], "gene_name": gene["gene_name"], "element_id": row["element_id"],
             "chrom": row["chrom"]}  # fmt: skip
    letters = pl.Series(list("ACGTN"))
    table = pl.DataFrame(
        {
            "position": row["start"] + place,
            "ref": letters[codes[place]],
            "alt": letters[base],
            "effect": effect[base, place],
        }
    )
    return table.select(*(pl.lit(value, _SCHEMA[name]).alias(name) for name, value in names.items()), pl.all())
