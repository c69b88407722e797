"""Saturation mutagenesis: every single base of an element changed to each other one, and the gene predicted anew."""

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
    if shared := _overlapped(store, pairs):
        log.say(
            f"the windows of {shared:,} of {len(pairs.gene):,} links overlap those of other elements that the gene "
            "sees: bases are changed in the element asked for alone; score-variants changes them in all"
        )
    for number in log.progress(range(len(pairs.gene)), "mutating elements"):
        one = Pairs(pairs.gene[number : number + 1], pairs.column[number : number + 1])
        view = LinkView(model, store, cell, one, vectors)
        codes = np.array(tensors["codes"][view.element[0]])
        effect = _effects(view, edited, codes, view.rows_at_once(tokens))
        yield _table(store, view, codes, effect), effect, codes


def _overlapped(store: Store, pairs: Pairs) -> int:
    """Links whose element's window shares bases with that of another element which the gene sees."""
    index = store.index[pairs.gene].numpy().astype(np.int64)
    own = index[np.arange(len(index)), pairs.column][:, None]
    start = store.elements["start"].to_numpy()
    width = int(store.elements["end"][0] - start[0])
    near = np.abs(start[index] - start[own]) < width  # a gene sees elements of its own chromosome alone
    return int((near & (index >= 0) & (index != own)).any(1).sum())


def _effects(view: LinkView, edited: Edited, codes: np.ndarray, rows: int) -> np.ndarray:
    place, base = np.nonzero((codes[:, None] != np.arange(BASES)) & (codes < BASES)[:, None])
    element = view.element[0]
    turned = edited.turned[[element]]
    own = edited.features(np.array([element]))
    whole = view.of(view.inputs, torch.zeros(1, dtype=torch.long, device=view.store.device), 1)
    effect = np.zeros((BASES, len(codes)), np.float32)
    for start in range(0, len(place), rows):
        some = slice(start, start + rows)
        count = len(place[some])
        changed = np.repeat(codes[None], count, 0)
        changed[np.arange(count), place[some]] = base[some]
        features = type(own)(*(part.expand(count, *part.shape[1:]) for part in own))
        features = edited.changed(features, changed, np.repeat(turned, count))
        with torch.no_grad():
            predicted = view.with_vectors(view.model.embed(features), 0)
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
