"""One sentence on a link: where it is, how it ranks, what raised and what lowered its probability."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from crexpress.links.evidence.piece import Piece

_RANKED_WITHIN = 100_000  # bp of the TSS
_NAMED = 3  # pieces a sentence names at most, of those that raise and of those that lower
_LEAST = 0.1  # change of the log odds that is worth a word
# what stands before a piece's label where its value lies below and above the median of what the model learned from, by
# the piece's unit; of units with a zero that means none, such a value is "no"
_AMOUNTS = {
    "0 or 1": ("no", "its"),
    "ln(1 + n)": ("few", "many"),
    "ln(1 + bins)": ("few", "many"),
    "ln bp": ("short", "long"),
    "ln signal": ("little", "much"),
    "ln(1 + signal)": ("little", "much"),
    "rank, 0 for none": ("weak", "strong"),
}
_INSIDE = "upstream, inside the gene (another transcript starts earlier)"
_NONE = ("0 or 1", "ln(1 + n)", "ln(1 + bins)", "ln(1 + signal)", "rank, 0 for none", "share")


def distances(far: np.ndarray, upstream: np.ndarray, inside: np.ndarray) -> list[str]:
    """ "12 kb upstream"; bp from the main TSS, whether the element lies before it along the gene, and whether it lies
    inside the gene, which upstream is so where another transcript starts earlier.
    """
    sides = np.where(upstream, np.where(inside, _INSIDE, "upstream"), "downstream")
    return [
        f"{bp / 1e6:.1f} Mb {side}" if bp >= 1e6 else f"{bp / 1000:.0f} kb {side}" if bp >= 1000 else f"{bp} bp {side}"
        for bp, side in zip(np.abs(far).tolist(), sides.tolist(), strict=True)
    ]


def strongest(gene: np.ndarray, far: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """Whether a link's element has more signal than every other of its gene's within 100 kb, bool [links].

    Of several with the same most signal none is the strongest.
    """
    near = np.where(np.abs(far) <= _RANKED_WITHIN, signal, -1.0)
    frame = pl.DataFrame({"gene": gene, "signal": near})
    value = pl.col("signal")
    alone = (value == value.max()) & (value > 0) & ((value == value.max()).sum() == 1)
    return frame.select(alone.over("gene"))["signal"].to_numpy()


def amount(piece: Piece, value: float, median: float) -> str:
    """ "little CTCF between": how much there is of a piece, beside the median of the pairs a model learned from."""
    low, high = _AMOUNTS.get(piece.unit, ("low", "high"))
    if np.isnan(value):
        return f"unknown {piece.label}"
    if piece.unit == "0 or 1":
        return f"{high if value else low} {piece.label}"
    if value == 0 and piece.unit in _NONE:
        return f"no {piece.label}"
    return f"{'usual' if value == median else low if value < median else high} {piece.label}"


def reasons(pieces: Sequence[Piece], contributions: np.ndarray, values: np.ndarray, median: np.ndarray) -> list[str]:
    """ "raised by much A, little B; lowered by no C" from contributions to the log odds and values, [links, pieces],
    and the pieces' medians.
    """
    order = np.argsort(-np.abs(contributions), axis=1, kind="stable")
    told = []
    for row, own, ranked in zip(contributions, values, order, strict=True):
        up = [amount(pieces[at], own[at], median[at]) for at in ranked if row[at] >= _LEAST][:_NAMED]
        down = [amount(pieces[at], own[at], median[at]) for at in ranked if row[at] <= -_LEAST][:_NAMED]
        parts = [f"raised by {', '.join(up)}"] * bool(up) + [f"lowered by {', '.join(down)}"] * bool(down)
        told.append("; ".join(parts))
    return told


def sentences(
    where: Sequence[str], most: dict[str, np.ndarray], between: np.ndarray, because: Sequence[str]
) -> list[str]:
    """The whole sentence of every link; `most` {label: `strongest`}, `between` the number of TSSs between."""
    told = []
    for row, place in enumerate(where):
        first = [label for label, rows in most.items() if rows[row]]
        parts = [place] + [f"strongest {' and '.join(first)} within 100 kb"] * bool(first)
        number = int(between[row])
        parts.append("no TSS between" if not number else f"{number} TSS{'s' if number > 1 else ''} between")
        told.append("; ".join([", ".join(parts), because[row]] if because[row] else [", ".join(parts)]))
    return told
