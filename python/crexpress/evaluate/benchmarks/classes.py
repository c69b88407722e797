"""Expressed or not, as classes: AUC, F1 and MCC (ScPGE, Supplemental Fig. S3)."""

import numpy as np

from crexpress.core import bootstrap, methods, ranking, splits
from crexpress.core.errors import InputError
from crexpress.evaluate.benchmarks.base import SECTION, Entry, Found, World
from crexpress.evaluate.metrics import Context, Metric

EXPRESSED, SILENT = 15.0, 1.0  # TPM: 4 and 1 in log2(1 + TPM), ScPGE's


def score(entry: Entry, world: World) -> Found:
    """Figures on test genes. A classifier calls from a probability of 0.5 on, a predicted level from the cut with the
    best MCC on validation genes. Options: `expressed` and `silent` in TPM.
    """
    expressed, silent = float(entry.options.get("expressed", EXPRESSED)), float(entry.options.get("silent", SILENT))
    cells = [entry.cell] if entry.cell else list(world.expression)
    if not cells or any(cell not in world.expression for cell in cells):
        raise InputError(f"{entry.name}: needs predictions and expression of {entry.cell or 'a cell'}; give them")
    rows: list[Metric] = []
    for cell in cells:
        one = world.expression[cell]
        tpm = np.exp2(one.log2_value) - 1
        label = tpm > expressed
        known = label | (tpm < silent)
        context = Context(SECTION, cell, one.seen, splits.TEST, entry.name, one.methods)
        for method, values in (one.probability | one.predicted).items():
            there = known & np.isfinite(values)
            test, val = (np.flatnonzero(there & (world.split == part)) for part in (splits.TEST, splits.VAL))
            if not 0 < label[test].sum() < len(test):
                continue
            cut = 0.5 if method in one.probability else best_cut(values[val], label[val])
            rows += _figures(context, method, values[test], label[test], cut, world)
    if not rows:
        raise InputError(
            f"{entry.name}: no cell of {', '.join(cells)} has test genes of both kinds, above {expressed:g} and below "
            f"{silent:g} TPM; set the columns expressed and silent, or test more genes"
        )
    return Found(rows, [], [f"expressed above {expressed:g} TPM, silent below {silent:g}, others left out"])


def best_cut(values: np.ndarray, label: np.ndarray) -> float:
    """The cut with the largest MCC, of 200 between the values; their median where there is but one class."""
    if not len(values) or label.all() or not label.any():
        return float(np.median(values)) if len(values) else 0.0
    cuts = np.quantile(values, np.linspace(0, 1, 200))
    called = values[:, None] >= cuts
    return float(cuts[int(np.argmax([f1_mcc(*_table(called[:, at], label, None))[1] for at in range(len(cuts))]))])


def f1_mcc(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F1 and Matthews' correlation; the latter 0 where a side of the table is empty, as scikit-learn has it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = 2 * tp / (2 * tp + fp + fn)
        mcc = (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return f1, np.nan_to_num(mcc)


def _table(called: np.ndarray, label: np.ndarray, counts: np.ndarray | None) -> tuple[np.ndarray, ...]:
    kinds = (called & label, called & ~label, ~called & label, ~called & ~label)
    if counts is None:
        return tuple(np.array(kind.sum(), np.float64) for kind in kinds)
    return tuple(counts @ kind.astype(np.float64) for kind in kinds)


def _figures(
    context: Context, method: str, values: np.ndarray, label: np.ndarray, cut: float, world: World
) -> list[Metric]:
    n = len(values)
    counts = bootstrap.draw(n, min(world.resamples, 1_000), world.seed)
    ranks = ranking.measures(values, label, counts)
    f1, mcc = f1_mcc(*_table(values >= cut, label, counts))
    figures = {"auroc": ranks["auroc"], "average_precision": ranks["average_precision"], "f1": f1, "mcc": mcc}
    return [
        context.metric(methods.EVERYTHING, "prevalence", float(label.mean()), n),
        *(context.metric(method, name, figure, n) for name, figure in figures.items()),
    ]
