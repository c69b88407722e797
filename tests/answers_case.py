"""What --explain writes of cell A of the finished run: contributions of two links, effects of four edits and of
three mutations, motifs, active elements, categories of genes, pairs of elements, clusters.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from crexpress.core import artifacts
from report_case import Run

UNIT = "log10(1 + TPM)"
MODEL = {"preset": "scpge-small", "seed": 1, "mode": "direct", "cell_seen": True}
ELEMENT = {"gene_id": pl.String, "gene_name": pl.String, "element": pl.Int32, "element_id": pl.String,
           "class": pl.String, "distance": pl.Int64}  # fmt: skip
CHANNEL = {"kind": pl.String, "name": pl.String, "factor": pl.String, "sites": pl.Int32, "contribution": pl.Float32}
EDIT = {"line": pl.Int64, "name": pl.String, "chrom": pl.String, "start": pl.Int64, "end": pl.Int64, "ref": pl.String,
        "alt": pl.String, "action": pl.String}  # fmt: skip


def contributions(run: Run, folder: Path, **about: Any) -> Path:
    """Two links: the first falls by 0.5, the second rises by 0.02; a site's bases are part of the sequence's sum."""
    values = {
        0: [("track", "dnase", None, 0.1), ("track", "h3k27ac", None, 0.25), ("sequence", "sequence", None, -0.05),
            ("motif", "M1", "GATA1", 0.15), ("motif", "M2", "SPI1", -0.04), ("profile", "dnase", None, 0.09),
            ("site", "M1", "GATA1", 0.3)],
        1: [("track", "dnase", None, 0.0), ("track", "h3k27ac", None, 0.01), ("sequence", "sequence", None, 0.0),
            ("motif", "M1", "GATA1", -0.05), ("motif", "M2", "SPI1", 0.02), ("profile", "dnase", None, 0.0)],
    }  # fmt: skip
    links = run.linked.filter(pl.col("distance").abs() > 0).head(2)
    rows = [
        (*link, kind, name, factor, None, value, 1, {"GATA1": 1.5, "SPI1": 0.1}.get(factor or ""))
        for number, link in enumerate(links.select(ELEMENT.keys()).iter_rows())
        for kind, name, factor, value in values[number]
    ]
    schema = ELEMENT | CHANNEL | {"rank": pl.Int32, "expression": pl.Float32}
    about = {"method": "integrated gradients", "background": "silent", **MODEL, **about}
    header = run.header("contributions", "A", **about) | {"units": {"predicted": UNIT}}
    artifacts.write_table(folder / "contributions.A.parquet", pl.DataFrame(rows, schema, orient="row"), header)
    return folder / "contributions.A.parquet"


def variants(run: Run, folder: Path, models: int = 1, unit: str = UNIT, **about: Any) -> Path:
    """An allele that reaches two genes, a deletion, a removed element, and a track set to a value."""
    genes = run.genes.head(3).select("gene_id", "gene_name", "tss").rows()
    edits = [
        (2, "rs1", "chr1", 999, 1000, "A", "G", "sequence"),
        (3, None, "chr1", 2000, 2500, None, "", "delete"),
        (0, "E9", "chr1", 3000, 3300, None, "", "remove"),
        (5, None, "chr1", 4000, 4300, None, "dnase=2.5", "signal"),
    ]
    effects = [(0, 0, 0.01), (0, 1, -0.02), (1, 2, -0.3010), (2, 0, 0.0004), (3, 0, 0.003)]
    rows = [
        (*edits[edit], *genes[gene], edits[edit][3] - genes[gene][2], "E1,E2", "pELS,dELS", 1.0, 1.0 + effect, effect,
         0.005 if models > 1 else None, models)
        for edit, gene, effect in effects
    ]  # fmt: skip
    number = dict.fromkeys(("predicted", "edited", "effect", "spread"), pl.Float32)
    schema = EDIT | {"gene_id": pl.String, "gene_name": pl.String, "tss": pl.Int64, "distance": pl.Int64,
                     "elements": pl.String, "classes": pl.String, **number, "models": pl.Int32}  # fmt: skip
    header = run.header("variants", "A", models=models, **MODEL, **about) | {"units": {"predicted": unit}}
    artifacts.write_table(folder / "variants.A.parquet", pl.DataFrame(rows, schema, orient="row"), header)
    return folder / "variants.A.parquet"


def motifs(run: Run, folder: Path, cell: str = "A", **links_of: Any) -> Path:
    """Two motifs, the first enriched."""
    rows = [("M1", "GATA1", "GATA", 40, 100, 50, 500, 6.0, 1e-8, 2e-8, 0.7, 1e-6, 2e-6, 1.5),
            ("M2", "SPI1", "ETS", 10, 100, 50, 500, 1.0, 0.9, 0.9, 0.5, 0.8, 0.8, None)]  # fmt: skip
    counts = dict.fromkeys(("active_with", "active", "background_with", "background"), pl.Int64)
    figures = dict.fromkeys(("odds_ratio", "p_fisher", "q_fisher", "auc", "p_rank", "q_rank", "expression"), pl.Float64)
    schema = dict.fromkeys(("motif", "factor", "family"), pl.String) | counts | figures
    about = {"p_value": 1e-4, "test": "fisher", "seed": 1, "links_of": MODEL | links_of}
    header = run.header("enriched_motifs", cell, **about)
    artifacts.write_table(folder / "enriched_motifs.parquet", pl.DataFrame(rows, schema, orient="row"), header)
    return folder / "enriched_motifs.parquet"


def mutations(run: Run, folder: Path) -> Path:
    """Three changes at two positions of one element."""
    place = (*run.genes.select("gene_id", "gene_name").row(0), "E1", "chr1")
    rows = [(*place, 99, "A", "C", -0.2), (*place, 99, "A", "G", -0.1), (*place, 120, "T", "G", 0.05)]
    schema = dict.fromkeys(("gene_id", "gene_name", "element_id", "chrom"), pl.String)
    schema |= {"position": pl.Int64, "ref": pl.String, "alt": pl.String, "effect": pl.Float32}
    header = run.header("mutations", "A", **MODEL) | {"units": {"predicted": UNIT}}
    artifacts.write_table(folder / "mutations.A.parquet", pl.DataFrame(rows, schema, orient="row"), header)
    return folder / "mutations.A.parquet"


def active(run: Run, folder: Path, **links_of: Any) -> Path:
    """Three links of one gene: both of a class are active, one of another is not."""
    gene = run.genes.select("gene_id", "gene_name").row(0)
    rows = [(*gene, number, f"E{number}", kind, 1000 * number, 0.3, 0.1, number, number, kind == "pELS")
            for number, kind in enumerate(("pELS", "pELS", "dELS"), 1)]  # fmt: skip
    schema = ELEMENT | {"attention": pl.Float32, "perturbation": pl.Float32, "rank_attention": pl.Int64,
                        "rank_perturbation": pl.Int64, "active": pl.Boolean}  # fmt: skip
    header = run.header("active", "A", k=2, absolute=False, links_of=MODEL | links_of)
    artifacts.write_table(folder / "active.A.parquet", pl.DataFrame(rows, schema, orient="row"), header)
    return folder / "active.A.parquet"


def categories(run: Run, folder: Path) -> Path:
    """Two genes predicted low though measured high, one rightly high, one in no category."""
    values = [("FN", 0.1, 2.0), ("FN", 0.3, 3.0), ("TP", 2.5, 2.6), ("", 1.0, 1.2)]
    rows = [(*gene, "test", predicted, observed, predicted / 3, observed / 3, category)
            for gene, (category, predicted, observed) in zip(run.genes.select("gene_id", "gene_name").head(4).rows(),
                                                             values, strict=True)]  # fmt: skip
    number = dict.fromkeys(("predicted", "observed", "predicted_scaled", "observed_scaled"), pl.Float64)
    schema = dict.fromkeys(("gene_id", "gene_name", "split"), pl.String) | number | {"category": pl.String}
    about = {"split": "test", "high": 0.7, "low": 0.2, "predictions_of": MODEL}
    header = run.header("categories", "A", **about) | {"units": {"predicted": UNIT}}
    artifacts.write_table(folder / "categories.A.parquet", pl.DataFrame(rows, schema, orient="row"), header)
    return folder / "categories.A.parquet"


def pairs(run: Run, folder: Path) -> Path:
    """Three pairs of elements of a gene: one stand in for each other, one needs the other, one adds up."""
    gene = run.genes.select("gene_id", "gene_name").row(0)
    falls = [("E1", "E2", 0.1, 0.2, 0.7), ("E1", "E3", 0.1, 0.05, 0.11), ("E2", "E3", 0.2, 0.05, 0.25)]
    rows = [(*gene, a, b, 1000, -2000, one, other, both, both - one - other) for a, b, one, other, both in falls]
    names = ("element_a", "element_b", "distance_a", "distance_b", "perturbation_a", "perturbation_b")
    kinds = (pl.String, pl.String, pl.Int64, pl.Int64, pl.Float32, pl.Float32)
    schema = {"gene_id": pl.String, "gene_name": pl.String, **dict(zip(names, kinds, strict=True)),
              "perturbation_both": pl.Float32, "epistasis": pl.Float32}  # fmt: skip
    header = run.header("pairs", "A", **MODEL) | {"units": {"predicted": UNIT}}
    artifacts.write_table(folder / "pairs.A.parquet", pl.DataFrame(rows, schema, orient="row"), header)
    return folder / "pairs.A.parquet"


def embedding(run: Run, folder: Path) -> Path:
    """Eight elements in two clusters: three of four are pELS in the first, all dELS in the second."""
    classes = ["pELS", "pELS", "pELS", "dELS", *["dELS"] * 4]
    rows = [(f"E{n}", kind, str(n // 4), float(n % 4), float(n // 4)) for n, kind in enumerate(classes)]
    schema = {"element_id": pl.String, "class": pl.String, "cluster": pl.String, "umap_1": pl.Float32,
              "umap_2": pl.Float32}  # fmt: skip
    header = run.header("embedding", "A", **MODEL)
    artifacts.write_table(folder / "embedding.A.parquet", pl.DataFrame(rows, schema, orient="row"), header)
    return folder / "embedding.A.parquet"


def options(run: Run, folder: Path) -> Sequence[str]:
    """Options of `report` for all of them."""
    made = {"contributions": contributions, "variants": variants, "enriched-motifs": motifs, "mutations": mutations,
            "active": active, "categories": categories, "pairs": pairs, "embedding": embedding}  # fmt: skip
    return [word for name, write in made.items() for word in (f"--{name}", str(write(run, folder)))]
