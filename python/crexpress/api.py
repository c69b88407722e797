"""What `import crexpress as cx` offers beside `open` and `load_model`: a model on the cells of a study.

Nothing here computes: each function calls the room whose work it is. `make docs` makes docs/api.md of the docstrings,
and a test runs their examples.
"""

import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import polars as pl

from crexpress import models
from crexpress.apply import cell_model
from crexpress.apply import predict as prediction
from crexpress.apply.cell_model import CellModel
from crexpress.core import artifacts, files
from crexpress.core.errors import InputError
from crexpress.data import anchor
from crexpress.data.study import Study
from crexpress.evaluate.run import run
from crexpress.interpret import also
from crexpress.interpret import links as model_links
from crexpress.interpret.scores import SCORES
from crexpress.links import products
from crexpress.models.base import Model
from crexpress.training.fine_tune import FineTuned
from crexpress.training.fine_tune import fine_tune as train_further

_TOOLS = {"predictions": "predict", "links": "interpret"}


class Scored(NamedTuple):
    """What a model says of cells: `table` (polars, with a column `cell`), and what it was made of."""

    table: pl.DataFrame
    study: Study
    kind: str  # of artefact: "predictions" or "links"
    source: CellModel
    about: Mapping[str, Any]  # parameters of the artefacts' headers

    def write(self, folder: str | Path) -> list[Path]:
        """Write an artefact of each cell, as `predict` and `interpret` do; their paths."""
        paths = []
        for number, cell in enumerate(self.source.cells):
            header = self.source.header(self.kind, _TOOLS[self.kind], number, **self.about)
            paths.append(Path(folder) / f"{self.kind}.{cell}.parquet")
            artifacts.write_table(paths[-1], self.table.filter(pl.col("cell") == cell).drop("cell"), header)
        return paths


def predict(
    model: Model,
    study: Study,
    cells: str | Collection[str] = (),
    *,
    hide_tracks: Sequence[str] = (),
    batch_size: int = 256,
    precision: str = "float32",
) -> Scored:
    """Predicted expression of every gene, in cells that may or may not have been trained on (none: all of the study).

    `.table` has a row for each cell and gene: `split` says whether the model learned from the gene, `predicted` is in
    the unit of its target, as a rule log10(1 + TPM). `hide_tracks` predicts as if the cells lacked these tracks.

    Example:
        predicted = cx.predict(model, study, ["A", "C"])
        print(predicted.table.filter(pl.col("split") == "test").sort("predicted").tail(3))
        predicted.write("predictions")
    """
    loaded = cell_model.of_cells(model, study.inputs(cells), precision)
    loaded.hide(hide_tracks)
    split = prediction.gene_split(loaded.store.genes, loaded.config, loaded.same_genome, "", "", None)
    tables = []
    for number, cell in enumerate(loaded.cells):
        values = prediction.predict(model, loaded.store, number, batch_size, precision)
        table = prediction.prediction_table(loaded.store, loaded.config, split, values)
        tables.append(table.select(pl.lit(cell).alias("cell"), pl.all()))
    return Scored(pl.concat(tables), study, "predictions", loaded, {"hidden_tracks": list(hide_tracks)})


def links(
    model: Model,
    study: Study,
    cell: str,
    scores: Sequence[str] = ("attention", "perturbation"),
    *,
    tokens: int = 200_000,
    precision: str = "float32",
) -> Scored:
    """Every element of every gene in a cell, with scores of the link between them; higher is stronger.

    `scores` are those of `interpret` (attention, perturbation, attention_rollout, perturbation_of_dnase, ...), ABC and
    its products with them (abc, perturbation_abc, ...); a wrong name is answered with the list. `tokens` at once:
    fewer need less memory.

    Example:
        links = cx.links(model, study, "A", scores=["attention", "perturbation", "abc"])
        print(links.table.sort("perturbation", descending=True).head(3))
    """
    if model.config.anchored:
        raise InputError("this model predicts changes between cells; rank elements by a model that is not anchored")
    own = {name: score.entry(name) for name, score in SCORES.items()}
    made: dict[str, Any] = {str(score["name"]): score for score in products.SCORES}
    by_word = {word: also.entries([word], model.config) for word in also.WORDS}
    known = own | made | {name: score for its in by_word.values() for name, score in its.items()}
    for name in scores:
        if name not in known:
            raise InputError(f"there is no link score '{name}'; choose from {', '.join(known)}")
    loaded = cell_model.of_cells(model, study.inputs(cell), precision)
    extra = any(SCORES[name].more for name in scores if name in own)
    words = [word for word, its in by_word.items() if any(name in its for name in scores)]
    table = model_links.link_table(model, loaded.store, 0, tokens, extra, precision, words)
    if any(name in made for name in scores):
        signals = study.require("signals", cell)
        like = study.gene_table.header
        world = products.read_world(study.elements, study.genes, study.require("genes"), like, signals, cell)
        table = pl.concat(products.products(table, world))
    table = table.drop([name for name in known if name in table.columns and name not in scores])
    about = model_links.link_parameters(model.config, extra) | {"scores": [known[name] for name in scores]}
    return Scored(table.select(pl.lit(cell).alias("cell"), pl.all()), study, "links", loaded, about)


def evaluate_predictions(predictions: Scored, *, resamples: int = 1000, seed: int = 1) -> pl.DataFrame:
    """Metrics of predicted expression, beside those of the baselines that the study holds, with 95 % intervals.

    The rows of metrics.parquet (docs/artifacts.md): correlation across genes, change between cells, across cells.

    Example:
        metrics = cx.evaluate.expression(predicted, resamples=100)
        print(metrics.filter((pl.col("subset") == "test") & (pl.col("metric") == "pearson")))
    """
    study, cells = predictions.study, predictions.source.cells
    with TemporaryDirectory() as folder:
        found = run(
            study.require("elements"),
            study.require("genes"),
            predictions.write(folder),
            study.paths("expression"),
            study.paths("baselines", cells),
            resamples=resamples,
            seed=seed,
        )
    return found.metrics


def evaluate_links(
    links: Scored, screens: str | Path | Mapping[str, str | Path], *, resamples: int = 1000, seed: int = 1
) -> pl.DataFrame:
    """Metrics of link scores on perturbation screens, beside distance, activity/distance and ABC.

    `screens` is a file laid out as in EngreitzLab/CRISPR_comparison, or several by their names. Each score is ranked
    on every pair of the screen; the rows are those of metrics.parquet (docs/artifacts.md).

    Example:
        metrics = cx.evaluate.crispr(links, "screen.tsv.gz", resamples=100)
        print(metrics.filter(pl.col("metric") == "average_precision").select("method", "subset", "value", "low"))
    """
    study = links.study
    named = screens if isinstance(screens, Mapping) else {"": screens}
    with TemporaryDirectory() as folder:
        found = run(
            study.require("elements"),
            study.require("genes"),
            link_files=links.write(folder),
            signals=study.paths("signals", links.source.cells),
            crispr=[f"{name}={path}" if name else str(path) for name, path in named.items()],
            resamples=resamples,
            seed=seed,
        )
    return found.metrics


def fine_tune(
    model: Model,
    study: Study,
    cells: str | Collection[str] = (),
    *,
    steps: int = 200,
    learning_rate: float = 1e-4,
    batch_size: int | None = None,
    validate_every: int | None = None,
    val: str | None = None,
    test: str | None = None,
    seed: int = 1,
) -> FineTuned:
    """Train a copy of the model for some more steps, on cells of your own (none: all of the study with expression).

    Settings that are not given stay as in the model's training, `val` and `test` too. `.model` are the weights with
    the lowest loss on the validation genes, `.history` has a row for each validation.

    Example:
        tuned = cx.fine_tune(model, study, ["C"], steps=8, validate_every=4)
        print(tuned.history.select("step", "train_loss", "val_loss"))
        cx.save_model(tuned.model, "tuned")
    """
    if not cells:
        cells = study.cells.filter("expression")["cell"].to_list()
    return train_further(
        model,
        study.inputs(cells),
        steps=steps,
        learning_rate=learning_rate,
        batch_size=batch_size,
        validate_every=validate_every,
        val=val,
        test=test,
        seed=seed,
    )


def save_model(model: Model, folder: str | Path) -> None:
    """Write a model, loaded before or trained further, as a folder that `load_model` and every tool read.

    Example:
        cx.save_model(model, "copy")
        model = cx.load_model("copy")
    """
    folder = Path(folder)
    if not model.about:
        raise InputError("this model says nothing of its training; only one that was loaded, or tuned, can be saved")
    about = {name: value for name, value in model.about.items() if name not in ("version", "model")}
    models.save_model(folder, model, about)
    known = model.folder / anchor.FILE if model.folder else None
    if model.config.anchored and known and known.parent.resolve() != folder.resolve():
        with files.replacing(folder / anchor.FILE) as temporary:
            shutil.copyfile(known, temporary)
