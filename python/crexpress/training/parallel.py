"""Several processes of one training run, as torchrun starts them: one a GPU, each with its part of every batch."""

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from crexpress.core.errors import InputError

_PATIENCE = timedelta(hours=2)  # the others wait while the first process validates


class Processes:
    """This process's place among those of the run; alone when torchrun did not start it."""

    def __init__(self) -> None:
        self.rank, self.count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))

    @property
    def first(self) -> bool:
        """Does this process validate, speak and write?"""
        return self.rank == 0

    def start(self, device: torch.device) -> torch.device:
        """Join the others; the device of this process."""
        if self.count == 1:
            return device
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(device)
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
        return device

    def stop(self) -> None:
        """Leave the others."""
        if self.count > 1:
            distributed.destroy_process_group()

    def share(self, module: nn.Module, device: torch.device) -> nn.Module:
        """The module with its gradients averaged over the processes."""
        if self.count == 1:
            return module
        where = [device.index] if device.type == "cuda" else None
        # told that weights may be unused, DDP leaves gradients in the order of the first step, in which a resumed run,
        # too, adds them up; else it sorts them anew after one step, and from three processes on sums round otherwise
        return DistributedDataParallel(module, device_ids=where, find_unused_parameters=True)

    def part(self, batch: np.ndarray) -> np.ndarray:
        """This process's samples of a batch."""
        return batch[self.rank :: self.count]

    def check(self, batch_size: int) -> None:
        """Raise InputError for a batch that the processes cannot share evenly."""
        if batch_size % self.count:
            raise InputError(f"{self.count} processes cannot share a batch of {batch_size} evenly; change --batch-size")

    def mean(self, value: Tensor) -> Tensor:
        """Mean of a scalar over the processes."""
        if self.count > 1:
            value = value.clone()
            distributed.all_reduce(value)
            value /= self.count
        return value

    def told(self, message: Any) -> Any:
        """What the first process says, in every process."""
        if self.count == 1:
            return message
        box = [message]
        distributed.broadcast_object_list(box)
        return box[0]

    def each(self, value: Any) -> Sequence[Any]:
        """The value of every process, in order."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        distributed.all_gather_object(values, value)
        return values
