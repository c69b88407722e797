"""Files of a cell that cannot be used: one sentence that says which and why, exit code 65, and nothing written."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pyBigWig
import pysam
import pytest

from crexpress.core import artifacts
from tiny_case import TinyCase
from tools import run

LENGTHS = {"chr1": 500_000, "chr2": 500_000, "chr3": 500_000}


def bigwig(path: Path, value: float = 1.0, **lengths: int) -> Path:
    sizes = lengths or LENGTHS
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()))
        for chrom, length in sizes.items():
            starts = list(range(0, length, 50))
            values = [float(start % 997) for start in starts]
            values[2_000:6_000] = [value] * 4_000 if length > 300_000 else []
            file.addEntries([chrom] * len(starts), starts, ends=[start + 50 for start in starts], values=values)
    return path


def bam(path: Path, reads: int = 1, unmapped: bool = False, **lengths: int) -> Path:
    """A BAM without an index."""
    sizes = LENGTHS | lengths
    header = pysam.AlignmentHeader.from_references(list(sizes), list(sizes.values()))
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for number in range(reads):
            read = pysam.AlignedSegment(header)
            read.query_name, read.query_sequence, read.flag = f"r{number}", "ACGT" * 9, 4 if unmapped else 0
            if not unmapped:
                read.reference_id, read.reference_start, read.cigarstring = 0, number * 7919 % 400_000, "36M"
            file.write(read)
    return path


def cut(path: Path, keep: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def text(path: Path, content: str) -> Path:
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    return path


Make = Callable[[Path], Path]
FRAGMENTS = "".join(f"chr1\t{start}\t{start + 150}\tAAAC-1\t1\n" for start in range(0, 400_000, 37))
TPM = "gene_id\tTPM\n" + "".join(f"G{number}\t{number % 13 * 0.5}\n" for number in range(120))
LOOP = "chr1\t0\t5000\tchr1\t100000\t105000\t.\t4\n"

TRACKS: dict[str, tuple[Make, str]] = {
    "another build": (
        lambda at: bigwig(at / "a.bw", chr1=500_001, chr2=500_000),
        "chr1 is 500,001 bp long here but 500,000 bp in the genome of this run; it was made for another genome build",
    ),
    "another genome": (lambda at: bigwig(at / "a.bw", scaffold_1=9_000), "shares no chromosome"),
    "cut off": (lambda at: cut(bigwig(at / "a.bw"), 0.5), "its index points behind its end"),
    "cut off in its header": (lambda at: cut(bigwig(at / "a.bw"), 0.001), "a.bw is not a readable bigWig"),
    "empty": (lambda at: text(at / "a.bw", ""), "a.bw is not a readable bigWig"),
    "a page of a web site": (lambda at: text(at / "a.bw", "<!DOCTYPE html>\n" * 99), "a.bw is not a readable bigWig"),
    "NaN": (lambda at: bigwig(at / "a.bw", float("nan")), "a.bw holds nan at chr"),
    "infinite": (lambda at: bigwig(at / "a.bw", float("inf")), "a.bw holds inf at chr1:1"),
    "negative": (lambda at: bigwig(at / "a.bw", -2.5), "a.bw holds -2.5 at chr1:1"),
    "BAM cut off": (lambda at: cut(bam(at / "a.bam", 30_000), 0.6), "a.bam is not a readable BAM, or is cut off"),
    "BAM without its end": (lambda at: cut(bam(at / "a.bam", 3_000), 0.999), "a.bam is not a readable BAM"),
    "BAM of unaligned reads": (lambda at: bam(at / "a.bam", 9, unmapped=True), "a.bam holds no aligned read"),
    "empty BAM": (lambda at: text(at / "a.bam", ""), "a.bam is not a readable BAM"),
    "fragments cut off": (lambda at: cut(text(at / "fragments.tsv.gz", FRAGMENTS), 0.7), "is cut off or damaged"),
    "empty fragments": (lambda at: text(at / "fragments.tsv", ""), "fragments.tsv holds no aligned read"),
    "inverted fragment": (
        lambda at: text(at / "fragments.tsv", "chr1\t5\t9\tA\t1\nchr1\t9\t5\tA\t1\n"),
        "fragments.tsv line 2: 'chr1 9 5' is not an interval",
    ),
}


@pytest.mark.parametrize("case", TRACKS)
def test_tracks(tiny: TinyCase, tmp_path: Path, case: str) -> None:
    make, message = TRACKS[case]
    output = tmp_path / "out" / "signals.safetensors"
    track = f"dnase={make(tmp_path)}"
    result = run("extract-signals", "--elements", tiny.elements, "--cell", "A", "--track", track, "--output", output)
    assert (result.exit_code, message in result.output) == (65, True), result.output
    assert not output.parent.exists() or not list(output.parent.iterdir())


def test_a_bigwig_cut_off_anywhere_is_refused_or_read_whole(tiny: TinyCase, tmp_path: Path) -> None:
    """What follows the data and their index, summaries for browsers, is not needed."""

    def values(keep: float) -> bytes | None:
        output = tmp_path / "signals.safetensors"
        output.unlink(missing_ok=True)
        track = f"dnase={cut(bigwig(tmp_path / 'a.bw'), keep)}"
        result = run(
            "extract-signals", "--elements", tiny.elements, "--cell", "A", "--track", track, "--output", output
        )
        assert result.exit_code == (0 if output.exists() else 65), result.output
        return artifacts.open_arrays(output, "signals").tensors["dnase"].tobytes() if output.exists() else None

    whole = values(1)
    found = {keep: values(keep) for keep in (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99)}
    assert set(found.values()) <= {None, whole}
    assert found[0.3] is None


def test_a_bam_without_index_is_no_fault(tiny: TinyCase, tmp_path: Path) -> None:
    output = tmp_path / "signals.safetensors"
    track = f"dnase={bam(tmp_path / 'a.bam', 500)}"
    result = run("extract-signals", "--elements", tiny.elements, "--cell", "A", "--track", track, "--output", output)
    assert result.exit_code == 0, result.output
    assert output.exists()


TABLES: dict[str, tuple[Make, str]] = {
    "unknown header": (
        lambda at: text(at / "a.tsv", "probe\tarray_1\n1007_s_at\t2.5\n"),
        "a.tsv: no known header (its columns are probe, array_1)",
    ),
    "header alone": (lambda at: text(at / "a.tsv", "gene_id\tTPM\n"), "holds a header and nothing else"),
    "empty": (lambda at: text(at / "a.tsv", ""), "a.tsv is empty"),
    "gzip cut off": (lambda at: cut(text(at / "a.tsv.gz", TPM), 0.8), "a.tsv.gz is cut off or damaged"),
    "negative": (lambda at: text(at / "a.tsv", "gene_id\tTPM\nG1\t-3\n"), "line 2: '-3' in column TPM"),
    "NaN": (lambda at: text(at / "a.tsv", "gene_id\tTPM\nG1\t3\nG2\tNaN\n"), "line 3: 'NaN' in column TPM"),
    "infinite": (lambda at: text(at / "a.tsv", "gene_id\tTPM\nG1\tinf\n"), "line 2: 'inf' in column TPM"),
    "genes of another annotation": (lambda at: text(at / "a.tsv", "gene_id\tTPM\nYFL001\t3\n"), "none of its genes"),
    "binary": (lambda at: bigwig(at / "a.tsv"), "a.tsv is not a text file"),
}


CAGE: dict[str, tuple[Make, str]] = {
    "no strand": (lambda at: text(at / "a.bed", "chr1\t1\t2\tx\t5\t.\n"), "line 1: the strand must be + or -"),
    "empty": (lambda at: text(at / "a.bed", ""), "a.bed holds no line that can be used"),
    "gzip cut off": (lambda at: cut(text(at / "a.bed.gz", FRAGMENTS), 0.8), "a.bed.gz is cut off or damaged"),
    "BAM cut off": (lambda at: cut(bam(at / "a.bam", 30_000), 0.6), "a.bam is not a readable BAM"),
    "BAM of unaligned reads": (lambda at: bam(at / "a.bam", 9, unmapped=True), "a.bam holds no primary alignment"),
    "bigWig without its strand": (lambda at: bigwig(at / "a.bw"), "a.bw: say the strand of a CAGE bigWig"),
}


@pytest.mark.parametrize(("kind", "case"), [*(("rna", case) for case in TABLES), *(("cage", case) for case in CAGE)])
def test_expression(tiny: TinyCase, tmp_path: Path, kind: str, case: str) -> None:
    make, message = (TABLES if kind == "rna" else CAGE)[case]
    path, outdir = make(tmp_path), tmp_path / "out"
    result = run("quantify-expression", "--genes", tiny.genes, "--cell", "A", f"--{kind}", path, "--outdir", outdir)
    assert (result.exit_code, message in result.output) == (65, True), result.output
    assert not outdir.exists() or not list(outdir.iterdir())


@pytest.mark.parametrize(
    ("make", "column"),
    [
        (lambda at: bigwig(at / "a.bw", chr1=500_000, chr2=510_000), ":+"),
        (lambda at: bigwig(at / "a.bw", chr1=1_000, chr2=500_000), ":+"),
        (lambda at: bam(at / "a.bam", chr1=499_999), ""),
        (lambda at: text(at / "a.bed", "chr1\t1\t2\tx\t5\t+\nchr2\t500000\t500001\tx\t5\t+\n"), ""),
    ],
)
def test_cage_of_another_build(tiny: TinyCase, tmp_path: Path, make: Make, column: str) -> None:
    cage = f"{make(tmp_path)}{column}"
    result = run("quantify-expression", "--genes", tiny.genes, "--cell", "A", "--cage", cage, "--outdir", tmp_path)
    assert (result.exit_code, "another genome build" in result.output) == (65, True), result.output


LOOPS: dict[str, tuple[Make, str]] = {
    "beyond the chromosome": (
        lambda at: text(at / "a.bedpe", LOOP.replace("100000\t105000", "600000\t605000")),
        "a loop reaches chr1:600,000, but the chromosome ends at 500,000; were the loops called on another genome",
    ),
    "another genome": (lambda at: text(at / "a.bedpe", LOOP.replace("chr1", "2L")), "shares no chromosome"),
    "empty": (lambda at: text(at / "a.bedpe", ""), "a.bedpe is empty"),
    "gzip cut off": (lambda at: cut(text(at / "a.bedpe.gz", LOOP * 5_000), 0.7), "a.bedpe.gz is cut off or damaged"),
    "between chromosomes": (
        lambda at: text(at / "a.bedpe", "chr1\t0\t5000\tchr2\t0\t5000\t.\t4\n"),
        "holds no loop within a chromosome",
    ),
    "inverted": (lambda at: text(at / "a.bedpe", LOOP.replace("0\t5000", "9000\t5000", 1)), "line 1: 'chr1 9000 5000'"),
    "infinite count": (lambda at: text(at / "a.bedpe", LOOP.replace("4\n", "inf\n")), "holds an infinite count"),
    "empty matrix": (lambda at: text(at / "a.cool", ""), "a.cool is not a readable contact matrix"),
    "cut off matrix": (lambda at: text(at / "a.hic", "HIC\0"), "a.hic is not a readable contact matrix"),
}


@pytest.mark.parametrize("case", LOOPS)
def test_loops(tiny: TinyCase, tmp_path: Path, case: str) -> None:
    make, message = LOOPS[case]
    output = tmp_path / "out" / "contacts.npz"
    options = ("--elements", tiny.elements, "--cell", "A", "--score", "count", "--output", output)
    result = run("build-loops", "--loops", make(tmp_path), *options)
    assert (result.exit_code, message in result.output) == (65, True), result.output
    assert not output.parent.exists() or not list(output.parent.iterdir())


def test_loops_on_one_chromosome_are_used_and_it_is_said(tiny: TinyCase, tmp_path: Path) -> None:
    output = tmp_path / "contacts.npz"
    path = text(tmp_path / "a.bedpe", LOOP)
    result = run("build-loops", "--loops", path, "--elements", tiny.elements, "--cell", "A", "--output", output)
    assert result.exit_code == 0
    assert "every loop lies on chr1; the other 2 chromosomes have none" in result.output
