"""Input files of one cell type at a fraction of the human genome's scale; scale 1 has the numbers of ScPGE's paper.

1,063,878 cCREs that the greedy rule merges into 726,796, 19,000 genes (so 745,796 elements) in an annotation of two
million lines, 676 motifs, 3.1 Gb of sequence, four bigWigs of 100 million intervals (0.6 GB, as ENCODE's on average),
152,000 transcripts, 5 million CAGE reads and 100,000 loops.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyBigWig
import pysam

CHROMOSOMES = 24
SLOT = 4_000  # bp; a merged cCRE has one of its own, so that the greedy rule cannot join two
GENOME = 772_000 * SLOT
CCRES, MERGED, GENES, TRANSCRIPTS, EXONS = 1_063_878, 726_796, 19_000, 8, 12
TRACKS = ("dnase", "h3k4me3", "h3k27ac", "ctcf")
MOTIFS, READS, LOOPS = 676, 5_000_000, 100_000
SPAN = 30  # bp, mean length of a bigWig interval
PIECE = 10_000_000  # bp generated at a time


class Numbers(NamedTuple):
    """What `write` made."""

    bases: int
    ccres: int
    merged: int
    genes: int

    @property
    def elements(self) -> int:
        """Merged cCREs and one TSS window a gene."""
        return self.merged + self.genes


def write(folder: Path, scale: float, seed: int, motifs: int = MOTIFS, alone: bool = False) -> Numbers:
    """Write every input file of one cell type: genome.fa, sizes.tsv, TRACK.bw, ccres.bed, genes.gtf, rna.tsv, ...

    Of `alone` those that profiles need: all but the genome, motifs, reads and loops.
    """
    rng = np.random.default_rng(seed)
    slots = int(GENOME * scale / CHROMOSOMES) // SLOT
    lengths = {f"chr{number}": slots * SLOT for number in range(1, CHROMOSOMES + 1)}
    (folder / "sizes.tsv").write_text("".join(f"{name}\t{size}\n" for name, size in lengths.items()))
    if not alone:
        _write_fasta(folder / "genome.fa", lengths, rng)
    for number, track in enumerate(TRACKS):  # a file each: one file twice is refused
        _write_bigwig(folder / f"{track}.bw", lengths, np.random.default_rng([seed, number]) if number else rng)
    ccres, merged, genes = (round(count * scale) for count in (CCRES, MERGED, GENES))
    _write_ccres(folder / "ccres.bed", np.array(list(lengths)), slots, ccres, merged, rng)
    _write_genes(folder, lengths, genes, rng)
    if not alone:
        _write_cage(folder / "cage.bam", lengths, max(1, int(READS * scale)), rng)
        _write_loops(folder / "loops.bed", lengths, max(1, int(LOOPS * scale)), rng)
        _write_motifs(folder / "motifs.meme", motifs, rng)
    return Numbers(sum(lengths.values()), ccres, merged, genes)


def _write_fasta(path: Path, lengths: dict[str, int], rng: np.random.Generator) -> None:
    letters = np.frombuffer(b"ACGT", np.uint8)
    with path.open("wb") as file:
        for chrom, length in lengths.items():
            file.write(f">{chrom}\n".encode())
            for low in range(0, length, PIECE):  # lengths are multiples of the line width
                bases = letters[rng.integers(0, 4, min(PIECE, length - low), dtype=np.uint8)].reshape(-1, 100)
                file.write(np.pad(bases, ((0, 0), (0, 1)), constant_values=ord("\n")).tobytes())


def _write_bigwig(path: Path, lengths: dict[str, int], rng: np.random.Generator) -> None:
    """Intervals of any length side by side, as bedGraphToBigWig stores a coverage."""
    spans = rng.integers(1, 2 * SPAN, PIECE // SPAN)
    spans = spans[np.cumsum(spans) <= PIECE]
    ends = np.cumsum(spans)
    heights = np.round(rng.gamma(0.5, 2, len(spans)), 3)
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(lengths.items()), maxZooms=0)
        for chrom, length in lengths.items():
            names = np.full(len(spans), chrom)
            for low in range(0, length, PIECE):
                count = int(np.searchsorted(ends, length - low, "right"))
                values = np.roll(heights, int(rng.integers(len(heights))))[:count]
                file.addEntries(names[:count], (low + ends - spans)[:count], ends=(low + ends)[:count], values=values)


def _write_ccres(path: Path, names: np.ndarray, slots: int, ccres: int, merged: int, rng: np.random.Generator) -> None:
    """One cCRE in each of `merged` slots, the others within 500 bp behind one of them."""
    slot = rng.choice(slots * CHROMOSOMES, merged, replace=False)
    first = 1_000 + rng.integers(0, 1_000, merged)
    joined = rng.integers(0, merged, ccres - merged)
    slot = np.concatenate([slot, slot[joined]])
    middle = slot % slots * SLOT + np.concatenate([first, first[joined] + rng.integers(1, 500, len(joined))])
    order = np.lexsort((middle, slot // slots))
    kinds = np.array(["PLS", "pELS", "dELS", "CTCF-only"])[rng.integers(0, 4, ccres)]
    with path.open("w") as file:
        rows = zip(names[slot[order] // slots], middle[order].tolist(), kinds, strict=True)
        for number, (name, at, kind) in enumerate(rows):
            file.write(f"{name}\t{at - 150}\t{at + 150}\tEH38D{number}\tEH38E{number}\t{kind}\n")


def _write_genes(folder: Path, lengths: dict[str, int], genes: int, rng: np.random.Generator) -> None:
    """genes.gtf with transcripts and exons, and rna.tsv: an RSEM table of the transcripts."""
    names = np.array(list(lengths))[rng.integers(0, CHROMOSOMES, genes)]
    starts = rng.integers(1, min(lengths.values()) - 20_000, genes).tolist()
    tpm = np.round(rng.gamma(0.3, 30, (genes, TRANSCRIPTS)), 2).tolist()
    with (folder / "genes.gtf").open("w") as gtf, (folder / "rna.tsv").open("w") as rna:
        rna.write("transcript_id\tgene_id\tlength\teffective_length\texpected_count\tTPM\tFPKM\tIsoPct\n")
        for number, (name, start) in enumerate(zip(names, starts, strict=True)):
            gene = f'gene_id "ENSG{number:011}.1"; gene_type "protein_coding"; gene_name "N{number}";'
            strand = "+-"[number % 2]
            gtf.write(f"{name}\tHAVANA\tgene\t{start}\t{start + 10_000}\t.\t{strand}\t.\t{gene}\n")
            for index in range(TRANSCRIPTS):
                identity = f"ENST{number * TRANSCRIPTS + index:011}.1"
                about = f'{gene} transcript_id "{identity}"; transcript_type "protein_coding"; tag "basic";'
                place = f"{start + 50 * index}\t{start + 10_000 - 50 * index}"
                gtf.write(f"{name}\tHAVANA\ttranscript\t{place}\t.\t{strand}\t.\t{about}\n")
                for low in range(start + 500, start + 500 + 700 * EXONS, 700):
                    gtf.write(f"{name}\tHAVANA\texon\t{low}\t{low + 100}\t.\t{strand}\t.\t{about}\n")
                rna.write(f"{identity}\tENSG{number:011}.1\t1000\t900\t10\t{tpm[number][index]}\t1\t12.5\n")


def _write_cage(path: Path, lengths: dict[str, int], reads: int, rng: np.random.Generator) -> None:
    """Sorted alignments of 36 bp without their bases."""
    header = pysam.AlignmentHeader.from_references(list(lengths), list(lengths.values()))
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for index, length in enumerate(lengths.values()):
            count = reads // CHROMOSOMES + (index < reads % CHROMOSOMES)
            flags = rng.choice([0, 16], count).tolist()
            for start, flag in zip(np.sort(rng.integers(0, length - 36, count)).tolist(), flags, strict=True):
                read = pysam.AlignedSegment(header)
                read.query_name, read.flag, read.reference_id, read.reference_start = "r", flag, index, start
                read.cigartuples = [(0, 36)]
                file.write(read)


def _write_loops(path: Path, lengths: dict[str, int], loops: int, rng: np.random.Generator) -> None:
    """FitHiChIP's table in 5-kb bins."""
    bins = min(lengths.values()) // 5000
    with path.open("w") as file:
        file.write("chr1\ts1\te1\tchr2\ts2\te2\tcc\tQ-Value_Bias\n")
        for name, low in zip(rng.choice(list(lengths), loops), rng.integers(0, bins - 20, loops), strict=True):
            high = low + rng.integers(4, 20)
            ends = f"{name}\t{low * 5000}\t{low * 5000 + 5000}\t{name}\t{high * 5000}\t{high * 5000 + 5000}"
            file.write(f"{ends}\t{rng.integers(5, 90)}\t{10.0 ** -rng.uniform(2, 30):.3g}\n")


def _write_motifs(path: Path, motifs: int, rng: np.random.Generator) -> None:
    """Matrices of HOCOMOCO-like widths."""
    with path.open("w") as file:
        file.write("MEME version 5\n\nALPHABET= ACGT\n")
        for number in range(motifs):
            rows = rng.dirichlet([0.4] * 4, int(rng.integers(6, 22)))
            file.write(f"\nMOTIF TF{number}.H11\nletter-probability matrix: alength= 4 w= {len(rows)} nsites= 100\n")
            file.writelines(" ".join(f"{p:.3f}" for p in row) + "\n" for row in rows)
