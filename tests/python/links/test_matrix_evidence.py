"""Contacts over those expected: against sums over a whole matrix, and on matrices whose answer is known."""

from typing import Any

import numpy as np
import polars as pl
import pytest

import link_case
from crexpress.links import evidence
from crexpress.links.scene import Links, Scene
from crexpress.prepare.contacts import Contacts

BIN, BINS = 5_000, 200  # of a chromosome


@pytest.fixture(scope="module")
def scene() -> Scene:
    world = link_case.make()["world"]
    return Scene("K", world.elements, world.genes, {})


def contacts(counts: np.ndarray) -> Contacts:
    """A matrix of chr1 [bins, bins] (its upper triangle), and of chr2 nothing."""
    row, col = np.nonzero(np.triu(counts))
    arrays: dict[str, Any] = {"row": row.astype(np.int32), "col": col.astype(np.int32)}
    arrays |= {"count": counts[row, col].astype(np.float32), "neglog10q": np.full(len(row), np.nan, np.float32)}
    arrays |= {"chroms": np.array(["chr1", "chr2"]), "offsets": np.array([0, BINS, BINS + 50])}
    return Contacts({"cell": "K", "parameters": {"bin_size": BIN, "formats": ["matrix"]}}, arrays)


def links(scene: Scene, maps: list[Contacts], chrom: str = "chr1") -> Links:
    rows = scene.genes.with_row_index("gene").filter(pl.col("chrom") == chrom)["gene"].to_numpy().astype(np.int64)
    elements = np.flatnonzero((scene.elements["chrom"] == chrom).to_numpy())
    gene, element = (part.ravel() for part in np.meshgrid(rows, elements))
    return Links(Scene(scene.cell, scene.elements, scene.genes, {}, matrices=maps), chrom, gene, element)


def test_a_contact_is_held_against_all_pairs_of_its_distance(scene: Scene) -> None:
    generator = np.random.default_rng(1)
    apart = np.abs(np.subtract.outer(np.arange(BINS), np.arange(BINS)))
    counts = np.triu(generator.poisson(20 / (1 + apart)))
    counts += np.triu(counts, 1).T
    own = links(scene, [contacts(counts)])
    [found] = (piece.of(own) for piece in evidence.find(["contact"]))
    mean = np.array([np.trace(counts, d) / (BINS - d) for d in range(BINS)])  # chr2 has no read, and no part in it
    for at in range(0, len(found), 41):
        e, g = scene.middle[own.element[at]] // BIN, scene.tss[own.gene[at]] // BIN
        near = [(a, b) for a in (e - 1, e, e + 1) for b in (g - 1, g, g + 1) if 0 <= min(a, b) <= max(a, b) < BINS]
        observed, wanted = sum(counts[a, b] for a, b in near), sum(mean[abs(a - b)] for a, b in near)
        assert found[at] == pytest.approx(np.log((observed + wanted) / (2 * wanted)), abs=1e-5)
    assert np.std(found) > 0.1


def test_what_is_as_expected_is_0_in_any_unit_and_a_loop_stands_out(scene: Scene) -> None:
    apart = np.abs(np.subtract.outer(np.arange(BINS), np.arange(BINS)))
    counts = 1 / (1 + apart.astype(float))
    one = links(scene, [contacts(counts)])
    place = scene.middle[one.element[0]] // BIN, scene.tss[one.gene[0]] // BIN
    looped = counts.copy()
    looped[place] = looped[place[::-1]] = 50
    [plain], [thousand], [loop] = (
        [piece.of(links(scene, [contacts(table)])) for piece in evidence.find(["contact"])]
        for table in (counts, 1000 * counts, looped)
    )
    np.testing.assert_allclose(plain, thousand, atol=1e-5)
    np.testing.assert_allclose(plain, 0, atol=1e-5)
    assert loop[0] > 2
    assert np.median(loop) < 0.1


def test_without_a_matrix_it_is_missing_and_off_its_chromosomes_too(scene: Scene) -> None:
    assert "contact" not in evidence.available(scene.has)
    [piece] = evidence.find(["contact"])
    assert np.isnan(piece.of(links(scene, []))).all()
    assert np.isnan(piece.of(links(scene, [contacts(np.ones((BINS, BINS)))], "chr3"))).all()
