"""The names that readers see of models, baselines and link scores; made here only, of what `core.methods` knows.

They stand in the column `method` of tables, in the lines that evaluate prints, and in reports. Whoever asks what is
behind a name looks at the other columns. A name is as short as the others in the same table allow.
"""

from collections.abc import Sequence

from crexpress.core.errors import InputError
from crexpress.core.methods import (
    ANCHORED,
    BASELINE,
    CELLS,
    COPY,
    EVERYTHING,
    EXPRESSION,
    Method,
    one_of_several,
)  # fmt: skip


def names(methods: Sequence[tuple[str, Method]]) -> list[str]:
    """A name for every (cell, method): with its seed where several speak of one cell, a link score with its preset
    where it comes from several.

    Raises InputError where two methods of a cell would have one name.
    """
    seeds = one_of_several(methods)
    links = {method for _, method in methods if method.preset and method.score != EXPRESSION}
    presets = {run: len({one.preset for one in links if one.run == run}) for run in {one.run for one in links}}
    found = [
        name(
            method,
            cell=cell,
            seed=method in seeds,
            preset=method in links and presets[method.run] > 1,
        )
        for cell, method in methods
    ]
    require_told_apart([(cell, text, method) for (cell, method), text in zip(methods, found, strict=True)])
    return found


def name(method: Method, cell: str | None = None, seed: bool = False, preset: bool = False) -> str:
    """One method's name; `cell` is the one whose figures it stands beside."""
    if method.kind == BASELINE and method.cells and method.score != COPY:
        few = " and ".join(method.cells) if len(method.cells) < 3 else f"{len(method.cells)} cells of this run"
        cells = "this cell" if method.cells == (cell,) else few
        return f"{method.title} ({cells})" if method.saw == CELLS else f"{method.title} (trained on {cells})"
    text = with_notes(method.title, method)
    text += f", {method.preset}" if preset else ""
    return text + (f", seed {method.seed}" if seed and method.seed is not None else "")


def with_notes(text: str, method: Method) -> str:
    """`text` with what is particular of a model's run: "net (anchored, mean of 3 seeds)"."""
    notes = [ANCHORED] if method.mode == ANCHORED else []
    notes += [mean(method.mean_of, method.mean_over)] if method.mean_of else []
    notes += [f"without {' and '.join(method.hidden_tracks)}"] if method.hidden_tracks else []
    return f"{text} ({', '.join(notes)})" if notes else text


def mean(number: int | None, over: str | None) -> str:
    """ "mean of 3 seeds"."""
    return f"mean of {number} {over}"


def point(text: str, mode: str) -> str:
    """A point of a sweep, or a preset, with the mode of its models: "small", or "small (anchored)"."""
    return f"{text} ({mode})" if mode == ANCHORED else text


def trained_model(preset: str, seed: int) -> str:
    """A model's folder in tables of how training went; `preset` as `point` names it."""
    return f"{preset}, seed {seed}"


def require_told_apart(named: Sequence[tuple[str, str, Method]]) -> None:
    """Raise InputError where two different methods of a cell, as (cell, name, method), have one name."""
    known: dict[tuple[str, str], Method] = {}
    for cell, text, method in named:
        if text == EVERYTHING or known.setdefault((cell, text), method) != method:
            raise InputError(
                f"two methods of {cell} would both be called '{text}' in the tables; give the score another label, or "
                "the preset another name"
            )
