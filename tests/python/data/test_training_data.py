"""Inputs of elements: memory-mapped and streamed, or resident, with the same bytes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crexpress.core import artifacts
from crexpress.core.device import CPU
from crexpress.data import rows
from crexpress.data.opening import open_store
from crexpress.data.rows import HostRows, keep_resident
from crexpress.data.store import Batch, Store
from crexpress.models.config import ModelConfig
from crexpress.training.presets import read_preset


def opened(tiny: Any, config: ModelConfig, data: str) -> Store:
    signals = [tiny.signals("A"), tiny.signals("B")]
    store = open_store(tiny.elements, tiny.genes, signals, sequence=tiny.sequence, motifs=tiny.motifs, config=config)
    return store.to(CPU, data)


def flat(batch: Batch) -> list[torch.Tensor]:
    return [*batch.features, batch.token, batch.present, batch.distance]


@pytest.mark.parametrize("stranded", [False, True])
def test_streamed_and_resident_batches_are_the_same(tiny: Any, stranded: bool) -> None:
    config = read_preset("scpge-small")[0].replace(
        tracks=("h3k27ac", "atac", "dnase"), motifs=("M3", "M1"), sequence=True, neighbours=6, track_dropout=0.1
    )
    config = config.replace(stranded=stranded)
    stores = [opened(tiny, config, data) for data in ("stream", "resident")]
    assert isinstance(stores[0].codes, HostRows)
    assert isinstance(stores[1].codes, torch.Tensor)
    rng = np.random.default_rng(0)
    for _ in range(3):
        cell, gene = rng.integers(0, 2, 9), rng.integers(0, 120, 9)
        streamed, resident = (flat(store.batch(cell, gene)) for store in stores)
        assert all(torch.equal(first, second) for first, second in zip(streamed, resident, strict=True))
        assert streamed[0][:, 1].abs().max() == 0  # no cell has atac
        assert streamed[0].abs().max() > 0


def test_host_rows_are_those_of_the_files(tiny: Any) -> None:
    arrays = artifacts.open_arrays(tiny.signals("A"), "signals").tensors
    rows = HostRows([arrays["dnase"], None, arrays["h3k27ac"]], stack=True)
    some = torch.tensor([[5, 1], [5, 300]])
    picked = rows[some]
    assert picked.shape == (2, 2, 3, 15)
    assert np.array_equal(picked[1, 1, 0].numpy(), arrays["dnase"][300])
    assert np.array_equal(picked[0, 1, 2].numpy(), arrays["h3k27ac"][1])
    assert picked[:, :, 1].abs().max() == 0
    assert rows.nbytes == 3 * arrays["dnase"].nbytes


def test_loading_in_pieces_misses_no_row(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = artifacts.open_arrays(tiny.sequence, "sequence").tensors["codes"]
    monkeypatch.setattr(rows, "CHUNK", 7)
    assert np.array_equal(HostRows([codes], stack=False).load(CPU).numpy(), codes)


def test_inputs_that_do_not_fit_are_streamed_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rows, "free_memory", lambda device: 1_000_000_000)
    assert keep_resident(500_000_000, CPU, "auto")
    assert capsys.readouterr().err == ""
    assert not keep_resident(600_000_000, CPU, "auto")
    assert "the inputs (0.6 GB) are streamed from the files" in capsys.readouterr().err
    assert keep_resident(600_000_000, CPU, "resident")
    assert not keep_resident(1, CPU, "stream")


def test_free_memory_heeds_the_limit_of_a_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = rows.free_memory(CPU)
    assert 0 < whole < 2**50
    limits = {"max": 1000, "current": 400}
    monkeypatch.setattr(rows, "_number", lambda path: limits[path.suffix[1:]])
    assert rows.free_memory(CPU) == 600


def test_the_memory_for_inputs_is_bounded_whatever_the_number_of_cells(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cells are kept while they fill half of what is free; with more of them none is, and batches stay the same."""
    config = read_preset("creator-small")[0].replace(tracks=("dnase", "h3k27ac"), neighbours=6)
    headers = [artifacts.open_arrays(tiny.signals(cell), "signals") for cell in "ABC"]
    one_cell = sum(array.nbytes for array in headers[0].tensors.values())
    limit = 4 * one_cell
    monkeypatch.setattr(rows, "free_memory", lambda device: 2 * limit)
    rng = np.random.default_rng(0)
    for cells in (1, 4, 5, 16):
        paths = []
        for number in range(cells):
            path = tmp_path / f"signals.{number}.safetensors"
            arrays = headers[number % 3]
            artifacts.write_arrays(path, arrays.tensors, arrays.header | {"cell": str(number)})
            paths.append(path)
        auto, whole = (
            open_store(tiny.elements, tiny.genes, paths, config=config).to(CPU, data) for data in ("auto", "resident")
        )
        resident = [cell.signals for cell in auto.cells if isinstance(cell.signals, torch.Tensor)]
        assert len(resident) == (cells if cells <= 4 else 0)
        assert sum(rows.nbytes for rows in resident) <= limit
        assert ("are streamed from the files" in capsys.readouterr().err) == (cells > 4)
        cell, gene = rng.integers(0, cells, 9), rng.integers(0, 120, 9)
        pairs = zip(flat(auto.batch(cell, gene)), flat(whole.batch(cell, gene)), strict=True)
        assert all(torch.equal(first, second) for first, second in pairs)
