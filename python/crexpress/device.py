"""Which device a tool computes on, and how it is made repeatable."""

import os

import torch
import torch.utils.deterministic

from crexpress.errors import InputError

CPU = torch.device("cpu")


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


def prepare(name: str, threads: int | None, seed: int) -> torch.device:
    """Choose a device, seed torch, and have it use repeatable algorithms and `threads` CPU threads."""
    device = choose(name)
    if threads:
        torch.set_num_threads(threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS needs it to be repeatable
    torch.use_deterministic_algorithms(True)
    # a debugging aid that costs an eighth of a step
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(seed)
    return device
