"""Products of a network's scores with ABC: what is added to its links, and what is refused."""

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.formats import screen_files
from crexpress.links import products
from crexpress.links.closed_forms import closed_forms
from crexpress.prepare import screening
from link_case import CHROMS, ELEMENTS, SPACING, Case, make, write

WINDOW = 60_000


@pytest.fixture(scope="module")
def case() -> Case:
    return make()


def scores(case: Case, window: int = WINDOW) -> pl.DataFrame:
    return pl.concat(products.products(case["links"], case["world"], window))


def test_a_window_adds_what_the_model_does_not_see_and_keeps_the_rest(case):
    world, links = case["world"], case["links"]
    wide = products.widen(links, world.genes, world.elements, WINDOW)
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


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cell": "other"}, "is of other, the links are of K; give this cell's signals"),
        ({"tracks": ("dnase", "ctcf")}, "that needs h3k27ac and dnase or atac, not only dnase, ctcf"),
    ],
)
def test_what_has_no_abc_is_refused(case, tmp_path, change, says):
    write(case, tmp_path, **change)
    world, genes = case["world"], tmp_path / "genes.parquet"
    like = artifacts.require_header(genes)
    with pytest.raises(InputError, match=says):
        products.read_world(world.elements, world.genes, genes, like, tmp_path / "signals.K.safetensors", "K")
