#!/usr/bin/env python3
"""Make scpge_signals.json: signals, expression and loops of the chr20 case as the released ScPGE code makes them.

    for name in encode encode_loop data_pre; do git -C ScPGE show f60583a:code/$name.py >released/$name.py; done
    python tests/reference/make_scpge_signals.py released       (github.com/turningpoint1988/ScPGE; needs pyBigWig)

Runs the released functions themselves (they are read from those files, none of them is kept here).
"""

import ast
import gzip
import json
import re
import sys
import tempfile
from itertools import groupby
from pathlib import Path

import numpy as np
import pyBigWig

HERE = Path(__file__).parent
ASSETS = HERE.parents[1] / "assets"
TRACKS = ("DNase", "H3K4me3", "H3K27ac", "CTCF")
GENES = ("ENSG00000171867.16", "ENSG00000125826.19", "ENSG00000101265.15")  # PRNP, RBCK1, RASSF2


def released(path: Path, names: set[str]) -> dict:
    """Some functions of a released file, in the namespace they need."""
    tree = ast.parse(path.read_text())
    body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in names]
    space = {"np": np, "re": re, "pyBigWig": pyBigWig}
    exec(compile(ast.Module(body, []), str(path), "exec"), space)
    return space


def runs(values: np.ndarray) -> list[list[float]]:
    """Values along a window as [value, how often]."""
    return [[float(f"{value:.7g}"), len(list(same))] for value, same in groupby(values.tolist())]


def signals(space: dict, folder: Path) -> list[dict]:
    """Windows around three genes and their neighbours: midpoint and, a track, log10(1 + x) at each base."""
    for track in TRACKS:
        (folder / f"{track}_merged.bigWig").symlink_to(ASSETS / f"k562/K562.{track}.peaks.hg38.bw")
    neighbours = json.loads((HERE / "scpge_elements.json").read_text())["chr20"]["neighbours"]
    windows = []
    for middle in sorted({middle for gene in GENES for middle in neighbours[gene]}):
        found = space["extract_track"](str(folder), list(TRACKS), "chr20", middle - 300, middle + 300)
        windows.append({"middle": middle, "tracks": {name: runs(of) for name, of in zip(TRACKS, found, strict=True)}})
    return windows


def transcripts(gtf: list[str]) -> dict[str, list]:
    """Made-up TPMs of the annotation's transcripts: {transcript: [gene, in replicate 1, in replicate 2]}."""
    random = np.random.default_rng(20)
    made = {}
    for line in gtf:
        fields = line.split("\t")
        if fields[2] == "transcript":
            gene, name = (fields[8].split(f'{what} "')[1].split('"')[0] for what in ("gene_id", "transcript_id"))
            made[name] = [gene, *(round(float(tpm), 2) for tpm in random.gamma(0.3, 20, 2))]
    return made


def expression(space: dict, folder: Path, gtf: list[str], made: dict[str, list]) -> dict[str, float]:
    """Target of every gene, from two replicates of transcripts: log10(1 + sum), to three digits."""
    annotation, out = folder / "genes.gtf", folder / "gene_expression.tsv"
    annotation.write_text("#\n" * 5 + "\n".join(gtf) + "\n")
    files = []
    for number in (1, 2):
        rows = [f"{name}|{of[0]}|-|-|N|N|9|protein_coding|\t9\t9\t9\t{of[number]}" for name, of in made.items()]
        rows = ["target_id\tlength\teff_length\test_counts\ttpm", *rows, "gSpikein_ERCC-00002\t9\t9\t9\t77"]
        files.append(folder / f"{number}.transcript.tsv")
        files[-1].write_text("\n".join(rows) + "\n")
    space["integrate_gene"](list(map(str, files)), space["extract_gene"](str(annotation)), str(out))
    rows = [line.split("\t") for line in out.read_text().splitlines()]
    return {row[6]: float(row[7]) for row in rows if row[4] == "protein_coding"}


def rsem(space: dict, folder: Path) -> dict[str, dict[str, float]]:
    """Sums by gene of an RSEM table of transcripts, of mouse and of human genes."""
    header = "transcript_id\tgene_id\tlength\teffective_length\texpected_count\tTPM\tFPKM\tIsoPct\n"
    sums = {}
    for species, gene in (("mouse", "ENSMUSG00000051951.5"), ("human", "ENSG00000171867.16")):
        path = folder / f"{species}.tsv"
        path.write_text(header + f"T1\t{gene}\t9\t9\t9\t0.25\t9\t60\nT2\t{gene}\t9\t9\t9\t0.5\t9\t40\n")
        sums[species] = {name: sum(tpm) for name, tpm in space["extract_transcript"](str(path)).items()}
    return sums


def loops(space: dict, folder: Path) -> dict:
    """A longrange file of -log10 q with infinite and repeated loops, and M between places on chr20."""
    random = np.random.default_rng(14)
    lines = []
    for _ in range(150):
        one, two = sorted(random.integers(0, 40, 2) * 5000 + 4_000_000)
        value = random.choice([f"{random.gamma(2, 5):.4f}", "inf"], p=[0.8, 0.2])
        for here, there in ((one, two), (two, one)):
            lines.append(f"chr20\t{here}\t{here + 5000}\tchr20:{there}-{there + 5000},{value}")
    path = folder / "loops.bed"
    path.write_text("\n".join(lines) + "\n")
    places = [*np.sort(random.integers(4_000_000, 4_200_000, 40)).tolist(), 4_202_500, 4_207_500]
    table = space["retrieve_loop"](places, space["readloop"](str(path))["chr20"])
    found = [[int(a), int(b), float(f"{table[a, b]:.7g}")] for a, b in zip(*np.nonzero(table), strict=True) if a < b]
    return {"lines": lines, "places": places, "found": found}


def main(folder: str) -> None:
    """Write scpge_signals.json beside this script."""
    encode = released(Path(folder, "encode.py"), {"getbigwig", "extract_track"})
    encode_loop = released(Path(folder, "encode_loop.py"), {"readloop", "retrieve_loop"})
    data_pre = released(Path(folder, "data_pre.py"), {"extract_gene", "extract_transcript", "integrate_gene"})
    gtf = gzip.decompress((ASSETS / "chr20/GENCODE24.hg38.chr20_0-10Mb.derived.gtf.gz").read_bytes()).decode()
    made = transcripts(gtf.splitlines())
    with tempfile.TemporaryDirectory() as place:
        result = {
            "signals": signals(encode, Path(place)),
            "transcripts": made,
            "expression": expression(data_pre, Path(place), gtf.splitlines(), made),
            "rsem": rsem(data_pre, Path(place)),
            "loops": loops(encode_loop, Path(place)),
        }
    (HERE / "scpge_signals.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
