"""The state of a training run on disk, from which a killed run goes on with the same result."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.core.files import replacing

Tree = Mapping[str, Any]


class State(NamedTuple):
    """Tensors by group and name ("model", "optimiser", ...), and the rest as JSON."""

    tensors: dict[str, dict[str, Tensor]]
    about: dict[str, Any]


_LAYOUT = 2  # of a state's tensors: a run never goes on from a state of another one


class Checkpoint:
    """The file FOLDER/checkpoint.DIGEST.safetensors of one run; the digest is of all that its result depends on.

    So runs of other settings or inputs may share the folder, and none goes on from another's state.
    """

    def __init__(self, folder: Path, identity: Tree, every: int | None = None) -> None:
        digest = hashlib.sha256(json.dumps([_LAYOUT, identity], sort_keys=True).encode()).hexdigest()[:16]
        self.path = folder / f"checkpoint.{digest}.safetensors"
        self.every = every  # steps; None: at each validation

    def read(self) -> State | None:
        """The last state written, or None for a run that has not begun; InputError when it cannot be read."""
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                about = json.loads(file.metadata()["state"])
                tensors: dict[str, dict[str, Tensor]] = {group: {} for group in about.pop("groups")}
                for key in file.keys():  # noqa: SIM118 - not a dictionary
                    group, name = key.split("/", 1)
                    tensors[group][name] = file.get_tensor(key)
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{self.path} is not a readable checkpoint ({error}); delete it to start anew") from None
        return State(tensors, about)

    def write(self, state: State) -> None:
        """Replace the last state: whenever the run is killed, one whole state is there."""
        flat = {f"{group}/{name}": x.clone() for group, named in state.tensors.items() for name, x in named.items()}
        about = state.about | {"groups": list(state.tensors)}
        with replacing(self.path) as temporary, temporary.open("wb") as file:
            file.write(save(flat, {"state": json.dumps(about)}))
            file.flush()
            os.fsync(file.fileno())

    def remove(self) -> None:
        """The run is over: its state goes, and what it left half written where it was killed."""
        for path in (self.path, *self.path.parent.glob(f".{self.path.name}.*")):
            path.unlink(missing_ok=True)


def mention_others(own: Sequence[Checkpoint]) -> None:
    """Say that a folder holds the state of another run, where it holds none of this one (`own`: of its models)."""
    if any(checkpoint.path.exists() for checkpoint in own):
        return
    for other in sorted(own[0].path.parent.glob("checkpoint.*.safetensors"))[:1]:
        log.say(
            f"{other} is of a run with other settings, inputs or versions: this one starts anew and leaves it alone"
        )


@contextmanager
def resumable(own: Sequence[Checkpoint]) -> Iterator[None]:
    """Where Ctrl-C ends the run, say from what it can go on."""
    try:
        yield
    except KeyboardInterrupt:
        states = [str(checkpoint.path) for checkpoint in own if checkpoint.path.exists()]
        if not states:
            raise
        raise KeyboardInterrupt(f"interrupted; started again as before, the run goes on from {states[-1]}") from None


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Its state by "number of the weight/name"."""
    state = optimiser.state_dict()["state"]
    return {f"{number}/{name}": value for number, values in state.items() for name, value in values.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Undo `optimiser_tensors`; the groups' settings stay those of `optimiser`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split("/")
        state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def random_state(device: torch.device) -> dict[str, Tensor]:
    """torch's generators; numpy's draws follow from the seed and the step alone."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: Mapping[str, Tensor], device: torch.device) -> None:
    """Undo `random_state`."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
