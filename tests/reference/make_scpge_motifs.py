#!/usr/bin/env python3
"""Make scpge_motifs.npz: one-hot sequence and motif scores that the released ScPGE code gives elements of chr20.

    git -C ScPGE archive f60583a code/encode.py data/MOTIF/{K562,HeLa-S3}/pfm | tar x
    python tests/reference/make_scpge_motifs.py .     (github.com/turningpoint1988/ScPGE)

Runs the released `gene_selection`, `getPWM`, `one_hot` and `datasplit` themselves (they are read from encode.py, none
of it is kept here) on some of the built-in genes, with m = 20; signals are left out. Both results are whole
numbers: scores are multiples of 0.01.
"""

import gzip
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pysam
from make_scpge_elements import ASSETS, CASES, HERE, gene_table, released
from scipy.signal import convolve2d

GENES = 7
FUNCTIONS = ("gene_selection", "getPWM", "normalization", "one_hot", "datasplit")
CONSTANTS = ("WINDOW", "INDEX", "SEQ_LEN", "seq_rc_dict")


def main(checkout: str) -> None:
    """Write scpge_motifs.npz beside this script."""
    written = []
    names = released(Path(checkout, "code/encode.py"), *FUNCTIONS, *CONSTANTS)
    names |= {
        "convolve2d": convolve2d,
        "extract_track": lambda *_: [np.zeros(600)],
        "outputHDF5": lambda _, sequences, motifs, *rest: written.append((sequences, motifs, rest[2])),
    }
    ccres, gtf = CASES["chr20"]
    with tempfile.TemporaryDirectory() as folder:
        bed, table = Path(folder, "ccres.bed"), Path(folder, "genes.tsv")
        bed.write_bytes(gzip.decompress((ASSETS / ccres).read_bytes()))
        table.write_text(gene_table(ASSETS / gtf))
        found = names["gene_selection"](str(table), str(bed))
    by_tss = sorted(found, key=lambda gene: found[gene]["info"][1])
    chosen = {by_tss[place]: found[by_tss[place]] for place in np.linspace(0, len(by_tss) - 1, GENES).astype(int)}

    folders = {cell: Path(checkout, "data/MOTIF", cell, "pfm") for cell in ("K562", "HeLa-S3")}
    motifs = {cell: names["getPWM"](str(path), sorted(os.listdir(path))) for cell, path in folders.items()}
    with pysam.FastaFile(str(ASSETS / "chr20/GRCh38.chr20.partial.fa.gz")) as fasta:
        genome = {"chr20": SimpleNamespace(seq=fasta.fetch("chr20"))}
    names["datasplit"](chosen, motifs["K562"], genome, ["none"], ["chr20"], GENES, "", "", "")
    [(sequences, scores, _)] = written

    hundredths = np.rint(scores[:, 0] * 100)
    assert np.array_equal(hundredths / 100, scores[:, 0])
    genes = list(chosen.values())
    np.savez_compressed(
        HERE / "scpge_motifs.npz",
        middles=[[*gene["cCRE_left_pos"], gene["info"][1], *gene["cCRE_right_pos"]] for gene in genes],
        **{f"factors {cell}": list(matrices) for cell, matrices in motifs.items()},
        scores=hundredths.astype(np.uint8),
        one_hot=np.packbits(sequences.transpose(0, 2, 3, 1).astype(bool)),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
