"""A genome, elements and models for tests of variants."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pysam

from crexpress.core import artifacts
from interpret_case import CHROMOSOMES, with_profiles
from tiny_case import TinyCase
from tools import run

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
MOTIFS = """MEME version 4

ALPHABET= ACGT

MOTIF M1 NAME4
letter-probability matrix: alength= 4 w= 4 nsites= 50
.94 .02 .02 .02
.02 .94 .02 .02
.02 .02 .94 .02
.02 .02 .02 .94

MOTIF M2 NAME5
letter-probability matrix: alength= 4 w= 3 nsites= 50
.02 .94 .02 .02
.02 .94 .02 .02
.94 .02 .02 .02
"""


class Case:
    """The tiny case on a genome of random bases, and a model that reads all kinds of input."""

    def __init__(self, tiny: TinyCase, folder: Path) -> None:
        self.tiny, self.folder = tiny, folder
        rng = np.random.default_rng(0)
        self.genome = {name: "".join(rng.choice(list("ACGT"), size)) for name, size in CHROMOSOMES.items()}
        self.fasta = self.write("genome.fa", self.genome)
        (folder / "motifs.meme").write_text(MOTIFS)
        self.score(self.fasta, folder)
        with_profiles(tiny, folder)
        quick = ["--neighbours", 4, "--steps", 4, "--validate-every", 4, "--batch-size", 16, "--threads", 1]
        quick += ["--val", "chr2", "--test", "chr3", "--expression", tiny.expression("A")]
        for name, more in {"whole": [], "bases": ["--inputs", "sequence", "--profile-width", 0, "--seed", 2]}.items():
            done = run("train", *self.given(), *quick, "--preset", "crexpress-small", "--outdir", folder / name, *more)
            assert done.exit_code == 0, done.output

    def write(self, name: str, genome: dict[str, str]) -> Path:
        """A genome as FASTA with its index."""
        (self.folder / name).write_text("".join(f">{chrom}\n{bases}\n" for chrom, bases in genome.items()))
        pysam.faidx(str(self.folder / name))
        return self.folder / name

    def score(self, fasta: Path, outdir: Path) -> None:
        """Sequence and motif scores of the elements in a genome."""
        given = ["--elements", self.tiny.elements, "--fasta", fasta, "--motifs", self.folder / "motifs.meme"]
        assert run("score-motifs", *given, "--outdir", outdir).exit_code == 0

    def given(self, sequence: Path | None = None) -> list[Any]:
        """Options for all inputs of cell A, its sequence of another folder where one is named."""
        where, cell = sequence or self.folder, "A.safetensors"
        return ["--elements", self.tiny.elements, "--genes", self.tiny.genes,
                "--signals", self.folder / f"signals.{cell}", "--profiles", self.folder / f"profiles.{cell}",
                "--sequence", where / "sequence.safetensors", "--motifs", where / "motifs.safetensors"]  # fmt: skip

    def run(self, outdir: Path, *more: Any, models: tuple[str, ...] = ("whole",)) -> Any:
        """score-variants with these options."""
        named = [part for name in models for part in ("--model", self.folder / name)]
        more = (*more, "--fasta", self.fasta, "--motif-file", self.folder / "motifs.meme", "--threads", 1)
        return run("score-variants", *named, *self.given(), *more, "--outdir", outdir)

    def variants(self, outdir: Path, *more: Any, models: tuple[str, ...] = ("whole",)) -> pl.DataFrame:
        """The table that it writes."""
        done = self.run(outdir, *more, models=models)
        assert done.exit_code == 0, done.output
        return artifacts.read_table(outdir / "variants.A.parquet", "variants")[0]


def record(case: Case, element: str, offset: int = 40) -> tuple[str, int, str]:
    """Chromosome, 0-based place and base of a place in an element."""
    row = pl.read_parquet(case.tiny.elements).row(by_predicate=pl.col("element_id") == element, named=True)
    at = row["start"] + offset
    return row["chrom"], at, case.genome[row["chrom"]][at]


def other(base: str) -> str:
    """Another base."""
    return "ACGT"["ACGT".index(base) - 1]
