"""What is said of links and cells: whose signal is the strongest, what a cell lacks, and which it is by its name."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts, names, shipped
from crexpress.links import apply, choose, inputs, model, read, scale, sentence
from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import Links, Scene
from link_case import Case, write


def test_the_strongest_element_is_above_all_others_of_its_gene_within_100_kb() -> None:
    gene = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3])
    far = np.array([500, -90_000, 100_001, 10, 20, -30, 5, 6, 7])
    signal = np.array([2.0, 3.0, 9.0, 4.0, 4.0, 1.0, 0.0, 0.0, 1.0])  # of gene 1 two are equal, gene 2 has none
    assert np.flatnonzero(sentence.strongest(gene, far, signal)).tolist() == [1, 8]


def test_elements_of_equal_signal_are_not_called_the_strongest() -> None:
    equal = sentence.strongest(np.zeros(2, int), np.array([10, 20]), np.array([4.0, 4.0]))
    told = sentence.sentences(["1 kb upstream"] * 2, {"H3K27ac": equal}, np.zeros(2, int), ["", ""])
    assert told == ["1 kb upstream, no TSS between"] * 2


def test_a_reason_says_how_much_there_is_of_the_evidence() -> None:
    """That little CTCF lies between raises a probability; "raised by CTCF between" says the opposite."""
    units = ["ln(1 + signal)", "ln bp", "0 or 1", "ln", "ln(1 + n)"]
    names = ["CTCF between", "distance", "promoter-like class", "attention", "elements between"]
    pieces = [Piece(name, name, unit, (), lambda links: links.apart) for name, unit in zip(names, units, strict=True)]
    median = np.array([1.0, 9.0, 0.0, -3.0, 2.0])
    values = np.array([[0.2, 11, 0, np.nan, 2], [0, 7, 1, -1, 3]])
    contributions = np.array([[1, -0.9, -0.5, 0.2, 0.3], [1, 0.9, 0.8, -1, -0.05]])
    assert sentence.reasons(pieces, contributions, values, median) == [
        "raised by little CTCF between, usual elements between, unknown attention; "
        "lowered by long distance, no promoter-like class",
        "raised by no CTCF between, short distance, its promoter-like class; lowered by high attention",
    ]


def test_elements_without_signal_are_never_called(scene: Scene) -> None:
    gene, element = np.zeros(4, np.int64), np.arange(4)
    barred = apply._untestable(Links(scene, "chr1", gene, element))
    assert not np.any([*barred.values()])
    quiet = replace(scene, silent=np.arange(len(scene.elements)) == 2)
    barred = apply._untestable(Links(quiet, "chr1", gene, element))
    assert barred["its element has no signal in the cell"].tolist() == [False, False, True, False]


def test_why_a_link_above_the_cutoff_is_not_called() -> None:
    barred = {"one": np.array([True, True, False, True]), "two": np.array([True, False, False, True])}
    told = apply._why_not(barred, np.array([True, True, True, False]))
    assert told.to_list() == ["not called: one, two", "not called: one", None, None]


@pytest.mark.parametrize(
    ("needs", "has", "lacks"),
    [
        ({"access", "activity", "loops"}, {"loops"}, ["DNase or ATAC", "H3K27ac"]),
        ({"activity"}, set(), ["DNase or ATAC", "H3K27ac"]),
        ({"access", "activity"}, {"activity"}, ["DNase or ATAC"]),  # activity is of H3K27ac here
        ({"access", "h3k27ac"}, {"access"}, ["H3K27ac"]),
        ({"access", "loops"}, {"access", "loops"}, []),
    ],
)
def test_each_thing_that_a_cell_lacks_is_said_once(needs: set[str], has: set[str], lacks: list[str]) -> None:
    model = cast(Any, SimpleNamespace(needs=frozenset(needs)))
    assert choose.lacking(model, frozenset(has)) == lacks


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("K562", "k562", True),
        ("HeLa-S3", "HeLaS3", True),
        ("HeLa S3", "hela_s3", True),
        ("HeLa", "HeLa-S3", True),
        ("K562_rep2", "K562", True),
        ("H1", "H1-hESC", True),
        ("HeLaS3_rep2", "HeLa-S3", True),
        ("cell1", "cell10", False),
        ("cell1", "cell2", False),
        ("K", "K562", False),
        ("HepG2", "HeLa-S3", False),
        ("K562", "HUVEC", False),
    ],
)
def test_names_that_may_be_of_one_cell_are_told_from_others(one: str, other: str, alike: bool) -> None:
    assert names.akin(one, other) == names.akin(other, one) == alike


def test_a_cell_by_another_name_is_held_out_where_its_values_are_those_of_training(
    tmp_path: Path, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K562's own tracks given as "mine" would be scored by the fit of all pairs, its own screen's among them."""
    shipped_model = model.read(shipped.LINK_MODELS["access"])
    given = write(case, tmp_path, cell="mine")
    store = inputs.Store.open(given[1], given[3])
    tables = (store.elements, store.elements_header), (store.genes, store.genes_header)
    opened = read.read_scene(*tables, given[3], given[5])
    chosen = inputs.choose_model([shipped.LINK_MODELS["access"]], opened, "recall_70")
    assert not chosen.scene.copies
    rounded = {name: scale.Scale(one.grid * np.float32(1.0004)) for name, one in read.measure(opened).items()}
    same = shipped_model._replace(scales={**shipped_model.scales, "access": rounded["access"]})
    monkeypatch.setattr(model, "read", lambda path: same)
    chosen = inputs.choose_model([shipped.LINK_MODELS["access"]], opened, "recall_70")
    assert chosen.scene.copies == ["K562"]
    assert "mine is by its measurements K562, a cell that the link model" in " ".join(chosen.notes)
    assert store.links_header("mine", chosen, 100, [])["parameters"]["held_out"]
    whole = shipped_model._replace(folds={**shipped_model.folds, "other": {}})
    assert not whole.copied(rounded)  # a mean of two cells' scales is neither's


def test_expression_of_a_known_cell_is_not_that_of_another(tmp_path: Path, case: Case) -> None:
    draw = np.random.default_rng(0)
    given = write(case, tmp_path, cell="mine")
    store = inputs.Store.open(given[1], given[3])
    tables = (store.elements, store.elements_header), (store.genes, store.genes_header)
    values = draw.gamma(1, 1, len(store.genes))
    about = {"units": {"value": "TPM", "expression": "log10(1 + TPM)"}}
    header = artifacts.make_header("expression", "test", cell="mine", genes=tables[1][1]["genes"], **about)
    table = store.genes.select("gene_id").with_columns(
        value=pl.Series(10**values - 1, dtype=pl.Float32), expression=pl.Series(values, dtype=pl.Float32)
    )
    artifacts.write_table(tmp_path / "expression.parquet", table, header)
    of_others = {"K562": values.round(2), "HUVEC": values * draw.normal(1, 0.1, len(values))}
    opened = read.read_scene(*tables, given[3], given[5], tmp_path / "expression.parquet", of_others)
    assert (opened.copies, opened.known is not None and len(opened.known)) == (["K562"], 1)
    shipped_model = model.read(shipped.LINK_MODELS["access"])
    assert shipped_model.fit_of("mine", "chr7", opened.copies) is shipped_model.fit_of("K562", "chr7")


@pytest.mark.parametrize(("cell", "seen"), [("K562", True), ("k562", True), ("K-562_rep1", True), ("K563", False)])
def test_a_cell_by_another_spelling_is_held_out_and_never_among_the_other_cells(
    tmp_path: Path, case: Case, cell: str, seen: bool
) -> None:
    shipped_model = model.read(shipped.LINK_MODELS["access"])
    assert (shipped_model.fit_of(cell, "chr7") is shipped_model.fits[0]) != seen
    assert shipped_model.fit_of(cell, "chr7") is shipped_model.fit_of("K562" if seen else "new", "chr7")
    given = write(case, tmp_path, cell=cell)
    store = inputs.Store.open(given[1], given[3])
    of_others = {name: np.zeros(len(store.genes)) for name in ("K562", "HUVEC")}
    tables = (store.elements, store.elements_header), (store.genes, store.genes_header)
    opened = read.read_scene(*tables, given[3], given[5], known=of_others)
    assert opened.known is not None
    assert len(opened.known) == 2 - seen
    told = " ".join(choose.notes(shipped_model, opened))
    assert ("scored by the fit that has not seen it" in told) == seen
    assert (f"{cell} is by its name K562, whose expression is not counted" in told) == (seen and cell != "K562")
    chosen = inputs.choose_model([shipped.LINK_MODELS["access"]], opened, "recall_70")
    assert bool(store.links_header(cell, chosen, 100, [])["parameters"]["held_out"]) == seen
