"""Batches of samples, put together in time for the device."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from crexpress.data.rows import send
from crexpress.data.store import Store
from crexpress.models.inputs import Batch
from crexpress.training.samples import Samples


def make(store: Store, samples: Samples, chosen: np.ndarray) -> tuple[Batch, Tensor]:
    """Inputs and targets [B] of some samples, given by their numbers."""
    batch = store.batch(samples.cell[chosen], samples.gene[chosen])
    return batch, send(torch.from_numpy(samples.target[chosen]), store.device)


def ahead(
    maker: Callable[[np.ndarray], tuple[Batch, Tensor]], parts: Iterator[np.ndarray], device: torch.device
) -> Iterator[tuple[Batch, Tensor]]:
    """What `maker` gives for each part, in order; for a GPU the next two are made while it computes."""
    if device.type == "cpu":
        yield from map(maker, parts)
        return
    with ThreadPoolExecutor(1) as worker:
        waiting = [worker.submit(maker, part) for part in islice(parts, 2)]
        while waiting:
            made = waiting.pop(0).result()
            waiting += [worker.submit(maker, part) for part in islice(parts, 1)]
            yield made
