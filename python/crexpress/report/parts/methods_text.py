"""A methods text of this run, ready to paste, with its references, and what the run did not do."""

import re
from collections.abc import Mapping
from contextlib import suppress
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from crexpress import __version__
from crexpress.core import shipped, splits
from crexpress.core.methods import ANCHORED
from crexpress.report import called, cell_facts, facts, style
from crexpress.report.card import scored
from crexpress.report.inputs import Inputs
from crexpress.report.page import Code, Section, Text
from crexpress.report.parts.part import Part
from crexpress.report.study import Study


def section(study: Study) -> Section | None:
    """The text and its references."""
    text = "\n\n".join(filter(None, (_data(study.inputs), _model(study.inputs), _links(study.inputs), _tests(study))))
    missing = not_done(study)
    blocks = [Code("methods-text", "Methods", text), Code("methods-bib", "References (BibTeX)", _cited(text))]
    told = [Text(f"Not done in this run: {'; '.join(missing)}.")] if missing else []
    return Section("methods", "Methods text", [*blocks, *told])


def _data(inputs: Inputs) -> str:
    header = (inputs.elements or inputs.genes).header
    about = header["parameters"]
    text = f"Gene expression and element-gene links were modelled with crexpress {__version__}{_programs()}, which "
    text += "implements ScPGE (Zhang et al. 2026) and CREaTor (Li et al. 2023). "
    if inputs.elements is not None:
        names = [source["name"] for source in header["sources"]]
        number = len(inputs.elements.data) - len(inputs.genes.data)
        text += (
            f"{style.count(number)} candidate cis-regulatory elements and {style.count(len(inputs.genes.data))} genes "
        )
        text += f"({', '.join(about.get('biotypes') or ['all types'])}; {style.join(names)}) were taken; elements were "
        text += f"{about.get('width')} bp wide. "
    for cell, file in inputs.signals.items():
        tracks = file.header["parameters"]
        sources = style.join(source["name"] for source in file.header["sources"] if not _own(source["name"]))
        text += f"{cell}: {facts.track_names(tracks['tracks'])} ({sources}), as {style.scale(tracks['transform'])}"
        text += f"{_measured(inputs, cell)}. "
    return text.strip()


def _measured(inputs: Inputs, cell: str) -> str:
    """ "; expression (table.tsv, column TPM)", the files of a cell's expression and their columns."""
    if cell not in inputs.expression:
        return ""
    header = inputs.expression[cell].header
    tables = style.join(source["name"] for source in header["sources"] if not _own(source["name"]))
    columns = [name for name in header["parameters"].get("column") or [] if name]
    return f"; expression ({tables}{', column ' + style.join(dict.fromkeys(columns)) if columns else ''})"


def _programs() -> str:
    """ " (PyTorch 2.5, run by Nextflow 25.04 (Di Tommaso et al. 2017))", what of it is known."""
    run, known = called.of_environment(), []
    with suppress(PackageNotFoundError):
        known.append(f"PyTorch {version('torch')}")
    if run and run.nextflow:
        known.append(f"run by Nextflow {run.nextflow}, Di Tommaso et al. 2017")
    return f" ({', '.join(known)})" if known else ""


def _cited(text: str) -> str:
    """The BibTeX entries of what the text cites, which their keys tell: first author, year, a word."""
    bib = resources.files("crexpress.report").joinpath("references.bib").read_text(encoding="utf-8")
    bare = text.lower().replace(" ", "")
    entries = re.findall(r"(?ms)^(@\w+\{([a-z]+)(\d{4}).*?^\})", bib)
    return "\n".join(entry for entry, author, year in entries if f"{author}etal.{year}" in bare)


def _own(name: str) -> bool:
    return name.startswith(("elements.", "genes.", "signals."))


def _model(inputs: Inputs) -> str:
    config = inputs.config
    if not config:
        return ""
    reads, training = facts.channels(inputs), config.get("training", {})
    text = f"A model of preset {config.get('preset', 'model')} read "
    text += (
        f"the promoter and {reads['neighbours']} neighbouring elements of each gene" if reads["neighbours"] else "genes"
    )
    text += f" within {reads['window'] / 2000:,g} kb" if reads["window"] else ""
    text += f", and {facts.besides(inputs)}" if facts.besides(inputs) else ""
    if config.get("cells"):
        text += f". It was trained on {style.join(config['cells'])}"
    if training:
        text += f" for up to {style.count(training.get('steps'))} steps of {training.get('batch_size')} genes "
        text += "(AdamW, highest "
        text += f"learning rate {training.get('learning_rate')}, weight decay {training.get('weight_decay')}, seed "
        text += f"{training.get('seed')})"
    if config.get("best_step"):
        text += f"; the weights of step {style.count(config['best_step'])} had the lowest validation loss and were kept"
    places = {name: facts.place(inputs, name) for name in (splits.VAL, splits.TEST)}
    if places[splits.TEST]:
        text += f". Genes of {places[splits.VAL]} were kept for validation, of {places[splits.TEST]} for testing"
    for cell, file in inputs.predictions.items():
        about = file.header["parameters"]
        if about.get("mode") == ANCHORED:
            others = style.join(about.get("anchor_cells") or ["the training cells"])
            text += f". Of {cell} it predicted the change from what {others} express on average"
    return text + f". Expression is {config.get('units', 'in the unit of its tables')}."


def _screens(about: Mapping[str, Any]) -> str:
    """Whose screens a shipped link model was fitted to."""
    ours = about["link_model"]["name"] in {path.name for path in shipped.LINK_MODELS.values()}
    return ", EPCrisprBenchmark, Gschwind et al. 2023" * ours


def _links(inputs: Inputs) -> str:
    told = []
    for cell in inputs.links:
        _, label = cell_facts.main_score(inputs, cell)
        if cell in inputs.scored:
            about = inputs.scored[cell].header["parameters"]
            cutoff = style.number(about["cutoff"])
            screens = style.join(about.get("fitted_to", [])) or "cells"
            fit = "; each chromosome by a fit that has not seen it" if about.get("held_out") else ""
            told.append(
                f"in {cell} by link model {about['link_model_name']}, fitted to CRISPR screens of {screens}"
                f"{_screens(about)} (probability of at least {cutoff}{facts.CALLED}{fit})"
            )
        else:
            told.append(f"in {cell} the {cell_facts.TOP} of each gene with the highest {label}")
    if not told:
        return ""
    return f"Links were called {style.join(told)}; elements without signal in any track of the cell were left out."


def _tests(study: Study) -> str:
    metrics = study.inputs.metrics
    if metrics is None:
        return ""
    resamples = metrics.header["parameters"].get("resamples")
    text = "Correlations and errors were measured on the test genes"
    text += f", intervals are 95 % percentiles of {style.count(resamples)} bootstrap resamples" if resamples else ""
    names = list(facts.screens(study.inputs)) or sorted({view.reference or "" for view in study.views("links")})
    if any(names):
        text += f". Links were scored on {style.join(names)} by average precision over all tested pairs, beside "
        text += "distance and "
        text += "activity-by-contact (Fulco et al. 2019); pairs without an element among the links count as misses"
    return text + "."


def not_done(study: Study) -> list[str]:
    """What readers may expect and this run has not."""
    inputs, missing = study.inputs, []
    if not scored(study):
        missing.append("no prediction was held against measured expression")
    if not study.views("links"):
        missing.append("no link was held against a screen")
    without = [cell for cell in facts.cells(inputs) if cell in inputs.predictions and cell not in inputs.links]
    if inputs.links and without:
        missing.append(
            f"no links of {style.join(without)} were ranked (--interpret_cells names the cells that links are made for)"
        )
    if not inputs.contacts:
        missing.append("no chromatin loops were read")
    channels = facts.channels(inputs)
    if inputs.config and not channels["sequence"]:
        missing.append("the model read no sequence")
    if len(inputs.models) == 1 and not inputs.config.get("mean_of"):
        missing.append("one seed only: what training varies by chance is not known")
    return missing


PART = Part(section)
