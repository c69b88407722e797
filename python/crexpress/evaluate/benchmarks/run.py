"""From benchmarks.csv, artefacts and published tables to figures: what bin/evaluate does with --benchmarks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from crexpress.core import methods
from crexpress.core.errors import InputError
from crexpress.core.log import say
from crexpress.evaluate import metrics
from crexpress.evaluate.benchmarks import BENCHMARKS, comparison
from crexpress.evaluate.benchmarks.base import Entry, World
from crexpress.evaluate.metrics import Metric


class Scored(NamedTuple):
    """Rows of metrics.parquet and curves.parquet, the comparison, other tables by name, and facts for a header."""

    rows: list[Metric]
    curves: list[pl.DataFrame]
    comparison: pl.DataFrame
    tables: dict[str, pl.DataFrame]
    facts: dict[str, dict[str, object]]


def score(entries: Sequence[Entry], world: World) -> Scored:
    """Every benchmark. One that cannot be scored is told and left out."""
    rows: list[Metric] = []
    curves: list[pl.DataFrame] = []
    tables: dict[str, pl.DataFrame] = {}
    facts: dict[str, dict[str, object]] = {}
    named = {entry.name: entry.options.get("trained_on", "").split(";") for entry in entries}
    said = {name: [one.strip() for one in labels if one.strip()] for name, labels in named.items()}
    world = replace(world, trained_on=said)
    for entry in entries:
        try:
            found = BENCHMARKS[entry.kind](entry, world)
        except InputError as error:
            facts[entry.name] = {"kind": entry.kind, "cell": entry.cell, "refused": str(error)}
            say(f"Warning: {entry.name} is left out: {error}")
            continue
        rows += found.rows
        curves += found.curves
        tables |= found.tables
        facts[entry.name] = {
            "kind": entry.kind,
            "cell": entry.cell,
            "options": dict(entry.options),
            "notes": found.notes,
        }
        for note in found.notes:
            say(f"{entry.name}: {note}")
    kinds = {entry.name: entry.kind for entry in entries}
    return Scored(rows, curves, comparison.table(metrics.table(rows), kinds), tables, facts)


def require(scored: Scored) -> Scored:
    """`scored`, for a caller that has nothing else; InputError where no benchmark could be scored."""
    if all(row.method == methods.EVERYTHING for row in scored.rows):  # counts of pairs are no score of anything
        why = " ".join(
            str(fact["refused"]) if "refused" in fact else "; ".join(map(str, fact["notes"]))  # type: ignore[call-overload]
            for fact in scored.facts.values()
        )
        raise InputError(f"no benchmark can be scored. {why}".strip())
    return scored


def told(table: pl.DataFrame, most: int = 3) -> list[str]:
    """The best methods of every benchmark on everything, one line each."""
    lines: list[str] = []
    if table.is_empty():
        return lines
    for (benchmark, cell), part in table.group_by(["benchmark", "cell"], maintain_order=True):
        whole = part.filter(pl.col("subset") == part["subset"][0])
        for row in whole.drop_nulls("value").head(most).iter_rows(named=True):
            interval = "" if row["low"] is None else f" [{row['low']:.3f}, {row['high']:.3f}]"
            lines.append(
                f"{cell}, {benchmark} ({row['subset']}): {row['figure']} {row['value']:.3f}{interval} "
                f"{row['method']} (n = {row['n']:,})"
            )
    return lines
