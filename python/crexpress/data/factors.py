"""Which motif channels a cell sees: those of its most expressed transcription factors (ScPGE's Methods, "Motifs")."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from crexpress.core.errors import InputError


def levels(factors: Sequence[str], gene_names: Sequence[str], expression: np.ndarray) -> np.ndarray:
    """Expression of each factor in the unit of `expression` [genes]; NaN where it is no measured gene. float64.

    Names match without regard to letter case, so that Gata1 finds GATA1. A dimer (FOS::JUN) has the level of its
    lesser partner, a name that several genes carry the highest of theirs.
    """
    measured = pl.DataFrame({"name": gene_names, "level": expression.astype(np.float64)}).filter(
        pl.col("level").is_finite()
    )
    by_name = measured.group_by(pl.col("name").str.to_uppercase()).agg(pl.col("level").max())
    level = dict(zip(by_name["name"], by_name["level"], strict=True))
    return np.array([np.min([level.get(part, np.nan) for part in factor.upper().split("::")]) for factor in factors])


def expressed(factors: Sequence[str], level: np.ndarray, top: int) -> np.ndarray:
    """Motifs whose channel is open, bool [motifs]: those of the `top` factors with the highest `level` in a cell.

    `factors` and `level` (see `levels`) are those of each motif; a factor with several motifs counts once, and of
    equals the first in alphabetical order is taken. A factor of unknown level stays open. Raises InputError when
    all are unknown.
    """
    by_name = {factor.upper(): float(value) for factor, value in zip(factors, level, strict=True)}
    known = sorted((-value, name) for name, value in by_name.items() if np.isfinite(value))
    if not known:
        raise InputError(
            f"none of the motifs' {len(by_name)} factors ({', '.join(sorted(by_name)[:3])}, ...) is a measured gene, "
            "so the expressed ones cannot be told; give their genes to score-motifs by --factors"
        )
    closed = {name for _, name in known[top:]}
    return np.array([factor.upper() not in closed for factor in factors])
