"""What a trained network says of a link: attention, and what silencing the element takes from the gene.

Missing where the network does not see the element: it says nothing of it.
"""

import numpy as np
import polars as pl

from crexpress.core import groups
from crexpress.data.neighbours import NEAREST
from crexpress.links.closed_forms import activity_sums
from crexpress.links.evidence.piece import SMALL, Piece
from crexpress.links.scene import Links


def _score(links: Links, name: str) -> np.ndarray:
    table = links.scene.network
    assert table is not None
    asked = pl.DataFrame({"gene_id": links.scene.genes["gene_id"].gather(links.gene), "element": links.element})
    wanted = table.select("gene_id", pl.col("element").cast(pl.Int64), pl.col(name).cast(pl.Float64))
    found = asked.join(wanted, on=["gene_id", "element"], how="left", maintain_order="left")[name]
    return found.fill_null(float("nan")).to_numpy()


def _perturbation(links: Links) -> np.ndarray:
    effect = _score(links, "perturbation")
    return np.sign(effect) * np.sqrt(np.abs(effect))


def _learned(links: Links) -> np.ndarray:
    """ABC's share with the activity that the network learned of an element: what its perturbations take from all genes
    that see it, for each unit of contact (1 / distance) that it has with them.
    """
    scene = links.scene
    assert scene.network is not None
    effect = groups.total(pl.col("perturbation").cast(pl.Float64).clip(lower_bound=0))
    contact = groups.total(1 / pl.col("distance").abs().clip(lower_bound=NEAREST))
    of_elements = scene.network.group_by("element").agg(activity=effect / contact)
    learned = np.zeros(len(scene.elements))
    learned[of_elements["element"].to_numpy()] = of_elements["activity"].to_numpy()
    genes, back = np.unique(links.gene, return_inverse=True)
    total = activity_sums(scene.genes[genes], scene.elements, learned)[back]
    return np.log(learned[links.element] / links.apart / np.where(total > 0, total, np.inf) + SMALL)


ATTENTION = Piece(
    "attention", "attention", "ln", ("attention",), lambda links: np.log(_score(links, "attention") + SMALL)
)
PERTURBATION = Piece("perturbation", "perturbation", "signed square root", ("perturbation",), _perturbation)
LEARNED = Piece("learned", "share of the gene's learned activity by contact", "ln", ("perturbation",), _learned)
