"""All methods on all benchmarks in one table, the best first, each with its interval and what it is of."""

from collections.abc import Mapping

import polars as pl

from crexpress.core import methods
from crexpress.evaluate.benchmarks.base import SECTION

# the figure that a kind is sorted by, and the others beside it, where they are
HEAD = {"crispr": "auprc", "contacts": "auprc", "locus": "average_precision", "domains": "insulation_dip_difference",
         "specific-genes": "pearson", "classes": "auroc"}  # fmt: skip
BESIDE = (
    *("average_precision", "auprc_by_pairs", "auroc", "precision_at_70_recall", "max_f1", "lift", "top_k_rate"),
    *("spearman_effect", "median_auroc", "median_auprc", "median_specificity", "median_precision"),
    *("insulation_dip", "mae", "nearest_is_own", "f1", "mcc", "coverage", "coverage_positives"),
)


def table(metrics: pl.DataFrame, kinds: Mapping[str, str]) -> pl.DataFrame:
    """One row a benchmark, cell, subset and method of metrics.parquet's rows; `kinds` {benchmark: kind}.

    `figure` names what rows are sorted by, `value`, `low`, `high` are it (null where a method's is not defined);
    `best` is the method that it is less than by `difference` (with
    `difference_low`, `difference_high`, and `p` of a two-sided bootstrap).
    """
    rows = metrics.filter(pl.col("section") == SECTION)
    keys = ["reference", "cell", "subset"]
    parts = []
    for (benchmark, cell, subset), part in rows.group_by(keys, maintain_order=True):
        kind = kinds.get(str(benchmark), "")
        wanted = HEAD.get(kind, "average_precision")
        own = part.filter(pl.col("method") != methods.EVERYTHING)
        if wanted not in own["metric"].to_list():
            wanted = next((name for name in BESIDE if name in own["metric"].to_list()), "")
        if not wanted:
            continue
        every = own.select("method", method_kind="kind").unique("method", keep="first", maintain_order=True)
        figures = own.filter(pl.col("metric") == wanted).select("method", "value", "low", "high", "n")
        head = every.join(figures, on="method", how="left", maintain_order="left")
        less = own.filter(pl.col("metric") == f"{wanted}_difference").select(
            "method", best="baseline", difference="value", difference_low="low", difference_high="high"
        )
        p = own.filter(pl.col("metric") == f"{wanted}_difference_p").select("method", p="value")
        head = head.join(less, on="method", how="left").join(p, on="method", how="left")
        for name in BESIDE:
            head = head.join(
                own.filter(pl.col("metric") == name).select("method", pl.col("value").alias(name)),
                on="method",
                how="left",
            )
        effect = own.filter(pl.col("metric") == "spearman_effect").select("method", spearman_effect_n="n")
        head = head.join(effect, on="method", how="left")
        said = {
            row["metric"]: row["value"]
            for row in part.filter(pl.col("method") == methods.EVERYTHING).iter_rows(named=True)
        }
        head = head.with_columns(
            *(pl.lit(said.get(name), pl.Float64).alias(name) for name in ("positives", "prevalence", "genes"))
        )
        about = {"benchmark": benchmark, "benchmark_kind": kind, "cell": cell, "subset": subset, "figure": wanted}
        parts.append(
            head.select(*(pl.lit(value).alias(name) for name, value in about.items()), pl.all()).sort(
                "value", descending=True, nulls_last=True, maintain_order=True
            )
        )
    return pl.concat(parts) if parts else pl.DataFrame()
