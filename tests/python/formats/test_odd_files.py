"""Files that are sound by themselves and cannot be meant: copies, constants, lost strands. Each is said."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from bigwigs import write_bigwig
from crexpress.core import artifacts, log
from crexpress.data.opening import open_store
from crexpress.training import checks
from crexpress.training.presets import read_preset
from tiny_case import TinyCase
from tools import run

MODEL = read_preset("scpge-small")[0].replace(tracks=("dnase", "h3k27ac"), neighbours=4)
LENGTHS = {"chr1": 500_000, "chr2": 500_000, "chr3": 500_000}


def refused(result: Any, *words: str) -> None:
    assert result.exit_code == 65, result.output
    for word in words:
        assert word in result.output


def told(result: Any, words: str) -> None:
    assert result.exit_code == 0, result.output
    assert words in " ".join(result.output.split())


def unsaid(result: Any, words: str) -> None:
    assert result.exit_code == 0, result.output
    assert words not in result.output


def rna(path: Path, values: list[float], column: str = "TPM") -> Path:
    rows = [f"G{number}\t{value}" for number, value in enumerate(values)]
    path.write_text("\n".join([f"gene_id\t{column}", *rows]) + "\n")
    return path


def quantify(tiny: Any, folder: Path, *files: object) -> Any:
    given = [word for file in files for word in ("--rna", file)]
    return run("quantify-expression", "--genes", tiny.genes, "--cell", "A", *given, "--outdir", folder)


def test_a_copy_of_a_replicate_is_no_replicate(tiny: Any, tmp_path: Path) -> None:
    first = rna(tmp_path / "first.tsv", [0.5 * number for number in range(100)])
    second = rna(tmp_path / "second.tsv", [0.5 * number for number in range(1, 101)])
    told(quantify(tiny, tmp_path, first, second), "matched")
    refused(quantify(tiny, tmp_path, first, shutil.copyfile(first, tmp_path / "copy.tsv")), "first.tsv", "a copy")
    refused(quantify(tiny, tmp_path, first, first), "given twice")


@pytest.mark.parametrize("name", ["dnase", "h3k27ac"])
def test_a_copy_of_a_track_is_neither_a_replicate_nor_another_track(tiny: Any, tmp_path: Path, name: str) -> None:
    track = write_bigwig(tmp_path / "track.bw", LENGTHS, {"chr1": [(1_000, 2_000, 3.0)]})
    shutil.copyfile(track, tmp_path / "copy.bw")
    given = ["--track", f"dnase={track}", "--track", f"{name}={tmp_path / 'copy.bw'}"]
    refused(run("extract-signals", "--elements", tiny.elements, "--cell", "A", *given), "copy.bw", "a copy")


def test_a_constant_track_is_said(tiny: Any, tmp_path: Path) -> None:
    track = write_bigwig(tmp_path / "c.bw", LENGTHS, {chrom: [(0, size, 3.0)] for chrom, size in LENGTHS.items()})
    given = ["--elements", tiny.elements, "--cell", "A", "--track", f"dnase={track}", "--transform", "none"]
    told(run("extract-signals", *given, "--output", tmp_path / "s.safetensors"), "dnase is 3 in every element")


def test_values_that_are_all_one_or_logarithms_are_said(tiny: Any, tmp_path: Path) -> None:
    told(quantify(tiny, tmp_path, rna(tmp_path / "zero.tsv", [0.0] * 100)), "every value of column TPM is 0")
    logs = rna(tmp_path / "log.tsv", [number % 130 / 10 for number in range(1_000)], "level")
    told(quantify(tiny, tmp_path, logs), "if they are logarithms, give TPM")
    whole = rna(tmp_path / "tpm.tsv", [number % 130 / 10 for number in range(999)] + [900.0])
    unsaid(quantify(tiny, tmp_path, whole), "logarithms")
    values = [number % 999 / 10 for number in range(20_000)]
    told(
        quantify(tiny, tmp_path, rna(tmp_path / "tenth.tsv", [value / 20 for value in values] + [90.0])),
        "are they TPM?",
    )
    unsaid(quantify(tiny, tmp_path, rna(tmp_path / "all.tsv", values)), "are they TPM?")


def test_a_length_is_no_expression(tiny: Any, tmp_path: Path) -> None:
    lengths = rna(tmp_path / "length.tsv", [900.5] * 99 + [12.0], "effective_length")
    refused(quantify(tiny, tmp_path, f"{lengths}:effective_length"), "effective_length holds no expression")


def annotation(path: Path, strands: str) -> Path:
    about = 'gene_id "G{0}"; gene_type "protein_coding"; gene_name "N{0}";'
    lines = [
        f"chr1\tX\tgene\t{1_000 + 9_000 * number}\t{4_000 + 9_000 * number}\t.\t{strands[number % len(strands)]}\t.\t"
        + about.format(number)
        for number in range(30)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_lost_strands_and_domains_for_ccres_are_said(tmp_path: Path) -> None:
    (tmp_path / "sizes").write_text("chr1\t400000\n")
    (tmp_path / "ccres.bed").write_text("".join(f"chr1\t{at}\t{at + 300}\n" for at in range(2_000, 99_000, 1_500)))
    (tmp_path / "domains.bed").write_text("chr1\t10000\t90000\nchr1\t100000\t190000\n")
    both, plus = annotation(tmp_path / "both.gtf", "+-"), annotation(tmp_path / "plus.gtf", "+")

    def merged(ccres: str, gtf: Path) -> Any:
        given = ["--ccres", tmp_path / ccres, "--gtf", gtf, "--chrom-sizes", tmp_path / "sizes", "--tss", "gene"]
        return run("merge-ccres", *given, "--outdir", tmp_path / "out")

    unsaid(merged("ccres.bed", both), "warning")
    told(merged("ccres.bed", plus), "all genes are on strand +; were strands lost")
    told(merged("domains.bed", both), "half of the cCREs are over 85,000 bp wide")


def test_ccres_of_another_build_than_the_genes_are_said(tmp_path: Path) -> None:
    """Builds differ by tens of kilobases from a place on; only where cCREs lie beside TSSs tells them apart."""
    tss = np.cumsum(np.random.default_rng(1).integers(30_000, 90_000, 1_200))
    (tmp_path / "sizes").write_text(f"chr1\t{tss[-1] + 2_000_000}\n")
    lines = [
        f'chr1\tX\tgene\t{at + 1}\t{at + 9_000}\t.\t{"+-"[n % 2]}\t.\tgene_id "G{n}"; gene_type "protein_coding";'
        for n, at in enumerate(tss)
    ]
    (tmp_path / "genes.gtf").write_text("\n".join(lines) + "\n")
    for name, moved in (("same", 0), ("other", 47_000)):
        middles = [at + moved + (n % 2) * 9_000 for n, at in enumerate(tss) if n % 3]
        lines = [f"chr1\t{at - 150}\t{at + 150}" for at in middles]
        (tmp_path / f"{name}.bed").write_text("\n".join(lines) + "\n")
        given = ["--ccres", tmp_path / f"{name}.bed", "--gtf", tmp_path / "genes.gtf", "--tss", "gene"]
        done = run("merge-ccres", *given, "--chrom-sizes", tmp_path / "sizes", "--outdir", tmp_path / "out")
        (told if moved else unsaid)(done, "of one genome build")


def test_loops_without_strength_or_second_anchor_are_said(tiny: Any, tmp_path: Path) -> None:
    def built(name: str, *loops: str) -> Any:
        (tmp_path / name).write_text("\n".join(loops) + "\n")
        given = ["--elements", tiny.elements, "--cell", "A", "--loops", tmp_path / name]
        return run("build-loops", *given, "--output", tmp_path / "c.npz")

    sound = "chr1\t{0}\t{1}\tchr1\t{2}\t{3}\t.\t{4}"
    unsaid(built("sound.bedpe", sound.format(5_000, 9_000, 45_000, 49_000, 7)), "warning")
    told(built("zero.bedpe", sound.format(5_000, 9_000, 45_000, 49_000, 0)), "the strength of every loop is 0")
    told(built("self.bedpe", sound.format(5_000, 9_000, 5_000, 9_000, 7)), "no loop joins two bins")


def test_a_screen_under_two_names_is_refused(tiny: Any, tmp_path: Path) -> None:
    (tmp_path / "one.tsv").write_text("chrom\tchromStart\tchromEnd\tmeasuredGeneEnsemblId\tRegulated\n")
    shutil.copyfile(tmp_path / "one.tsv", tmp_path / "two.tsv")
    given = [word for name in ("one", "two") for word in ("--crispr", f"{name}={tmp_path / name}.tsv")]
    links = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", tiny.signals("A")]
    refused(run("fit-links", *links, *given, "--name", "t", "--output", tmp_path / "t"), "two.tsv", "a copy")


def test_two_cells_with_the_same_files_are_said(tiny: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """Tracks of A under B's name, as swapped or repeated rows of a samplesheet give them."""
    store = open_store(tiny.elements, tiny.genes, [tiny.signals("A"), tiny.signals("B")], config=MODEL)
    log.show()
    checks.warn_same_cells(store, MODEL)
    assert "same" not in capfd.readouterr().err
    store.cells[1].signals = store.cells[0].signals
    for cell in store.cells:
        cell.expression = np.arange(len(store.genes), dtype=np.float32)
    checks.warn_same_cells(store, MODEL)
    assert "dnase, h3k27ac, expression of A and of B are the same" in capfd.readouterr().err


def test_cage_of_one_strand_or_of_swapped_ones_is_said(tmp_path: Path) -> None:
    (tmp_path / "ccres.bed").write_text("chr1\t2000\t2300\n")
    given = ["--ccres", tmp_path / "ccres.bed", "--gtf", annotation(tmp_path / "both.gtf", "+-"), "--tss", "gene"]
    assert not run("merge-ccres", *given, "--outdir", tmp_path).exit_code
    table, _ = artifacts.read_table(tmp_path / "genes.parquet", "genes")
    lines = list(table.select("chrom", "tss", "strand").iter_rows())

    def quantified(name: str, strands: dict[str, str]) -> Any:
        rows = [f"{chrom}\t{tss}\t{tss + 1}\tx\t5\t{strands[strand]}" for chrom, tss, strand in lines]
        (tmp_path / name).write_text("\n".join(rows) + "\n")
        return run("quantify-expression", "--genes", tmp_path / "genes.parquet", "--cell", "A",
                   "--cage", tmp_path / name, "--outdir", tmp_path)  # fmt: skip

    unsaid(quantified("right.bed", {"+": "+", "-": "-"}), "warning")
    told(quantified("lost.bed", {"+": "+", "-": "+"}), "are on strand +; were strands lost")
    lines += [(chrom, tss, {"+": "-", "-": "+"}[strand]) for chrom, tss, strand in lines for _ in range(2)]
    told(quantified("swapped.bed", {"+": "+", "-": "-"}), "swapped?")


def test_a_genome_with_masked_repeats_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    bases = "".join(np.array(list("ACGT"))[rng.integers(0, 4, 50_000)])
    masked = "".join("N" * 100 + bases[at + 100 : at + 1_000] for at in range(0, 50_000, 1_000))
    (tmp_path / "sizes").write_text("chr1\t50000\n")
    (tmp_path / "ccres.bed").write_text("".join(f"chr1\t{at}\t{at + 300}\n" for at in range(2_000, 45_000, 1_500)))
    about = 'gene_id "G1"; gene_type "protein_coding"; gene_name "N1";'
    (tmp_path / "genes.gtf").write_text(f"chr1\tX\tgene\t9000\t12000\t.\t+\t.\t{about}\n")
    sizes = ["--chrom-sizes", tmp_path / "sizes", "--gtf", tmp_path / "genes.gtf", "--tss", "gene"]
    assert not run("merge-ccres", "--ccres", tmp_path / "ccres.bed", *sizes, "--outdir", tmp_path).exit_code
    for name, text in (("whole.fa", bases.lower()), ("masked.fa", masked)):
        (tmp_path / name).write_text(f">chr1\n{text}\n")
        given = ["--elements", tmp_path / "elements.parquet", "--fasta", tmp_path / name, "--outdir", tmp_path]
        (told if name == "masked.fa" else unsaid)(run("score-motifs", *given), "if its repeats are masked")


@pytest.mark.parametrize(
    ("column", "said"),
    [
        *((name, "holds logarithms by its name") for name in ("log2TPM", "log2(TPM+1)", "TPM_log2", "vst", "logCPM")),
        *((name, "holds logarithms by its name") for name in ("log2FoldChange", "ln TPM", "TPM.log10")),
        *((name, "holds counts by the table's header") for name in ("baseMean", "unstranded", "norm_counts")),
        *((name, "though they are not TPM by name") for name in ("FPKM-UQ", "CPM", "fpkm_uq_unstranded")),
        *((name, None) for name in ("tpm_unstranded", "mean_TPM", "Catalog", "blood")),
    ],
)
def test_a_column_whose_name_tells_another_unit(tmp_path: Path, tiny: TinyCase, column: str, said: str | None) -> None:
    ids = pl.read_parquet(tiny.genes)["gene_id"]
    rows = [f"{one}\t{number % 7}.5" for number, one in enumerate(ids)]
    (tmp_path / "a.tsv").write_text("\n".join([f"gene_id\t{column}", *rows]) + "\n")
    named = f"{tmp_path / 'a.tsv'}:{column}"
    result = run("quantify-expression", "--genes", tiny.genes, "--cell", "A", "--rna", named, "--outdir", tmp_path)
    assert (result.exit_code == 65) == bool(said and said.startswith("holds")), result.output
    assert (said or "table of genes") in result.output
    assert said or "by name" not in result.output
