"""Precision, compilation and several processes, on the CPU."""

import subprocess
import sys
from functools import partialmethod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from crexpress.core.device import CPU, choose, choose_precision
from crexpress.core.errors import InputError
from crexpress.data.opening import open_store
from crexpress.models.forward import forward
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training.config import TrainingConfig
from crexpress.training.engine import Engine
from crexpress.training.loop import train
from crexpress.training.presets import read_preset
from crexpress.training.samples import Samples
from crexpress.training.validation import validate
from tools import torchrun

# without batch statistics and dropout, which each process has of its own
PLAIN = read_preset("scpge-small")[0].replace(
    motifs=("M1", "M2", "M3"), neighbours=6, dropout_encoder=0.0, dropout_mixer=0.0
)
SCRIPT = """
import sys
from crexpress.core.device import CPU
from crexpress.training.engine import Engine
from crexpress.training.parallel import Processes
from safetensors.torch import save_file
from test_training_engine import PLAIN, trained
elements, genes, signals, motifs, out = sys.argv[1:]
class Kept(Processes):
    def share(self, module, device):
        self.shared = super().share(module, device)
        return self.shared
processes = Kept()
processes.start(CPU)
model = trained(elements, genes, signals, motifs, Engine(processes=processes))
if processes.first:
    save_file(model.state_dict(), out)
    print("sorted anew:", processes.shared._get_ddp_logging_data()["has_rebuilt_buckets"])
processes.stop()
"""


def trained(elements: Any, genes: Any, signals: Any, motifs: Any, engine: Engine, **changes: Any) -> RegulatoryModel:
    """A small model after 6 steps of 8 genes."""
    store = open_store(elements, genes, [Path(signals)], motifs=motifs, config=PLAIN).to(CPU)
    target = np.linspace(0, 2, len(store.genes), dtype=np.float32)
    samples = Samples(np.zeros(len(target), np.int64), np.arange(len(target)), target)
    config = TrainingConfig(steps=6, batch_size=8, validate_every=3, averaging=0.5).replace(**changes)
    torch.manual_seed(0)
    model = engine.place(RegulatoryModel(PLAIN))
    train(model, store, samples, samples, config, engine)
    return model


def files(tiny: Any) -> tuple[Path, Path, Path, Path]:
    return tiny.elements, tiny.genes, tiny.signals("A"), tiny.motifs


@pytest.mark.slow
def test_two_processes_train_as_one_does(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, out = tmp_path / "script.py", tmp_path / "model.safetensors"
    script.write_text(SCRIPT)
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    result = subprocess.run(torchrun(script, *files(tiny), out), capture_output=True, text=True, timeout=500)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "sorted anew: 0\n"  # or sums of three gradients round otherwise after a restart
    alone = trained(*files(tiny), Engine()).state_dict()
    shared = load_file(out)
    assert all(torch.allclose(shared[name], alone[name], atol=2e-6) for name in alone)
    start = trained(*files(tiny), Engine(), steps=1, learning_rate=1e-12, learning_rate_low=1e-12).state_dict()
    assert any(not torch.allclose(start[name], alone[name], atol=1e-4) for name in alone)  # there was much to learn


def test_a_batch_that_processes_cannot_share_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(InputError, match="3 processes cannot share a batch of 64 evenly"):
        Engine().processes.check(64)


def test_bf16_is_near_float32_and_keeps_the_weights_in_float32(tiny: Any) -> None:
    full, half = (trained(*files(tiny), Engine(precision=name)) for name in ("float32", "bf16"))
    assert all(weight.dtype == torch.float32 for weight in half.parameters())
    difference = max((full.state_dict()[name] - half.state_dict()[name]).abs().max() for name in full.state_dict())
    assert 0 < difference < 0.02


@pytest.mark.scale
def test_a_compiled_model_trains_as_the_plain_one(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # traced and run without writing C++, whose compiler takes minutes
    monkeypatch.setattr(nn.Module, "compile", partialmethod(nn.Module.compile, backend="aot_eager"))
    monkeypatch.setenv("CXX", sys.executable)
    plain, compiled = (trained(*files(tiny), Engine(compiled=flag)).state_dict() for flag in (False, True))
    assert all(torch.allclose(plain[name], compiled[name], atol=1e-5) for name in plain)


@pytest.mark.parametrize(("device", "variable"), [("cpu", "CXX"), ("cuda", "CC")])
def test_without_a_compiler_nothing_is_compiled(device: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "/nowhere/compiler")
    with pytest.raises(InputError, match="there is no /nowhere/compiler; leave it out, or install one"):
        Engine(torch.device(device), compiled=True)
    Engine(torch.device(device))


def test_what_the_machine_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="PyTorch finds no usable GPU"):
        choose("cuda")
    for able, expected in ((True, "bf16"), (False, "float32")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, able=able: able)
        assert choose_precision("auto", gpu) == expected
    with pytest.raises(InputError, match="this GPU does not have it; use --precision float32"):
        choose_precision("bf16", gpu)
    assert choose_precision("auto", CPU) == "float32"
    assert choose_precision("bf16", CPU) == "bf16"


def test_losses_other_than_mse_choose_the_best_by_themselves(tiny: Any) -> None:
    elements, genes, signals, motifs = files(tiny)
    store = open_store(elements, genes, [signals], motifs=motifs, config=PLAIN)
    target = np.linspace(0, 2, len(store.genes), dtype=np.float32)
    samples = Samples(np.zeros(len(target), np.int64), np.arange(len(target)), target)
    torch.manual_seed(0)
    model = RegulatoryModel(PLAIN)
    poisson, mse = (
        validate(model, store, samples, TrainingConfig(loss=loss, batch_size=50), Engine())
        for loss in ("poisson", "mse")
    )
    model.eval()
    with torch.no_grad():
        rate = forward(model, store.batch(samples.cell, samples.gene)).expression.double()
    assert poisson.loss == pytest.approx(
        float((rate - torch.from_numpy(target) * torch.log(rate + 1e-8)).mean()), rel=1e-5
    )
    assert mse.loss == pytest.approx(float(((rate - torch.from_numpy(target)) ** 2).mean()), rel=1e-5)
    assert poisson.pearson == pytest.approx(mse.pearson)
