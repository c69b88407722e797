"""Tables of expression as programs write them: ids, counts and TPM, loci of a gene (tests/fieldcases)."""

from pathlib import Path

import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.prepare import genes
from field_case import CASES, IDS, SYMBOLS, text, values
from tools import run


@pytest.mark.parametrize("annotation", ["genes.gtf", "genes5.gtf"])
def test_ids_with_a_mapping_suffix(tmp_path: Path, annotation: str) -> None:
    folder = CASES / "lift37-ids"
    where = ["--ccres", folder / "ccres.bed", "--gtf", folder / annotation, "--chrom-sizes", folder / "sizes.tsv"]
    assert run("merge-ccres", *where, "--outdir", tmp_path).exit_code == 0
    told = ["--genes", tmp_path / "genes.parquet", "--cell", "X", "--rna", folder / "rsem.genes.results"]
    done = run("quantify-expression", *told, "--outdir", tmp_path)
    table, _ = artifacts.read_table(tmp_path / "genes.parquet", "genes")
    frame, _ = artifacts.read_table(tmp_path / "expression.X.parquet", "expression")
    by_name = dict(zip(table["gene_name"], frame["value"], strict=True))
    right = {"POTED": 10, "LIPI": 20, "RBM11": 30, "SEPT5": 40, "RANBP1": 50, "MED15": 60}
    assert by_name == {name: right[name] for name in by_name}
    assert len(by_name) == (6 if annotation == "genes.gtf" else 5)
    assert f"{len(by_name)} of {len(by_name)} genes matched by id" in done.output


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("ENSG00000182378", "ENSG00000182378"),
        ("ENSG00000182378.14", "ENSG00000182378"),
        ("ENSG00000182378.14_2", "ENSG00000182378"),
        ("ENSG00000182378.14_PLCXD1", "ENSG00000182378"),
        ("ENSG00000182378_PLCXD1", "ENSG00000182378"),
        ("ENSG00000182378.14|PLCXD1", "ENSG00000182378"),
        ("PLCXD1|ENSG00000182378.14", "ENSG00000182378"),
        ("PLCXD1_ENSG00000182378.14", "ENSG00000182378"),
        ("ENSG00000182378.14_PAR_Y", "ENSG00000182378_PAR_Y"),
        ("ENSG00000182378.14_PAR_Y_2", "ENSG00000182378_PAR_Y"),
        ("ENSGR0000182378.14", "ENSG00000182378_PAR_Y"),
        ("ENSMUSG00000051951.5", "ENSMUSG00000051951"),
        ("ENST00000381657.7_PAR_Y", "ENST00000381657_PAR_Y"),
        ("ENSA", "ENSA"),  # a symbol
        ("CH507-9B2.2", "CH507-9B2.2"),
        ("NM_006948.5", "NM_006948.5"),
    ],
)
def test_bare_ids(name: str, right: str) -> None:
    assert genes.bare_ids(pl.Series([name])).to_list() == [right]


def many(share: float, count: int = 40) -> tuple[pl.DataFrame, str]:
    """Genes, and a table that has this share of them among strangers."""
    table = pl.DataFrame(
        {"gene_id": [f"ENSG{n:011}.1" for n in range(count)], "gene_name": [f"N{n}" for n in range(count)]}
    )
    names = [f"ENSG{n:011}.9" if n < share * count else f"AT{n}G" for n in range(count)]
    return table, "gene_id\tTPM\n" + "".join(f"{name}\t{n}.5\n" for n, name in enumerate(names))


def test_a_table_of_another_annotation_is_refused_or_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    table, content = many(0.05)
    with pytest.raises(
        InputError, match=r"only 2 of 40 genes matched, less than a tenth; .* like AT2G, .* ENSG00000000000\.1"
    ):
        values(text(tmp_path, content), table=table)
    table, content = many(0.25)
    assert len(values(text(tmp_path, content), table=table)) == 10
    said = capsys.readouterr().err
    assert "Warning: " in said
    assert "only 10 of 40 genes have a value; its names are like AT10G, AT11G, those of this run like ENSG" in said


def test_a_table_of_several_cells_below_each_other_is_refused(tmp_path: Path) -> None:
    """As the Human Protein Atlas gives them: the largest value would be that of some cell."""
    rows = "".join(
        f"{gene}\t{cell}\t{n + at}.5\n" for n, gene in enumerate(IDS) for at, cell in enumerate(("HeLa", "K562"))
    )
    with pytest.raises(InputError, match=r"several rows with different values \(ENSG00000279493 has 2\)"):
        values(text(tmp_path, "Gene\tCell line\tTPM\n" + rows))


@pytest.mark.parametrize("first", ["", "X", "Unnamed: 0", "...1", "index", "Gene stable ID"])
def test_what_row_names_are_called(tmp_path: Path, first: str) -> None:
    rows = "".join(f"{gene},{n},{n}.5\n" for n, gene in enumerate(IDS))
    assert values(text(tmp_path, f"{first},1,2\n{rows}"), "2") == {symbol: n + 0.5 for n, symbol in enumerate(SYMBOLS)}


@pytest.mark.parametrize("name", ["{0}|{1}", "{1}|{0}", "{0}_{1}", "{1}_{0}", "{1}|7105", "{1}"])
def test_names_of_two_parts(tmp_path: Path, name: str) -> None:
    rows = "".join(f"{name.format(i, s)}\t{n}.5\n" for n, (i, s) in enumerate(zip(IDS, SYMBOLS, strict=True)))
    assert values(text(tmp_path, "gene_id\tTPM\n" + rows)) == {s: n + 0.5 for n, s in enumerate(SYMBOLS)}


def test_two_genes_of_one_symbol_do_not_both_get_its_value(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    table = pl.DataFrame({"gene_id": ["ENSG01.1", "ENSG02.1", "ENSG03.1"], "gene_name": ["MATR3", "MATR3", "HSPA13"]})
    assert values(text(tmp_path, "gene_name\tTPM\nMATR3\t5.5\nHSPA13\t2\n"), table=table) == {"HSPA13": 2}
    assert "2 genes share their symbol with another gene (MATR3) and stay empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("htseq.txt", "lines such as __no_feature say that it holds counts of htseq"),
        (
            "ReadsPerGene.out.tab",
            "N_unmapped say .* counts of STAR; its columns .* unstranded, first_strand, second_strand",
        ),
    ],
)
def test_counts_are_not_tpm(name: str, said: str) -> None:
    path = CASES / "counts-as-tpm" / name
    with pytest.raises(InputError, match=rf"{said}.*Counts are not TPM: give the table of RSEM.*--unit counts"):
        values(path)


def test_htseq_with_symbols_is_counts_too(tmp_path: Path) -> None:
    path = text(tmp_path, f"{IDS[0]}\tA\t5\n{IDS[1]}\tB\t6\n__ambiguous\t\t9\n")
    with pytest.raises(InputError, match="counts of htseq"):
        values(path)
    assert values(path, unit="counts") == {SYMBOLS[0]: 5, SYMBOLS[1]: 6}


def test_counts_can_be_asked_for(tmp_path: Path) -> None:
    path = CASES / "counts-as-tpm" / "htseq.txt"
    assert values(path, unit="counts")["CH507-9B2.3"] == 14
    path = CASES / "counts-as-tpm" / "ReadsPerGene.out.tab"
    assert values(path, "second_strand", unit="counts")["CH507-9B2.3"] == 2
    with pytest.raises(InputError, match=r"name one of them .*: unstranded, first_strand, second_strand"):
        values(path, unit="counts")


@pytest.mark.parametrize(
    ("header", "value", "said"),
    [
        ("", "{}", "column column_2 holds whole numbers alone"),
        ("gene_id\tK562\n", "{}", "column K562 holds whole numbers alone, 4,950 in all"),
        ("gene_id\tK562\n", "{}.0", "column K562 holds whole numbers alone"),
        ("gene_id\texpected_count\n", "{}.5", "column expected_count holds counts by the table's header"),
        ("gene_id\tK562.counts\n", "{}.5", "holds counts by the table's header"),
        ("Geneid\tK562.bam\n", "{}", "holds counts by the table's header"),
    ],
)
def test_other_counts(tmp_path: Path, header: str, value: str, said: str) -> None:
    table, _ = many(1, 100)
    rows = "".join(f"{gene}\t{value.format(n)}\n" for n, gene in enumerate(table["gene_id"]))
    with pytest.raises(InputError, match=said):
        values(text(tmp_path, header + rows), table=table)


def test_counts_with_lengths_become_tpm(tmp_path: Path) -> None:
    content = f"Geneid\tLength\tK562.bam\n{IDS[0]}\t1000\t30\n{IDS[1]}\t2000\t20\n"
    assert values(text(tmp_path, content)) == pytest.approx({SYMBOLS[0]: 750_000, SYMBOLS[1]: 250_000})
    assert values(text(tmp_path, content), unit="counts") == {SYMBOLS[0]: 30, SYMBOLS[1]: 20}


@pytest.mark.parametrize("name", ["gene_abund.tab", "renamed.tsv"])
def test_loci_of_a_gene_are_summed(name: str) -> None:
    assert values(CASES / "stringtie" / name) == {"HSPA13": 32, "JAM2": 5}


def test_stringtie_without_known_ids_goes_by_name(tmp_path: Path) -> None:
    content = (CASES / "stringtie" / "gene_abund.tab").read_text()
    content = content.replace("ENSG00000155304.5", "MSTRG.1").replace("ENSG00000154721.14", "MSTRG.2")
    assert values(text(tmp_path, content)) == {"HSPA13": 32, "JAM2": 5}


@pytest.mark.parametrize("name", ["{0}", "{0}|{1}", "{1}"])
def test_salmon_genes_by_id_or_symbol(tmp_path: Path, name: str) -> None:
    rows = "".join(f"{name.format(i, s)}\t9\t9\t{n}.5\t7\n" for n, (i, s) in enumerate(zip(IDS, SYMBOLS, strict=True)))
    path = text(tmp_path, "Name\tLength\tEffectiveLength\tTPM\tNumReads\n" + rows, "quant.genes.sf")
    assert values(path) == {symbol: n + 0.5 for n, symbol in enumerate(SYMBOLS)}
    with pytest.raises(InputError, match="column NumReads holds counts by the table's header"):
        values(path, "NumReads")


def test_cufflinks_becomes_tpm(tmp_path: Path) -> None:
    names = (
        "tracking_id class_code nearest_ref_id gene_id gene_short_name tss_id locus length coverage FPKM FPKM_status"
    )
    rows = [
        f"{i} - - {i} {s} - chr1:1-9 - - {f} OK"
        for i, s, f in zip(IDS, SYMBOLS, (1, 2, 5, 0, 0, 0, 0, 0, 0), strict=True)
    ]
    path = text(tmp_path, "\n".join([names, *rows]).replace(" ", "\t"))
    assert values(path)["CH507-9B2.3"] == pytest.approx(5e6 / 8)


def test_gct(tmp_path: Path) -> None:
    content = f"#1.2\n2\t2\nName\tDescription\tLiver\tLung\n{IDS[0]}\tx\t1.5\t2.5\n{IDS[1]}\ty\t3\t4\n"
    assert values(text(tmp_path, content, "a.gct.txt"), "Lung") == {SYMBOLS[0]: 2.5, SYMBOLS[1]: 4}
    content = (
        f"#1.3\n2\t2\t1\t1\nid\tDescription\tLiver\tLung\nbatch\tna\t7\t8\n{IDS[0]}\tx\t1.5\t2.5\n{IDS[1]}\ty\t3\t4\n"
    )
    assert values(text(tmp_path, content, "a.gct.txt"), "Lung") == {SYMBOLS[0]: 2.5, SYMBOLS[1]: 4}
