"""The data behind "Find a gene": all genes with their links, in one compressed text that the page unpacks by itself.

Whole numbers in columns, differences instead of places, shares in thousandths: gzip makes little of that. A budget
bounds the size; what does not fit (weak links first, then links of later cells) is left out, and the page says so.
"""

import base64
import bisect
import gzip
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from crexpress.core import splits
from crexpress.core.methods import PROBABILITY
from crexpress.core.tracks import element_means
from crexpress.prepare.elements import TSS
from crexpress.report import cell_facts, facts, locus, style
from crexpress.report.inputs import Inputs

BUDGET = 3_400_000  # bytes compressed, 4.5 MB in the page
LEVEL = 6  # of gzip's 9, which takes 3 % off, and twice the time
# from its start to where distances begin, which is not halfway in an element joined of several
_MIDDLE = (pl.col("tss") + pl.col("distance") - pl.col("start")).alias("middle")
# what stands beside the links called, as much as fits: those among so many strongest of a gene, and whether those from
# the cutoff on that are not called, of genes that have any called
_BESIDE = ((25, True), (15, True), (8, True), (4, True), (2, True), (0, True), (0, False))
_SPLITS = (splits.TRAIN, splits.VAL, splits.TEST)


def pack(data: Any) -> str:
    """Compressed and written in letters; the same data give the same text."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), LEVEL, mtime=0)).decode()


def of_genes(inputs: Inputs, pairs: pl.DataFrame | None, budget: int = BUDGET) -> tuple[dict[str, Any], list[str]]:
    """All that "Find a gene" shows, and what had to be left out, in words."""
    genes, notes = inputs.genes.data, list[str]()
    chroms = genes["chrom"].unique(maintain_order=True).to_list()
    data: dict[str, Any] = {"chroms": chroms, "genes": _genes(genes, chroms, inputs), "cells": [], "links": []}
    data["called"] = facts.CALLED
    data["cells"] = [_expression(inputs, cell) for cell in facts.cells(inputs) if _has_expression(inputs, cell)]
    linked = [cell for cell in facts.cells(inputs) if cell in inputs.links]
    left = budget - _bytes(data)
    for number, cell in enumerate(linked):
        share = left // (len(linked) - number)  # what one cell leaves, the next have
        found = _fitting(inputs, cell, pairs, share)
        if found is None:
            notes.append(f"Links of {cell} are too many for this page: see tables/links.{cell}.tsv.gz.")
            continue
        kept, (most, barred), size = found
        left -= size
        data["links"].append(kept | {"barred": barred})
        more = [f"those among the {most} strongest of each gene"] * bool(most)
        if barred and kept["cutoff"] is not None:
            more = ["those from the cutoff on that are not, with the reason", *more]
        notes.append(f"{cell}: {style.join(['the links called', *more])}; all of them stand in links.{cell}.parquet.")
    return data, notes


def _bytes(data: Any) -> int:
    return len(pack(data)) * 3 // 4


def _has_expression(inputs: Inputs, cell: str) -> bool:
    return cell in inputs.predictions or cell in inputs.expression


def _differences(values: Any) -> list[int]:
    """First value, then each minus the one before."""
    return [int(value) for value in np.diff(np.asarray(values, np.int64), prepend=0)]


def _genes(genes: pl.DataFrame, chroms: list[str], inputs: Inputs) -> dict[str, Any]:
    place = {name: number for number, name in enumerate(chroms)}
    split: list[int | None] = [None] * len(genes)
    if inputs.predictions:
        frame = next(iter(inputs.predictions.values())).data.select("gene_id", "split")
        own = genes.select("gene_id").join(frame, on="gene_id", how="left", maintain_order="left")["split"]
        split = [_SPLITS.index(name) if name in _SPLITS else None for name in own]
    return {
        "id": names_of(genes["gene_id"].to_list()),
        "name": [name or "" for name in genes["gene_name"]],
        "chrom": [place[name] for name in genes["chrom"]],
        "tss": _differences(genes["tss"]),
        "before": (genes["tss"] - genes["start"]).to_list(),
        "after": (genes["end"] - genes["tss"]).to_list(),
        "strand": "".join(genes["strand"].fill_null(".")),
        "split": split,
    }


def names_of(names: Sequence[str]) -> Any:
    """Names that are one text and a number of one length as such, which compresses: else a list."""
    found = pl.Series(names, dtype=pl.String).str.extract_groups(r"(?s)^(.*?)([0-9]{1,15})$").struct.unnest()
    heads, digits = found.get_columns()
    lengths = digits.str.len_chars().unique()
    if not names or heads.has_nulls() or heads.n_unique() > 1 or len(lengths) > 1:
        return list(names)
    return {"head": heads[0], "digits": lengths[0], "numbers": _differences(digits.cast(pl.Int64))}


def _thousandths(values: pl.Series) -> list[int | None]:
    return (values.fill_nan(None) * 1000).round().cast(pl.Int64).to_list()


def _expression(inputs: Inputs, cell: str) -> dict[str, Any]:
    genes = inputs.genes.data.select("gene_id")
    found: dict[str, Any] = {"name": cell, "role": facts.role(inputs, cell), "seen": facts.seen(inputs, cell)}
    found["copied"] = facts.copied(inputs, cell)
    if cell in inputs.expression:
        table = inputs.expression[cell].data.select("gene_id", "expression")
        own = genes.join(table, on="gene_id", how="left", maintain_order="left")["expression"]
        found |= {"observed": _thousandths(own), "unit": facts.unit(inputs, cell)}
    if cell in inputs.predictions:
        table = inputs.predictions[cell].data.select("gene_id", "predicted")
        own = genes.join(table, on="gene_id", how="left", maintain_order="left")["predicted"]
        found |= {"predicted": _thousandths(own), "classes": facts.classifies(inputs, cell)}
    return found


def _fitting(
    inputs: Inputs, cell: str, pairs: pl.DataFrame | None, share: int
) -> tuple[dict[str, Any], tuple[int, bool], int] | None:
    """Links of a cell, those called and as many others (`_BESIDE`) as fit into so many bytes: the links, what is
    beside, and their bytes; None where not even those called fit.
    """
    score, _ = cell_facts.main_score(inputs, cell)
    place = pl.col(score).rank("ordinal", descending=True).over("gene_id")
    links = cell_facts.candidates(inputs, cell).filter(pl.col("class") != TSS).with_columns(rank=place)
    gene = pl.col("gene_id").replace_strict(_numbers(inputs), default=None)
    told = pl.col("sentence").is_not_null() if "sentence" in links.columns else pl.lit(False)
    links = links.with_columns(gene=gene, barred=told & pl.col("called").any().over("gene_id"))
    links = links.filter(pl.col("called") | pl.col("barred") | (pl.col("rank") <= _BESIDE[0][0]))
    links = links.sort("gene", "element")
    found = None

    def fits(beside: tuple[int, bool]) -> bool:
        nonlocal found
        strong, barred = pl.col("rank") <= beside[0], pl.col("barred") & beside[1]
        kept = _links(inputs, cell, pairs, links.filter(pl.col("called") | barred | strong))
        if (size := _bytes(kept)) <= share:
            found = kept, beside, size
        return size <= share

    bisect.bisect_left(_BESIDE, True, key=fits)  # the last that fits is the largest
    return found


def _numbers(inputs: Inputs) -> dict[str, int]:
    return {gene: row for row, gene in enumerate(inputs.genes.data["gene_id"])}


def _links(inputs: Inputs, cell: str, pairs: pl.DataFrame | None, kept: pl.DataFrame) -> dict[str, Any]:
    """These links of a cell, and the elements that a screen tested."""
    score, label = cell_facts.main_score(inputs, cell)
    elements = kept.select("element", "element_id", "class", "chrom", "start", "end", "silent", _MIDDLE)
    elements = elements.unique("element").sort("element")
    row = {element: index for index, element in enumerate(elements["element"])}
    classes = elements["class"].unique().sort().to_list()
    chroms = inputs.genes.data["chrom"].unique(maintain_order=True).to_list()
    top = float(kept[score].max() or 1)  # type: ignore[arg-type]
    scale = 1.0 if score == PROBABILITY else top
    counts = np.bincount(kept["gene"].to_numpy(), minlength=len(inputs.genes.data))
    told = kept["sentence"] if "sentence" in kept.columns else pl.Series([None] * len(kept), dtype=pl.String)
    far = cell_facts.reach(inputs, cell)
    about = inputs.scored[cell].header["parameters"] if cell in inputs.scored else {}
    found: dict[str, Any] = {
        "cell": cell,
        "label": label,
        "probability": score == PROBABILITY,
        "scale": scale,
        "cutoff": about.get("cutoff"),
        "classes": classes,
        "elements": {
            "id": names_of(elements["element_id"].to_list()),
            "chrom": [chroms.index(name) for name in elements["chrom"]],
            "start": _differences(elements["start"]),
            "length": (elements["end"] - elements["start"]).to_list(),
            "middle": elements["middle"].to_list(),
            "class": [classes.index(name) for name in elements["class"]],
            "silent": "".join("1" if quiet else "0" for quiet in elements["silent"]),
        },
        "counts": counts.tolist(),
        "element": _differences([row[element] for element in kept["element"]]),
        "score": (kept[score].fill_null(0).clip(0) / scale * 1000).round().cast(pl.Int64).to_list(),
        "rank": kept["rank"].to_list(),
        "called": "".join("1" if one else "0" for one in kept["called"]),
        "told": "".join("1" if one else "0" for one in told.is_not_null()),
        "why": told.drop_nulls().to_list(),
        "looped": "".join("1" if one else "0" for one in locus.looped(inputs.contacts.get(cell), kept)),
        "tracks": _tracks(inputs, cell, elements["element"].to_numpy()),
        "transform": _scale(inputs, cell),
    }
    if far is not None:
        own = inputs.genes.data.select("gene_id").join(far, on="gene_id", how="left", maintain_order="left")
        found["reach"] = {side: own[side].fill_null(0).to_list() for side in ("upstream", "downstream")}
    if pairs is not None:
        tested = pairs.filter(pl.col("cell").is_null() | (pl.col("cell") == cell))
        gene = pl.col("gene_id").replace_strict(_numbers(inputs), default=None)
        tested = tested.with_columns(gene=gene).drop_nulls("gene")
        rows = tested.select("gene", "start", pl.col("end") - pl.col("start"), pl.col("regulated").cast(pl.Int8))
        found["screen"] = [list(values) for values in rows.sort("gene", "start").iter_rows()]
    return found


def _scale(inputs: Inputs, cell: str) -> str:
    """What the values of tracks are, in words."""
    signals = inputs.signals.get(cell)
    return style.scale(signals.header["parameters"]["transform"]) if signals else ""


def _tracks(inputs: Inputs, cell: str, rows: np.ndarray) -> list[dict[str, Any]]:
    """Mean of each track over the elements as stored, in percent of the highest of them."""
    signals = inputs.signals.get(cell)
    if signals is None:
        return []
    found = []
    for name in signals.header["parameters"]["tracks"]:
        means = element_means(signals.data.tensors[name], dtype=np.float32, rows=rows)
        top = float(means.max(initial=0)) or 1.0
        values = np.round(means / top * 100).astype(int).tolist()
        found.append({"name": style.track(name), "top": round(top, 3), "values": values})
    return found
