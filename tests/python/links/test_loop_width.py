"""The width of loops' anchors as evidence, worked out by hand, and what is said of a cell that has none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import link_case
from crexpress.links import choose, evidence
from crexpress.links.model import LinkModel
from crexpress.links.scene import Links, Scene
from crexpress.prepare.contacts import Contacts


def test_the_width_is_that_of_the_strongest_loop_and_missing_where_none_is_known(scene: Scene) -> None:
    gene, element = int(np.argmax(scene.tss[:12])), 20
    one, two = sorted((int(scene.middle[element]) // 5000, int(scene.tss[gene]) // 5000))
    links = Links(scene, "chr1", np.array([gene]), np.array([element]))
    far = (0, 900, 1.0, 100.0)

    def contacts(*pairs: tuple[int, int, float, float], told: bool = True) -> Contacts:
        loops = sorted((far, *pairs))
        widths = [width for *_, width in loops] if told else None
        return link_case.contacts(*(loop[:3] for loop in loops), widths=widths)

    def width(*maps: Contacts) -> float:
        own = replace(links, scene=replace(scene, contacts=maps), kept={})
        piece = evidence.find(["loop_width"])[0]
        assert "loop_width" not in evidence.available(own.scene.has)  # read by models that name it
        return float(np.exp(piece.of(own)[0]))

    here, beside = (one, two, 4.0, 2000.0), (one - 1, two, 9.0, 6000.0)
    assert width(contacts(here)) == pytest.approx(2000)
    assert width(contacts(here, beside)) == pytest.approx(6000)  # the stronger of the two that count
    assert width(contacts(here, (one, two + 1, 4.0, 1500.0))) == pytest.approx(1500)  # of equals the narrower
    assert width(contacts((one, two, 4.0, np.nan), (one, two + 1, 4.0, 1500.0))) == pytest.approx(1500)
    assert width(contacts(here), contacts(beside)) == pytest.approx(2000)  # by rank in its map both are the strongest
    assert np.isnan(width(contacts()))  # no loop on the link
    assert np.isnan(width(contacts((one, two, 4.0, np.nan))))
    assert np.isnan(width(contacts(here, told=False)))
    # the stronger of the two, in its map, has no width: that of another loop is not taken for it
    assert np.isnan(width(contacts(here, told=False), contacts(here, (5, 905, 9.0, 100.0))))
    assert width(contacts(here), contacts((one, two, 0.5, 9000.0), told=False)) == pytest.approx(2000)


def test_what_a_cell_lacks_of_loops_is_one_lack_and_widths_alone_are_told(scene: Scene) -> None:
    known = link_case.contacts((1, 2, 1.0), widths=[700])
    card = {"average_precision": [0.6], "without": {"loops": 0.5, "loop_widths": 0.55}}
    read = LinkModel("m", ["distance", "loop", "loop_width"], [], {}, {}, {}, card, [1.0])
    whole = replace(scene, contacts=[known])
    assert choose.lacking(read, whole.has) == []
    poorer = whole.without("loop_widths")
    assert poorer.contacts[0].widths is None
    assert "loops" in poorer.has
    for cell, lacks, figure in (
        (poorer, "widths of loops' anchors", 0.55),
        (whole.without("loops"), "chromatin loops", 0.5),
    ):
        assert choose.lacking(read, cell.has) == [lacks]
        told = " ".join(choose.notes(read, cell))
        assert f"lacks {lacks}, which the link model m would read" in told
        assert f"{figure:.3f} without {lacks}" in told
    # a model of .52 that reads no loops is expected to do worse without widths, and better without loops
    other = LinkModel("o", ["distance"], [], {}, {}, {}, {"average_precision": [0.52]}, [])
    models = {Path("m"): read, Path("o"): other}
    assert choose.choose(models, poorer) == Path("m")
    assert choose.choose(models, whole.without("loops")) == Path("o")
