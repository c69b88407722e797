"""Motif channels of the most expressed factors: which are open, and that training and prediction see only those."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import Result

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.data import factors
from crexpress.data.opening import open_store
from crexpress.data.store import Store
from crexpress.training.presets import read_preset
from tools import inputs, run, train

NAMES = ["GATA1", "Fos", "JUN", "MYC", "DUP", "DUP", "NOTMEASURED"]
EXPRESSION = np.array([3, 1, 2, 0, 0.5, 2.5, np.nan], np.float32)


def test_level_of_a_factor_ignores_case_and_a_dimer_has_that_of_its_lesser_partner() -> None:
    found = factors.levels(
        ["Gata1", "FOS::JUN", "jun", "DUP", "MYC::NOTMEASURED", "NOTMEASURED", "P53"], NAMES, EXPRESSION
    )
    np.testing.assert_array_equal(found, [3, 1, 2, 2.5, np.nan, np.nan, np.nan])


def test_the_most_expressed_factors_are_open_with_all_their_motifs() -> None:
    names = ["GATA1", "MYC", "gata1", "JUN", "FOS", "P53"]
    level = factors.levels(names, NAMES, EXPRESSION)
    # the unknown factor stays open and takes no place
    assert factors.expressed(names, level, 1).tolist() == [True, False, True, False, False, True]
    assert factors.expressed(names, level, 2).tolist() == [True, False, True, True, False, True]
    assert factors.expressed(names, level, 4).all()
    assert factors.expressed(names, level, 600).all()


def test_equals_are_taken_in_alphabetical_order_whatever_the_order_of_motifs() -> None:
    silent = np.zeros(3)
    assert factors.expressed(["B", "A", "C"], silent, 1).tolist() == [False, True, False]
    assert factors.expressed(["C", "B", "A"], silent, 1).tolist() == [False, False, True]


def test_factors_that_are_no_genes_are_refused() -> None:
    with pytest.raises(InputError, match=r"none of the motifs' 2 factors \(ANDR, P53, ...\) is a measured gene"):
        factors.expressed(["P53", "ANDR"], np.full(2, np.nan), 600)


def opened(tiny: Any, *cells: str, top: int = 1) -> Store:
    config = read_preset("scpge-small")[0].replace(
        tracks=("dnase", "h3k27ac"), motifs=("M3", "M1", "M2"), expressed_factors=top, neighbours=4
    )
    return open_store(
        tiny.elements,
        tiny.genes,
        [tiny.signals("A"), tiny.signals("B")],
        [tiny.expression(cell) for cell in cells],
        motifs=tiny.motifs,
        config=config,
    )


def best(tiny: Any, cell: str) -> int:
    """The one of the genes 4 to 6, which are the factors of M1 to M3, that a cell expresses most."""
    return int(np.argmax(artifacts.read_table(tiny.expression(cell), "expression")[0]["expression"][4:7].to_numpy()))


def test_each_cell_has_its_own_open_channels(tiny: Any, capsys: pytest.CaptureFixture[str]) -> None:
    store = opened(tiny, "A", "B")
    assert (
        "A: 1 of 3 motif channels are open: its 1 most expressed factors, and 0 of unknown" in capsys.readouterr().err
    )
    scores = np.array(artifacts.open_arrays(tiny.motifs, "motifs").tensors["scores"], np.float32)
    assert best(tiny, "A") != best(tiny, "B")
    features = store.features(np.array([5, 7, len(store.elements) + 5]))
    for row, (cell, element) in enumerate([("A", 5), ("A", 7), ("B", 5)]):
        expected = [scores[element, motif] if motif == best(tiny, cell) else 0 for motif in (2, 0, 1)]
        assert features.motifs[row].tolist() == expected


def test_without_expression_all_channels_are_open(tiny: Any, capsys: pytest.CaptureFixture[str]) -> None:
    store = opened(tiny, "A")
    assert "B: its expression is not given, so all 3 motif channels are open" in capsys.readouterr().err
    features = store.features(np.array([5, len(store.elements) + 5]))
    assert (features.motifs == 0).sum(dim=1).tolist() == [2, 0]


@pytest.mark.slow
def test_a_model_keeps_the_rule_it_was_trained_with(tiny: Any, tmp_path: Path) -> None:
    motifs = ["--motifs", tiny.motifs]
    result = train(tiny, tmp_path / "model", "--expressed-factors", 1, *motifs, cells=("A",))
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "model" / "config.json").read_text())["model"]["expressed_factors"] == 1

    def predicted(name: str, expression: bool) -> tuple[pl.DataFrame, dict[str, Any]]:
        done: Result = run(
            "predict",
            *["--model", tmp_path / "model", "--threads", 1, "--outdir", tmp_path / name],
            *inputs(tiny, "A", expression=expression),
            *motifs,
        )
        assert done.exit_code == 0, done.output
        assert ("all 3 motif channels are open" in done.output) is not expression
        return artifacts.read_table(tmp_path / name / "predictions.A.parquet", "predictions")

    (closed, about), (free, about_free) = predicted("closed", True), predicted("free", False)
    assert (about["parameters"]["expressed_factors"], about_free["parameters"]["expressed_factors"]) == (1, 0)
    assert not np.allclose(closed["predicted"], free["predicted"])


def test_without_a_motif_channel_there_is_nothing_to_close(tiny: Any, tmp_path: Path) -> None:
    result = train(tiny, tmp_path / "model", "--expressed-factors", 1, "--steps", 2, "--validate-every", 1)
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "model" / "config.json").read_text())["model"]["expressed_factors"] == 0
