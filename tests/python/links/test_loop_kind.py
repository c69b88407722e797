"""Loops of another kind than a link model was fitted with are left out, and said; shipped link models by name."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts, shipped
from crexpress.links import evidence, loop_kind, model
from crexpress.links.scene import Links, Scene
from crexpress.prepare.contacts import Contacts
from link_case import CHROMS, ELEMENTS, SPACING, Case, make, write
from tools import run

BINS = ELEMENTS * SPACING // 5000 + 20  # of a chromosome


@pytest.fixture(scope="module")
def case() -> Case:
    return make()


def loops(reach: int, every: int) -> dict[str, np.ndarray]:
    """On each chromosome, a run of `reach` bins with all pairs among them, begun every `every` bins."""
    pairs = [
        (at * BINS + first + a, at * BINS + first + b)
        for at in range(len(CHROMS))
        for first in range(0, BINS - reach, every)
        for a in range(reach)
        for b in range(a + 1, reach)
    ]
    row, col = np.array(sorted(set(pairs)), np.int32).T
    return {
        "row": row,
        "col": col,
        "count": np.ones(len(row), np.float32),
        "neglog10q": np.full(len(row), np.nan, np.float32),
        "chroms": np.array(CHROMS),
        "offsets": BINS * np.arange(len(CHROMS) + 1),
    }


def contacts(tensors: dict[str, np.ndarray]) -> Contacts:
    return Contacts({"parameters": {"bin_size": 5000}, "cell": "K"}, tensors)


def test_partners_are_counted_by_hand_and_a_map_without_strengths_has_middling_ones(case: Case) -> None:
    narrow = contacts(loops(3, 10))  # triangles: each bin has two partners
    assert loop_kind.partners(narrow) == 2
    assert loop_kind.partners(contacts(loops(40, 40))) == 39
    assert not loop_kind.unlike(narrow, [2.05, 7.04])
    assert loop_kind.unlike(contacts(loops(16, 40)), [2.05, 7.04])
    assert not loop_kind.unlike(contacts(loops(15, 40)), [2.05, 7.04])
    world = case["world"]
    scene = Scene("K", world.elements, world.genes, {"access": world.tracks["dnase"]}, contacts=[narrow])
    genes = np.repeat(np.arange(12), ELEMENTS)
    strongest = evidence.find(["loop"])[0].of(Links(scene, "chr1", genes, np.tile(np.arange(ELEMENTS), 12)))
    assert {*strongest} == {0, 0.5}


@pytest.mark.slow
def test_loops_of_another_kind_change_no_probability_and_are_told(case: Case, tmp_path: Path) -> None:
    world = case["world"]
    world = world._replace(tracks=world.tracks | {"h3k4me3": world.tracks["ctcf"][::-1]})
    given = write({**case, "world": world}, tmp_path, tracks=("ctcf", "dnase", "h3k27ac", "h3k4me3"))[:6]
    _, genes = artifacts.read_table(tmp_path / "genes.parquet", "genes")
    found, told = {}, {}
    for name, tensors in (("none", None), ("wide", loops(40, 40)), ("narrow", loops(3, 4))):
        more: list[Any] = []
        if tensors:
            about = {"bin_size": 5000, "formats": ["bedpe"]}
            sources = [tmp_path / "elements.parquet", tmp_path / "genes.parquet"]
            header = artifacts.make_header(
                "contacts", "test", elements=genes["elements"], cell="K", parameters=about, sources=sources
            )
            artifacts.write_sparse(tmp_path / f"{name}.npz", tensors, header)
            more = ["--contacts", tmp_path / f"{name}.npz"]
        result = run("score-links", *given, *more, "--window", 60_000, "--outdir", tmp_path / name)
        assert result.exit_code == 0, result.stderr
        told[name] = result.stderr
        found[name], header = artifacts.read_table(tmp_path / name / "links.K.parquet", "links")
        assert any("left out" in note for note in header["parameters"]["notes"]) == (name == "wide")
    assert (
        "genes.parquet joins each place with 39.0 others on average, loops in training with 2.0 to 7.0" in told["wide"]
    )
    assert "(link model four_tracks)" in told["none"]
    assert "(link model four_tracks)" in told["wide"]
    assert "(link model four_tracks_loops)" in told["narrow"]
    assert found["wide"].equals(found["none"])
    assert (found["narrow"]["probability"] - found["none"]["probability"]).abs().max() > 0.01
    # by name: the loops' model is asked for, and reads none of these
    by_name = ["--link-model", "four_tracks_loops", "--contacts", tmp_path / "wide.npz", "--outdir", tmp_path / "named"]
    result = run("score-links", *given, *by_name, "--window", 60_000)
    assert result.exit_code == 0, result.stderr
    assert "joins each place with 39.0 others" in result.stderr
    assert "lacks the cell's expression, expression of other cells, chromatin loops" in result.stderr


@pytest.mark.slow
def test_shipped_link_models_are_package_data_and_go_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(shipped.LINK_MODELS) == ["access", "activity", "four_tracks", "four_tracks_loops"]
    assert all(path.is_relative_to(Path(shipped.__file__).parents[1]) for path in shipped.LINK_MODELS.values())
    for name, path in shipped.LINK_MODELS.items():
        read = model.read(path)
        assert (read.name, bool(read.loops)) == (name, name.endswith("loops"))
    assert pl.read_parquet(shipped.KNOWN_EXPRESSION).width > 3
    monkeypatch.chdir(tmp_path)
    assert shipped.link_model("access") == shipped.LINK_MODELS["access"]
    Path("access").mkdir()
    assert shipped.link_model("access") == shipped.LINK_MODELS["access"]  # a folder is no link model
    Path("activity").write_text("mine")
    assert shipped.link_model("activity") == Path("activity")
