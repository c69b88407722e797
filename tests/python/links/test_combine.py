"""combine-links: what is added to a links table, and what is refused."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.formats import screen_files
from crexpress.links import combine
from crexpress.links.closed_forms import closed_forms
from crexpress.prepare import screening
from link_case import CHROMS, ELEMENTS, SPACING, Case, make, write
from tools import run

WINDOW = 60_000


@pytest.fixture(scope="module")
def case() -> Case:
    return make()


def scores(case: Case, window: int = WINDOW) -> pl.DataFrame:
    return pl.concat(combine.combine(case["links"], case["world"], window))


def test_a_window_adds_what_the_model_does_not_see_and_keeps_the_rest(case):
    world, links = case["world"], case["links"]
    wide = combine.widen(links, world.genes, world.elements, WINDOW)
    expected = {
        (gene, element)
        for gene, tss in enumerate(world.genes["tss"])
        for element in range(len(CHROMS) * ELEMENTS)
        if world.elements["chrom"][element] == world.genes["chrom"][gene]
        and abs(SPACING * (element % ELEMENTS + 1) - tss) <= WINDOW // 2
    } | {(int(gene[1:]), element) for gene, element in links.select("gene_id", "element").iter_rows()}
    assert {(int(gene[1:]), element) for gene, element in wide.select("gene_id", "element").iter_rows()} == expected
    assert len(wide) == len(expected)
    kept = wide.join(links, on=["gene_id", "element"], how="semi")
    assert kept.equals(links)
    added = wide.join(links, on=["gene_id", "element"], how="anti")
    assert added.select("attention", "perturbation").sum().row(0) == (0, 0)
    assert not wide.null_count().sum_horizontal().sum()


def test_abc_is_the_closed_form_of_evaluate(case, tmp_path):
    world = case["world"]
    wide = scores(case)
    tested = wide.filter(pl.col("distance").abs() <= WINDOW // 2)
    screen = tested.select(
        *("chrom", pl.col("start").alias("chromStart"), pl.col("end").alias("chromEnd")),
        *(pl.col("gene_id").alias("measuredGeneEnsemblId"), pl.lit("TRUE").alias("Regulated")),
    )
    screen.write_csv(tmp_path / "screen.tsv", separator="\t")
    pairs = screening.pairs(screen_files.read(tmp_path / "screen.tsv", CHROMS).pairs, world.genes)
    overlap = screening.overlaps(pairs, world.elements, world.genes)
    closed = closed_forms(pairs, overlap, world.elements, world.genes, world.tracks)["ABC"]
    pair, element = overlap
    keys = pl.DataFrame({"gene_id": pairs["gene_id"].gather(pair), "element": element.astype(np.int32)})
    ours = keys.join(wide, on=["gene_id", "element"], how="left", maintain_order="left")["abc"].to_numpy()
    assert len(pair) > 250
    np.testing.assert_allclose(ours, closed[pair], rtol=1e-5)


def test_products_are_geometric_means_and_zero_for_repression(case):
    wide = scores(case, window=0)
    effect = wide["perturbation"].clip(0)
    for name, first, second in (
        ("attention_perturbation", wide["attention"], effect),
        ("attention_abc", wide["attention"], wide["abc"]),
        ("perturbation_abc", effect, wide["abc"]),
        ("learned_contact_abc", wide["learned_contact"], wide["abc"]),
    ):
        np.testing.assert_allclose(wide[name] ** 2, first * second, rtol=1e-5)
    assert (wide.filter(pl.col("perturbation") < 0)["perturbation_abc"] == 0).all()


def test_learned_activity_is_what_perturbation_takes_for_each_unit_of_contact(case):
    """By hand, link by link; a window lets elements score for genes that do not see them."""
    links, activity = case["links"], {}
    for [element], own in links.group_by("element"):
        contact = [1 / max(abs(far), 1000) for far in own["distance"]]
        activity[element] = sum(max(effect, 0) for effect in own["perturbation"]) / sum(contact)
    for window in (0, WINDOW):
        wide = scores(case, window)
        for _, own in wide.group_by("gene_id"):
            reached = [
                activity.get(element, 0) / max(abs(far), 1000)
                for element, far in own.select("element", "distance").iter_rows()
            ]
            np.testing.assert_allclose(own["learned_contact"], np.array(reached) / (sum(reached) or 1), rtol=1e-5)
    unseen = wide.join(links, on=["gene_id", "element"], how="anti")
    assert (unseen["learned_contact"] > 0).sum() > 10
    assert (unseen["perturbation_abc"] == 0).all()


def test_the_tool_writes_a_links_table(case, tmp_path):
    options = [*write(case, tmp_path), "--window", WINDOW]
    result = run("combine-links", *options, "--outdir", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    table, header = artifacts.read_table(tmp_path / "out" / "links.K.parquet", "links")
    assert (header["cell"], header["parameters"]["window"]) == ("K", WINDOW)
    names = [score["name"] for score in header["parameters"]["scores"]]
    assert names == ["attention", *(s["name"] for s in combine.SCORES)]
    assert not table.select(names).null_count().sum_horizontal().sum()
    again = run("combine-links", *options, "--outdir", tmp_path / "again")
    assert again.exit_code == 0
    files = [folder / "links.K.parquet" for folder in (tmp_path / "out", tmp_path / "again")]
    assert files[0].read_bytes() == files[1].read_bytes()
    refused = run("combine-links", "--links", files[0], *options[:-4], "--outdir", tmp_path / "third")
    assert (refused.exit_code, "combined scores already" in refused.stderr) == (65, True)
    gone = run("combine-links", *options, "--crispr", "screen.tsv", "--outdir", tmp_path / "fourth")
    assert (gone.exit_code, "give the screen to fit-links" in gone.stderr) == (65, True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": "other"}, "is of other, the links are of K"),
        ({"tracks": ("dnase", "ctcf")}, "that needs h3k27ac and dnase or atac, not only dnase, ctcf"),
        ({"options": ["--tracks", "dnase,h3k27ac,h3k9ac"]}, "has no track h3k9ac; it has dnase, h3k27ac"),
        ({"options": ["--tracks", "dnase"]}, "not only dnase"),
    ],
)
def test_what_has_no_abc_is_refused(case, tmp_path, change, message):
    options = change.pop("options", [])
    result = run("combine-links", *write(case, tmp_path, **change), *options, "--outdir", tmp_path / "out")
    assert (result.exit_code, message in result.stderr) == (65, True), result.stderr
    assert not (tmp_path / "out").exists()


def test_its_input_is_not_replaced(case, tmp_path):
    result = run("combine-links", *write(case, tmp_path), "--outdir", tmp_path)
    assert (result.exit_code, "would be replaced" in result.stderr) == (65, True)


def test_links_without_a_models_scores_are_refused(case, tmp_path):
    options = write(case, tmp_path)
    path = next(Path(word) for word in options if "links" in Path(word).name and Path(word).exists())
    table, header = artifacts.read_table(path, "links")
    artifacts.write_table(path, table.drop("perturbation"), header)
    result = run("combine-links", *options, "--outdir", tmp_path / "out")
    assert result.exit_code == 65
    assert "links.K.parquet has no perturbation; give what interpret or ensemble wrote" in result.stderr
