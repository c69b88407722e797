"""Names of methods when several models speak of one cell: by preset, and by seed where only that tells them apart."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from crexpress.core.artifacts import Header

# where a score of a links table comes from: the model, a formula that needs none, or a link model
MODEL, CLOSED_FORM, LINK_MODEL = "model", "closed form", "link model"


class Run(NamedTuple):
    """A model's name in tables: `method` without its seed, `seed` (None: a mean over seeds), `mode`: direct, anchored,
    or of a mean over seeds in words.
    """

    method: str
    seed: int | None
    mode: str
    whole: str | None = None  # name of the same model that sees all tracks, where some were hidden from this one

    @property
    def name(self) -> str:
        """The method with its seed."""
        return self.method if self.seed is None else f"{self.method}, seed {self.seed}"

    @property
    def anchored(self) -> bool:
        """Whether the model was told what other cells express."""
        return is_anchored(self.mode)


def is_anchored(mode: str) -> bool:
    """Whether predictions of this mode are changes from known cells, of one model or the mean of several."""
    return mode.startswith("anchored")


def runs(headers: Sequence[Header]) -> list[Run]:
    """The run that each predictions or links file comes from; its `seed` is None unless another has the same method."""
    methods = [_method(header) for header in headers]
    keys = [(header["cell"], method) for header, method in zip(headers, methods, strict=True)]
    repeated = {method for key, method in zip(keys, methods, strict=True) if keys.count(key) > 1}
    found = []
    for header, method in zip(headers, methods, strict=True):
        seed = header["parameters"].get("seed") if method in repeated else None
        run = Run(method, seed, _mode(header))
        if header["parameters"].get("hidden_tracks"):
            run = run._replace(whole=run._replace(method=_named(header, _mode(header, whole=True))).name)
        found.append(run)
    return found


def of_link_model(header: Header) -> bool:
    """Whether a links table holds a link model's probabilities, which no network's run is behind."""
    return "link_model" in header["parameters"]


def labelled(score: str, run: Run, others: Sequence[Run]) -> dict[str, str | int | None]:
    """`label`, `method` and `seed` of a link score: named for its run as far as runs of other tables make it needed."""
    method = score + (f" ({run.mode})" if run.mode != "direct" else "")
    if len({other.method for other in others if other.mode == run.mode}) > 1:
        method += f", {run.method}"
    return {"label": Run(method, run.seed, run.mode).name, "method": method, "seed": run.seed}


def of_one_seed(method: str) -> bool:
    """Whether a method's name tells one seed of several."""
    return re.search(r", seed \d+$", method) is not None


def _method(header: Header) -> str:
    return _named(header, _mode(header))


def _named(header: Header, mode: str) -> str:
    preset: str = header["parameters"].get("preset", "model")
    return preset if mode == "direct" else f"{preset} ({mode.removeprefix('direct, ')})"


def _mode(header: Header, whole: bool = False) -> str:
    """Mode of a file, with the tracks hidden from the model unless `whole`."""
    mode, hidden = header["parameters"].get("mode", "direct"), header["parameters"].get("hidden_tracks")
    return f"{mode}, without {' and '.join(hidden)}" if hidden and not whole else str(mode)
