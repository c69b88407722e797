"""Where the inputs of the elements are kept: on the device, or mapped on the host and streamed from there."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from crexpress.core import log
from crexpress.core.device import CPU

CHUNK = 65_536  # rows copied at once
Turn = Callable[[np.ndarray], np.ndarray]


class HostRows:
    """Rows [elements, ...] of memory-mapped arrays, read as they are asked for and handed to `device`.

    Looks like a tensor to who picks rows. With `stack`, `parts` are arrays [elements, bins] that become
    [elements, parts, bins], None standing for zeros; else one array, of which `columns` may choose some
    (below 0: zeros).
    """

    def __init__(self, parts: Sequence[np.ndarray | None], *, stack: bool, columns: np.ndarray | None = None) -> None:
        self._parts = [None if part is None else np.asarray(part) for part in parts]
        first = next(part for part in self._parts if part is not None)
        self._stack, self._columns = stack, columns
        self._turned: np.ndarray | None = None
        self._turn: Turn | None = None
        row = first.shape[1:] if columns is None else (len(columns),)
        self.shape = (len(first), *((len(parts), *row) if stack else row))
        self._dtype = first.dtype
        self.device = CPU

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """Bytes of all rows together."""
        return int(np.prod(self.shape, dtype=np.int64)) * self._dtype.itemsize

    def turn(self, rows: np.ndarray, how: Turn) -> None:
        """From now on hand out these rows (bool [elements]) changed by `how`."""
        self._turned, self._turn = rows, how

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Copy of these rows."""
        if self._stack:
            out = np.zeros((len(rows), *self.shape[1:]), self._dtype)
            for number, part in enumerate(self._parts):
                if part is not None:
                    out[:, number] = part[rows]
        else:
            (part,) = self._parts
            assert part is not None
            out = part[rows] if self._columns is None else part[rows[:, None], self._columns]
            if self._columns is not None:
                out[:, self._columns < 0] = 0
        if self._turned is not None and self._turn is not None:
            which = self._turned[rows]
            out[which] = self._turn(out[which])
        return out

    def __getitem__(self, rows: Tensor) -> Tensor:
        rows = torch.as_tensor(rows)
        picked = torch.from_numpy(self.take(rows.reshape(-1).numpy())).view(*rows.shape, *self.shape[1:])
        return send(picked, self.device)

    def load(self, device: torch.device) -> Tensor:
        """All rows in the memory of `device`, copied piece by piece."""
        like = torch.from_numpy(np.empty(0, self._dtype))
        out = torch.empty(self.shape, dtype=like.dtype, device=device)
        for start in range(0, len(self), CHUNK):
            rows = np.arange(start, min(start + CHUNK, len(self)))
            out[start : start + len(rows)] = torch.from_numpy(self.take(rows))
        return out


Rows = Tensor | HostRows


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy to a device; to a GPU through pinned memory, without waiting for the copy."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def keep_resident(nbytes: int, device: torch.device, choice: str) -> bool:
    """Whether this many bytes of inputs go to the device's memory at once; said in one line when they do not.

    choice "auto": when they fill at most half of what is free, as a training step needs the rest.
    """
    if choice != "auto":
        return choice == "resident"
    free = free_memory(device)
    if nbytes <= free / 2:
        return True
    log.say(
        f"the inputs ({nbytes / 1e9:.1f} GB) are streamed from the files: they would fill more than half of the "
        f"{free / 1e9:.1f} GB free on {device.type}"
    )
    return False


def free_memory(device: torch.device) -> int:
    """Bytes free for this process on a GPU, or on the host within the limit of its container."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = _meminfo("MemAvailable")
    limit, used = (_number(Path(f"/sys/fs/cgroup/memory.{name}")) for name in ("max", "current"))
    return free if limit is None or used is None else min(free, max(limit - used, 0))


def _meminfo(name: str) -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:  # no Linux
        return 8 * 2**30
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))


def _number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
