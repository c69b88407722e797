"""Values of the programs that the field trusts, on random files like real ones: FIMO, gffutils, samtools.

bedtools: tests/python/prepare/test_bedtools.py; pyBigWig: test_signals.py, test_bigwig_writer.py; cooler: below.
"""

from pathlib import Path

import gffutils
import numpy as np
import pysam
import pytest
from memelite import fimo

from crexpress.formats import alignments, loop_files
from crexpress.formats.meme import Motif, MotifSet
from crexpress.prepare import genes, motif_scores

CHR20 = Path(__file__).parents[3] / "assets/chr20/GENCODE24.hg38.chr20_0-10Mb.derived.gtf.gz"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_hits_are_those_of_fimo(seed: int) -> None:
    """memelite's FIMO, whose background is uniform; ours rounds to 1/280 of a bit a column where a motif has 21."""
    rng = np.random.default_rng(seed)
    probabilities = [0.98 * rng.dirichlet([0.25] * 4, width) + 0.005 for width in (6, 8, 11, 15, 21)]
    codes = rng.integers(0, 4, (60, 400)).astype(np.uint8)
    limit = 1e-3
    found = fimo(
        {str(number): matrix.T for number, matrix in enumerate(probabilities)},
        np.eye(4, dtype=np.int8)[codes].transpose(0, 2, 1), bin_size=0.001, eps=0, threshold=2 * limit,
    )  # fmt: skip
    theirs = {
        (int(hit.sequence_name), int(hit.motif_name), int(hit.start), hit.strand == "-"): hit[-2:]
        for table in found for hit in table.itertuples()
    }  # fmt: skip
    own = MotifSet(
        [Motif(f"M{number}", "", matrix, 10**9) for number, matrix in enumerate(probabilities)], np.full(4, 0.25)
    )
    out = {"scores": np.empty((len(codes), len(own.motifs)), np.float16)}
    out |= {name: np.empty(len(own.motifs), np.float32) for name in ("mean", "sd")}
    parts: list = []
    used = {"finder": motif_scores.hit_finder(own, 2 * limit), "report": parts.append}
    motif_scores.score(codes, own, "log-odds", np.ones(len(codes), bool), out, **used)
    ours = {
        (int(element), int(number), int(place), bool(reverse)): (float(score), float(p_value))
        for part in parts for element, number, place, reverse, score, p_value in zip(*part, strict=True)
    }  # fmt: skip
    sure = {hit for hit, (_, p_value) in theirs.items() if p_value <= limit}
    assert len(sure) > 100
    assert sure <= ours.keys()
    assert {hit for hit, (_, p_value) in ours.items() if p_value <= limit} <= theirs.keys()
    both = sorted(ours.keys() & theirs.keys())
    np.testing.assert_allclose(*([found[hit][0] for hit in both] for found in (ours, theirs)), atol=0.02)
    first, second = (np.array([found[hit][1] for hit in both]) for found in (ours, theirs))
    apart = np.abs(np.log(first / second))  # where rounding moves a score by a step, its probability is another
    assert np.quantile(apart, 0.95) < 0.01
    assert apart.max() < 0.1


def random_gtf(path: Path, seed: int, with_genes: bool) -> Path:
    """Genes of several transcripts, these of several exons, lines in any order, attributes as GENCODE writes them."""
    rng = np.random.default_rng(seed)
    lines = []
    for number in range(150):
        chrom, strand = f"chr{rng.integers(1, 4)}", "+-"[rng.integers(2)]
        about = f'gene_id "ENSG{number:011}.{rng.integers(1, 20)}"; '
        named = f'gene_type "protein_coding"; gene_name "G{number}"; level {rng.integers(1, 4)}; tag "a; b";'
        start = int(rng.integers(1_000, 900_000))
        ends = []
        for transcript in range(rng.integers(1, 4)):
            of = f'{about}transcript_id "ENST{number:06}{transcript}.1"; {named}'
            places = np.sort(start + rng.choice(30_000, 2 * rng.integers(1, 5), replace=False))
            exons = [f"{chrom}\tH\texon\t{low}\t{high}\t.\t{strand}\t.\t{of}" for low, high in places.reshape(-1, 2)]
            lines += [*exons, f"{chrom}\tH\ttranscript\t{places[0]}\t{places[-1]}\t.\t{strand}\t.\t{of}"]
            ends += [places[0], places[-1]]
        lines.append(f"{chrom}\tH\tgene\t{min(ends)}\t{max(ends)}\t.\t{strand}\t.\t{about}{named}")
    rng.shuffle(lines)
    kept = [line for line in lines if with_genes or "\texon\t" in line]
    path.write_text("##provider: GENCODE\n" + "\n".join(kept) + "\n")
    return path


def of_gffutils(path: Path) -> dict[str, tuple[str, int, int, str]]:
    """{gene: chromosome, start (0-based), end, strand}, where there are no gene lines made of the exons."""
    database = gffutils.create_db(
        str(path), ":memory:", disable_infer_transcripts=True, merge_strategy="create_unique",
        disable_infer_genes="\tgene\t" in path.read_text() if path.suffix == ".gtf" else True,
    )  # fmt: skip
    return {
        gene["gene_id"][0]: (gene.seqid, gene.start - 1, gene.end, gene.strand)
        for gene in database.features_of_type("gene")
    }


@pytest.mark.parametrize("case", ["chr20", "genes", "exons"])
def test_genes_are_those_of_gffutils(tmp_path: Path, case: str) -> None:
    path = CHR20 if case == "chr20" else random_gtf(tmp_path / "a.gtf", 4, case == "genes")
    right = of_gffutils(path)
    found = genes.read_genes(path, "gene", biotypes=("all",), exclude=())
    columns = ("gene_id", "chrom", "start", "end", "strand", "tss")
    ours = {name: place for name, *place in found.select(columns).rows()}
    assert {name: tuple(place[:4]) for name, place in ours.items()} == right
    assert len(right) >= 100
    for name, (_, start, end, strand, tss) in ours.items():
        assert tss == (start if strand == "+" else end - 1), name


@pytest.mark.parametrize("seed", range(3))
def test_bases_under_reads_are_those_of_samtools(tmp_path: Path, seed: int) -> None:
    """samtools depth, which leaves out the same reads; pieces of a split read are one fragment here: there are none."""
    rng = np.random.default_rng(seed)
    header = pysam.AlignmentHeader.from_references(["chr1", "chr2"], [5_000, 900])
    path = tmp_path / "a.bam"
    starts = np.sort(rng.integers(0, 4_900, 500))
    counted = 0
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for number, start in enumerate(starts):
            read = pysam.AlignedSegment(header)
            size = int(rng.integers(20, 90))
            read.query_name, read.query_sequence = f"r{number}", "A" * size
            read.flag = int(rng.choice([0, 0, 0, 0x10, 0x10, 0x100, 0x200, 0x400]))
            counted += read.flag in (0, 0x10)
            read.reference_id, read.reference_start, read.mapping_quality = 0, int(start), int(rng.integers(60))
            clip = int(rng.integers(0, 9))
            read.cigartuples = [(4, clip), (0, size - clip)]
            file.write(read)
    lines = pysam.depth("-a", "-r", "chr1", str(sorted_and_indexed(path))).splitlines()
    right = np.array([int(line.split("\t")[2]) for line in lines])
    ours = np.empty(5_000)
    alignments.Coverage(path, "fragments").read("chr1", 0, 5_000, ours)
    np.testing.assert_allclose(ours * counted / 1e6, right, atol=1e-6)
    assert right.max() > 3


def sorted_and_indexed(path: Path) -> Path:
    made = path.with_name("sorted.bam")
    pysam.sort("-o", str(made), str(path))
    pysam.index(str(made))
    return made


@pytest.mark.parametrize("seed", range(2))
def test_counts_are_those_of_cooler(tmp_path: Path, seed: int) -> None:
    import cooler
    import pandas as pd

    rng = np.random.default_rng(seed)
    lengths = {"chr1": 204_000, "chr2": 97_500}
    bins = cooler.binnify(pd.Series(lengths), 5_000)
    pairs = np.unique(np.sort(rng.integers(0, len(bins), (300, 2)), axis=1), axis=0)
    table = pd.DataFrame({"bin1_id": pairs[:, 0], "bin2_id": pairs[:, 1], "count": rng.random(len(pairs)) * 90 + 0.25})
    path = tmp_path / "a.cool"
    cooler.create_cooler(str(path), bins, table, dtypes={"count": np.float64})
    right = cooler.Cooler(str(path)).pixels(join=True)[:].query("chrom1 == chrom2")
    found = loop_files.read_loops(path, bin_size=5_000).table
    names = ["chrom1", "start1", "start2"]
    theirs = {tuple(row): value for *row, value in right[[*names, "count"]].itertuples(index=False)}
    ours = {tuple(row[:3]): row[3] for row in found.select("chrom_1", "start_1", "start_2", "count").rows()}
    assert ours.keys() == theirs.keys()
    assert len(ours) > 100
    np.testing.assert_allclose([ours[place] for place in theirs], list(theirs.values()), rtol=1e-6)
