"""Motifs found anew: patterns of contributions by TF-MoDISco-lite, and what MEME-ChIP found, with their known likes."""

from pathlib import Path

import numpy as np
import polars as pl

from crexpress.core import artifacts, files
from crexpress.core.errors import InputError
from crexpress.formats.meme import MotifSet, read_meme
from crexpress.formats.text_files import read_lines
from crexpress.interpret import apart
from crexpress.interpret.extras import needed
from crexpress.interpret.motif_enrichment import tomtom

SCHEMA = {"pattern": pl.String, "sign": pl.String, "seqlets": pl.Int32, "consensus": pl.String, "width": pl.Int32}
INFORMATION = 0.3  # bits of a column, less than which is cut off at a pattern's ends


def read_contributions(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """One-hot bases and hypothetical contributions, float32 [links, width, 4], of attribute's modisco.CELL."""
    parts = []
    for name in ("ohe", "shap"):
        path = folder / f"{name}.npz"
        if not path.is_file():
            raise InputError(f"{folder} holds no {name}.npz; give the folder modisco.CELL that attribute wrote")
        parts.append(artifacts.read_sparse(path, "modisco_input").tensors["arr_0"].transpose(0, 2, 1))
    return parts[0], parts[1]


def discover(
    bases: np.ndarray, contributions: np.ndarray, h5: Path, window: int = 400, most: int = 2000, seed: int = 1
) -> list[tuple[str, str, int, np.ndarray]]:
    """Patterns as (name, sign, seqlets, probabilities [width, 4]), written to `h5` as `modisco report` reads them.

    `window` bases about the middle are looked at, and at most so many seqlets of a sign.
    """
    start = max(0, (bases.shape[1] - window) // 2)
    cut = slice(start, start + window)
    given = {
        "bases": bases[:, cut],
        "contributions": contributions[:, cut],
        "most": most,
        "window": window,
        "seed": seed,
    }
    with needed("modiscolite"), files.replacing(h5) as temporary:
        made = apart.run("modisco_script.py", given, temporary)
    return [
        (f"{name[:3]}_{number}", sign, int(seqlets), trim(made[f"{name}_{number}"]))
        for name, sign in (("positive", "activates"), ("negative", "represses"))
        for number, seqlets in enumerate(made[name])
    ]


def trim(probabilities: np.ndarray) -> np.ndarray:
    """A matrix [width, 4] of rows that sum to 1, without the ends that tell less than INFORMATION bits."""
    rows = np.maximum(probabilities, 1e-9)
    rows = rows / rows.sum(1, keepdims=True)
    told = np.flatnonzero(2 + (rows * np.log2(rows)).sum(1) >= INFORMATION)
    kept: np.ndarray = rows[told[0] : told[-1] + 1] if len(told) else rows
    return kept


def patterns_table(patterns: list[tuple[str, str, int, np.ndarray]], motif_set: MotifSet) -> pl.DataFrame:
    """A row a pattern, with the known motif that TOMTOM finds most alike."""
    rows = [
        (name, sign, count, "".join("ACGT"[base] for base in matrix.argmax(1)), len(matrix))
        for name, sign, count, matrix in patterns
    ]
    table = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    return table.hstack(_likes([matrix for *_, matrix in patterns], motif_set))


def _likes(queries: list[np.ndarray], motif_set: MotifSet) -> list[pl.Series]:
    """The most alike known motif of each query: name, factor, p-value, and q over its comparisons (Bonferroni)."""
    p_value = tomtom(queries, motif_set) if queries else np.zeros((0, len(motif_set.motifs)))
    best = p_value.argmin(1)
    lowest = p_value[np.arange(len(best)), best]
    return [
        pl.Series("motif", [motif_set.names[row] for row in best], dtype=pl.String),
        pl.Series("factor", [motif_set.factors[row] for row in best], dtype=pl.String),
        pl.Series("p", lowest, dtype=pl.Float64),
        pl.Series("e", lowest * len(motif_set.motifs), dtype=pl.Float64),
    ]


def as_meme(patterns: list[tuple[str, str, int, np.ndarray]]) -> str:
    """Patterns in MEME's minimal format, for TOMTOM and FIMO of the MEME suite."""
    lines = ["MEME version 4", "", "ALPHABET= ACGT", "", "strands: + -", ""]
    for name, _, count, matrix in patterns:
        lines += [f"MOTIF {name}", f"letter-probability matrix: alength= 4 w= {len(matrix)} nsites= {count}"]
        lines += ["\t".join(f"{value:.6f}" for value in row) for row in matrix]
        lines.append("")
    return "\n".join(lines)


def read_meme_chip(folder: Path, motif_set: MotifSet) -> pl.DataFrame:
    """What MEME-ChIP found (its summary.tsv and combined.meme), with the known motif most alike by our TOMTOM.

    Raises InputError for a folder without them, and for a summary whose columns are others.
    """
    summary, combined = folder / "summary.tsv", folder / "combined.meme"
    for path in (summary, combined):
        if not path.is_file():
            raise InputError(f"{folder} holds no {path.name}; give the folder that meme-chip -oc wrote")
    rows = [text.split("\t") for text in read_lines(summary)["text"]]
    names = [name.strip().upper() for name in rows[0]]
    needed_columns = ["MOTIF_SOURCE", "MOTIF_ID", "CONSENSUS", "SITES", "E-VALUE"]
    if not set(needed_columns) <= set(names):
        raise InputError(f"{summary} lacks the columns of MEME-ChIP's summary; it has {', '.join(names[:6])}")
    table = pl.DataFrame(
        [[row[names.index(column)] for column in needed_columns] for row in rows[1:]],
        schema={
            "source": pl.String,
            "pattern": pl.String,
            "consensus": pl.String,
            "sites": pl.String,
            "e_value": pl.String,
        },
        orient="row",
    ).with_columns(pl.col("sites").cast(pl.Int64, strict=False), pl.col("e_value").cast(pl.Float64, strict=False))
    found = {motif.name: motif.probabilities for motif in read_meme(combined).motifs}
    there = table.filter(pl.col("pattern").is_in(list(found)))
    likes = pl.DataFrame(_likes([found[name] for name in there["pattern"]], motif_set))
    return table.join(
        pl.DataFrame({"pattern": there["pattern"]}).hstack(likes), on="pattern", how="left", maintain_order="left"
    )
