"""Plain facts about a run that several parts of the report need: cells, splits, channels, methods, units."""

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from crexpress.core import methods, splits
from crexpress.core.methods import ANCHORED, MODEL, Method
from crexpress.report import style
from crexpress.report.inputs import Inputs

EXPRESSION_SECTIONS = ("expression", "classes")  # of the metrics table, in which models of expression have figures
CALLED = (  # which links a link model calls besides the cutoff: links/apply.py
    ", of expressed genes (from 1 TPM on; where that is not measured, all but the 30 % with the least active "
    "promoters) with accessible elements that have signal in the cell and lie on no TSS"
)
FEW_GENES = 1000  # below this many training genes, over all cells, a network cannot be trusted, and the report says so


def cells(inputs: Inputs) -> list[str]:
    """Every cell of the run: trained ones first, then the others, each in alphabetical order."""
    names = {*inputs.predictions, *inputs.signals, *inputs.expression, *inputs.links}
    return sorted(names, key=lambda name: (not seen(inputs, name), name))


def seen(inputs: Inputs, cell: str) -> bool:
    """Whether the cell's expression was used in training."""
    return cell in inputs.predictions and bool(inputs.predictions[cell].header["parameters"]["cell_seen"])


def copied(inputs: Inputs, cell: str) -> bool:
    """Whether the cell's tracks are those of another cell: then it is new by its name alone."""
    return cell in inputs.predictions and bool(inputs.predictions[cell].header["parameters"].get("same_tracks"))


def saw(inputs: Inputs, cell: str, seen: bool) -> str:
    """In words whether the model has `seen` the cell in training; not to be called new where its tracks are not."""
    if seen:
        return "trained on"
    return "tracks of another cell" if copied(inputs, cell) else "never seen"


def role(inputs: Inputs, cell: str) -> str:
    """What the cell was to the model, in words."""
    trained = seen(inputs, cell)
    if trained:
        return saw(inputs, cell, trained)
    scored = cell in inputs.expression or any(name == cell for name, _, _ in _models(inputs))
    return f"{saw(inputs, cell, trained)}, {'scored' if scored else 'predicted only'}"


def classifies(inputs: Inputs, cell: str) -> bool:
    """Whether the cell's predictions are probabilities of being expressed."""
    return inputs.predictions[cell].header["parameters"].get("classes") is not None


def _models(inputs: Inputs) -> Iterator[tuple[str, str, Method]]:
    """Every model of expression in the metrics table with each of its cells: (cell, name, what it is)."""
    if inputs.metrics is None:
        return
    rows = inputs.metrics.data.filter(pl.col("kind") == MODEL, pl.col("section").is_in(EXPRESSION_SECTIONS))
    for row in rows.unique(("cell", "method"), keep="first", maintain_order=True).iter_rows(named=True):
        method = methods.from_row(row)
        if method:
            yield row["cell"], row["method"], method


def about(inputs: Inputs) -> dict[str, Method]:
    """What is behind the name of every model of expression in the metrics table, by name."""
    return dict(sorted({name: method for _, name, method in _models(inputs)}.items()))


def models(inputs: Inputs) -> list[str]:
    """Methods of the metrics table that are models, the pictured one first; else the presets of the predictions."""
    known, single = about(inputs), single_seeds(inputs)
    if known:
        return sorted(known, key=lambda name: (name in single, bool(known[name].hidden_tracks), name))
    return sorted({file.header["parameters"]["preset"] for file in inputs.predictions.values()})


def single_seeds(inputs: Inputs) -> set[str]:
    """Models that are one seed of several: they have a line in tables, but no sentence and no curve of their own."""
    several = methods.one_of_several((cell, method) for cell, _, method in _models(inputs))
    return {name for name, method in about(inputs).items() if method in several}


def whole(inputs: Inputs, model: str) -> str | None:
    """The same model with all tracks, of one that some were hidden from; else None."""
    known = about(inputs)
    if model not in known or not known[model].hidden_tracks:
        return None
    same = known[model]._replace(hidden_tracks=())
    return next((name for name, method in known.items() if method == same), None)


def anchored(inputs: Inputs, model: str) -> bool:
    """Whether a model was told what other cells express, and predicts the change."""
    known = about(inputs)
    return model in known and known[model].mode == ANCHORED


def screens(inputs: Inputs) -> dict[str, dict[str, Any]]:
    """What evaluate found of every screen: {name: see `screening.Screening.facts`}."""
    found: dict[str, dict[str, Any]] = inputs.metrics.header["parameters"].get("screens", {}) if inputs.metrics else {}
    return found


def leading(inputs: Inputs, cell_seen: bool) -> list[str]:
    """The models whose figures lead in a cell: anchored ones where it was never seen, direct ones elsewhere."""
    own = spoken(inputs)
    return [model for model in own if anchored(inputs, model) != cell_seen] or own


def spoken(inputs: Inputs) -> list[str]:
    """Models with sentences of their own: all but the single seeds and those with hidden tracks, unless there is
    nothing else.
    """
    known, single = about(inputs), single_seeds(inputs)
    own = [name for name in models(inputs) if name not in single and not (name in known and known[name].hidden_tracks)]
    return own or models(inputs)[:1]


def preset(inputs: Inputs) -> str:
    """Name of the preset that made the predictions."""
    return style.join(sorted({file.header["parameters"]["preset"] for file in inputs.predictions.values()}))


def baseline_cells(inputs: Inputs) -> dict[str, list[str]]:
    """Cells that the baselines of a cell learned from, where the models learned from others: {cell: cells}."""
    if inputs.metrics is None:
        return {}
    found: dict[str, list[str]] = inputs.metrics.header["parameters"].get("baselines_trained_on", {})
    return found


def unit(inputs: Inputs, cell: str) -> str:
    """Unit of a cell's expression, as in "log10(1 + TPM)": by its own file, without one by what evaluate wrote."""
    if cell not in inputs.expression:
        units = inputs.metrics.header["parameters"].get("units", {}) if inputs.metrics else {}
        return str(units.get(cell, "the unit of the target"))
    header = inputs.expression[cell].header
    return header["units"].get("expression", f"log10(1 + {header['parameters'].get('unit', 'TPM')})")


def quantity(inputs: Inputs, cell: str) -> str:
    """What was measured: "RNA" or "CAGE", with the column when one was named."""
    parameters = inputs.expression[cell].header["parameters"]
    name, column = str(parameters.get("quantity", "rna")).upper(), parameters.get("column")
    columns = column if isinstance(column, list) else [column]
    named = ", ".join(dict.fromkeys(str(part) for part in columns if part))
    return f"{name} ({named})" if named else name


def scored_genes(inputs: Inputs, cell: str) -> pl.DataFrame:
    """Predicted genes of a cell with their measured `expression`: gene_id, gene_name, split, predicted, expression."""
    predicted = inputs.predictions[cell].data.select("gene_id", "gene_name", "split", "predicted")
    observed = inputs.expression[cell].data.select("gene_id", "expression")
    return predicted.join(observed, on="gene_id", maintain_order="left").filter(
        pl.col("expression").is_not_null() & pl.col("expression").is_not_nan() & pl.col("predicted").is_not_null()
    )


def genes_by_split(inputs: Inputs, cell: str) -> dict[str, int]:
    """Number of measured genes of a cell in each split."""
    counts = dict(scored_genes(inputs, cell).group_by("split").len().iter_rows())
    return {name: counts.get(name, 0) for name in (splits.TRAIN, splits.VAL, splits.TEST)}


def training_genes(inputs: Inputs) -> list[int]:
    """Number of measured training genes of every cell that was trained on and has expression here."""
    return [genes_by_split(inputs, cell)[splits.TRAIN] for cell in inputs.expression if seen(inputs, cell)]


def channels(inputs: Inputs) -> dict[str, Any]:
    """What the model reads: `tracks` (list), `sequence` and `profile`, the gene's own (bool), `motifs` (number),
    `neighbours` and `window` (bp).
    """
    config = inputs.config.get("model", {})
    return {
        "tracks": list(config.get("tracks", [])),
        "sequence": bool(config.get("sequence", False)),
        "motifs": len(config.get("motifs", [])),
        "profile": bool(config.get("profile_width")),
        "neighbours": config.get("neighbours"),
        "window": config.get("window"),
    }


def besides(inputs: Inputs) -> str:
    """What the model reads besides tracks of elements, in words; empty where that is nothing."""
    reads = channels(inputs)
    parts = ["the DNA sequence"] if reads["sequence"] else []
    parts += [f"{reads['motifs']} motif scores"] if reads["motifs"] else []
    if reads["profile"]:
        far = inputs.config["model"].get("profile_edges", [0])[-1]
        parts.append(
            f"each gene's own profile (its tracks out to {far / 1000:g} kb on both sides of the TSS, and over its body)"
        )
    return style.join(parts)


def track_names(tracks: Iterable[str]) -> str:
    """Tracks in words: "DNase, H3K27ac and CTCF"."""
    return style.join(style.track(track) for track in tracks)


def place(inputs: Inputs, split: str) -> str:
    """Where the genes of a split lie: the regions that training was given, "chr8 and chr9", else their chromosomes."""
    other_genome = any(not file.header["parameters"].get("same_genome", True) for file in inputs.predictions.values())
    if inputs.config.get(split) and not other_genome:
        return style.join(_region(region) for region in splits.parse(inputs.config[split]))
    if not inputs.predictions:
        return ""
    frame = next(iter(inputs.predictions.values())).data
    names = frame.filter(pl.col("split") == split)["chrom"].unique(maintain_order=True).to_list()
    return style.join(names) if len(names) <= 4 else f"{len(names)} chromosomes"


def _region(region: splits.Region) -> str:
    """ "chr8", or "chr20:7.0-10.0 Mb"."""
    if region.end is None:
        return region.chrom
    return f"{region.chrom}:{region.start / 1e6:.1f}-{region.end / 1e6:.1f} Mb"


def absent(inputs: Inputs) -> str:
    """The sentence that says which of the sequence channels the model does without; empty when it has both."""
    reads = channels(inputs)
    if not inputs.config or (reads["sequence"] and reads["motifs"]):
        return ""
    if not reads["sequence"] and not reads["motifs"]:
        return "Tracks only: the model has no sequence and no motif channel."
    return f"The model has no {'motif' if reads['sequence'] else 'sequence'} channel."
