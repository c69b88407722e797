"""What files of variants and edits hold, windows of edited elements, and what is refused."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pysam
import pytest

from crexpress.apply import cell_model
from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.formats.edit_files import read_edits
from crexpress.interpret.edits import edited_bases, shown, touched
from crexpress.interpret.score_variants import score_variants
from crexpress.prepare.sequence import encode
from interpret_case import CHROMOSOMES
from variant_case import HEADER, Case, other, record


@pytest.mark.parametrize("text", ["", "dnase", "dnase=", "=1", "dnase=-1", "dnase=nan", "dnase=1,dnase=2", "dnase=1,"])
def test_a_signal_that_cannot_be_set_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "set.bed").write_text(f"chr1\t5\t9\tset:{text}\n")
    with pytest.raises(InputError, match=f"line 1: 'set:{text}' is no edit"):
        read_edits(tmp_path / "set.bed")


def test_an_edit_is_shown_as_people_write_it(tmp_path: Path) -> None:
    (tmp_path / "set.bed").write_text("chr1\t5\t9\tset:dnase=2\nchr1\t5\t9\trep:ACG\nchr1\t5\t9\tsilence\n")
    edits = read_edits(tmp_path / "set.bed").table
    found = [shown(row) for row in edits.iter_rows(named=True)]
    assert found == ["chr1:6 set:dnase=2", "chr1:6 4 bp>ACG", "chr1:6 silence"]


@pytest.mark.slow
def test_a_track_that_the_cell_lacks_cannot_be_set(case: Case, tmp_path: Path) -> None:
    (tmp_path / "set.bed").write_text("chr1\t0\t600\tset:dnase=5\n")
    given = {"elements": case.tiny.elements, "genes": case.tiny.genes, "expression": ()}
    given |= {kind: (case.folder / f"{kind}.A.safetensors",) for kind in ("signals", "profiles")}
    given |= {kind: case.folder / f"{kind}.safetensors" for kind in ("sequence", "motifs")}
    loaded = cell_model.load(case.folder / "whole", device="cpu", precision="float32", contacts=(), **given)
    loaded.store.cells[0].present[loaded.model.config.tracks.index("dnase")] = False
    with pytest.raises(InputError, match="line 1 sets dnase, which the model does not read in A; it reads h3k27ac"):
        score_variants([loaded], 0, variants=tmp_path / "set.bed", fasta=case.fasta)


@pytest.mark.slow
def test_what_a_vcf_holds_is_read_allele_by_allele_and_the_rest_is_listed(case: Case, tmp_path: Path) -> None:
    chrom, at, base = record(case, "E40")
    wrong, gap = other(base), case.genome[chrom][at : at + 3]
    lines = [
        f"{chrom}\t{at + 1}\trs1\t{base}\t{other(base)},{other(other(base))},*\t.\t.\t.",
        f"{chrom}\t{at + 1}\trs2\t{gap}\t{gap[0]}\t.\t.\t.",
        f"{chrom}\t{at + 1}\trs3\t{base}\t{base}ACGTA\t.\t.\t.",
        f"{chrom}\t{at + 1}\trs4\t{wrong}\t{base}\t.\t.\t.",
        "chr1\t3\trs5\tN\tA\t.\t.\t.",
        f"{chrom}\t{at + 1}\trs6\t{base}\t<INV>\t.\t.\t.",
        "chrUn\t3\trs7\tA\tC\t.\t.\t.",
    ]
    for place in range(at + 1, at + 11):
        there = case.genome[chrom][place]
        lines.append(f"{chrom}\t{place + 1}\t.\t{there}\t{other(there)}\t.\t.\t.")
    path = tmp_path / "many.vcf.gz"
    with pysam.BGZFile(str(path), "w") as file:
        file.write((HEADER + "\n".join(lines) + "\n").encode())
    rows = case.variants(tmp_path, "--variants", path)
    alleles = rows.filter(pl.col("name").is_not_null()).select("name", "ref", "alt").unique().sort("name", "alt")
    assert alleles["name"].to_list() == ["rs1", "rs1", "rs2", "rs3"]
    lost = pl.read_csv(tmp_path / "variants.A.left_out.tsv", separator="\t")
    why = dict(lost.select("line", "reason").iter_rows())
    assert why[6] == "its reference allele is not that of the FASTA"
    assert why[7] == "in no element"
    assert why[9] == "on a chromosome without elements"
    assert lost["line"].to_list() == sorted(lost["line"]) == [3, 6, 7, 8, 9]
    assert lost["name"].to_list() == ["rs1", "rs4", "rs5", "rs6", "rs7"]


@pytest.mark.slow
def test_windows_keep_the_middle_of_their_element(case: Case) -> None:
    elements = pl.read_parquet(case.tiny.elements).filter(pl.col("element_id") == "E40")
    start, width, bases = elements["start"][0], 600, case.genome[elements["chrom"][0]]
    for low, high, alt in (
        (50, 53, ""),
        (50, 50, "ACGT"),
        (550, 553, "TT"),
        (550, 550, "GGGGG"),
        (-5, 4, ""),
        (590, 700, ""),
    ):
        edit = pl.DataFrame({"chrom": elements["chrom"], "start": [start + low], "end": [start + high], "ref": [None],
                             "alt": [alt], "action": ["sequence"]})  # fmt: skip
        before, after = edited_bases(edit, elements, dict(CHROMOSOMES), case.fasta)
        np.testing.assert_array_equal(before[0], encode(bases[start : start + width]))
        edited = bases[: start + low] + alt + bases[start + high :]
        shift = len(alt) - (high - low) if low + high < width else 0
        np.testing.assert_array_equal(after[0], encode(edited[start + shift : start + shift + width]))


def test_an_edit_touches_all_windows_that_hold_one_of_its_bases() -> None:
    elements = pl.DataFrame({"chrom": ["a", "a", "b"], "start": [0, 50, 0], "end": [100, 150, 100],
                             "ccre_start": [40, 90, 40], "ccre_end": [60, 110, 60], "class": ["dELS"] * 3})  # fmt: skip
    edits = pl.DataFrame(
        {"chrom": ["a", "a", "a", "a", "c", "a"], "start": [99, 100, 150, 50, 5, 30], "end": [100, 101, 151, 50, 6, 70],
         "action": ["sequence"] * 5 + ["delete"]}
    )  # fmt: skip
    found = touched(edits, elements)
    assert found["silent"].equals(found["whole"].rename("silent"))
    silenced = touched(edits.with_columns(action=pl.lit("silence")), elements)
    assert silenced.filter("silent").select("edit", "element").rows() == [(5, 0)]
    assert not silenced["whole"].any()
    assert found.filter(~pl.col("whole")).select("edit", "element").rows() == [(0, 0), (0, 1), (1, 1), (3, 0), (5, 1)]
    assert found.filter("whole").select("edit", "element").rows() == [(5, 0)]


@pytest.mark.slow
def test_faults_are_one_sentence(case: Case, tmp_path: Path) -> None:
    chrom, at, base = record(case, "E40")
    shifted = "\n".join(f"{chrom}\t{at + n}\t.\t{other(case.genome[chrom][at + n - 1])}\tN\t.\t.\t." for n in range(20))
    for name, text, message in (
        ("build.vcf", HEADER + shifted, "20 of 20 reference alleles differ, so it was made for another genome build"),
        ("ref.vcf", f"{HEADER}{chrom}\t{at + 1}\t.\t{other(base)}\t{base}\t.\t.\t.", "line 3 says"),
        ("none.vcf", HEADER + "7\t30\t.\tA\tC\t.\t.\t.", "shares no chromosome with the other input"),
        ("empty.vcf", HEADER, "holds no variant"),
        ("short.vcf", HEADER + "chr1 5 A C", "line 3: a record of a VCF has at least 5 tab-separated columns"),
        (
            "far.bed",
            f"{chrom}\t{at}\t{at + 5}\tdel\n{chrom}\t9000000\t9000009\tdel\n",
            "1 of 2 edits lie beyond the "
            f"end of their chromosome in {case.fasta}: line 2 ({chrom}:9,000,001-9,000,009; it ends at ",
        ),
        ("word.bed", f"{chrom}\t{at}\t{at + 5}\tinvert", "line 1: 'invert' is no edit; write del, ins:ACGT"),
    ):
        (tmp_path / name).write_text(text + "\n")
        done = case.run(tmp_path / "out", "--variants", tmp_path / name)
        assert done.exit_code == 65, name
        assert message in done.output
        assert "Traceback" not in done.output
    done = case.run(tmp_path / "out", "--remove", "E9999")
    assert done.exit_code == 65
    assert "there is no element E9999" in done.output
    assert not (tmp_path / "out").exists()


def test_edits_of_a_bed_and_a_gzipped_vcf_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "edits.bed").write_text(
        "chr1\t5\t9\tdel\ta\nchr1\t5\t6\tins:AC\tb\nchr1\t5\t9\trep:GG\tc\nchr1\t1\t4\tsilence\td\n"
    )
    table = read_edits(tmp_path / "edits.bed").table
    assert table["action"].to_list() == ["delete", "sequence", "sequence", "silence"]
    assert table.select("start", "end").rows() == [(5, 9), (5, 5), (5, 9), (1, 4)]
    (tmp_path / "sv.vcf.gz").write_bytes(
        gzip.compress((HEADER + "chr1\t10\tx\tN\t<DEL>\t.\t.\tSVTYPE=DEL;END=30\n").encode())
    )
    [row] = read_edits(tmp_path / "sv.vcf.gz").table.iter_rows(named=True)
    assert (row["start"], row["end"], row["action"]) == (10, 30, "delete")


@pytest.mark.slow
def test_a_deletion_is_the_same_however_it_is_spelt(case: Case, tmp_path: Path) -> None:
    """In letters, as <DEL>, and in a BED: its bases go, and their signal with them."""
    chrom, at, _ = record(case, "E40")
    gap = case.genome[chrom][at - 1 : at + 60]
    (tmp_path / "del.bed").write_text(f"{chrom}\t{at}\t{at + 60}\tdel\n")
    for name, words in (("letters", f"{gap}\t{gap[0]}\t.\t.\t."), ("symbol", f"{gap[0]}\t<DEL>\t.\t.\tEND={at + 60}")):
        (tmp_path / f"{name}.vcf").write_text(f"{HEADER}{chrom}\t{at}\t.\t{words}\n")
    tables = [case.variants(tmp_path / f"of {name}", "--variants", tmp_path / name)
              for name in ("del.bed", "letters.vcf", "symbol.vcf")]  # fmt: skip
    assert tables[0]["effect"].abs().max() > 0
    for table in tables[1:]:
        assert table.select("start", "end", "ref", "alt", "effect").equals(
            tables[0].select("start", "end", "ref", "alt", "effect")
        )
    (tmp_path / "many.vcf").write_text(f"{HEADER}1\t10\t.\tCAAG\tCA,CTG,C\t.\t.\t.\n")
    found = read_edits(tmp_path / "many.vcf").table
    assert found.select("start", "end", "ref", "alt", "action").rows() == [
        (11, 13, "AG", "", "delete"), (9, 13, "CAAG", "CTG", "sequence"), (10, 13, "AAG", "", "delete")
    ]  # fmt: skip


@pytest.mark.slow
def test_the_bases_of_a_long_deletion_are_not_written_into_every_row(case: Case, tmp_path: Path) -> None:
    """One of a megabase is seen by hundreds of genes; start and end say what is gone."""
    chrom, at, _ = record(case, "E40")
    gap = case.genome[chrom][at - 1 : at + 1_001]
    text = f"{chrom}\t{at}\t.\t{gap}\t{gap[0]}\t.\t.\t.\n{chrom}\t{at}\t.\tN\t<DEL>\t.\t.\tEND={at + 1_001}\n"
    (tmp_path / "long.vcf").write_text(HEADER + text + f"{chrom}\t{at}\t.\tN\t<DEL>\t.\t.\tEND={at + 1_000}\n")
    rows = case.variants(tmp_path, "--variants", tmp_path / "long.vcf")
    told = rows.group_by("line", maintain_order=True).agg(pl.col("start", "end", "ref").first())
    assert told.rows() == [(3, at, at + 1_001, None), (4, at, at + 1_001, None), (5, at, at + 1_000, gap[1:-1])]
    assert rows.filter(line=3)["effect"].equals(rows.filter(line=4)["effect"])
    names = {line.split("\t")[0] for line in (tmp_path / "variants.A.txt").read_text().splitlines()[2:]}
    assert names == {f"{chrom}_{at + 1}_delete", f"{chrom}_{at + 1}_{gap[1:-1]}/-"}


@pytest.mark.slow
def test_the_distance_of_an_edit_is_that_of_its_nearest_base(case: Case, tmp_path: Path) -> None:
    """A deletion of a gene's whole surroundings is not some kb away from its TSS."""
    gene = pl.read_parquet(case.tiny.genes).row(by_predicate=pl.col("gene_id") == "G50", named=True)
    edits = {"across": (-700, 700), "before": (-900, -100), "behind": (100, 900), "on": (0, 1)}
    lines = [f"{gene['chrom']}\t{gene['tss'] + low}\t{gene['tss'] + high}\tdel\t{name}\n"
             for name, (low, high) in edits.items()]  # fmt: skip
    (tmp_path / "some.bed").write_text("".join(lines))
    rows = case.variants(tmp_path, "--variants", tmp_path / "some.bed").filter(gene_id="G50")
    found = dict(rows["name", "distance"].iter_rows())
    assert found == {name: {"across": 0, "before": -101, "behind": 100, "on": 0}[name] for name in found}
    assert {"across", "on"} <= set(found)


@pytest.mark.slow
def test_a_silenced_element_leaves_the_profile_of_its_genes(case: Case, tmp_path: Path) -> None:
    """As interpret's silencing has it; a track that is set to 0 does not."""
    row = pl.read_parquet(case.tiny.elements).row(by_predicate=pl.col("element_id") == "E40", named=True)
    found = {}
    for word in ("silence", "set:dnase=0,h3k27ac=0"):
        (tmp_path / "edit.bed").write_text(f"{row['chrom']}\t{row['ccre_start']}\t{row['ccre_end']}\t{word}\n")
        done = case.run(tmp_path, "--variants", tmp_path / "edit.bed")
        assert done.exit_code == 0, done.output
        assert ("1 edits change a part of an element's signal" in done.output) == (word != "silence")
        table = artifacts.read_table(tmp_path / "variants.A.parquet", "variants")[0]
        found[word] = table.filter(pl.col("elements") == "E40").sort("gene_id")["effect"].to_numpy()
    assert len(found["silence"]) == len(found["set:dnase=0,h3k27ac=0"]) > 0
    assert np.abs(found["silence"] - found["set:dnase=0,h3k27ac=0"]).max() > 1e-5
    (tmp_path / "no.vcf").write_text(HEADER)
    with pytest.raises(InputError, match="holds no variant"):
        read_edits(tmp_path / "no.vcf")
