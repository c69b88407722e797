"""How the arithmetic of training is done: device, precision, compilation, processes."""

import os
import shutil
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from crexpress import __version__
from crexpress.core.device import CPU, autocast
from crexpress.core.errors import InputError
from crexpress.models.forward import Forward
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training.parallel import Processes


@dataclass(frozen=True)
class Engine:
    """`precision` is "float32" or "bf16": products in bfloat16, weights and their updates in float32."""

    device: torch.device = CPU
    precision: str = "float32"
    compiled: bool = False
    processes: Processes = field(default_factory=Processes)

    def __post_init__(self) -> None:
        if self.compiled:
            _check_compiler(self.device)

    def __str__(self) -> str:
        """In words, for the user."""
        several = f"{self.processes.count} processes, " if self.processes.count > 1 else ""
        return f"{self.device.type} ({several}{self.precision}{', compiled' if self.compiled else ''})"

    def numerics(self) -> dict[str, Any]:
        """All of it that a result's last digit depends on."""
        return {
            "crexpress": __version__,
            "torch": torch.__version__,
            "device": self.device.type,
            "threads": torch.get_num_threads(),
            "compiled": self.compiled,
            "processes": self.processes.count,
        }

    def autocast(self) -> AbstractContextManager[Any]:
        """Context in which the model computes."""
        return autocast(self.device, self.precision)

    def ready(self, model: RegulatoryModel) -> nn.Module:
        """The model as a function of a batch, shared by the processes and compiled where asked for."""
        whole: nn.Module = Forward(model)
        if self.compiled:
            whole.compile(dynamic=True)
        return self.processes.share(whole, self.device)

    def place(self, model: RegulatoryModel) -> RegulatoryModel:
        """The model on the device; batch statistics are over all GPUs, which torch cannot do over CPUs."""
        if self.processes.count > 1 and self.device.type == "cuda":
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return model.to(self.device)

    def seed(self, seed: int) -> None:
        """Seed torch; every process draws its own dropout."""
        torch.manual_seed(seed + self.processes.rank)


def _check_compiler(device: torch.device) -> None:
    """InputError when torch.compile would find no compiler: one of C++ for a CPU, of C for a GPU (Triton's)."""
    language, variable, usual = "C++", "CXX", ["clang++" if sys.platform == "darwin" else "g++"]
    if device.type == "cuda":
        language, variable, usual = "C", "CC", ["gcc", "clang"]
    named = os.environ.get(variable)
    if not any(map(shutil.which, [named] if named else usual)):
        raise InputError(
            f"--compile needs a {language} compiler, and there is no {named or ' or '.join(usual)}; leave it out, or "
            f"install one ({variable} may name it)"
        )
