"""Enformer (Avsec et al. 2021) on a run's genes and elements, as the two papers compare with it.

Expression is the sum over the 384 bp about the TSS, mean over the cell's CAGE tracks (ScPGE); a link's score is
gradient x input (CREaTor; here the mean of its absolute over the element's bases). It sees 98,304 bp on each side:
farther elements have no score, which is not a score of 0. Its weights do not ship: without them there is no number.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.interpret import apart
from crexpress.prepare import sequence
from crexpress.prepare.elements import TSS

LENGTH = 196_608  # bp that it reads
_AT_ONCE = 128  # genes whose bases are handed over at once
_WEIGHTS = ("pytorch_model.bin", "model.safetensors")


def require_weights(folder: Path | None) -> Path:
    """The folder of its config.json and weights; InputError, and so no number, where there are none."""
    if folder is None:
        raise InputError(
            "not run: no weights. Enformer's do not ship with crexpress; download them (EleutherAI/"
            "enformer-official-rough: config.json and pytorch_model.bin) and give their folder by --weights"
        )
    if not (folder / "config.json").is_file() or not any((folder / name).is_file() for name in _WEIGHTS):
        raise InputError(
            f"not run: no weights. {folder} must hold config.json and {' or '.join(_WEIGHTS)}, as its authors give them"
        )
    return folder


def score(
    weights: Path,
    fasta: Path,
    genes: pl.DataFrame,
    elements: pl.DataFrame,
    lengths: Mapping[str, int | None],
    tracks: Sequence[int],
    head: str = "human",
    device: str = "cpu",
    python: Path | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Expression of genes (`gene_id`, `gene_name`, `expression`) and links (`chrom`, `start`, `end`, `gene`, `score`;
    cCREs whose middle it sees). `tracks` are places in the head, from 0; `python` has enformer-pytorch installed.

    Raises InputError where it is not installed, and for weights or tracks that do not fit.
    """
    known = elements.filter(pl.col("class") != TSS).select("chrom", start="ccre_start", end="ccre_end")
    expressions, links = [np.zeros(0)], []
    order = genes.sort("chrom", maintain_order=True)
    for first in log.progress(range(0, len(order), _AT_ONCE), "Enformer", -(-len(order) // _AT_ONCE)):
        some = order[first : first + _AT_ONCE]
        codes = np.empty((len(some), LENGTH), np.uint8)
        windows = some.select("chrom", start=pl.col("tss") - LENGTH // 2)
        sequence.extract(windows, lengths, fasta, codes)
        pairs = _pairs(windows.with_row_index("gene"), known)
        given: dict[str, np.ndarray] = {"codes": codes, "tracks": np.array(tracks), "gene": pairs["gene"].to_numpy()}
        for side in ("start", "end"):
            given[side] = (pairs[side] - pairs["window"]).clip(0, LENGTH).to_numpy()
        found = _asked(given, weights, head, device, python)
        expressions.append(found["expression"])
        named = pairs.with_columns(gene=some["gene_id"].gather(pairs["gene"]), score=pl.Series(found["score"]))
        links.append(named.drop("window"))
    expression = order.select("gene_id", "gene_name").with_columns(expression=np.concatenate(expressions))
    return expression, pl.concat(links).select("chrom", "start", "end", "gene", "score")


def _pairs(windows: pl.DataFrame, elements: pl.DataFrame) -> pl.DataFrame:
    """Elements whose middle lies in a gene's window: `gene` (row), `window` (where it starts), chrom, start, end."""
    pairs = windows.select("chrom", "gene", window="start").join(elements, on="chrom", maintain_order="left")
    offset = (pl.col("start") + pl.col("end")) // 2 - pl.col("window")
    return pairs.filter(offset.is_between(0, LENGTH, closed="left"))


def _asked(
    given: Mapping[str, np.ndarray], weights: Path, head: str, device: str, python: Path | None
) -> dict[str, np.ndarray]:
    try:
        return apart.run("enformer_script.py", given, weights, head, device, python=python)
    except ModuleNotFoundError as error:
        raise InputError(
            f"Enformer needs {error.name}, which is not installed; make it an environment of its own (python -m venv "
            "enformer; enformer/bin/pip install enformer-pytorch) and name it by --python enformer/bin/python"
        ) from None
    except RuntimeError as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise InputError(
            f"Enformer's weights in {weights} do not give tracks {', '.join(map(str, given['tracks']))} of the head "
            f"{head} on {device} ({reason[:200]}); give the folder of its authors, tracks that it has, and a "
            "device that is there"
        ) from None
