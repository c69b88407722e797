"""Evidence on what a gene and an element have beside each other, and of a network: worked out link by link."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core.errors import InputError
from crexpress.links import evidence, read
from crexpress.links.scene import Links, Scene
from crexpress.prepare.elements import TSS
from link_case import Case

LEAST = 1e-4  # added to sums of activity, whose logarithm is taken
NEAREST = 1000  # bp: nearer is as near


@pytest.fixture(scope="module")
def links(case: Case, scene: Scene) -> Links:
    """Every link of the network's table on chr1, with its scores."""
    table = case["links"].filter(pl.col("chrom") == "chr1")
    rows = table.select("gene_id").join(scene.genes.select("gene_id").with_row_index("row"), on="gene_id")["row"]
    own = replace(scene, network=case["links"])
    return Links(own, "chr1", rows.to_numpy().astype(np.int64), table["element"].to_numpy().astype(np.int64))


def found(links: Links, name: str) -> np.ndarray:
    [piece] = evidence.find([name])
    return piece.of(links)


def ccres(scene: Scene) -> np.ndarray:
    """Rows of the cCREs of chr1."""
    return np.flatnonzero(((scene.elements["chrom"] == "chr1") & (scene.elements["class"] != TSS)).to_numpy())


def test_activity_between_and_the_activity_that_a_gene_has_to_share(links: Links) -> None:
    scene, rows = links.scene, ccres(links.scene)
    for at in range(0, len(links.gene), 5):
        tss, middle = scene.tss[links.gene[at]], scene.middle[links.element[at]]
        between = [row for row in rows if min(tss, middle) < scene.middle[row] < max(tss, middle)]
        assert found(links, "activity_between")[at] == pytest.approx(np.log1p(scene.activity[between].sum()))
        contact = 1 / np.maximum(np.abs(scene.middle[rows] - tss), NEAREST)
        total = (scene.activity[rows] * contact).sum()
        assert found(links, "gene_activity")[at] == pytest.approx(np.log(total + LEAST), rel=1e-3)
        own = scene.activity[scene.own[links.gene[at]]] / NEAREST
        assert found(links, "promoter_share")[at] == pytest.approx(np.log(own / total + LEAST), rel=1e-3)


def test_the_genes_part_of_an_elements_contacts_and_the_nearest_tss(links: Links) -> None:
    scene = links.scene
    tss = scene.genes.filter(pl.col("chrom") == "chr1")["tss"].to_numpy()
    for at in range(len(links.gene)):
        apart = np.abs(tss - scene.middle[links.element[at]])
        own = 1 / max(abs(int(links.distance[at])), NEAREST)
        share = own / (1 / np.maximum(apart, NEAREST)).sum()
        assert found(links, "competition")[at] == pytest.approx(np.log(share + 1e-6), rel=1e-4)
        assert found(links, "nearest_tss")[at] == pytest.approx(np.log(max(apart.min(), 100)))


def test_bodies_classes_and_the_promoters_own_signal(links: Links) -> None:
    scene = links.scene
    start, end = scene.genes["start"].to_numpy()[links.gene], scene.genes["end"].to_numpy()[links.gene]
    middle = scene.middle[links.element]
    np.testing.assert_array_equal(found(links, "own_body"), (start <= middle) & (middle < end))
    assert 0 < found(links, "own_body").mean() < 1
    classes = scene.elements["class"].to_list()
    classes[links.element[0]] = "PLS"
    promoter = replace(links, scene=replace(scene, elements=scene.elements.with_columns(pl.Series("class", classes))))
    np.testing.assert_array_equal(found(promoter, "promoter_like"), links.element == links.element[0])
    own = scene.tracks["h3k27ac"][scene.own[links.gene]]
    np.testing.assert_allclose(found(links, "promoter_h3k27ac"), np.log(own + 0.1))


def test_a_networks_scores_are_evidence_where_it_sees_the_link_and_missing_elsewhere(case: Case, links: Links) -> None:
    table = case["links"].filter(pl.col("chrom") == "chr1")
    np.testing.assert_allclose(found(links, "attention"), np.log(table["attention"].cast(pl.Float64) + 1e-6))
    effect = table["perturbation"].cast(pl.Float64).to_numpy()
    np.testing.assert_allclose(found(links, "perturbation"), np.sign(effect) * np.sqrt(np.abs(effect)))
    assert np.isfinite(found(links, "learned")).all()
    seen = set(zip(links.gene.tolist(), links.element.tolist(), strict=True))
    far = [row for row in ccres(links.scene).tolist() if (int(links.gene[0]), row) not in seen][:20]
    unseen = replace(links, gene=np.full(len(far), links.gene[0]), element=np.array(far), kept={})
    assert np.isnan(found(unseen, "attention")).all()
    assert np.isnan(found(unseen, "perturbation")).all()


def test_learned_activity_is_what_silencing_takes_for_each_unit_of_contact(case: Case, links: Links) -> None:
    scene, every, rows = links.scene, case["links"], ccres(links.scene)
    learned = np.zeros(len(scene.elements))
    for row in every["element"].unique():
        own = every.filter(pl.col("element") == row)
        contact = (1 / np.maximum(np.abs(own["distance"].to_numpy()), NEAREST)).sum()
        learned[row] = np.maximum(own["perturbation"].cast(pl.Float64).to_numpy(), 0).sum() / contact
    for at in range(0, len(links.gene), 5):
        apart = np.maximum(np.abs(scene.middle - scene.tss[links.gene[at]]), NEAREST)
        share = learned[links.element[at]] / links.apart[at] / (learned[rows] / apart[rows]).sum()
        assert found(links, "learned")[at] == pytest.approx(np.log(share + 1e-6), rel=1e-3)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (pl.lit("chr9").alias("chrom"), "a link of a gene that is not there"),
        (pl.lit(10**6, pl.Int32).alias("element"), "a link to an element that is not there"),
        (pl.col("element").first(), "lists a link twice"),
    ],
)
def test_links_of_other_places_and_links_twice_are_refused(case: Case, scene: Scene, change: pl.Expr, says: str):
    own = case["links"].with_columns(change)
    with pytest.raises(InputError, match=f"links.parquet.* {says}; make it again"):
        read.require_links(Path("links.parquet"), own, scene.elements, scene.genes)
