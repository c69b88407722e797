"""The whole data preparation on another genome: mm10's chr19 at its true length, however its files spell it."""

import gzip
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import numpy as np
import pybigtools
import pytest
from click.testing import CliRunner

from crexpress.core import artifacts

ROOT = Path(__file__).parents[3]
LENGTH = 61_431_566  # chr19 of mm10
MOTIF = "GGGAAACCCTTTGG"
TSS = {"ENSMUSG00000024759": 10_000_000, "ENSMUSG00000117310": 20_000_499}  # 0-based
CCRES = (9_990_000, 10_040_000, 20_100_000)
SITE = CCRES[1]
pytestmark = pytest.mark.slow


def run(tool: str, *options: str | Path) -> str:
    loader = SourceFileLoader(tool.replace("-", "_"), str(ROOT / "bin" / tool))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    result = CliRunner().invoke(module.main, [str(option) for option in options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def write_gtf(path: Path, chrom: str, ensembl: bool) -> None:
    """Two genes, one a strand, in the wording of Ensembl or GENCODE; a gene on chrY and one on a scaffold."""
    lines = ["#!genome-build GRCm38.p6"]
    genes = [
        (chrom, TSS[name] + 1 if sign == "+" else TSS[name] - 4_998, sign, name)
        for name, sign in zip(TSS, "+-", strict=True)
    ]
    genes += [
        (chrom.replace("19", "Y"), 1000, "+", "ENSMUSG00000000001"),
        ("GL456210.1", 5000, "+", "ENSMUSG00000000002"),
    ]
    for name, start, strand, gene in genes:
        biotype = "gene_biotype" if ensembl else "gene_type"
        identity = f'gene_id "{gene}"; gene_version "7"' if ensembl else f'gene_id "{gene}.7"'
        about = f'{identity}; {biotype} "protein_coding"; gene_name "Mm{gene[-3:]}";'
        for kind, extra in (("gene", ""), ("transcript", f' transcript_id "{gene.replace("MUSG", "MUST")}";')):
            lines.append(f"{name}\tx\t{kind}\t{start}\t{start + 5_000 - 1}\t.\t{strand}\t.\t{about}{extra}")
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))


def write_fasta(path: Path, chrom: str) -> None:
    """chr19 of T alone but for one motif, in lines of 50, gzipped where the name says so."""
    bases = np.full(LENGTH, ord("T"), np.uint8)
    bases[SITE : SITE + len(MOTIF)] = np.frombuffer(MOTIF.encode(), np.uint8)
    whole = LENGTH // 50 * 50
    lines = np.pad(bases[:whole].reshape(-1, 50), ((0, 0), (0, 1)), constant_values=ord("\n"))
    text = f">{chrom}\n".encode() + lines.tobytes() + bases[whole:].tobytes() + b"\n>GL456210.1\nACGT\n"
    path.write_bytes(gzip.compress(text, 1) if path.suffix == ".gz" else text)


@pytest.mark.parametrize(
    ("reference", "data", "ensembl"),
    [("chr19", "chr19", False), ("19", "chr19", True), ("chr19", "19", True)],
    ids=["UCSC and GENCODE", "Ensembl reference, UCSC data", "UCSC reference, Ensembl data"],
)
def test_mouse_files_of_every_spelling(tmp_path: Path, reference: str, data: str, ensembl: bool) -> None:
    fasta, gtf = tmp_path / ("mm10.fa" if ensembl else "mm10.fa.gz"), tmp_path / "genes.gtf.gz"
    write_fasta(fasta, reference)
    write_gtf(gtf, reference, ensembl)
    ccres = tmp_path / "mm10-cCREs.bed"
    ccres.write_text("".join(f"{data}\t{at - 150}\t{at + 150}\tEM10D{at}\tEM10E{at}\tdELS\n" for at in CCRES))
    sizes = {data: LENGTH}
    pybigtools.open(str(tmp_path / "dnase.bw"), "w").write(sizes, iter([(data, SITE - 300, SITE + 300, 9.0)]))
    rna = tmp_path / "rna.tsv"
    head = "gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM\n"
    rna.write_text(head + "".join(f"{gene}.9\tt\t1\t1\t1\t{99.0 + number}\t1\n" for number, gene in enumerate(TSS)))
    cage = tmp_path / "cage.ctss"
    cage.write_text("".join(f"{data}\t{at + 1}\t{sign}\t7\n" for at, sign in zip(TSS.values(), "+-", strict=True)))
    loops = tmp_path / "loops.bedpe"
    loops.write_text(f"{data}\t10000000\t10005000\t{data}\t10040000\t10045000\tx\t12\n")
    meme = tmp_path / "motifs.meme"
    rows = "\n".join(" ".join("0.97" if base == letter else "0.01" for letter in "ACGT") for base in MOTIF)
    width = len(MOTIF)
    meme.write_text(
        f"MEME version 4\n\nALPHABET= ACGT\n\nMOTIF Zfp1_MOUSE.H11\n"
        f"letter-probability matrix: alength= 4 w= {width} nsites= 100\n{rows}\n"
    )

    run("merge-ccres", "--ccres", ccres, "--gtf", gtf, "--fasta", fasta, "--outdir", tmp_path)
    elements, genes = tmp_path / "elements.parquet", tmp_path / "genes.parquet"
    run("score-motifs", "--elements", elements, "--fasta", fasta, "--motifs", meme, "--outdir", tmp_path)
    tracks = ["--track", f"dnase={tmp_path / 'dnase.bw'}", "--output", tmp_path / "signals.MEL.safetensors"]
    run("extract-signals", "--elements", elements, "--cell", "MEL", *tracks)
    of_cell = ["--genes", genes, "--cell", "MEL", "--outdir"]
    run("quantify-expression", *of_cell, tmp_path, "--rna", rna)
    run("quantify-expression", *of_cell, tmp_path / "cage", "--cage", cage, "--unit", "tags")
    run("build-loops", "--elements", elements, "--cell", "MEL", "--loops", loops, "--output", tmp_path / "contacts.npz")

    found, header = artifacts.read_table(genes, "genes")
    assert header["parameters"]["chromosomes"] == [[reference, LENGTH]]  # neither chrY nor the scaffold
    assert {name.split(".")[0]: tss for name, tss in found.select("gene_id", "tss").iter_rows()} == TSS
    store, _ = artifacts.read_table(elements, "elements")
    assert store["chrom"].unique().to_list() == [reference]
    assert len(store) == len(CCRES) + len(TSS)
    codes = artifacts.open_arrays(tmp_path / "sequence.safetensors", "sequence").tensors["codes"]
    assert (codes != 3).any(axis=1).tolist() == [False, True, False, False, False]
    scores = artifacts.open_arrays(tmp_path / "motifs.safetensors", "motifs").tensors["scores"][:, 0]
    assert scores.argmax() == 1
    signal = artifacts.open_arrays(tmp_path / "signals.MEL.safetensors", "signals").tensors["dnase"]
    assert signal.tolist() == [[float(row == 1)] * 15 for row in range(5)]
    for folder, values in ((tmp_path, [99.0, 100.0]), (tmp_path / "cage", [7.0, 7.0])):
        assert artifacts.read_table(folder / "expression.MEL.parquet", "expression")[0]["value"].to_list() == values
    _, contacts = artifacts.read_sparse(tmp_path / "contacts.npz", "contacts")
    assert (contacts["row"].tolist(), contacts["col"].tolist(), contacts["count"].tolist()) == ([2000], [2008], [12.0])
