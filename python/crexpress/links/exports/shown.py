"""Which links of a cell are shown, and what every format of them needs to know."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from crexpress.core.errors import InputError
from crexpress.core.methods import PROBABILITY


@dataclass(frozen=True)
class Shown:
    """Links of a cell by one score: those `chosen`, strongest first within a gene, and `all` of the table.

    `lengths` are the chromosomes' in bp, where they are known.
    """

    cell: str
    chosen: pl.DataFrame
    all: pl.DataFrame
    score: str
    label: str
    lengths: Mapping[str, int]

    def sorted(self) -> pl.DataFrame:
        """The chosen links as they lie along the genome."""
        return self.chosen.sort("chrom", "start", "end", "tss", "gene_id")

    def shades(self, scores: pl.Series) -> pl.Series:
        """0..1000, as browsers shade by: a probability times 1000, another score by the strongest that is shown."""
        most = 1.0 if self.score == PROBABILITY else max(float(scores.max() or 0), 1e-30)  # type: ignore[arg-type]
        return (1000 * scores.cast(pl.Float64).clip(0) / most).round().cast(pl.Int64).alias("shade")


def choose(
    links: pl.DataFrame,
    header: Mapping[str, Any],
    lengths: Mapping[str, int],
    score: str = "",
    top: int | None = None,
    cutoff: float | None = None,
) -> Shown:
    """The links of a table that are worth showing.

    score: by default the link model's probability, or else perturbation, or the table's first. Without `top` (links of
    a gene) and `cutoff` (least score) those that the link model calls are taken, and where there is none, five of each
    gene. InputError for a score that the table has not, and where no link is left.
    """
    labels = {one["name"]: str(one["label"]) for one in header["parameters"]["scores"]}
    score = score or next((name for name in (PROBABILITY, "perturbation") if name in labels), next(iter(labels)))
    if score not in labels:
        raise InputError(f"the links hold no score '{score}'; choose from {', '.join(labels)}")
    if top is None and cutoff is None and not (score == PROBABILITY and "linked" in links.columns):
        top = 5
    chosen = links
    if top is None and cutoff is None:
        chosen = chosen.filter("linked")
    if cutoff is not None:
        chosen = chosen.filter(pl.col(score) >= cutoff)
    chosen = chosen.sort("gene_id", pl.col(score), "element", descending=[False, True, False], maintain_order=True)
    if top is not None:
        chosen = chosen.filter(pl.int_range(pl.len()).over("gene_id") < top)
    if chosen.is_empty():
        least = "is called by the link model" if cutoff is None else f"reaches {cutoff:g} ({labels[score]})"
        raise InputError(f"no link of {header['cell']} {least}; give a lower --cutoff, or --top")
    return Shown(str(header["cell"]), chosen, links, score, labels[score], lengths)


def lengths_of(elements: pl.DataFrame, header: Mapping[str, Any]) -> dict[str, int]:
    """Lengths of the chromosomes of an element store; where its header does not know one, the end of its last cCRE."""
    last = dict(elements.group_by("chrom").agg(pl.max_horizontal("end", "ccre_end").max()).iter_rows())
    known = {name: length for name, length in header["parameters"].get("chromosomes", [])}
    return {name: int(known.get(name) or end) for name, end in sorted(last.items())}
