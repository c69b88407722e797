"""Silencing several elements of a gene together: all of a window, and pairs, whose effects need not add up."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import polars as pl
import torch

from crexpress.apply.predict import encode, encode_silent, tokens_of
from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.data.neighbours import distances
from crexpress.data.store import Store
from crexpress.models.base import Model


class Together:
    """Falls in predicted expression when elements of a gene are silenced together, in one cell of a store.

    Each combination is a prediction of its own, so choose genes; `perturb` is for all elements one by one.
    """

    def __init__(self, model: Model, store: Store, cell: int, tokens: int, precision: str = "float32") -> None:
        if model.config.anchored:
            raise InputError("this model predicts changes between cells; silence elements by a model without anchor")
        self.model, self.store, self.cell = model, store, cell
        self._vectors = encode(model, store, cell, precision)
        self._silent = encode_silent(model, store.device, precision)
        self._at_once = store.genes_of(tokens)

    @torch.inference_mode()
    def falls(self, gene: int, groups: np.ndarray) -> np.ndarray:
        """Falls float32 [K] without the elements in the columns of each group, bool [K, n]."""
        batch = tokens_of(self.store, self.cell, self._vectors, np.array([gene]))
        index, whole = self.store.index[gene].numpy(), self.model.predict(batch).expression
        parts = [whole.new_zeros(0)]
        for group in np.array_split(groups, -(-len(groups) // self._at_once) or 1):
            chosen = torch.from_numpy(group).to(self.store.device)
            copies = batch.of(torch.zeros(len(group), dtype=torch.long, device=chosen.device))
            vectors = torch.where(chosen.unsqueeze(2), self._silent, copies.vectors)
            profiles = self.store.profiles
            profile = None if profiles is None else profiles.silenced_together(self.cell, gene, index, group)
            parts.append(whole - self.model.predict(copies._replace(vectors=vectors, profile=profile)).expression)
        found: np.ndarray = torch.cat(parts).float().cpu().numpy()
        return found

    def windows(self, genes: Sequence[int] | np.ndarray, widths: Sequence[int]) -> pl.DataFrame:
        """A row for each gene and window: the fall without all elements within so many bp of the TSS, how many these
        are, and the sum of their falls one by one.
        """
        rows = []
        for gene in log.progress(genes, "silencing windows"):
            columns, distance = self._elements(int(gene))
            near = np.abs(distance) <= np.array(widths)[:, None]
            groups = np.zeros((len(widths) + len(columns), self.store.index.shape[1]), bool)
            groups[: len(widths), columns] = near
            groups[np.arange(len(widths), len(groups)), columns] = True
            falls = self.falls(int(gene), groups)
            alone = falls[len(widths) :]
            rows += [
                (int(gene), width, int(inside.sum()), float(fall), float(alone[inside].sum()))
                for width, inside, fall in zip(widths, near, falls, strict=False)
            ]
        names = ["gene", "window", "elements", "perturbation", "sum_of_single"]
        return self._named(pl.DataFrame(rows, schema=names, orient="row"))

    def pairs(self, genes: Sequence[int] | np.ndarray, top: int) -> pl.DataFrame:
        """A row for each pair of the `top` elements of a gene by the size of their falls: the fall of both, of each,
        and `epistasis`, that of both minus the sum.
        """
        parts = []
        for gene in log.progress(genes, "silencing pairs"):
            columns, distance = self._elements(int(gene))
            single = np.zeros((len(columns), self.store.index.shape[1]), bool)
            single[np.arange(len(columns)), columns] = True
            alone = self.falls(int(gene), single)
            best = np.sort(np.argsort(-np.abs(alone), kind="stable")[:top])
            pairs = np.array(list(combinations(best, 2)), np.int64).reshape(-1, 2)
            both = self.falls(int(gene), single[pairs[:, 0]] | single[pairs[:, 1]])
            first, second = alone[pairs[:, 0]], alone[pairs[:, 1]]
            element = self.store.index[int(gene)].numpy()[columns]
            ids = self.store.elements["element_id"]
            parts.append(
                pl.DataFrame(
                    {
                        "gene": np.full(len(pairs), gene, np.int64),
                        **{f"element_{side}": ids[element[pairs[:, at]]] for at, side in enumerate("ab")},
                        **{f"distance_{side}": distance[pairs[:, at]] for at, side in enumerate("ab")},
                        **{"perturbation_a": first, "perturbation_b": second, "perturbation_both": both},
                        "epistasis": both - first - second,
                    }
                )
            )
        return self._named(pl.concat(parts))

    def _elements(self, gene: int) -> tuple[np.ndarray, np.ndarray]:
        """Columns of a gene's elements, its TSS window left out, and their distances in bp."""
        index = self.store.index[gene, None].numpy()
        columns = np.flatnonzero(index[0] >= 0)
        columns = columns[columns != index.shape[1] // 2]
        where = distances(self.store.genes[gene], self.store.elements, index)[0]
        return columns, where[columns]

    def _named(self, table: pl.DataFrame) -> pl.DataFrame:
        names = self.store.genes.select("gene_id", "gene_name")[table["gene"].to_numpy()]
        return names.hstack(table.drop("gene"))
