"""Which device a tool computes on, and how it is made repeatable."""

import os
from contextlib import AbstractContextManager
from typing import Any

import torch
import torch.utils.deterministic

from crexpress.core.errors import InputError

CPU = torch.device("cpu")
THREADS = 1
"""Threads that a CPU computes with, whatever CPUs there are: sums are divided among them, so that another number gives
other last digits. One, as two and four made `interpret` take twice as long on two CPUs (K562: 37, 79 and 81 s); seeds,
cells and points of a sweep run side by side instead, and large models on a GPU."""


def choose(name: str) -> torch.device:
    """Device of --device: "auto" takes a GPU when there is one; "cuda" without one is an InputError."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "--device cuda was asked for but PyTorch finds no usable GPU: check the driver with nvidia-smi, the "
            "container engine's flag (docker --gpus all, apptainer --nv), and PyTorch's CUDA; or use --device cpu"
        )
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> str:
    """Precision of --precision: "auto" takes bf16 on a GPU that has it."""
    able = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    if name == "auto":
        return "bf16" if able else "float32"
    if name == "bf16" and device.type == "cuda" and not able:
        raise InputError("--precision bf16 was asked for but this GPU does not have it; use --precision float32")
    return name


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """Context in which products are in this precision: "float32", or "bf16" with weights kept in float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def prepare(name: str, seed: int) -> torch.device:
    """Choose a device, seed torch, and have it use repeatable algorithms and `THREADS` threads."""
    device = choose(name)
    torch.set_num_threads(THREADS)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS needs it to be repeatable
    torch.use_deterministic_algorithms(True)
    # a debugging aid that costs an eighth of a step
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(seed)
    return device
