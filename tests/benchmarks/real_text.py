"""The tables of `real_tables.py` as Markdown."""

from collections.abc import Collection, Sequence
from pathlib import Path
from statistics import mean, stdev

import polars as pl
from real_case import Case, Run, Setting

from crexpress.core import artifacts
from crexpress.core.methods import CLOSED_FORM, MODEL, PLAIN

TREES = "boosted trees promoter + 20 elements"
BASELINES = {
    "ridge, 20 el.": "ridge promoter + 20 elements",
    "promoter": "boosted trees promoter",
    "trees, 20 el.": TREES,
}
SUBSETS = ("all pairs", "<10 kb", "10-50 kb", "50-100 kb", ">100 kb")
UNMIXED = ("attention", "attention_logit", "perturbation", "attention_perturbation", "learned_contact")  # without ABC
CLOSED = ("distance", "activity/distance", "activity/distance (screen's read counts)", "ABC")


def validation(case: Case, done: Sequence[Run], seed: int) -> str:
    """Loss on chr16 of every model of the first setting."""
    rows = [[run.model, f"{case.validation(run):.4f}"] for run in done if run.setting == Setting() and run.seed == seed]
    text = (
        "Loss on the validation genes of chr16 (4 tracks, main TSS, Roadmap TPM, seed 1), by which models are chosen:"
    )
    return f"{text}\n\n{_table(['model', 'loss'], rows)}"


def expression(found: Sequence[tuple[Setting, Path] | None], model: str) -> str:
    """Pearson, Spearman and MAE on test genes, a table each."""
    read = [(one[0], _test(one[1])) for one in found if one]
    parts = [
        f"**Expression**: test genes of chr8 and chr9, `{model}`. `promoter`: boosted trees on the TSS window alone; "
        "`network`: a figure a seed, as mean ± sd where there are several seeds; `together`: the mean of their "
        "predictions; `difference`: of that (or of the only seed) from the best baseline, with the 95 % interval of a "
        "paired bootstrap over genes."
    ]
    for metric, title in (("pearson", "r"), ("spearman", "rho"), ("mae", "MAE, log10(1 + x)")):
        head = ["TSS", "tracks", "target", "genes", *BASELINES, "network", "together"]
        head += ["difference"] if metric != "spearman" else []
        rows = [_expression_row(setting, table, metric) for setting, table in read]
        parts.append(f"{title}:\n\n{_table(head, rows)}")
    return "\n\n".join(parts)


def _test(path: Path) -> pl.DataFrame:
    table, _ = artifacts.read_table(path, "metrics")
    return table.filter(pl.col("section") == "expression", pl.col("subset") == "test")


def _expression_row(setting: Setting, table: pl.DataFrame, metric: str) -> list[str]:
    def row(method: str, name: str = metric) -> dict[str, float]:
        return table.filter(pl.col("method") == method, pl.col("metric") == name).row(0, named=True)

    models = table.filter(pl.col("kind") == MODEL)
    together, seeds = (
        models.filter(pl.col("mean_of").is_not_null() == several)["method"].unique().sort().to_list()
        for several in (True, False)
    )
    values = [row(name)["value"] for name in seeds]
    shown = f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")
    cells = [setting.tss, setting.tracks, setting.target, f"{row(seeds[0])['n']:,}"]
    cells += [f"{row(name)['value']:.3f}" for name in BASELINES.values()]
    cells += [shown, f"{row(together[0])['value']:.3f}" if together else ""]
    if metric != "spearman":
        difference = row((together or seeds)[0], f"{metric}_difference")
        cells.append(f"{difference['value']:+.3f} [{difference['low']:+.3f}, {difference['high']:+.3f}]")
    return cells


def links(found: Sequence[tuple[str, int, Path] | None], plain: Collection[str]) -> str:
    """Average precision on the screen by distance: closed forms, then those of every model; `plain` ones unmixed."""
    tables = [(model, seeds, _screen(path)) for model, seeds, path in (one for one in found if one)]
    if not tables:
        return ""
    first = tables[0][2]
    groups = [_groups(first, subset) for subset in SUBSETS]
    rows = [_link_row(first, "", method) for method in CLOSED]
    for model, seeds, table in tables:
        label = model + (f", {seeds} seeds" if seeds > 1 else "")
        rows += [_link_row(table, label, method) for method in _scores(table, plain=model in plain)]
    text = (
        "**Links**: average precision on the K562 CRISPR screen (EPCrisprBenchmark, the field's rules, every pair "
        "scored), with the 95 % interval of a bootstrap over genes, and by distance. Models see 100 elements a gene "
        "where no other number is named; others within 500 kb have 0 as attention and perturbation."
    )
    head = ["model", "score", *(f"{subset} ({group})" for subset, group in zip(SUBSETS, groups, strict=True))]
    return f"{text}\n\n{_table(head, rows)}"


def _screen(path: Path) -> pl.DataFrame:
    table, _ = artifacts.read_table(path, "metrics")
    return table.filter(pl.col("section") == "links")


def _groups(table: pl.DataFrame, subset: str) -> str:
    row = table.filter(pl.col("subset") == subset, pl.col("metric") == "positives").row(0, named=True)
    return f"{row['value']:.0f} of {row['n']:,}"


def _scores(table: pl.DataFrame, plain: bool) -> list[str]:
    """Scores of a links table, without those over distance and per gene; `plain`: of the model alone."""
    rows = table.filter(pl.col("metric") == "coverage", pl.col("form") == PLAIN, pl.col("kind") != CLOSED_FORM)
    if plain:
        rows = rows.filter(pl.col("score").is_in(UNMIXED))
    return rows["method"].unique(maintain_order=True).to_list()


def _link_row(table: pl.DataFrame, model: str, method: str) -> list[str]:
    rows = table.filter(pl.col("method") == method, pl.col("metric") == "average_precision")
    cells = [model, method]
    for subset in SUBSETS:
        value = rows.filter(pl.col("subset") == subset).row(0, named=True)
        interval = f" [{value['low']:.3f}, {value['high']:.3f}]" if subset == SUBSETS[0] else ""
        cells.append(f"{value['value']:.3f}{interval}")
    return cells


def missing(runs: Sequence[Run], steps: int | None) -> str:
    """What was not run, and with how many steps."""
    trained = f"Trainings took {steps} steps, not the preset's number. " if steps else ""
    if not runs:
        return f"{trained}Every setting was run with every seed."
    seeds: dict[tuple[str, str], list[int]] = {}
    for run in runs:
        seeds.setdefault((run.setting.folder, run.model), []).append(run.seed)
    alike: dict[str, list[str]] = {}
    for (folder, model), numbers in seeds.items():
        alike.setdefault(", ".join(map(str, sorted(numbers))), []).append(f"{folder} {model}")
    named = "; ".join(f"seed {numbers} of {', '.join(names)}" for numbers, names in alike.items())
    return f"{trained}Not run, for lack of time ({len(runs)} trainings): {named}."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
