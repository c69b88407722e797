"""A small finished run for tests of the report: cell A trained on, cell B never seen, links of A against a screen."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from runpy import run_path

import numpy as np
import polars as pl
from click.testing import CliRunner, Result

from crexpress.core import artifacts, methods, splits
from crexpress.data import neighbours
from crexpress.report.inputs import Inputs, load
from crexpress.report.study import Study
from tiny_case import TinyCase

TOOL = Path(__file__).parents[1] / "bin" / "report"
SCORES = [
    {"name": "attention", "label": "attention", "higher_is_better": True},
    {"name": "attention_distance", "label": "attention / distance", "higher_is_better": True},
]
METRICS = {
    "section": pl.String, "cell": pl.String, "cell_seen": pl.Boolean, "method": pl.String, "subset": pl.String,
    "reference": pl.String, "baseline": pl.String, "metric": pl.String, "value": pl.Float64, "low": pl.Float64,
    "high": pl.Float64, "n": pl.Int64,
}  # fmt: skip
ABOUT = {
    "scpge-small": methods.of_predictions({"preset": "scpge-small"}),
    "boosted trees promoter": methods.Method(
        "boosted_trees_promoter", "boosted trees promoter", methods.BASELINE, saw=methods.TRACKS
    ),
    "train mean": methods.Method("train_mean", "train mean", methods.BASELINE, saw=methods.GENES),
    "copy of A": methods.Method("copy", "copy of A", methods.BASELINE, saw=methods.CELLS, cells=("A",)),
    "distance": methods.closed_form("distance"),
} | {method.title: method for method in methods.of_links({"scores": SCORES})}


def named(frame: pl.DataFrame, more: Mapping[str, methods.Method] | None = None) -> pl.DataFrame:
    """Rows of metrics or curves with what stands behind the names of their methods."""
    known = {"all": dict.fromkeys(methods.SCHEMA)} | {name: of.row() for name, of in (ABOUT | dict(more or {})).items()}
    columns = pl.DataFrame([{"method": name, **row} for name, row in known.items()], schema_overrides=methods.SCHEMA)
    bare = frame.drop(methods.SCHEMA.keys(), strict=False)
    return bare.join(columns, on="method", how="left", maintain_order="left")


class Run:
    """The artefacts of a small run: cell A trained on, cell B never seen, links of A against a screen."""

    def __init__(self, tiny: TinyCase, folder: Path) -> None:
        self.tiny, self.folder = tiny, folder
        self.genes, header = artifacts.read_table(tiny.genes, "genes")
        self.digests = {"elements": header["elements"], "genes": header["genes"]}
        self.split = splits.assign(self.genes, "chr2", "chr3")
        for cell in "AB":
            self._predictions(cell)
        self._links()
        self.screen(positives=20)
        self._model()
        self.metrics()

    def header(self, kind: str, cell: str | None = None, **parameters: object) -> artifacts.Header:
        return artifacts.make_header(kind, "test", **self.digests, cell=cell, parameters=parameters)

    def _predictions(self, cell: str, mode: str = "direct") -> Path:
        observed = artifacts.read_table(self.tiny.expression(cell), "expression")[0]["expression"].fill_null(0)
        noise = np.random.default_rng(ord(cell)).normal(0, 0.3, len(observed))
        frame = self.genes.select("gene_id", "gene_name", "chrom", "tss").with_columns(
            split=pl.Series(self.split), predicted=pl.Series((observed.to_numpy() + noise).astype(np.float32))
        )
        header = self.header("predictions", cell, cell_seen=cell == "A", preset="scpge-small", mode=mode)
        path = self.folder / ("" if mode == "direct" else mode) / f"predictions.{cell}.parquet"
        artifacts.write_table(path, frame, header)
        return path

    def anchored(self) -> Inputs:
        """The same with an anchored model beside: r 0.95 in the new cell, 0.75 in the trained one."""
        frame, header = artifacts.read_table(self.folder / "metrics.parquet", "metrics")
        own = frame.filter(pl.col("method") == "scpge-small", pl.col("section") != "links")
        r = pl.when(pl.col("cell") == "B").then(0.95).otherwise(0.75)
        value = pl.when(pl.col("metric") == "pearson").then(r).otherwise("value")
        own = own.with_columns(method=pl.lit("scpge-small (anchored)"), value=value)
        more = {"scpge-small (anchored)": methods.of_predictions({"preset": "scpge-small", "mode": "anchored"})}
        artifacts.write_table(self.folder / "metrics.parquet", pl.concat([frame, named(own, more)]), header)
        return self.inputs(anchored=[self._predictions(cell, "anchored") for cell in "AB"])

    def _links(self) -> None:
        elements, _ = artifacts.read_table(self.tiny.elements, "elements")
        index = neighbours.nearest(self.genes, elements, 6)
        gene, column = np.nonzero((index >= 0) & (np.arange(7) != 3))
        element = index[gene, column]
        distance = neighbours.distances(self.genes, elements, index)[gene, column]
        attention = 1 / (1 + np.abs(distance))
        self.linked = pl.concat(
            [
                self.genes.select("gene_id", "gene_name", "tss")[gene],
                elements.select("element_id", "class", "chrom", start="ccre_start", end="ccre_end")[element],
                pl.DataFrame({"element": element, "distance": distance, "attention": attention.astype(np.float32)}),
            ],
            how="horizontal",
        ).with_columns(attention_distance=pl.col("attention") / 1000)
        header = self.header("links", "A", scores=SCORES, neighbours=6)
        artifacts.write_table(self.folder / "links.A.parquet", self.linked, header)

    def _model(self) -> None:
        (self.folder / "model").mkdir(exist_ok=True)
        model = {"tracks": ["dnase", "h3k27ac"], "sequence": False, "motifs": [], "neighbours": 6, "window": 50_000}
        about = {"preset": "scpge-small", "model": model, "best_step": 20, "seed": 1}
        (self.folder / "model" / "config.json").write_text(json.dumps(about))
        steps = {"step": [10, 20], "learning_rate": [1e-3, 1e-4], "train_loss": [2.0, 1.0], "val_loss": [2.1, 1.2],
                 "val_pearson": [0.1, 0.4]}  # fmt: skip
        artifacts.write_table(self.folder / "model" / "history.parquet", pl.DataFrame(steps), self.header("history"))

    def screen(self, positives: int) -> None:
        """A screen of 100 linked pairs; the first `positives` of the test chromosome's are regulated."""
        pairs = self.linked.filter(pl.col("chrom") == "chr3").head(100)
        lines = ["chrom\tchromStart\tchromEnd\tmeasuredGeneSymbol\tCellType\tRegulated"]
        for number, row in enumerate(pairs.iter_rows(named=True)):
            verdict = "TRUE" if number < positives else "FALSE"
            lines.append(f"chr3\t{row['start']}\t{row['end']}\t{row['gene_name']}\tA\t{verdict}")
        (self.folder / "screen.tsv").write_text("\n".join(lines) + "\n")

    def metrics(self, attention: float = 0.2, positives: int = 20, more: str = "") -> None:
        """Metrics and curves with chosen figures: average precision of attention; distance has 0.5 [0.4, 0.6].

        `more` are further cells, trained on and as good as A.
        """
        rows = []

        def add(section: str, cell: str, method: str, subset: str, metric: str, value: float, half: float | None = None,
                n: int = 40, reference: str | None = None, baseline: str | None = None) -> None:  # fmt: skip
            low, high = (None, None) if half is None else (value - half, value + half)
            rows.append((section, cell, cell != "B", method, subset, reference, baseline, metric, value, low, high, n))

        for cell, trees in (("A", 0.70), ("B", 0.90), *((cell, 0.70) for cell in more)):
            for method, r, mae in (("scpge-small", 0.8123, 0.31), ("boosted trees promoter", trees, 0.35)):
                add("expression", cell, method, "test", "pearson", r, 0.02)
                add("expression", cell, method, "test", "spearman", r, 0.02)
                add("expression", cell, method, "test", "mae", mae, 0.02)
            best = "boosted trees promoter"
            add("expression", cell, "scpge-small", "test", "pearson_difference", 0.8123 - trees, 0.01, baseline=best)
            add("expression", cell, "train mean", "test", "mae", 0.7, 0.02)
        for subset in ("changed genes", "test"):
            add("change", "B", "scpge-small", subset, "pearson_change", 0.6, 0.1, 12, "A")
            add("change", "B", "scpge-small", subset, "mae_change", 0.5, 0.1, 12, "A")
            add("change", "B", "scpge-small", subset, "pearson_level", 0.4, 0.1, 12, "A")
            add("change", "B", "copy of A", subset, "pearson_level", -0.25, 0.1, 12, "A")
        for subset in ("all pairs", "<10 kb"):
            add("links", "A", "all", subset, "prevalence", positives / 100, None, 100, "screen")
            add("links", "A", "all", subset, "positives", positives, None, 100, "screen")
            for method, value in (("attention", attention), ("attention / distance", 0.45), ("distance", 0.5)):
                for metric in ("average_precision", "auprc", "auroc", "precision_at_70_recall"):
                    add("links", "A", method, subset, metric, value, 0.1, 100, "screen")
        for method in ("attention", "attention / distance"):
            add("links", "A", method, "all pairs", "coverage", 0.8, None, 100, "screen")
            add("links", "A", method, "all pairs", "coverage_positives", 0.75, None, positives, "screen")
        header = self.header("metrics", units={"A": "log10(1 + TPM)"}, resamples=100, seed=1)
        frame = pl.DataFrame(rows, schema=METRICS, orient="row")
        artifacts.write_table(self.folder / "metrics.parquet", named(frame), header)
        curve = pl.DataFrame({"recall": [0.5, 1.0], "precision": [0.6, 0.2]})
        curves = [
            curve.select(pl.lit("A").alias("cell"), pl.lit("screen").alias("benchmark"), pl.lit(name).alias("method"),
                         pl.lit("all pairs").alias("subset"), "recall", "precision")
            for name in ("attention", "attention / distance", "distance")
        ]  # fmt: skip
        artifacts.write_table(self.folder / "curves.parquet", named(pl.concat(curves)), header | {"kind": "curves"})

    def contacts(self) -> Path:
        """Loops of cell A: one from the first test gene's TSS to its farthest linked element, in 5-kb bins."""
        gene = self.genes.filter(pl.col("chrom") == "chr3").row(5, named=True)
        far = self.linked.filter(pl.col("gene_id") == gene["gene_id"]).sort(pl.col("distance").abs())[-1]
        ends = sorted((200 + gene["tss"] // 5000, 200 + (far["start"][0] + far["end"][0]) // 2 // 5000))
        tensors = {
            "row": np.array(ends[:1], np.int32), "col": np.array(ends[1:], np.int32),
            "count": np.array([3], np.float32), "neglog10q": np.array([np.nan], np.float32),
            "chroms": np.array(["chr1", "chr2", "chr3"]), "offsets": np.array([0, 100, 200, 300]),
        }  # fmt: skip
        path = self.folder / "contacts.A.npz"
        artifacts.write_sparse(path, tensors, self.header("contacts", "A", bin_size=5000))
        return path

    def inputs(self, anchored: Sequence[Path] = (), **more: object) -> Inputs:
        here, tiny = self.folder, self.tiny
        return load(
            tiny.genes, tiny.elements, here / "metrics.parquet", here / "curves.parquet",
            [here / "predictions.A.parquet", here / "predictions.B.parquet", *anchored],
            [tiny.expression("A"), tiny.expression("B")], [here / "links.A.parquet"], [tiny.signals("A")],
            models=[here / "model"], **more,
        )  # fmt: skip

    def study(self) -> Study:
        """The inputs without a screen, for parts that draw nothing."""
        return Study(self.inputs(), self.folder / "figures")

    def arguments(self, outdir: Path) -> list[str]:
        here, tiny = self.folder, self.tiny
        files = {
            "--genes": [tiny.genes], "--elements": [tiny.elements], "--metrics": [here / "metrics.parquet"],
            "--curves": [here / "curves.parquet"],
            "--predictions": [here / "predictions.A.parquet", here / "predictions.B.parquet"],
            "--expression": [tiny.expression("A"), tiny.expression("B")], "--links": [here / "links.A.parquet"],
            "--signals": [tiny.signals("A")], "--contacts": [self.contacts()], "--model": [here / "model"],
            "--crispr": [here / "screen.tsv"],
        }  # fmt: skip
        return [str(part) for name, paths in files.items() for path in paths for part in (name, path)] + [
            "--outdir",
            str(outdir),
        ]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(run_path(str(TOOL))["main"], [str(argument) for argument in arguments])
