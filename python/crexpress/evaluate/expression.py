"""Predicted against observed expression: across genes, in what differs between cells, across cells.

Every figure stands beside the baselines' (science.md: the 2 x 2 of seen and unseen genes and cells), with a
bootstrap over genes, in the unit that the model was trained on (log10(1 + TPM) unless the header says otherwise).
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy.stats import rankdata

from crexpress.baselines.known_cells import MEAN_OVER_CELLS
from crexpress.core import bootstrap, ranking, splits
from crexpress.core.calls import make_callable
from crexpress.evaluate.cells import ScoredCell
from crexpress.evaluate.metrics import Context, Metric

CHANGED, CHANGED_SEEN = "changed genes", "changed genes (train)"
FOLD = 2  # genes differ when abs(log2((1 + a) / (1 + b))) is above it


def accuracy(cells: Mapping[str, ScoredCell], split: np.ndarray, resamples: int, seed: int) -> Iterator[Metric]:
    """Pearson, Spearman and MAE of every method in every cell; of models also against the best baseline."""
    for cell in cells.values():
        for subset, inside in _subsets(split):
            rows = np.flatnonzero(inside & np.isfinite(cell.observed))
            if len(rows) < 3:
                continue
            counts = bootstrap.draw(len(rows), resamples, seed)
            context = Context("expression", cell.name, cell.seen, subset, methods=cell.methods)
            observed = cell.observed[rows]
            predicted = {method: values[rows] for method, values in cell.predicted.items()}
            scores = {method: _scores(values, observed, counts) for method, values in predicted.items()}
            for method, values in predicted.items():
                n = int(np.isfinite(values).sum())
                yield from (context.metric(method, metric, value, n) for metric, value in scores[method].items())
            baselines = {method: score for method, score in scores.items() if method not in cell.models}
            for metric, sign in (("pearson", 1), ("mae", -1)):
                ranked = [(sign * score[metric][0], method) for method, score in baselines.items() if metric in score]
                if not ranked:
                    continue
                best = max(ranked)[1]
                for model in cell.models:
                    both = np.isfinite(predicted[model]) & np.isfinite(predicted[best])
                    first, second = (
                        _scores(np.where(both, predicted[method], np.nan), observed, counts) for method in (model, best)
                    )
                    if metric in first and metric in second:
                        difference = first[metric] - second[metric]
                        yield context.metric(model, f"{metric}_difference", difference, int(both.sum()), best)


def classification(cells: Mapping[str, ScoredCell], split: np.ndarray, resamples: int, seed: int) -> Iterator[Metric]:
    """How well classifiers rank expressed genes above silent ones (ScPGE, Supplemental Fig. S3), others by level."""
    for cell in cells.values():
        if cell.classes is None:
            continue
        tpm = np.exp2(cell.log2_value) - 1
        expressed = tpm > cell.classes["expressed_above"]
        known = expressed | (tpm < cell.classes["silent_below"])
        for subset, inside in _subsets(split):
            every = np.flatnonzero(inside & known)
            drawn = bootstrap.draw(len(every), resamples, seed)
            for method, values in (cell.probability | cell.predicted).items():
                valid = np.isfinite(values[every])
                rows, counts = every[valid], drawn if valid.all() else drawn[:, valid]
                if expressed[rows].all() or not expressed[rows].any():
                    continue
                scores = ranking.measures(values[rows], expressed[rows], counts)
                context = Context("classes", cell.name, cell.seen, subset, methods=cell.methods)
                yield context.metric(method, "prevalence", float(expressed[rows].mean()), len(rows))
                for metric in ("auroc", "average_precision"):
                    yield context.metric(method, metric, scores[metric], len(rows))


def change(cells: Mapping[str, ScoredCell], split: np.ndarray, resamples: int, seed: int) -> Iterator[Metric]:
    """How well each method tells what differs between a cell that was not trained on and the cells that were.

    Test genes, and among them and the training genes those whose expression differs more than fourfold. A method that
    knows the other cells' expression is held to the change from what it knows, another to that from its own prediction.
    """
    known = [cell for cell in cells.values() if cell.seen]
    references = [(cell.name, [cell]) for cell in known] + ([(MEAN_OVER_CELLS, known)] if len(known) > 1 else [])
    for cell in cells.values():
        if cell.seen:
            continue
        for name, group in references:
            difference = cell.observed - np.mean([other.observed for other in group], axis=0)
            fold = np.abs(cell.log2_value - np.mean([other.log2_value for other in group], axis=0))
            there, differs = np.isfinite(difference), fold > FOLD
            test, train = there & (split == splits.TEST), there & (split == splits.TRAIN)
            for subset, inside in ((splits.TEST, test), (CHANGED, test & differs), (CHANGED_SEEN, train & differs)):
                rows = np.flatnonzero(inside)
                if len(rows) < 3:
                    continue
                counts = bootstrap.draw(len(rows), resamples, seed)
                context = Context("change", cell.name, False, subset, name, cell.methods)
                for method, values in cell.predicted.items():
                    n = int(np.isfinite(values[rows]).sum())
                    level = _scores(values[rows], cell.observed[rows], counts)
                    if "pearson" in level:
                        yield context.metric(method, "pearson_level", level["pearson"], n)
                    if cell.knows_cells(method):
                        told = [other.observed for other in group]
                    else:
                        told = [other.predicted[method] for other in group if method in other.predicted]
                    if len(told) == len(group):
                        predicted = values - np.mean(told, axis=0)
                        scores = _scores(predicted[rows], difference[rows], counts)
                        for metric in ("pearson", "mae"):
                            if metric in scores:
                                yield context.metric(method, f"{metric}_change", scores[metric], n)


def across_cells(cells: Mapping[str, ScoredCell], split: np.ndarray, resamples: int, seed: int) -> Iterator[Metric]:
    """Pooled correlation across cells within genes: each gene's mean over the cells is taken out first.

    Needs three cells; for the methods that predict all of them, on the genes measured in all of them.
    """
    if len(cells) < 3:
        return
    observed = _centred([cell.observed for cell in cells.values()])
    first = next(iter(cells.values()))
    alike = {name: all(cell.methods.get(name) == own for cell in cells.values()) for name, own in first.methods.items()}
    about = {name: own if alike[name] else own._replace(cells=()) for name, own in first.methods.items()}
    for subset, inside in _subsets(split):
        rows = np.flatnonzero(inside & np.isfinite(observed).all(axis=0))
        if len(rows) < 3:
            continue
        counts = bootstrap.draw(len(rows), resamples, seed)
        seen = all(cell.seen for cell in cells.values())
        context = Context("across cells", "all", seen, subset, methods=about)
        for method in first.predicted:
            if not all(method in cell.predicted for cell in cells.values()):
                continue
            predicted = _centred([cell.predicted[method] for cell in cells.values()])[:, rows]
            truth = observed[:, rows]
            sums = np.stack([(predicted * truth).sum(0), (predicted**2).sum(0), (truth**2).sum(0)], axis=1)
            both, own, true = (counts @ np.nan_to_num(sums)).T
            if own[0] > 1e-12 and true[0] > 1e-12:
                yield context.metric(method, "pearson_within_genes", both / np.sqrt(own * true), len(rows))


def _subsets(split: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield "all", np.ones(len(split), bool)
    for name in (splits.TRAIN, splits.VAL, splits.TEST):
        yield name, split == name


def _scores(predicted: np.ndarray, observed: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Pearson, Spearman and MAE for every row of counts, over the genes that are predicted.

    A constant prediction has no correlation. Spearman is Pearson of the ranks in the whole data.
    """
    valid = np.isfinite(predicted)
    x, y = predicted[valid], observed[valid]
    if not len(x):
        return {}
    drawn = counts if valid.all() else counts[:, valid]  # large: copied only when it must be
    total = drawn.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = {"mae": drawn @ np.abs(x - y) / total}
        if np.ptp(x) > 1e-6 and np.ptp(y) > 0:  # the mean of known cells differs from itself by float32's rounding
            scores["pearson"] = _pearson(drawn, total, x, y)
            scores["spearman"] = _pearson(drawn, total, rankdata(x), rankdata(y))
    return scores


def _pearson(counts: np.ndarray, total: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    mx, my, xx, yy, xy = (counts @ np.stack([x, y, x * x, y * y, x * y], axis=1)).T / total
    return (xy - mx * my) / np.sqrt((xx - mx**2) * (yy - my**2))


def _centred(cells: Sequence[np.ndarray]) -> np.ndarray:
    values = np.stack(cells)
    return values - values.mean(axis=0)


make_callable(__name__, "crexpress.api:evaluate_predictions")  # crexpress.evaluate.expression(...)
