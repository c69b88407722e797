"""A run that is killed and started again gives the same weights, byte for byte."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crexpress.core.errors import InputError
from crexpress.data.opening import open_store
from crexpress.data.store import Store
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training import loop, trials, validation
from crexpress.training.checkpoint import Checkpoint, State, mention_others
from crexpress.training.config import TrainingConfig
from crexpress.training.presets import read_preset
from crexpress.training.samples import Samples, shuffled
from crexpress.training.trials import first_model, trial_seed
from tools import BIN, torchrun

MODEL = read_preset("scpge-small")[0].replace(tracks=("dnase", "h3k27ac"), neighbours=4, width_model=16)
CONFIG = TrainingConfig(steps=30, batch_size=16, validate_every=10, averaging=0.9, trials=3, gradient_clip=1.0)


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def store(tiny: Any) -> Store:
    return open_store(tiny.elements, tiny.genes, [tiny.signals("A"), tiny.signals("B")], config=MODEL)


@pytest.fixture
def samples(store: Store) -> tuple[Samples, Samples]:
    rng = np.random.default_rng(0)
    genes, cells = np.arange(len(store.genes)), rng.integers(0, 2, len(store.genes))
    target = rng.random(len(genes)).astype(np.float32)
    return Samples(cells[:80], genes[:80], target[:80]), Samples(cells[80:], genes[80:], target[80:])


def run(store: Store, samples: tuple[Samples, Samples], checkpoint: Checkpoint | None) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    engine = loop.Engine()
    model = first_model(MODEL, store, *samples, CONFIG, engine, checkpoint)
    trained = loop.train(model, store, *samples, CONFIG, engine, checkpoint)
    assert trained.history["step"].to_list() == [10, 20, 30]
    return model.state_dict()


@pytest.mark.slow
def test_a_run_stopped_anywhere_goes_on_with_the_same_result(
    store: Store, samples: tuple[Samples, Samples], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run(store, samples, None)
    checkpoint = Checkpoint(tmp_path, {"seed": 1}, every=3)
    write, writes, seen = Checkpoint.write, 0, set()

    def write_and_die(self: Checkpoint, state: State) -> None:
        nonlocal writes
        write(self, state)
        writes += 1
        if writes in (1, 3, 4, 6, 9, 10, 15):  # 3 trials, then 12 states of training
            seen.add("done" if "done" in state.about else "trials")
            raise Killed

    monkeypatch.setattr(Checkpoint, "write", write_and_die)
    stops, resumed = 0, None
    while resumed is None:
        try:
            resumed = run(store, samples, checkpoint)
        except Killed:
            stops += 1
    assert stops == 7
    assert seen == {"done", "trials"}
    assert all(torch.equal(resumed[name], expected[name]) for name in expected)


@pytest.mark.slow
def test_a_process_killed_again_and_again_writes_the_same_files(tiny: Any, tmp_path: Path) -> None:
    command = [sys.executable, *map(str, training(tiny, steps=300))]
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    subprocess.run([*command, "--outdir", undisturbed], check=True, capture_output=True)
    chances = random.Random(0)
    for kill in range(2):  # at many more moments in tests/robust
        before = _state(killed)
        process = subprocess.Popen([*command, "--outdir", killed], stderr=subprocess.PIPE)
        while _state(killed) == before and process.poll() is None:  # it got further than the last one
            time.sleep(0.01)
        time.sleep(chances.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        _, message = process.communicate()
        assert process.returncode == -signal.SIGKILL, message
        assert (b"goes on after step" in message) == (kill > 0)
    subprocess.run([*command, "--outdir", killed], check=True, capture_output=True)
    assert_same(undisturbed, killed)


@pytest.mark.slow
def test_two_processes_write_one_model_and_the_same_when_one_was_killed(tiny: Any, tmp_path: Path) -> None:
    command = torchrun(*training(tiny, steps=100))
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    told = subprocess.run([*command, "--outdir", undisturbed], check=True, capture_output=True).stderr
    assert b"on cpu (2 processes, float32)" in told
    assert told.count(b"step 100/100") == 1  # they speak with one voice
    assert b"Warning" not in told
    chances = random.Random(1)
    with subprocess.Popen([*command, "--outdir", killed], stderr=subprocess.PIPE) as process:
        while not _state(killed) and process.poll() is None:
            time.sleep(0.01)
        time.sleep(chances.uniform(0, 0.1))
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(chances.choice(workers)), signal.SIGKILL)  # torchrun then ends the others
        _, message = process.communicate()
    assert process.returncode == 1, message
    assert _state(killed)
    resumed = subprocess.run([*command, "--outdir", killed], check=True, capture_output=True)
    assert b"goes on after step" in resumed.stderr
    assert_same(undisturbed, killed)


def training(tiny: Any, steps: int) -> list[Any]:
    """train with a state every 7 steps."""
    given = ["--elements", tiny.elements, "--genes", tiny.genes, "--neighbours", 8]
    given += ["--signals", tiny.signals("A"), "--expression", tiny.expression("A"), "--threads", 1, "--steps", steps]
    given += ["--val", "chr2", "--test", "chr3", "--validate-every", 50, "--checkpoint-every", 7]
    return [BIN / "train", *given, "--batch-size", 16]


def assert_same(one: Path, other: Path) -> None:
    names = sorted(path.name for path in one.iterdir())
    assert names == ["config.json", "history.parquet", "model.safetensors"]
    assert names == sorted(path.name for path in other.iterdir())
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes()


def _state(folder: Path) -> list[tuple[str, int]]:
    return [(path.name, path.stat().st_mtime_ns) for path in folder.glob("checkpoint.*.safetensors")]


def test_a_run_of_other_settings_starts_anew_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, other = Checkpoint(tmp_path, {"seed": 1}), Checkpoint(tmp_path, {"seed": 2})
    first.write(State({"model": {"weight": torch.ones(2)}}, {"done": 3}))
    assert other.read() is None
    mention_others([other, first])  # two models of one run
    assert capsys.readouterr().err == ""
    mention_others([other])
    assert "is of a run with other settings, inputs or versions" in capsys.readouterr().err
    state = Checkpoint(tmp_path, {"seed": 1}).read()
    assert state
    assert state.about == {"done": 3}
    assert torch.equal(state.tensors["model"]["weight"], torch.ones(2))


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, {})
    checkpoint.write(State({"model": {"weight": torch.ones(2)}}, {}))
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:20])
    with pytest.raises(InputError, match=r"is not a readable checkpoint .* delete it to start anew"):
        checkpoint.read()
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


def test_two_runs_of_the_same_settings_do_not_take_each_others_half_written_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = [State({"model": {"weight": torch.full((2,), float(number))}}, {"done": number}) for number in (1, 2)]
    one, other = Checkpoint(tmp_path, {}), Checkpoint(tmp_path, {})
    synced = os.fsync

    def slow(handle: int) -> None:  # the other writes while this one does
        monkeypatch.setattr(os, "fsync", synced)
        other.write(states[1])

    monkeypatch.setattr(os, "fsync", slow)
    one.write(states[0])
    read = other.read()
    assert read
    assert read.about == {"done": 1}  # the last one whole
    (tmp_path / f".{one.path.name}.killed").touch()
    one.remove()
    assert list(tmp_path.iterdir()) == []


def test_skipped_batches_are_those_already_drawn(store: Store) -> None:
    for cell in (np.zeros(10, int), np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])):
        samples = Samples(cell, np.arange(10), np.zeros(10))
        whole = shuffled(store, samples, 4, np.random.default_rng(0))
        drawn = [next(whole) for _ in range(9)]
        for skip in range(8):
            assert np.array_equal(next(shuffled(store, samples, 4, np.random.default_rng(0), skip)), drawn[skip])


def test_the_best_trial_is_trained_on(store: Store, samples: tuple[Samples, Samples]) -> None:
    losses = []
    for trial in range(3):
        config = CONFIG.replace(trials=1, seed=trial_seed(CONFIG.seed, trial))
        model = first_model(MODEL, store, *samples, config, loop.Engine())
        losses.append(validation.validate(model, store, samples[1], config, loop.Engine()).loss)
    best = first_model(MODEL, store, *samples, CONFIG, loop.Engine())
    assert validation.validate(best, store, samples[1], CONFIG, loop.Engine()).loss == min(losses)
    assert len(set(losses)) == 3


def test_a_trial_whose_loss_is_no_number_is_not_the_best(
    store: Store, samples: tuple[Samples, Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([float("nan"), 2.0, 1.0])
    monkeypatch.setattr(trials, "validate", lambda *_: validation.Validation(next(losses), 0.0, None))
    found = first_model(MODEL, store, *samples, CONFIG, loop.Engine()).state_dict()
    third = CONFIG.replace(trials=1, seed=trial_seed(CONFIG.seed, 2))
    monkeypatch.undo()
    expected = first_model(MODEL, store, *samples, third, loop.Engine()).state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_patience_ends_a_run_that_gets_no_better(store: Store, samples: tuple[Samples, Samples]) -> None:
    config = CONFIG.replace(trials=0, steps=40, learning_rate=1e-12, learning_rate_low=1e-12, averaging=0.0, patience=2)
    torch.manual_seed(0)
    model = RegulatoryModel(MODEL)
    for batch_norm in model.modules():
        if isinstance(batch_norm, torch.nn.BatchNorm2d):
            batch_norm.momentum = 0.0  # nothing changes between validations
    trained = loop.train(model, store, *samples, config)
    assert trained.history["step"].to_list() == [10, 20, 30]
    assert trained.best_step == 10
