"""DNA of the element windows as codes, one byte a base: A 0, C 1, G 2, T 3, and 4 for every other letter."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pysam

from crexpress.core import chromosome_names, log
from crexpress.core.errors import InputError
from crexpress.formats import genome_files

UNKNOWN = 4
_CODE = np.full(256, UNKNOWN, dtype=np.uint8)
for _code, _letters in enumerate(("Aa", "Cc", "Gg", "Tt")):
    _CODE[list(_letters.encode())] = _code
_COMPLEMENT = np.array([3, 2, 1, 0, UNKNOWN], dtype=np.uint8)
_PIECE = 16_000_000  # bases turned from text to codes at a time
_MASKED = 0.05  # of the bases of elements, from which on a genome has its repeats as N; one that has not, has few
_ROWS = 8_192  # windows copied at a time


def encode(text: str) -> np.ndarray:
    """Codes (uint8) of a DNA string; lower case as upper case."""
    return _CODE[np.frombuffer(text.encode(), dtype=np.uint8)]


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Codes of the other strand, along the last axis."""
    return _COMPLEMENT[codes[..., ::-1]]


def extract(elements: pl.DataFrame, lengths: Mapping[str, int | None], fasta: str | Path, out: np.ndarray) -> None:
    """Fill `out` (uint8 [elements, width]) from an indexed or unindexed FASTA, plain or compressed.

    `lengths` are the chromosomes of the element set with their lengths in bp (None where not known). Bases
    beyond a chromosome end are unknown. Raises InputError when the FASTA lacks a chromosome that has
    elements, is of another genome build, or cannot be read.
    """
    width = out.shape[1]
    row, unknown = np.arange(len(elements)), 0
    used = elements["chrom"].unique(maintain_order=True).to_list()
    with genome_files.open_fasta(fasta) as file:
        sizes = dict(zip(file.references, file.lengths, strict=True))
        partners = chromosome_names.reconcile(sizes, used, fasta)
        chromosome_names.require_same_build({partners[name]: sizes[name] for name in partners}, lengths, fasta)
        names = {chrom: name for name, chrom in partners.items()}
        missing = [chrom for chrom in used if chrom not in names]
        if missing:
            raise InputError(
                f"{fasta} has no sequence for {', '.join(missing[:5])}, which has elements; give a "
                "FASTA with every chromosome, or leave those chromosomes out when merging cCREs"
            )
        for chrom in log.progress(used, "sequence"):
            name = names[chrom]
            rows = row[(elements["chrom"] == chrom).to_numpy()]
            starts = elements["start"].to_numpy()[rows]
            if starts.max() >= sizes[name] or starts.min() <= -width:
                raise InputError(
                    f"{fasta} ends {name} at {sizes[name]} bp, but an element starts at {starts.max()}; "
                    "give the FASTA of the same genome build"
                )
            bases = np.full(sizes[name] + 2 * width, UNKNOWN, dtype=np.uint8)  # unknown bases on either side
            for low in range(0, sizes[name], _PIECE):
                text = _fetch(file, fasta, name, low, min(low + _PIECE, sizes[name]))
                bases[width + low : width + low + len(text)] = encode(text)
            windows = np.lib.stride_tricks.sliding_window_view(bases, width)
            for low in range(0, len(rows), _ROWS):
                part = slice(low, low + _ROWS)
                codes = windows[starts[part] + width]
                unknown += int((codes == UNKNOWN).sum())
                out[rows[part]] = codes
    if unknown > _MASKED * out.size:
        log.say(
            f"warning: {unknown / out.size:.0%} of the bases of elements are N in {fasta}; if its repeats are masked, "
            "give the genome with repeats in small letters, or not masked"
        )


def _fetch(file: pysam.FastaFile, path: str | Path, name: str, start: int, end: int) -> str:
    try:
        text = file.fetch(name, start, end)
    except (OSError, ValueError):
        text = ""
    if len(text) != end - start:
        raise InputError(
            f"{path} cannot be read at {name}:{start}-{end}; it is cut off, or its index is of another file"
        )
    return text
