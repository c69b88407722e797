#!/usr/bin/env python3
"""A gene's data end to end: the released ScPGE encoder against our tools, CPU time of one run on one thread.

Both start from the same files (chr20: real sequence, 600 motifs, four tracks) and end with the sequence, motif scores
and tracks of every gene and its 20 elements, which are compared. The released functions `gene_selection` and
`datasplit` are read from encode.py and run; of what they do only the writing of the HDF5 file is left out.
"""

import ast
import gzip
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import numpy as np
import pyBigWig
import pysam
from click.testing import CliRunner
from scipy.signal import convolve2d

from crexpress.core import artifacts
from crexpress.data import neighbours
from crexpress.formats import meme

ROOT = Path(__file__).parents[2]
CHR20, K562 = ROOT / "assets/chr20", ROOT / "assets/k562"
CCRES = CHR20 / "K562.derived_elements.hg38.chr20_0-10Mb.bed.gz"
GTF = CHR20 / "GENCODE24.hg38.chr20_0-10Mb.derived.gtf.gz"
FASTA = CHR20 / "GRCh38.chr20.partial.fa.gz"
MEME = CHR20 / "K562.H11FULL_meme_format.meme"
TRACKS = ("DNase", "H3K4me3", "H3K27ac", "CTCF")
GENE_COUNT = 19_000  # of a cell type
TOLERANCE = 2e-3  # float16, of log10(1 + signal) up to 4


def show(what: str, value: str) -> None:
    click.echo(f"{what:<58}{value:>20}")


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def released(encode: Path) -> dict[str, Any]:
    """The functions and constants of encode.py; its command line and its HDF5 writer stay out."""
    tree = ast.parse(encode.read_text())
    kept = [
        node
        for node in tree.body
        if (isinstance(node, ast.FunctionDef) and node.name not in ("main", "get_args", "outputHDF5"))
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).split("[")[0] not in ("args", "NUMBER"))
    ]
    names: dict[str, Any] = {"np": np, "sys": sys, "pyBigWig": pyBigWig, "convolve2d": convolve2d, "NUMBER": 10}
    exec(compile(ast.Module(kept, []), str(encode), "exec"), names)
    return names


def gene_table() -> str:
    """The genes in the columns that the released code reads; the id stands for the name, which need not be unique."""
    lines = []
    for line in gzip.decompress(GTF.read_bytes()).decode().splitlines():
        fields = line.split("\t")
        if fields[2] == "gene" and 'gene_type "protein_coding"' in fields[8]:
            gene_id = fields[8].split('gene_id "')[1].split('"')[0]
            start = [str(int(fields[3]) - 1), str(int(fields[4]) - 1)]  # 0-based, as it takes them for
            lines.append("\t".join([fields[0], *start, fields[6], "protein_coding", gene_id, gene_id, "0"]))
    return "\n".join(lines) + "\n"


def run_released(encode: Path, folder: Path, wanted: int) -> tuple[float, float, dict[str, np.ndarray]]:
    """CPU seconds of the neighbours of all genes, of the data of `wanted` genes, and those data."""
    names = released(encode)
    (folder / "genes.tsv").write_text(gene_table())
    (folder / "ccres.bed").write_bytes(gzip.decompress(CCRES.read_bytes()))
    for track in TRACKS:
        shutil.copy(K562 / f"K562.{track}.peaks.hg38.bw", folder / f"{track}_merged.bigWig")
    matrices = {motif.name: motif.probabilities for motif in meme.read_meme(MEME).motifs}
    with pysam.FastaFile(str(FASTA)) as file:
        genome = {"chr20": SimpleNamespace(seq=file.fetch("chr20"))}
    kept: dict[str, np.ndarray] = {}

    def keep(genes: np.ndarray, seqs: np.ndarray, scores: np.ndarray, tracks: np.ndarray, *_: object) -> None:
        kept.update(genes=genes, seqs=seqs, scores=scores, tracks=tracks)

    names["outputHDF5"] = keep
    found: dict[str, Any] = {}
    files = (str(folder / "genes.tsv"), str(folder / "ccres.bed"))
    selection = cpu_seconds(lambda: found.update(names["gene_selection"](*files)))
    some = dict(list(found.items())[:: max(1, len(found) // wanted)][:wanted])
    rest = (genome, TRACKS, ["chr20"], 2000, str(folder), str(folder), "te")
    return selection, cpu_seconds(lambda: names["datasplit"](some, matrices, *rest)), kept


def call(tool: str, *options: str | Path) -> None:
    """A tool of bin/ in this process."""
    loader = SourceFileLoader(tool.replace("-", "_"), str(ROOT / "bin" / tool))
    module = module_from_spec(spec_from_loader(loader.name, loader))  # type: ignore[arg-type]
    loader.exec_module(module)
    result = CliRunner().invoke(module.main, [str(option) for option in options], catch_exceptions=False)
    if result.exit_code:
        raise SystemExit(f"{tool} failed:\n{result.output}")


def run_ours(folder: Path, mode: str) -> dict[str, float]:
    """CPU seconds of every tool for all genes and elements of the case, files read and written."""
    elements = folder / "elements.parquet"
    tracks = [part for track in TRACKS for part in ("--track", f"{track}={K562 / f'K562.{track}.peaks.hg38.bw'}")]
    sizes = K562 / "GRCh38_EBV.chrom.sizes.tsv"
    steps: dict[str, list[str | Path]] = {
        "merge-ccres": ["--ccres", CCRES, "--gtf", GTF, "--chrom-sizes", sizes, "--tss", "gene", "--outdir", folder],
        "score-motifs": ["--elements", elements, "--fasta", FASTA, "--motifs", MEME, "--mode", mode,
                         "--threads", "1", "--outdir", folder],
        "extract-signals": ["--elements", elements, "--cell", "K562", *tracks, "--bin-size", "1",
                            "--output", folder / "signals.K562.safetensors"],
    }  # fmt: skip
    return {tool: cpu_seconds(lambda: call(tool, *options)) for tool, options in steps.items()}  # noqa: B023


def compare(folder: Path, kept: dict[str, np.ndarray]) -> tuple[float, float, float]:
    """Largest differences of bases, motif scores and tracks of the genes that both encoded."""
    genes, _ = artifacts.read_table(folder / "genes.parquet", "genes")
    elements, _ = artifacts.read_table(folder / "elements.parquet", "elements")
    codes = artifacts.open_arrays(folder / "sequence.safetensors", "sequence").tensors["codes"]
    scores = artifacts.open_arrays(folder / "motifs.safetensors", "motifs").tensors["scores"]
    signals = artifacts.open_arrays(folder / "signals.K562.safetensors", "signals").tensors
    row = {gene: place for place, gene in enumerate(genes["gene_id"])}
    index = neighbours.nearest(genes, elements, 20)[[row[name.decode()] for name in kept["genes"]]]
    pad = index < 0  # the released code has rows of zeros there
    one_hot = np.eye(5, dtype=int)[codes[index]][..., :4] * ~pad[..., None, None]
    tracks = np.stack([signals[track][index] for track in TRACKS], 1).astype(float) * ~pad[:, None, :, None]
    motif = scores[index].astype(float) * ~pad[..., None]
    return (
        float(np.abs(one_hot - kept["seqs"].transpose(0, 2, 3, 1)).max()),
        float(np.abs(motif - kept["scores"][:, 0]).max()),
        float(np.abs(tracks - kept["tracks"]).max()),
    )


@click.command()
@click.option("--released", "encode", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="code/encode.py of github.com/turningpoint1988/ScPGE (commit f60583a).")  # fmt: skip
@click.option("--genes", default=2, show_default=True, help="How many genes the released code encodes.")
def main(encode: Path | None, genes: int) -> None:
    """Compare our data preparation with the released encoder, gene by gene."""
    if encode is None:
        click.echo(
            "The released encoder is not at hand: give its code/encode.py with --released (RELEASED=... for make)."
        )
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_ours(folder, "log-odds")  # compiles
        ours = run_ours(folder, "log-odds")
        compat = run_ours(folder, "scpge-compat")
        table, _ = artifacts.read_table(folder / "genes.parquet", "genes")
        elements, _ = artifacts.read_table(folder / "elements.parquet", "elements")
        selection, data, kept = run_released(encode, folder, genes)
        differences = compare(folder, kept)
    slow = selection / len(table) + data / len(kept["genes"])
    fast, exact = (sum(spent.values()) / len(table) for spent in (ours, compat))
    show("released encoder, a gene of 21 elements", f"{slow:,.2f} CPU s")
    show(f"ours, a gene ({len(table)} genes, {len(elements):,} elements in all)", f"{fast:,.4f} CPU s")
    for tool, spent in ours.items():
        show(f"  of which {tool}", f"{spent / len(table):,.4f} CPU s")
    show("ours with --mode scpge-compat, which is compared", f"{exact:,.4f} CPU s")
    for what, difference in zip(("bases", "motif scores", "tracks (float16 store)"), differences, strict=True):
        show(f"largest difference of {what}", f"{difference:.1e}")
    show(f"released encoder, {GENE_COUNT:,} genes", f"{slow * GENE_COUNT / 3600:,.0f} core-hours")
    show("ratio", f"{slow / fast:,.0f} x")
    show("ratio of the same numbers (scpge-compat)", f"{slow / exact:,.0f} x")
    if max(differences) > TOLERANCE:
        raise SystemExit("the two do not agree")


if __name__ == "__main__":
    main()
