"""Active elements: those that a gene attends to most and whose silencing changes it most, and which classes they are.

ScPGE, "ScPGE captures important TF motifs".
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from crexpress.core import bootstrap, log
from crexpress.core.errors import InputError

ATTENTION, PERTURBATION = "attention", "perturbation"


def find(links: pl.DataFrame, k: int, absolute: bool = False) -> pl.DataFrame:
    """The links, with `rank_attention` and `rank_perturbation` (1 is the highest of a gene) and `active`: both at most
    k, and an effect above 0.

    Perturbation ranks by the fall, so that active elements activate; `absolute`: by its size, as the paper's ratio
    does. Equal values have the last of their ranks, so that the order of rows decides nothing: those that do not all
    fit into the top k are not in it. The paper takes any k, whatever their effect; where a gene has few elements these
    would be ones that do nothing, or silence it. InputError for links without these scores, and where every gene
    attends to all its elements alike, and for a k below 1.
    """
    if k < 1:
        raise InputError(f"the top {k} of a gene holds no element; take a k of at least 1")
    for name in (ATTENTION, PERTURBATION):
        if name not in links.columns:
            raise InputError(f"the links hold no {name}; give links.CELL.parquet of interpret or ensemble")
    effect = pl.col(PERTURBATION).abs() if absolute else pl.col(PERTURBATION)
    links = links.sort("gene_id", "element", maintain_order=True)
    ranked = links.with_columns(
        rank_attention=pl.col(ATTENTION).rank("max", descending=True).over("gene_id"),
        rank_perturbation=effect.rank("max", descending=True).over("gene_id"),
    )
    several = ranked.group_by("gene_id").agg(alike=pl.col(ATTENTION).n_unique() == 1, elements=pl.len())
    even = several.filter(pl.col("elements") > k)["alike"]
    if even.any():
        told = f"{even.sum():,} of {len(even):,} genes with more than {k} elements attend to all of them alike"
        if even.all():
            raise InputError(f"{told}, so that their attention prefers none; take links of a model with layers")
        log.say(f"{told}: none of these is active")
    top = (pl.col("rank_attention") <= k) & (pl.col("rank_perturbation") <= k)
    return ranked.with_columns(active=top & (effect > 0).fill_null(False))


def by_gene(found: pl.DataFrame) -> pl.DataFrame:
    """A row for each gene with links: how many it has, how many are active, and these, the highest fall first."""
    order = found.sort("rank_perturbation")
    active = pl.col("element_id").filter("active")
    return (
        order.group_by("gene_id", "gene_name", maintain_order=True)
        .agg(
            elements=pl.len(),
            active=pl.col("active").sum(),
            active_elements=active.str.join(","),
            active_distances=pl.col("distance").filter("active").cast(pl.String).str.join(","),
        )
        .sort("gene_id")
    )


def classes(found: pl.DataFrame, resamples: int = 1000, seed: int = 1) -> pl.DataFrame:
    """A row for each class of elements: its share of the active links and of all in reach, and the odds ratio.

    The odds of the class among active links over those among the others (half a link added to each count, so that it
    is defined for rare classes), with a 95 % interval from resampling genes; null where all links are active, or none.
    Where classes say it ("dELS,CTCF-bound"),
    rows for the first word alone and for CTCF-bound follow.
    """
    kinds = found["class"].unique().sort().to_list()
    groups: dict[str, Sequence[str]] = {kind: [kind] for kind in kinds}
    if any("," in kind for kind in kinds):
        firsts = dict.fromkeys(kind.split(",")[0] for kind in kinds)
        groups |= {f"{first}, any": [kind for kind in kinds if kind.split(",")[0] == first] for first in firsts}
        groups["CTCF-bound, any"] = [kind for kind in kinds if "CTCF" in kind]
    genes = found["gene_id"].rank("dense").to_numpy().astype(np.int64) - 1
    number, active = int(genes.max()) + 1, found["active"].to_numpy()
    drawn = bootstrap.draw(number, resamples, seed)

    def counted(which: np.ndarray) -> np.ndarray:
        """How many of some links there are in each resample."""
        total: np.ndarray = drawn @ np.bincount(genes[which], minlength=number).astype(np.float64)
        return total

    all_active, all_others = counted(active), counted(~active)
    rows = []
    for name, kinds_of in groups.items():
        inside = found["class"].is_in(list(kinds_of)).to_numpy()
        of_active, of_others = counted(active & inside), counted(~active & inside)
        odds = (of_active + 0.5) / (all_active - of_active + 0.5)
        ratio = odds * (all_others - of_others + 0.5) / (of_others + 0.5)
        limits = (ratio[0], *bootstrap.interval(ratio)) if all_active[0] and all_others[0] else (None, None, None)
        reach, everything = of_active[0] + of_others[0], all_active[0] + all_others[0]
        share = of_active[0] / all_active[0] if all_active[0] else 0.0
        rows.append((name, int(of_active[0]), share, int(reach), reach / everything, *limits))
    names = ["class", "active", "share_of_active", "in_reach", "share_in_reach", "odds_ratio", "low", "high"]
    types = dict.fromkeys(names, pl.Float64) | {"class": pl.String, "active": pl.Int64, "in_reach": pl.Int64}
    return pl.DataFrame(rows, schema=types, orient="row")
