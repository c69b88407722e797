"""Edits of the genome: their effects are those of predicting the edited genome, base by base and of several models."""

import itertools
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.interpret import score_variants
from crexpress.interpret.motif_bases import shared
from tools import run
from variant_case import HEADER, Case, other, record


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
    assert "line 1 sets atac, which the model does not read in A; it reads dnase, h3k27ac" in done.output


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_base_that_several_elements_of_the_gene_share_changes_in_all(case: Case, tmp_path: Path) -> None:
    """As a variant does; in one alone its effect can be a tenth of it, or of the other sign."""
    elements, genes = pl.read_parquet(case.tiny.elements), pl.read_parquet(case.tiny.genes)
    own = elements[genes["element"]].select("element_id", start_window="start")
    pairs = (
        genes.select("gene_id", "chrom")
        .hstack(own)
        .join(elements.filter(pl.col("class") != "TSS"), on="chrom", suffix="_near")
    )
    near = pairs.filter((pl.col("start") - pl.col("start_window")).abs().is_between(50, 550))
    row = near.sort("gene_id").row(0, named=True)
    chrom, low, high = row["chrom"], *sorted([row["start"], row["start_window"]])
    places = [low + 20, high + 20, low + 600 - 1, low + 600, high + 600 - 1]
    lines = [f"{chrom}\t{at + 1}\tm{at}\t{case.genome[chrom][at]}\t{other(case.genome[chrom][at])}\n" for at in places]
    (tmp_path / "some.vcf").write_text(HEADER + "".join(line.rstrip() + "\t.\t.\t.\n" for line in lines))
    rows = case.variants(tmp_path, "--variants", tmp_path / "some.vcf").filter(gene_id=row["gene_id"])
    more = ["--ask-genes", row["gene_id"], "--ask-elements", f"{row['element_id']},{row['element_id_near']}"]
    done = run("mutate-elements", "--model", case.folder / "whole", *case.given(), *more, "--motif-file",
               case.folder / "motifs.meme", "--threads", 1, "--outdir", tmp_path)  # fmt: skip
    assert done.exit_code == 0, done.output
    table = artifacts.read_table(tmp_path / "mutations.A.parquet", "mutations")[0]
    both = rows.join(table, left_on=["start", "alt"], right_on=["position", "alt"], suffix="_mutated")
    shared = both.filter(pl.col("elements").str.contains(","))
    assert (len(both), len(shared)) == (7, 4)  # of five bases two are shared, and told of both elements
    assert shared["effect"].abs().min() > 1e-5
    np.testing.assert_allclose(both["effect_mutated"], both["effect"], atol=1e-6)


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("ref", "alt", "location"), [("A", "G", "chr1:101"), ("", "GG", "chr1:100-101"), ("ACT", "", "chr1:101-103")]
)
def test_places_are_those_of_vep(ref: str, alt: str, location: str) -> None:
    """Its rule for insertions: the bases on both sides."""
    row = {"chrom": "chr1", "start": 100, "end": 100 + len(ref), "action": "sequence", "ref": ref, "alt": alt,
           "name": None, "gene_id": "G", "gene_name": "N", "elements": "E", "classes": "pELS", "distance": 5,
           "effect": 0.1, "spread": None, "predicted": 1.0}  # fmt: skip
    _, names, fields = score_variants.vep(pl.DataFrame([row])).splitlines()
    assert dict(zip(names.lstrip("#").split("\t"), fields.split("\t"), strict=True))["Location"] == location
