"""Edits of the genome: what is read of them, what windows become, and that effects are those of the edited genome."""

import gzip
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pysam
import pytest

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.formats.edit_files import read_edits
from crexpress.interpret.edits import edited_bases, touched
from crexpress.interpret.motif_bases import shared
from crexpress.prepare.sequence import encode
from interpret_case import CHROMOSOMES, with_profiles
from tiny_case import TinyCase
from tools import run

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
MOTIFS = """MEME version 4

ALPHABET= ACGT

MOTIF M1 NAME4
letter-probability matrix: alength= 4 w= 4 nsites= 50
.94 .02 .02 .02
.02 .94 .02 .02
.02 .02 .94 .02
.02 .02 .02 .94

MOTIF M2 NAME5
letter-probability matrix: alength= 4 w= 3 nsites= 50
.02 .94 .02 .02
.02 .94 .02 .02
.94 .02 .02 .02
"""


class Case:
    """The tiny case on a genome of random bases, and a model that reads all kinds of input."""

    def __init__(self, tiny: TinyCase, folder: Path) -> None:
        self.tiny, self.folder = tiny, folder
        rng = np.random.default_rng(0)
        self.genome = {name: "".join(rng.choice(list("ACGT"), size)) for name, size in CHROMOSOMES.items()}
        self.fasta = self.write("genome.fa", self.genome)
        (folder / "motifs.meme").write_text(MOTIFS)
        self.score(self.fasta, folder)
        with_profiles(tiny, folder)
        quick = ["--neighbours", 4, "--steps", 4, "--validate-every", 4, "--batch-size", 16, "--threads", 1]
        quick += ["--val", "chr2", "--test", "chr3", "--expression", tiny.expression("A")]
        for name, more in {"whole": [], "bases": ["--inputs", "sequence", "--profile-width", 0, "--seed", 2]}.items():
            done = run("train", *self.given(), *quick, "--preset", "crexpress-small", "--outdir", folder / name, *more)
            assert done.exit_code == 0, done.output

    def write(self, name: str, genome: dict[str, str]) -> Path:
        (self.folder / name).write_text("".join(f">{chrom}\n{bases}\n" for chrom, bases in genome.items()))
        pysam.faidx(str(self.folder / name))
        return self.folder / name

    def score(self, fasta: Path, outdir: Path) -> None:
        given = ["--elements", self.tiny.elements, "--fasta", fasta, "--motifs", self.folder / "motifs.meme"]
        assert run("score-motifs", *given, "--outdir", outdir).exit_code == 0

    def given(self, sequence: Path | None = None) -> list[Any]:
        where, cell = sequence or self.folder, "A.safetensors"
        return ["--elements", self.tiny.elements, "--genes", self.tiny.genes,
                "--signals", self.folder / f"signals.{cell}", "--profiles", self.folder / f"profiles.{cell}",
                "--sequence", where / "sequence.safetensors", "--motifs", where / "motifs.safetensors"]  # fmt: skip

    def run(self, outdir: Path, *more: Any, models: tuple[str, ...] = ("whole",)) -> Any:
        named = [part for name in models for part in ("--model", self.folder / name)]
        more = (*more, "--fasta", self.fasta, "--motif-file", self.folder / "motifs.meme", "--threads", 1)
        return run("score-variants", *named, *self.given(), *more, "--outdir", outdir)

    def variants(self, outdir: Path, *more: Any, models: tuple[str, ...] = ("whole",)) -> pl.DataFrame:
        done = self.run(outdir, *more, models=models)
        assert done.exit_code == 0, done.output
        return artifacts.read_table(outdir / "variants.A.parquet", "variants")[0]


@pytest.fixture(scope="module")
def case(tiny: TinyCase, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tiny, tmp_path_factory.mktemp("variants"))


def record(case: Case, element: str, offset: int = 40) -> tuple[str, int, str]:
    """Chromosome, 0-based place and base of a place in an element."""
    row = pl.read_parquet(case.tiny.elements).row(by_predicate=pl.col("element_id") == element, named=True)
    at = row["start"] + offset
    return row["chrom"], at, case.genome[row["chrom"]][at]


def other(base: str) -> str:
    return "ACGT"["ACGT".index(base) - 1]


def test_effects_are_those_of_predicting_the_edited_genome(case: Case, tmp_path: Path) -> None:
    chrom, at, base = record(case, "E40")
    (tmp_path / "one.vcf").write_text(f"{HEADER}{chrom}\t{at + 1}\trs7\t{base}\t{other(base)}\t.\t.\t.\n")
    rows = case.variants(tmp_path, "--variants", tmp_path / "one.vcf", models=("bases",))
    changed = dict(case.genome)
    changed[chrom] = changed[chrom][:at] + other(base) + changed[chrom][at + 1 :]
    (tmp_path / "edited").mkdir()
    case.score(case.write("edited.fa", changed), tmp_path / "edited")
    predicted = []
    for where in (None, tmp_path / "edited"):
        done = run(
            "predict", "--model", case.folder / "bases", *case.given(where), "--threads", 1, "--outdir", tmp_path
        )
        assert done.exit_code == 0, done.output
        predicted.append(artifacts.read_table(tmp_path / "predictions.A.parquet", "predictions")[0])
    change = predicted[0].select("gene_id", change=predicted[1]["predicted"] - predicted[0]["predicted"])
    felt = change.filter(pl.col("change").abs() > 1e-6)
    assert len(felt) > 0
    assert set(felt["gene_id"]) <= set(rows["gene_id"])
    both = rows.join(change, on="gene_id", how="left")
    np.testing.assert_allclose(both["effect"], both["change"], atol=1e-6)
    assert set(rows["name"]) == {"rs7"}
    text = (tmp_path / "variants.A.txt").read_text().splitlines()
    assert len(text) == 2 + len(rows)
    fields = dict(zip(text[1].lstrip("#").split("\t"), text[2].split("\t"), strict=True))
    assert fields["Location"] == f"{chrom}:{at + 1}"
    assert fields["Existing_variation"] == "rs7"
    assert f"EFFECT={rows['effect'][0]:.5f}" in fields["Extra"]


def test_removed_elements_have_the_effect_that_interpret_calls_perturbation(case: Case, tmp_path: Path) -> None:
    rows = case.variants(tmp_path, "--remove", "E40,E41")
    done = run("interpret", "--model", case.folder / "whole", *case.given(), "--threads", 1, "--outdir", tmp_path)
    assert done.exit_code == 0, done.output
    links = artifacts.read_table(tmp_path / "links.A.parquet", "links")[0]
    both = links.join(rows, left_on=["gene_id", "element_id"], right_on=["gene_id", "elements"])
    assert len(both) == len(rows) > 0
    np.testing.assert_allclose(both["perturbation"], -both["effect"], atol=1e-5)
    # a deletion of exactly the cCRE is the same thing
    row = pl.read_parquet(case.tiny.elements).row(by_predicate=pl.col("element_id") == "E40", named=True)
    (tmp_path / "del.bed").write_text(f"{row['chrom']}\t{row['ccre_start']}\t{row['ccre_end']}\tdel\tmine\n")
    deleted = case.variants(tmp_path, "--variants", tmp_path / "del.bed").filter(pl.col("elements") == "E40")
    same = deleted.join(rows.filter(pl.col("elements") == "E40"), on="gene_id", suffix="_removed")
    np.testing.assert_allclose(same["effect"], same["effect_removed"], atol=1e-6)
    assert set(deleted["name"]) == {"mine"}


def test_a_track_that_is_set_has_the_effect_of_other_signals(case: Case, tmp_path: Path) -> None:
    elements = pl.read_parquet(case.tiny.elements)
    number = elements["element_id"].to_list().index("E40")
    row = elements.row(number, named=True)
    edit = f"{row['chrom']}\t{row['start']}\t{row['end'] - 120}\tset:dnase=5\tmore\n"
    (tmp_path / "set.bed").write_text(edit)
    rows = case.variants(tmp_path, "--variants", tmp_path / "set.bed")
    assert set(rows["elements"]) == {"E40"}
    header, signals = artifacts.open_arrays(case.folder / "signals.A.safetensors", "signals")
    changed = {name: np.array(values) for name, values in signals.items()}
    changed["dnase"][number, : (600 - 120) // 40] = np.log10(6)  # the genome's direction is that of a cCRE
    artifacts.write_arrays(tmp_path / "signals.A.safetensors", changed, header)
    given = case.given()
    given[given.index("--signals") + 1] = tmp_path / "signals.A.safetensors"
    done = run("predict", "--model", case.folder / "whole", *given, "--threads", 1, "--outdir", tmp_path)
    assert done.exit_code == 0, done.output
    predicted = artifacts.read_table(tmp_path / "predictions.A.parquet", "predictions")[0]
    both = rows.join(predicted.select("gene_id", again="predicted"), on="gene_id")
    change = both["again"] - both["predicted"]
    assert change.abs().max() > 1e-4
    np.testing.assert_allclose(both["effect"], change, rtol=0.02, atol=1e-6)  # signals are stored as float16
    (tmp_path / "other.bed").write_text(edit.replace("dnase", "atac"))
    done = case.run(tmp_path / "none", "--variants", tmp_path / "other.bed")
    assert done.exit_code == 65
    assert "line 1 sets atac, which the model does not read; it reads dnase, h3k27ac" in done.output


@pytest.mark.parametrize("text", ["", "dnase", "dnase=", "=1", "dnase=-1", "dnase=nan", "dnase=1,dnase=2", "dnase=1,"])
def test_a_signal_that_cannot_be_set_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "set.bed").write_text(f"chr1\t5\t9\tset:{text}\n")
    with pytest.raises(InputError, match=f"line 1: 'set:{text}' is no edit"):
        read_edits(tmp_path / "set.bed")


def test_motif_channels_are_shared_among_the_bases_that_made_them(case: Case, tmp_path: Path) -> None:
    """The parts of bases sum to the contributions of the channels, and lie where each motif matches best."""
    more = ["--motif-file", case.folder / "motifs.meme", "--ask-elements", "E40,E41", "--logos", 1, "--threads", 1]
    done = run("attribute", "--model", case.folder / "whole", *case.given(), *more, "--outdir", tmp_path)
    assert done.exit_code == 0, done.output
    arrays = artifacts.open_arrays(tmp_path / "contributions.A.safetensors", "contribution_arrays").tensors
    np.testing.assert_allclose(arrays["motif_bases"].sum(1), arrays["motifs"].sum(1), atol=1e-5)
    links = artifacts.read_table(tmp_path / "attributed.A.parquet", "attributed")[0]
    row = int(np.abs(arrays["motifs"].sum(1)).argmax())
    bases = case.genome[links["chrom"][row]][links["window"][row] : links["window"][row] + 600]
    best = {"ACGT", "CCA", "TGG"}
    under = np.zeros(600, bool)
    for place in range(598):
        for word in best:
            if bases[place : place + len(word)] == word:
                under[place : place + len(word)] = True
    assert under[np.flatnonzero(arrays["motif_bases"][row])].all()


def test_matches_share_a_channel_by_their_shapley_values() -> None:
    """Against the definition, over all subsets of six matches; where none counts the best has it all."""
    worth = np.random.default_rng(0).normal(0, 1, (4, 2, 3))
    worth[:3, 0, 0] = 0.5  # above the mean
    worth[1, 1, 2] = worth[1].max()
    worth[3] = -np.abs(worth[3])
    found = np.zeros_like(worth)
    link, strand, place, share = shared(worth)
    np.add.at(found, (link, strand, place), share)
    for row in range(3):
        values, exact = np.maximum(worth[row].ravel(), 0), np.zeros(6)
        for one in range(6):
            others = [other for other in range(6) if other != one]
            for size in range(6):
                weight = math.factorial(size) * math.factorial(5 - size) / math.factorial(6)
                for group in itertools.combinations(others, size):
                    without = max((values[other] for other in group), default=0)
                    exact[one] += weight * (max(without, values[one]) - without)
        np.testing.assert_allclose(found[row].ravel(), exact, atol=1e-12)
    assert found[3].sum() == worth[3].max()
    assert np.count_nonzero(found[3]) == 1


def test_saturation_mutagenesis_says_what_variants_say(case: Case, tmp_path: Path) -> None:
    chrom, at, base = record(case, "E40", 300)
    (tmp_path / "one.vcf").write_text(f"{HEADER}{chrom}\t{at + 1}\t.\t{base}\t{other(base)}\t.\t.\t.\n")
    rows = case.variants(tmp_path, "--variants", tmp_path / "one.vcf").filter(pl.col("elements") == "E40")
    more = ["--ask-elements", "E40", "--motif-file", case.folder / "motifs.meme", "--threads", 1, "--outdir", tmp_path]
    done = run("mutate-elements", "--model", case.folder / "whole", *case.given(), *more)
    assert done.exit_code == 0, done.output
    table = artifacts.read_table(tmp_path / "mutations.A.parquet", "mutations")[0]
    assert len(table) == 3 * 600 * table["gene_id"].n_unique()
    own = table.filter((pl.col("position") == at) & (pl.col("alt") == other(base)))
    both = own.join(rows, on="gene_id", suffix="_variant")
    assert len(both) == len(rows) > 0
    np.testing.assert_allclose(both["effect"], both["effect_variant"], atol=1e-6)
    assert set(own["ref"]) == {base}
    assert len(list((tmp_path / "mutations.A").glob("*.svg"))) == table["gene_id"].n_unique()


def test_several_models_have_a_mean_and_a_spread(case: Case, tmp_path: Path) -> None:
    chrom, at, base = record(case, "E40")
    (tmp_path / "one.vcf").write_text(f"{HEADER}{chrom}\t{at + 1}\t.\t{base}\t{other(base)}\t.\t.\t.\n")
    single = [
        case.variants(tmp_path, "--variants", tmp_path / "one.vcf", models=(name,)) for name in ("whole", "bases")
    ]
    both = case.variants(tmp_path, "--variants", tmp_path / "one.vcf", models=("whole", "bases"))
    for part in single:
        both = both.join(part.select("gene_id", alone="effect"), on="gene_id", suffix=f"_{part['effect'].sum()}")
    alone = both.select(pl.col("^alone.*$")).to_numpy()
    np.testing.assert_allclose(both["effect"], alone.mean(1), atol=1e-6)
    np.testing.assert_allclose(both["spread"], alone.std(1, ddof=1), atol=1e-6)
    assert set(both["models"]) == {2}
    assert single[0]["spread"].is_null().all()


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
    assert sorted(set(why)) == [3, 6, 7, 8, 9]


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
    assert found.filter(~pl.col("whole")).select("edit", "element").rows() == [(0, 0), (0, 1), (1, 1), (3, 0), (5, 1)]
    assert found.filter("whole").select("edit", "element").rows() == [(5, 0)]


def test_faults_are_one_sentence(case: Case, tmp_path: Path) -> None:
    chrom, at, base = record(case, "E40")
    shifted = "\n".join(f"{chrom}\t{at + n}\t.\t{other(case.genome[chrom][at + n - 1])}\tN\t.\t.\t." for n in range(20))
    for name, text, message in (
        ("build.vcf", HEADER + shifted, "20 of 20 reference alleles differ, so it was made for another genome build"),
        ("ref.vcf", f"{HEADER}{chrom}\t{at + 1}\t.\t{other(base)}\t{base}\t.\t.\t.", "line 3 says"),
        ("none.vcf", HEADER + "7\t30\t.\tA\tC\t.\t.\t.", "shares no chromosome with the other input"),
        ("empty.vcf", HEADER, "holds no variant"),
        ("short.vcf", HEADER + "chr1 5 A C", "line 3: a record of a VCF has at least 5 tab-separated columns"),
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
    (tmp_path / "no.vcf").write_text(HEADER)
    with pytest.raises(InputError, match="holds no variant"):
        read_edits(tmp_path / "no.vcf")
