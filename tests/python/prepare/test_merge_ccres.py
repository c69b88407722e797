"""merge-ccres as users run it: genomes of several consortia, options, and inputs that are wrong."""

import gzip
from pathlib import Path
from typing import Any

import polars as pl
import pysam
import pytest
from click.testing import Result

from crexpress.core import artifacts
from crexpress.prepare import elements
from tools import run

SCREEN_ROW = "{chrom}\t{start}\t{end}\t{species}D{number:07d}\t{species}E{number:07d}\t{kind}"


def gtf_line(chrom: str, feature: str, start: int, end: int, strand: str, attributes: str) -> str:
    return "\t".join([chrom, "TEST", feature, str(start), str(end), ".", strand, ".", attributes])


def gtf(chroms: dict[str, str], biotype: str = "gene_type") -> str:
    """One gene on each chromosome, {chromosome: gene id}, with the attributes of GENCODE or (gene_biotype) Ensembl."""
    lines = ["##provider: test"]
    for chrom, gene in chroms.items():
        attributes = f'gene_id "{gene}"; {biotype} "protein_coding"; gene_name "N{gene}";'
        lines.append(gtf_line(chrom, "gene", 5001, 9000, "-", attributes))
        lines.append(gtf_line(chrom, "transcript", 5001, 8000, "-", f'gene_id "{gene}"; transcript_id "T{gene}";'))
    return "\n".join(lines) + "\n"


def screen(chroms: list[str], species: str = "EH38") -> str:
    """Two cCREs on each chromosome, in SCREEN's six columns."""
    rows = []
    for number, chrom in enumerate(chroms):
        for place, kind in ((2000, "PLS,CTCF-bound"), (20_000, "dELS")):
            row = {"chrom": chrom, "start": place, "end": place + 250, "species": species, "kind": kind}
            rows.append(SCREEN_ROW.format(**row, number=2 * number + (kind == "dELS")))
    return "\n".join(rows) + "\n"


def files(folder: Path, **contents: str | bytes) -> dict[str, Path]:
    """Write inputs named by option, "gtf" or "gtf.gz": {option: path}."""
    paths = {}
    for name, content in contents.items():
        option, _, ending = name.partition("__")
        path = folder / f"{option}.{ending or 'txt'}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths[option] = path
    return paths


def merge(folder: Path, given: dict[str, Path], *more: Any) -> Result:
    options = [part for name, path in given.items() for part in (f"--{name.replace('_', '-')}", path)]
    return run("merge-ccres", *options, *more, "--outdir", folder / "out")


def whole(folder: Path, **changes: str | bytes) -> dict[str, Path]:
    """Inputs that are sound but for the changes."""
    sound: dict[str, str | bytes] = {
        "ccres": screen(["chr1", "chr2"]),
        "gtf": gtf({"chr1": "A", "chr2": "B"}),
        "chrom_sizes": "chr1\t100000\nchr2\t90000\n",
    }
    replaced = {name.partition("__")[0] for name in changes}
    return files(folder, **{name: text for name, text in sound.items() if name not in replaced}, **changes)


def bgzipped(folder: Path, text: str) -> bytes:
    with pysam.BGZFile(str(folder / "text.gz"), "w", None) as file:
        file.write(text.encode())
    return (folder / "text.gz").read_bytes()


@pytest.mark.parametrize(
    ("sizes", "annotated", "biotype", "listed", "species", "used"),
    [
        pytest.param(
            ["chr1", "chr10", "chr19", "chrX", "chrY", "chrM", "chr1_GL456210_random", "chrUn_GL456239"],
            ["chr1", "chr10", "chr19", "chrX", "chrY", "chrM"],
            *("gene_type", ["chr1", "chr10", "chr19", "chrX", "chrY"], "EM10", ["chr1", "chr10", "chr19", "chrX"]),
            id="mm10: UCSC, GENCODE and SCREEN agree",
        ),
        pytest.param(
            ["1", "2", "19", "X", "Y", "MT", "JH584304.1"],
            ["1", "2", "19", "X", "MT", "JH584304.1"],
            *("gene_biotype", ["chr1", "chr19", "chrX"], "EM39", ["1", "19", "X", "2"]),
            id="mm39: Ensembl's genome and genes, SCREEN's cCREs",
        ),
        pytest.param(
            ["chr1", "chr2", "chrX", "chrM", "chr6_apd_hap1"],
            ["1", "2", "X", "MT", "GL000192.1"],
            *("gene_biotype", ["chr1", "chr2"], "EH37", ["chr1", "chr2", "chrX"]),
            id="hg19: UCSC's genome, Ensembl's genes",
        ),
        pytest.param(
            ["2L", "2R", "4", "X", "mitochondrion_genome", "211000022278279"],
            ["2L", "2R", "4", "X"],
            *("gene_biotype", ["chr2L", "chrX"], "DM", ["2L", "X", "2R", "4"]),
            id="fruit fly",
        ),
    ],
)
def test_any_genome(
    tmp_path: Path,
    sizes: list[str],
    annotated: list[str],
    biotype: str,
    listed: list[str],
    species: str,
    used: list[str],
) -> None:
    given = files(
        tmp_path,
        chrom_sizes="".join(f"{name}\t{100_000 + number}\n" for number, name in enumerate(sizes)),
        gtf=gtf({name: f"G{name}" for name in annotated}, biotype),
        ccres=screen(listed, species),
    )
    result = merge(tmp_path, given)
    assert result.exit_code == 0, result.output
    store, header = artifacts.read_table(tmp_path / "out/elements.parquet", "elements")
    genes, _ = artifacts.read_table(tmp_path / "out/genes.parquet", "genes")
    assert set(store["chrom"]) == set(genes["chrom"]) == set(used)
    assert dict(header["parameters"]["chromosomes"]) == {name: 100_000 + sizes.index(name) for name in used}
    assert (genes["tss"] == 7999).all()
    ccres = store.filter(pl.col("class") != elements.TSS)
    assert set(ccres["class"]) == {"PLS", "dELS"}
    assert ccres["element_id"].str.starts_with(f"{species}E").all()
    both = {name.removeprefix("chr") for name in sizes} & {name.removeprefix("chr") for name in listed}
    assert len(ccres) == 2 * len(both - {"Y"})
    respelt = set(sizes).isdisjoint(listed) or set(sizes).isdisjoint(annotated)
    assert ("chromosome names respelt" in result.output) == respelt


def test_aligned_files_and_the_same_bytes(tmp_path: Path) -> None:
    given = whole(tmp_path, ccres=screen(["chr1", "chr2", "chrY"]))
    assert merge(tmp_path, given).exit_code == 0
    (tmp_path / "out").rename(tmp_path / "first")
    assert merge(tmp_path, given).exit_code == 0
    for name in ("elements.parquet", "genes.parquet", "elements.bed.gz"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    store, header = artifacts.read_table(tmp_path / "out/elements.parquet", "elements")
    genes, other = artifacts.read_table(tmp_path / "out/genes.parquet", "genes")
    assert store["element_id"].to_list() == [f"EH38E{n:07d}" for n in range(4)] + ["TSS:A", "TSS:B"]
    assert genes.select("chrom", "tss", "element").rows() == [("chr1", 7999, 4), ("chr2", 7999, 5)]
    assert header["elements"] == other["elements"] == elements.element_digest(store)
    assert header["parameters"] == {
        "width": 600,
        "method": "greedy",
        "excluded_classes": ["DNase-only", "Low-DNase"],
        "chromosomes": [["chr1", 100_000], ["chr2", 90_000]],
        "tss": "main",
        "biotypes": ["protein_coding"],
    }


def test_options_reach_the_store(tmp_path: Path) -> None:
    own = "chr1\t6000\t6001\tA\t0\t-\n"
    given = whole(
        tmp_path, tss_list=own, blacklist="chr2\t2100\t2101\n", ccres="chr1\t10\t20\nchr1\t15\t40\nchr2\t2000\t2200\n"
    )
    result = merge(tmp_path, given, "--method", "interval", "--width", 350, "--tss", "gene", "--exclude-classes", "")
    assert result.exit_code == 0, result.output
    store, header = artifacts.read_table(tmp_path / "out/elements.parquet", "elements")
    assert store.select("element_id", "start", "end", "members").rows() == [
        ("chr1:15-40", -150, 200, "chr1:10-20,chr1:15-40"),
        ("TSS:A", 5825, 6175, ""),
        ("TSS:B", 8824, 9174, ""),
    ]
    assert header["parameters"]["excluded_classes"] == []
    assert [source["name"] for source in header["sources"]] == ["ccres.txt", "gtf.txt", "tss_list.txt", "blacklist.txt"]


TWICE = gtf({"chr1": "A"}) + gtf({"chr2": "A"})
LONG_BED = "".join(f"chr1\t{at}\t{at + 9}\n" for at in range(0, 90_000, 7))
LONG_GTF = gtf({"chr1": "A"}) + "# padding\n" * 20_000


@pytest.mark.parametrize(
    ("changes", "more", "message"),
    [
        ({"ccres": ""}, [], "ccres.txt holds no line that can be used; it is empty or of another format"),
        ({"ccres": "# only a comment\n"}, [], "ccres.txt holds no line"),
        ({"ccres": "chr1\t300\t100\n"}, [], "ccres.txt line 1: 'chr1 300 100' is not an interval"),
        ({"ccres": "chr1\t1\t2\nchr1\t-5\t100\n"}, [], "ccres.txt line 2: 'chr1 -5 100' is not an interval"),
        ({"ccres": "chr1\t1e3\t2000\n"}, [], "ccres.txt line 1: 'chr1 1e3 2000' is not an interval"),
        ({"ccres": "chr1 100\n"}, [], "ccres.txt line 1: 3 "),
        ({"ccres": "chr1\t99999\t100001\n"}, [], "behind the end of chr1 (100,000 bp); it was made for another genome"),
        ({"ccres": "chr3\t1\t200\n"}, [], "ccres.txt shares no chromosome with the other input"),
        ({"ccres": "chr1\t1\t200\n2\t1\t200\n"}, [], "ccres.txt spells chr1 as the other input does and 2 otherwise"),
        ({"ccres": "1\t1\t200\nchr1\t5\t200\n"}, [], "ccres.txt uses both 1 and chr1"),
        ({"ccres": b"\x93NUMPY\x00\xff"}, [], "ccres.txt is not a text file"),
        ({"gtf": ""}, [], "gtf.txt is empty"),
        ({"gtf": TWICE}, [], "lines 2 and 5 both are gene A; keep one"),
        ({"gtf": gtf({"chr1": "A"}).replace("5001", "x")}, [], "gtf.txt line 2: a gene or transcript needs"),
        ({"gtf": gtf({"chr1": "A"}).replace("5001", "9500")}, [], "gtf.txt line 2: a gene or transcript needs"),
        ({"gtf": gtf({"chr1": "A"}).replace("5001", "-7")}, [], "gtf.txt line 2: a gene or transcript needs"),
        ({"gtf": gtf({"chr1": "A"}).replace("protein_coding", "lncRNA")}, [], "no gene of type protein_coding; it has"),
        ({"gtf": gtf({"chr9": "A"})}, [], "gtf.txt shares no chromosome with the other input"),
        ({"chrom_sizes": ""}, [], "chrom_sizes.txt holds no line"),
        ({"chrom_sizes": "chr1\tlong\n"}, [], "chrom_sizes.txt line 1: 'long' is not a chromosome length"),
        ({"chrom_sizes": "chr1\t-4\n"}, [], "chrom_sizes.txt line 1: '-4' is not a chromosome length"),
        ({"chrom_sizes": "chr1\n"}, [], "chrom_sizes.txt line 1: 2 tab-separated columns"),
        ({"chrom_sizes": "chr1\t8000\nchr2\t90000\n"}, [], "gene A ends at 9,000, behind the end of chr1 (8,000 bp)"),
        ({"chrom_sizes": "chr8\t100000\n"}, [], "gtf.txt shares no chromosome with the other input"),
        ({"blacklist": "chr1\t5\n"}, [], "blacklist.txt line 1: 3 tab-separated columns"),
        ({"blacklist": "chr1\t0\t100000\nchr2\t0\t90000\n"}, [], "no cCRE is left to merge"),
        ({"tss_list": "chr1\t1\t2\tNONE\t0\t+\n"}, [], "tss_list.txt has none of the genes"),
        ({}, ["--exclude-chromosomes", "chrY,ch2"], "there is no chromosome 'ch2' to exclude"),
        ({}, ["--exclude-classes", "low-DNase"], "there is no class 'low-DNase' to exclude"),
        ({}, ["--biotypes", "coding"], "no gene of type coding; it has protein_coding"),
        ({}, ["--tss", "canonical"], "no MANE_Select or Ensembl_canonical tag"),
        ({"gtf": "chr1\t1\t9\tA\t0\t+\n"}, ["--tss", "canonical"], "TSS rule 'canonical' needs a GTF"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(
    tmp_path: Path, changes: dict[str, str | bytes], more: list[str], message: str
) -> None:
    result = merge(tmp_path, whole(tmp_path, **changes), *more)
    assert result.exit_code == 65, result.output
    assert message in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("option", "text"), [("ccres", LONG_BED), ("gtf", LONG_GTF)])
@pytest.mark.parametrize("block", [False, True], ids=["gzip", "bgzip"])
def test_cut_off_files_are_named(tmp_path: Path, option: str, text: str, block: bool) -> None:
    packed = bgzipped(tmp_path, text) if block else gzip.compress(text.encode())
    cut = packed.index(b"\x1f\x8b\x08\x04", 100) if block else len(packed) // 2  # between two blocks, or anywhere
    for data in (packed[:cut], packed[: cut - 40]):
        result = merge(tmp_path, whole(tmp_path, **{f"{option}__gz": data}))
        assert result.exit_code == 65, result.output
        assert f"{option}.gz is cut off" in result.output
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.fa", "", "empty.fa is not a FASTA that can be indexed"),
        ("cut.fa.gz", None, "cut.fa.gz is not a FASTA that can be indexed (it is cut off"),
        ("table.fa", "chr1\t100\n", "table.fa is not a FASTA that can be indexed"),
        (
            "other.fa",
            ">chr7\nACGT\n",
            "gtf.txt shares no chromosome with the other input: it has chr1, chr2, the other chr7",
        ),
        ("short.fa", ">chr1\nACGT\n", "gene A ends at 9,000, behind the end of chr1 (4 bp)"),
    ],
)
def test_bad_fasta_is_named(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    given = whole(tmp_path)
    given["fasta"] = tmp_path / name
    del given["chrom_sizes"]
    given["fasta"].write_bytes(
        content.encode() if content is not None else bgzipped(tmp_path, ">chr1\n" + "ACGTACCA\n" * 20_000)[:-60]
    )
    result = merge(tmp_path, given)
    assert result.exit_code == 65, result.output
    assert message in result.output


def test_a_genome_without_a_chromosome_names_what_it_costs(tmp_path: Path) -> None:
    result = merge(tmp_path, whole(tmp_path, chrom_sizes="chr1\t100000\n"))
    assert result.exit_code == 0, result.output
    assert "gtf.txt: 1 genes on chromosomes that the genome lacks left out (chr2)" in result.output
    assert "ccres.txt: 2 cCREs on other chromosomes and scaffolds left out (chr2)" in result.output
