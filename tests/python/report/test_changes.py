"""What the report says of changes: elements gained and lost, settings beside the preset's, cells by tracks."""

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.report import about, gained
from crexpress.report.inputs import Inputs, Loaded
from crexpress.report.page import Picture, Table, Text
from crexpress.report.parts import input_quality
from crexpress.report.study import Study
from crexpress.training.presets import read_preset
from report_case import Run
from tiny_case import TinyCase


@pytest.fixture
def inputs(tiny: TinyCase, tmp_path: Path) -> Inputs:
    """Signals of A, and of B the same but for one element near the first gene of chr1: silent in A, loud in B."""
    found = Run(tiny, tmp_path).inputs()
    own = found.signals["A"]
    tensors = {name: np.array(own.data.tensors[name]) for name in own.header["parameters"]["tracks"]}
    other = {name: values.copy() for name, values in tensors.items()}
    tensors["h3k27ac"][element_of(found)], other["h3k27ac"][element_of(found)] = 0, 3
    signals = {
        cell: Loaded(f"signals.{cell}", own.header | {"cell": cell}, own.data._replace(tensors=values))
        for cell, values in (("A", tensors), ("B", other))
    }
    return dataclasses.replace(found, signals=signals, known={})


def element_of(inputs: Inputs) -> int:
    """An element within the window of the first gene."""
    assert inputs.elements is not None
    gene, elements = inputs.genes.data.row(0, named=True), inputs.elements.data.with_row_index("row")
    near = elements.filter(
        pl.col("chrom") == gene["chrom"], pl.col("class") != "TSS",
        (pl.col("ccre_start") - gene["tss"]).abs() < gained.WINDOW - 1_000,
    )  # fmt: skip
    return int(near["row"][0])


def test_an_element_that_is_loud_in_one_cell_alone_is_gained_there_and_lost_the_other_way_round(inputs: Inputs) -> None:
    assert inputs.elements is not None
    gene = inputs.genes.data["gene_id"][0]
    name = inputs.elements.data["element_id"][element_of(inputs)]
    rose = pl.DataFrame({"gene_id": [gene], "observed": [1.0], "predicted": [0.5]})
    text, table = gained.blocks(inputs, "B", "A", rose)
    assert isinstance(text, Text)
    assert text.text == "Of the 1 unseen genes that B expresses more, 1 gained more elements than they lost, beside A."
    assert isinstance(table, Table)
    (row,) = table.rows
    assert [cell.text for cell in row[1:]] == ["1.00", "0.50", "1", "0"]
    assert row[3].small.startswith(name)
    fell = rose.with_columns(-pl.col("observed", "predicted"))
    _, table = gained.blocks(inputs, "A", "B", fell)
    assert isinstance(table, Table)
    assert [cell.text for cell in table.rows[0][3:]] == ["0", "1"]
    assert gained.blocks(inputs, "B", "C", rose) == []  # no signals of C


def test_settings_that_differ_from_the_preset_stand_beside_its_own() -> None:
    model, training = read_preset("scpge-small")
    config = {"preset": "scpge-small", "model": model.to_json(), "training": training.to_json()}
    (same,) = about.beside_preset(config)
    assert isinstance(same, Text)
    config["model"] |= {"neighbours": 7, "tracks": ["dnase"]}  # tracks are the data's
    (table,) = about.beside_preset(config)
    assert isinstance(table, Table)
    assert [[cell.text for cell in row] for row in table.rows] == [["inputs.neighbours", "7", str(model.neighbours)]]
    assert about.beside_preset({"preset": "their-own"}) == []


@pytest.mark.slow
def test_cells_by_tracks_are_a_picture_where_there_are_several(inputs: Inputs, tmp_path: Path) -> None:
    section = input_quality.section(Study(inputs, tmp_path))
    assert section is not None
    (picture,) = [block for block in section.blocks if isinstance(block, Picture)]
    svg = picture.svg.decode()
    assert all(f">{word}<" in svg for word in ("A", "B", "DNase", "H3K27ac"))  # text is text
