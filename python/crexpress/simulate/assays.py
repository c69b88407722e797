"""What laboratories measure of a simulated cell: tracks, expression and loops, in the formats they come in."""

from pathlib import Path

import numpy as np
import polars as pl

from crexpress.formats import bigwig_writer
from crexpress.simulate.tables import write_table
from crexpress.simulate.world import BIN, World

STEP, BUMP = 50, 800  # bp: resolution of the tracks, and the width of an element's bump
DEPTH = 20  # reads a step at the summit of an element of activity 1
SHAPES = {  # of a track's bump about the element: distance of its summits from the midpoint, their width (bp)
    "dnase": (0, 70),
    "h3k27ac": (200, 90),
    "h3k4me3": (150, 110),
    "ctcf": (0, 50),
}


def _heights(world: World, cell: int) -> dict[str, np.ndarray]:
    """Summit of every track at every element, in units of activity."""
    kinds = world.elements["kind"].to_numpy()
    openness, activity = world.openness[:, cell], world.activity[:, cell]
    initiation = np.zeros(len(kinds))
    initiation[world.genes["promoter"].to_numpy()] = world.strength
    return {
        "dnase": np.where(kinds == "promoter", openness * (0.5 + initiation), openness),
        "h3k27ac": np.where(kinds == "promoter", activity * (0.3 + 0.7 * initiation), activity),
        "h3k4me3": 2 * openness * initiation + 0.03 * activity,
        "ctcf": np.where(kinds == "boundary", 2 * openness, 0.03 * openness),
    }


def tracks(world: World, cell: int, folder: Path, rng: np.random.Generator) -> list[tuple[str, str, int]]:
    """One bigWig a track: read counts in 50-bp steps, at a depth of the cell's own."""
    middle = ((world.elements["start"] + world.elements["end"]) // 2).to_numpy()
    offsets = np.arange(-BUMP // 2, BUMP // 2, STEP)
    start = middle[:, None] // STEP * STEP + offsets
    chroms = world.elements["chrom"].to_numpy()
    files = []
    for track, height in _heights(world, cell).items():
        summit, width = SHAPES[track]
        distance = np.abs(start + STEP / 2 - middle[:, None]) - summit
        expected = height[:, None] * np.exp(-0.5 * (distance / width) ** 2)
        expected *= rng.lognormal(0, 0.2, (len(middle), 1))
        count = rng.poisson(DEPTH * rng.uniform(0.7, 1.4) * expected + 0.03)
        element, step = np.nonzero(count)
        at, reads = start[element, step], count[element, step].astype(float)
        intervals = zip(chroms[element].tolist(), at.tolist(), (at + STEP).tolist(), reads.tolist(), strict=True)

        name = f"{track}.bigWig"
        bigwig_writer.write(folder / name, world.lengths, intervals)
        files.append((track, name, 1))
    return files


def expression(
    world: World, names: pl.DataFrame, cell: int, folder: Path, rng: np.random.Generator
) -> list[tuple[str, str, int]]:
    """Two replicates of RSEM's gene table."""
    files = []
    length = 1000 + 10 * (np.arange(len(names)) * 37 % 300)
    for replicate in (1, 2):
        tpm = (world.expression[:, cell] * rng.lognormal(0, 0.1, len(names))).round(2)
        name = f"rna.{replicate}.genes.results.gz"
        table = names.select(
            "gene_id",
            pl.col("gene_id").str.replace(r"SIMG(\d+)\..*", "SIMT$1.1,SIMT$1.2").alias("transcript_id(s)"),
            length=pl.Series(length.astype(float)),
            effective_length=pl.Series(length - 150.0),
            expected_count=pl.Series((tpm * length / 100).round(0)),
            TPM=pl.Series(tpm),
            FPKM=pl.Series((tpm * 0.8).round(2)),
        )
        write_table(folder / name, table)
        files.append(("rna", name, replicate))
    return files


def loops(world: World, folder: Path, rng: np.random.Generator) -> list[tuple[str, str, int]]:
    """Loops in WashU's longrange form: each twice, the strength (-log10 q) after the other end."""
    seen = world.loops.filter(pl.Series(rng.random(len(world.loops)) < 0.9))
    strength = pl.Series("strength", rng.gamma(3, 4, len(seen)).round(2))
    ends = [
        seen.select("chrom", one=one, other=other).with_columns(strength)
        for one, other in (("first", "second"), ("second", "first"))
    ]
    both = pl.concat(ends).sort("chrom", "one", "other")
    other = pl.col("other")
    table = both.select(
        "chrom",
        start=pl.col("one") * BIN,
        end=(pl.col("one") + 1) * BIN,
        other=pl.format("{}:{}-{},{}", "chrom", other * BIN, (other + 1) * BIN, "strength"),
    )
    name = "loops.longrange.gz"
    write_table(folder / name, table, header=False)
    return [("loops", name, 1)]
