"""A small case for tests of links: three chromosomes, elements every 7 kb, tracks, links of a network, a screen."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crexpress.core import artifacts
from crexpress.links import products
from crexpress.prepare.contacts import Contacts
from crexpress.prepare.elements import TSS
from sketches import write_store

CHROMS, GENES, ELEMENTS, SPACING = ("chr1", "chr2", "chr3"), 12, 120, 7_000
TRACKS = ("ctcf", "dnase", "h3k27ac")
Case = dict[str, Any]


def contacts(*loops: tuple[int, int, float], widths: Sequence[float] | None = None) -> Contacts:
    """A map of chr1 with these loops: bin, bin, count, and the width of their anchors where it is told."""
    row, col, count = zip(*loops, strict=True)
    tensors = {
        "row": np.array(row, np.int32),
        "col": np.array(col, np.int32),
        "count": np.array(count, np.float32),
        "neglog10q": np.full(len(row), np.nan, np.float32),
        "chroms": np.array(["chr1"]),
        "offsets": np.array([0, 1000]),
    }
    more = {} if widths is None else {"width": np.array(widths, np.float32)}
    return Contacts({"parameters": {"bin_size": 5000}, "cell": "K"}, tensors | more)


def make() -> Case:
    """Elements every 7 kb on three chromosomes, genes among them, tracks, links of the four nearest elements."""
    generator = np.random.default_rng(0)
    middle = np.concatenate([SPACING * np.arange(1, ELEMENTS + 1)] * len(CHROMS))
    tss = np.concatenate([np.sort(generator.integers(100_000, 740_000, GENES)) for _ in CHROMS])
    chrom = np.repeat(CHROMS, ELEMENTS)
    elements = pl.DataFrame(
        {
            "element_id": [f"E{i}" for i in range(len(middle) + len(tss))],
            "chrom": [*chrom, *np.repeat(CHROMS, GENES)],
            "start": np.append(middle, tss) - 300,
            "end": np.append(middle, tss) + 300,
            "ccre_start": np.append(middle - 150, tss),
            "ccre_end": np.append(middle + 150, tss),
            "class": ["dELS"] * len(middle) + [TSS] * len(tss),
        }
    )
    genes = pl.DataFrame(
        {
            "gene_id": [f"G{i}" for i in range(len(tss))],
            "gene_name": [f"NAME{i}" for i in range(len(tss))],
            "chrom": np.repeat(CHROMS, GENES).tolist(),
            "start": tss,
            "end": tss + 20_000,
            "strand": ["+", "-"] * (len(tss) // 2),
            "tss": tss,
            "element": len(middle) + np.arange(len(tss), dtype=np.int32),
        }
    )
    tracks = {name: generator.gamma(1, 5, len(elements)) for name in TRACKS}
    world = products.World(elements, genes, tracks, np.sqrt(tracks["dnase"] * tracks["h3k27ac"]))
    links = products.widen(_links(elements, genes, generator), genes, elements, 0)
    return {"world": world, "links": links}


def _links(elements: pl.DataFrame, genes: pl.DataFrame, generator: np.random.Generator) -> pl.DataFrame:
    places = genes.select("gene_id", "gene_name", "chrom", "tss")
    near = places.join(elements.with_row_index("row").filter(pl.col("class") != TSS), on="chrom").with_columns(
        ((pl.col("start") + pl.col("end")) // 2 - pl.col("tss")).alias("distance")
    )
    near = near.filter(pl.col("distance").abs().rank("ordinal").over("gene_id") <= 4)
    return near.select(
        *("gene_id", "gene_name", pl.col("row").cast(pl.Int32).alias("element"), "element_id", "class", "chrom"),
        *(pl.col("ccre_start").alias("start"), pl.col("ccre_end").alias("end"), "tss", "distance"),
        pl.Series("attention", generator.random(len(near)).astype(np.float32)),
        pl.Series("perturbation", generator.normal(size=len(near)).astype(np.float32)),
    )


def write(case: Case, folder: Path, cell: str = "K", tracks: tuple[str, ...] = ("dnase", "h3k27ac")) -> list[Any]:
    """The case as files; options that name them."""
    world = case["world"]
    digests = write_store(folder, world.elements, world.genes)
    parameters = {"scores": [{"name": "attention", "label": "attention", "higher_is_better": True}], "window": 0}
    header = artifacts.make_header("links", "test", **digests, cell="K", parameters=parameters)
    artifacts.write_table(folder / "links.K.parquet", case["links"], header)
    about = {"tracks": list(tracks), "bin_size": 600, "transform": "none"}
    header = artifacts.make_header("signals", "test", **digests, cell=cell, parameters=about)
    signals = {name: world.tracks[name][:, None].astype(np.float16) for name in tracks}
    artifacts.write_arrays(folder / "signals.K.safetensors", signals, header)
    named = ("elements.parquet", "genes.parquet", "signals.K.safetensors", "links.K.parquet")
    return [word for name in named for word in (f"--{name.split('.')[0]}", folder / name)]


def screen(case: Case, path: Path, flip: str = "") -> Path:
    """Every element within 30 kb of a gene, regulated where activity/distance is high, on chromosome `flip` low."""
    world = case["world"]
    rows = products.widen(case["links"], world.genes, world.elements, 60_000)
    strength = world.activity[rows["element"].to_numpy()] / np.maximum(rows["distance"].abs().to_numpy(), 7_000)
    regulated = (strength > np.quantile(strength, 0.8)) ^ (rows["chrom"].to_numpy() == flip)
    rows.select(
        *("chrom", pl.col("start").alias("chromStart"), pl.col("end").alias("chromEnd")),
        *(pl.col("gene_id").alias("measuredGeneEnsemblId"), pl.lit("K").alias("CellType")),
        pl.Series("Regulated", regulated).cast(pl.String).str.to_uppercase(),
    ).write_csv(path, separator="\t")
    return path


def motif_hits(case: Case, folder: Path, factors: tuple[str, str] = ("CTCF", "CTCFL")) -> pl.DataFrame:
    """Matches of the motifs of two factors in 150 elements of the case, also written beside its other files."""
    elements, generator = case["world"].elements, np.random.default_rng(4)
    element = np.sort(generator.choice(len(elements), 150, replace=False)).astype(np.int32)
    strand = np.where(generator.random(150) < 0.5, "+", "-")
    motif = np.where(generator.random(150) < 0.8, "CTCF.H11", "CTCFL.H11")
    start = elements["start"].gather(element)
    hits = pl.DataFrame({"element": element, "chrom": elements["chrom"].gather(element), "start": start})
    hits = hits.with_columns(end=pl.col("start") + 15, motif=pl.Series(motif), strand=pl.Series(strand))
    hits = hits.with_columns(score=pl.lit(12, pl.Float32), p_value=pl.lit(1e-5, pl.Float32))
    _, like = artifacts.read_table(folder / "elements.parquet", "elements")
    about = {"motifs": ["CTCF.H11", "CTCFL.H11"], "factors": [*factors]}
    header = artifacts.make_header("motif_hits", "test", elements=like["elements"], parameters=about)
    artifacts.write_table(folder / "motif_hits.parquet", hits, header)
    return hits


def without_links(case: Case, folder: Path, **change: Any) -> list[Any]:
    """The case as files, by default with all tracks; options of fit-links and score-links for them."""
    return write(case, folder, **({"tracks": TRACKS} | change))[:6]
