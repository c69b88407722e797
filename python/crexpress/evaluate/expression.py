"""Predicted against observed expression: across genes, in what differs between cells, across cells.

Every figure stands beside the baselines' (science.md: the 2 x 2 of seen and unseen genes and cells), with a
bootstrap over genes, in the unit that the model was trained on (log10(1 + TPM) unless the header says otherwise).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import rankdata

from crexpress.baselines.known_cells import MEAN_OVER_CELLS
from crexpress.core import artifacts, log, methods, splits
from crexpress.core.artifacts import Header
from crexpress.core.calls import make_callable
from crexpress.core.errors import InputError
from crexpress.core.methods import Method
from crexpress.evaluate import bootstrap, labels, ranking
from crexpress.evaluate.metrics import Context, Metric

CHANGED, CHANGED_SEEN = "changed genes", "changed genes (train)"
FOLD = 2  # genes differ when abs(log2((1 + a) / (1 + b))) is above it


@dataclass
class Cell:
    """Observed and predicted expression of one cell, float64 [genes], NaN where there is none.

    `log2_value` is log2(1 + value) whatever the scale of `observed`; `seen` says whether the cell's expression
    was trained on; `models` are the methods that are no baselines, `methods` says what each is. Classifiers are
    apart: `probability` is theirs of a gene being expressed, by the thresholds `classes` (see predict's header).
    `taught` are the sets of cells that models learned from, `baselines_taught` that of the baselines where a model has
    another; `peeked` says that baselines learned from test genes of the models, and so are left out.
    """

    name: str
    seen: bool
    unit: str
    observed: np.ndarray
    log2_value: np.ndarray
    models: list[str] = field(default_factory=list)
    predicted: dict[str, np.ndarray] = field(default_factory=dict)
    methods: dict[str, Method] = field(default_factory=dict)
    probability: dict[str, np.ndarray] = field(default_factory=dict)
    classes: dict[str, float] | None = None
    taught: set[frozenset[str]] = field(default_factory=set)
    baselines_taught: list[str] | None = None
    peeked: bool = False

    def add(self, path: Path, name: str, method: Method, values: np.ndarray, classes: dict[str, float] | None) -> None:
        """One model's prediction of every gene; InputError when it does not go with those that are there."""
        if name in self.methods:
            raise InputError(f"{path} holds a second prediction of {self.name} by {name}; give one of each")
        self.methods[name] = method
        if classes is None:
            self.models.append(name)
            self.predicted[name] = values
            return
        if self.classes not in (None, classes):
            raise InputError(f"{path} calls other genes expressed or silent than another model; evaluate it on its own")
        self.classes = classes
        self.probability[name] = values

    def knows_cells(self, method: str) -> bool:
        """Whether a method was told what other cells express."""
        return method in self.methods and self.methods[method].told


def read(
    predictions: Sequence[Path],
    expression: Sequence[Path],
    baselines: Sequence[Path],
    genes: Path,
    table: pl.DataFrame,
    like: Header,
) -> tuple[dict[str, Cell], np.ndarray]:
    """Cells that have predictions and expression, in the order of `predictions`, and the split of every gene.

    `table` and `like` are the rows and the header of `genes`. Raises InputError when a file belongs to other
    genes, two files hold the same method of a cell, or the models were not trained on the same split.
    """
    observed = {header["cell"]: (values, header) for _, values, header in _read(expression, "expression", genes, like)}
    cells: dict[str, Cell] = {}
    split = np.full(len(table), "", dtype="<U5")
    files = list(_read(predictions, "predictions", genes, like))
    of_files = [(header["cell"], methods.of_predictions(header["parameters"])) for _, _, header in files]
    for (path, frame, header), (name, method), label in zip(files, of_files, labels.names(of_files), strict=True):
        if name not in observed:
            continue
        values, target = observed[name]
        seen = bool(header["parameters"]["cell_seen"])
        cell = cells.setdefault(
            name,
            Cell(
                name,
                seen,
                target["units"]["expression"],
                _aligned(values, "expression", table),
                np.log2(1 + _aligned(values, "value", table)),
            ),
        )
        if cell.seen != seen:
            raise InputError(f"{path} says that {name} was {'' if seen else 'not '}trained on, another file does not")
        cell.add(path, label, method, _aligned(frame, "predicted", table), header["parameters"].get("classes"))
        cell.taught |= _taught(header["parameters"])
        of_genes = table.join(frame, on="gene_id", how="left", maintain_order="left")["split"].fill_null("").to_numpy()
        if (split != "").any() and (split != of_genes).any():
            raise InputError(f"{path} comes from a model with another split of the genes; evaluate it on its own")
        split = of_genes
    for _, frame, header in _read(baselines, "baselines", genes, like):
        if header["cell"] in cells:
            cell = cells[header["cell"]]
            cell.peeked = _peeks(header["parameters"], table, split)
            if cell.peeked:
                log.say(f"{path} is left out: its baselines learned from genes that the model is tested on")
                continue
            learned = header["parameters"].get("training_cells", [])
            if learned and cell.taught - {frozenset(learned)}:
                cell.baselines_taught = learned
            about = methods.of_baselines(header["parameters"])
            for (text,), rows in frame.group_by("method", maintain_order=True):
                baseline = about[str(text)]
                if cell.baselines_taught and baseline.score != methods.COPY:
                    baseline = baseline._replace(cells=tuple(learned))
                name = labels.name(baseline, cell.name)
                labels.require_told_apart(
                    [*((cell.name, *known) for known in cell.methods.items()), (cell.name, name, baseline)]
                )
                cell.methods[name] = baseline
                cell.predicted[name] = _aligned(rows, "predicted", table)
    return cells, split


def _taught(parameters: Mapping[str, Any]) -> set[frozenset[str]]:
    """The cells that a model learned from, where its header says so; cells of another genome are others by any name."""
    if "training_cells" not in parameters:
        return set()
    return {frozenset(parameters["training_cells"] if parameters.get("same_genome", True) else [])}


def _peeks(baselines: Mapping[str, Any], genes: pl.DataFrame, split: np.ndarray) -> bool:
    """Whether baselines learned from test genes of the models: those of a saved model are split as it was trained."""
    if "test" not in baselines:
        return False
    own = splits.assign(genes, baselines["val"], baselines["test"], partial=True)
    return bool(((own == splits.TRAIN) & (split == splits.TEST)).any())


def baseline_cells(cells: Mapping[str, Cell]) -> dict[str, list[str]]:
    """Cells that the baselines of a cell learned from, where a model learned from others: {cell: cells}."""
    return {cell.name: cell.baselines_taught for cell in cells.values() if cell.baselines_taught}


def accuracy(cells: Mapping[str, Cell], split: np.ndarray, resamples: int, seed: int) -> Iterator[Metric]:
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


def classification(cells: Mapping[str, Cell], split: np.ndarray, resamples: int, seed: int) -> Iterator[Metric]:
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


def change(cells: Mapping[str, Cell], split: np.ndarray, resamples: int, seed: int) -> Iterator[Metric]:
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


def across_cells(cells: Mapping[str, Cell], split: np.ndarray, resamples: int, seed: int) -> Iterator[Metric]:
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


def _read(paths: Sequence[Path], kind: str, genes: Path, like: Header) -> Iterator[tuple[Path, pl.DataFrame, Header]]:
    for path in paths:
        frame, header = artifacts.read_table(path, kind)
        artifacts.require_same("genes", path, header, genes, like)
        if frame.select([name for name in ("gene_id", "method") if name in frame.columns]).is_duplicated().any():
            raise InputError(f"{path} lists a gene twice; make it again")
        yield path, frame, header


def _aligned(frame: pl.DataFrame, column: str, genes: pl.DataFrame) -> np.ndarray:
    """One value a gene in the order of the gene table, NaN where the frame has none."""
    values = genes.select("gene_id").join(frame, on="gene_id", how="left", maintain_order="left")[column]
    return values.cast(pl.Float64).fill_null(np.nan).to_numpy()


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
