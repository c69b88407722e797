#!/usr/bin/env python3
"""All methods on the real case K562, into docs/benchmarks.md: `make benchmarks`.

    tests/benchmarks/benchmark_tables.py --integration Integration.hg38.bed --loops RAD21.longrange.bed.gz \\
        --domains Rao2014-TAD-K562.hg19.bedpe.gz --chain hg38ToHg19.over.chain --write docs/benchmarks.md

Expression on the test chromosomes; screens, ChIA-PET, domains and a locus by every link score: our models, peers, the
shipped link model and closed forms; a cell's own genes, and classes. Files that the repository may not hold are given,
and what is not given is left out. Runs are kept in the folder, and one that was stopped goes on from there; what
--minutes leaves no time for is named.
"""

import csv
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import benchmark_case
import click
import polars as pl
from benchmark_case import CLASSIFIERS, MODELS, OWN, SETTING, Benched
from marked_page import put
from real_case import CELL, ROOT, Run

from crexpress.core import artifacts, methods
from crexpress.evaluate.benchmarks.pairs import ALL, CLEAN, COMMON, GROUPS

MARKS = ("<!-- made by `make benchmarks` -->", "<!-- end of what `make benchmarks` makes -->")
KINDS = {"crispr": ("auprc", "auprc_by_pairs", "average_precision", "auroc", "precision_at_70_recall", "max_f1",
                    "lift", "top_k_rate", "spearman_effect"),
         "contacts": ("median_auroc", "median_auprc"),
         "domains": ("insulation_dip_difference", "insulation_dip_of_links_difference",
                     "insulation_dip_per_link_difference", "log2_inside_over_across_100_200kb"),
         "locus": ("average_precision", "auroc"),
         "specific-genes": ("pearson", "mae", "rank_of_own", "cophenetic_to_own"),
         "classes": ("auroc", "average_precision", "f1", "mcc")}  # fmt: skip
SUBSETS = {"crispr": (ALL, CLEAN), "contacts": (), "domains": ("boundaries",), "locus": (ALL,)}  # a table each
# and one table of several subsets, of these figures
_PER_GENE = tuple(f"per gene, {group}" for group in list(GROUPS)[4:])
BESIDE = {"crispr": ((COMMON, *list(GROUPS)[:4]), ("average_precision",)),
          "contacts": (_PER_GENE, ("median_auroc", "median_auprc"))}  # fmt: skip
CODE = ("core", "evaluate", "links")
LEAST = 10  # positives, or genes, of a subset that is shown
TITLES = {"auprc": "auPRC", "average_precision": "average precision", "auroc": "auROC", "top_k_rate": "top-k rate",
          "precision_at_70_recall": "P at 70 %", "max_f1": "max F1", "lift": "lift",
          "spearman_effect": "rho of effects", "median_auroc": "auROC, median", "median_auprc": "auPRC, median",
          "insulation_dip_difference": "dip of sums, less shuffled", "pearson": "r", "spearman": "rho", "mae": "MAE",
          "insulation_dip_of_links_difference": "of links alone", "insulation_dip_per_link_difference": "per link",
          "log2_inside_over_across_100_200kb": "log2 inside / across, 100-200 kb",
          "rank_of_own": "rank of its own profile", "cophenetic_to_own": "height to it", "f1": "F1",
          "mcc": "MCC", "auprc_by_pairs": "auPRC, by pairs"}  # fmt: skip
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("results/benchmarks"))
@click.option("--write", type=_FILE, help="Put the tables between its markers.")
@click.option("--models", default=",".join(MODELS), help="Models to train, in the order of their turn.")
@click.option("--seeds", default="1,2,3")
@click.option("--minutes", type=float, help="Start nothing that takes time after so many minutes.")
@click.option("--resamples", type=int, default=1000)
@click.option("--kinds", default=",".join(KINDS), help="Kinds of benchmarks to score.")
@click.option("--integration", type=_FILE, help="ScPGE's Integration.hg38.bed.")
@click.option("--loops", type=_FILE, help="RAD21 ChIA-PET of K562.")
@click.option("--domains", type=_FILE, help="Domains of K562, hg19 with --chain.")
@click.option("--chain", type=_FILE, help="hg38ToHg19.over.chain, read backwards.")
def main(
    folder: Path,
    write: Path | None,
    models: str,
    seeds: str,
    minutes: float | None,
    resamples: int,
    kinds: str,
    integration: Path | None,
    loops: Path | None,
    domains: Path | None,
    chain: Path | None,
) -> None:
    """Train what is missing, score everything, and put the tables together."""
    case = Benched(folder.resolve())
    deadline = float("inf") if minutes is None else time.time() + minutes * 60
    numbers = [int(seed) for seed in seeds.split(",")]
    wanted = benchmark_case.runs(models.split(","), numbers)
    predicted = [run for run in wanted if _done(case, run, "predict", deadline)]
    ranked = [run for run in predicted if _done(case, run, "interpret", deadline)]
    sheets = benchmark_case.sheets(case.folder / "sheets", integration, loops, domains, chain)
    text = [_expression(case, predicted, resamples)]
    missing = [f"links of {run.model} (seed {run.seed})" for run in wanted if run not in ranked]
    for kind in (kind for kind in kinds.split(",") if kind in sheets):
        if kind == "specific-genes":
            there = [seed for seed in numbers if case.unseen(seed).exists() or time.time() < deadline]
            missing += [f"K562 never seen (seed {seed})" for seed in numbers if seed not in there]
            text += [_specific(case, sheets[kind], there, resamples)] if there else []
        elif kind == "classes":
            asked = benchmark_case.runs(list(CLASSIFIERS), numbers)
            classed = [run for run in asked if _done(case, run, "predict", deadline)]
            missing += [f"{run.model} (seed {run.seed})" for run in asked if run not in classed]
            text.append(_classes(case, sheets[kind], [*predicted, *classed], resamples))
        else:
            found = _benchmarks(case, kind, sheets[kind], ranked, resamples)
            text.append(found.replace(f" (mean of {len(numbers)} seeds)", ""))  # all are, as the page says
    text += [f"Not run: {', '.join(missing)}."] if missing else []
    found = "\n\n".join(text)
    if write:
        put(write, found, MARKS)
    else:
        click.echo(found)


def _done(case: Benched, run: Run, tool: str, deadline: float) -> bool:
    """Whether a run's predictions or links are there, made while there is time."""
    kind, make = ("predictions", case.predictions) if tool == "predict" else ("links", case.links)
    if not (case.place(run) / f"{kind}.{CELL}.parquet").exists() and time.time() < deadline:
        make([run])
    return (case.place(run) / f"{kind}.{CELL}.parquet").exists()


def _by_model(done: list[Run]) -> dict[str, list[Run]]:
    found = {model: [run for run in done if run.model == model] for model in (*MODELS, *OWN, *CLASSIFIERS)}
    return {model: own for model, own in found.items() if own}


def _evaluate(case: Benched, name: str, *options: object) -> Path:
    store, outdir = case.store(SETTING.tss), case.folder / "scored" / name
    given = [word for kind in ("elements", "genes") for word in (f"--{kind}", store[kind])]
    outdir = outdir.with_name(f"{name}-{key([*given, *options])}")
    return case.make(outdir / "metrics.parquet", "evaluate", *given, *options, "--outdir", outdir).parent


def key(options: Sequence[object]) -> str:
    """What a run of evaluate is kept by: its words, files by their size and time, a sheet and what it names by content,
    so that other seeds, or one benchmark more, are scored anew.
    """
    found = hashlib.sha256()
    for part in CODE:  # what was scored by other code is scored anew
        for path in sorted((ROOT / "python" / "crexpress" / part).rglob("*.py")):
            found.update(path.read_bytes())
    for one in options:
        found.update(f"{one}\0".encode())
        if not isinstance(one, Path):
            continue
        if one.suffix == ".csv":
            named = [row[what] for row in csv.DictReader(one.open()) for what in ("file", "chain") if row.get(what)]
            for path in (one, *map(Path, named)):
                found.update(hashlib.sha256(path.read_bytes()).digest())
        else:
            found.update(f"{one.stat().st_size} {one.stat().st_mtime_ns}".encode())
    return found.hexdigest()[:12]


def _named(name: str, done: list[Run]) -> str:
    return "_".join([name, *(f"{model}{len(own)}" for model, own in _by_model(done).items())])


def _expression(case: Benched, done: list[Run], resamples: int) -> str:
    """r, rho and MAE on test genes: of each model every seed, and their mean."""
    files = [path for own in _by_model(done).values() for path in case.predictions(own)]
    outdir = _evaluate(
        case, _named("expression", done), *(word for path in files for word in ("--predictions", path)),
        *("--expression", case.expression(SETTING), "--resamples", resamples),
        *("--baselines", case.baselines(SETTING)),
    )  # fmt: skip
    table = artifacts.read_table(outdir / "metrics.parquet", "metrics")[0].filter(section="expression", subset="test")
    metrics = ("pearson", "spearman", "mae")
    rows = [[str(method), *(_figure(table.filter(method=method, metric=name)) for name in metrics)]
            for method in table["method"].unique(maintain_order=True)]  # fmt: skip
    genes = table.filter(metric="pearson")["n"].max()
    return (
        f"**Expression**: {genes:,} test genes of chr8 and chr9.\n\n{_table(['method', *map(_title, metrics)], rows)}"
    )


def _benchmarks(case: Benched, kind: str, sheet: Path, done: list[Run], resamples: int) -> str:
    """A table a benchmark and subset, the best first; of several seeds their mean."""
    drawn = min(resamples, 200) if kind == "domains" else resamples  # of 9,762 boundaries and 2 million links
    files = [case.own_scores(own) for own in _by_model(done).values()] + [case.link_model()]
    predictions = [case.predictions(own)[-1] for own in _by_model(done).values()]  # say what was trained on
    outdir = _evaluate(
        case, _named(f"{kind}{drawn}", done), *(word for path in files for word in ("--links", path)),
        *(word for path in predictions for word in ("--predictions", path)),
        *("--expression", case.expression(SETTING), "--signals", case.store(SETTING.tss)["signals"]),
        *("--benchmarks", sheet, "--benchmark-resamples", drawn, "--resamples", 0),
    )  # fmt: skip
    return f"**{kind.capitalize()}**\n\n{_tables(outdir, kind)}"


def _specific(case: Benched, sheet: Path, seeds: Sequence[int], resamples: int) -> str:
    """K562's own genes, in K562 that models of the other three cells predict."""
    predictions, measured = case.of_unseen_k562(seeds)
    outdir = _evaluate(
        case, f"specific{resamples}", *(word for path in predictions for word in ("--predictions", path)),
        *(word for path in measured for word in ("--expression", path)),
        *("--benchmarks", sheet, "--benchmark-resamples", resamples, "--resamples", 0),
    )  # fmt: skip
    return f"**Genes of K562's own**, K562 never seen:\n\n{_tables(outdir, 'specific-genes')}"


def _classes(case: Benched, sheet: Path, done: list[Run], resamples: int) -> str:
    """Expressed or not: classifiers, and models of the level by a cut of it."""
    files = [case.predictions(own)[-1] for own in _by_model(done).values()]
    outdir = _evaluate(
        case, _named(f"classes{resamples}", done), *(word for path in files for word in ("--predictions", path)),
        *("--expression", case.expression(SETTING), "--benchmarks", sheet),
        *("--benchmark-resamples", resamples, "--resamples", 0),
    )  # fmt: skip
    return f"**Classes**: expressed or not, test genes.\n\n{_tables(outdir, 'classes')}"


def _tables(outdir: Path, kind: str) -> str:
    path = outdir / "benchmarks.tsv"  # not there where every benchmark is refused, which the notes say
    empty = pl.DataFrame(schema=["benchmark", "subset", "method"])
    compared = pl.read_csv(path, separator="\t", infer_schema_length=None) if path.exists() else empty
    facts = artifacts.read_table(outdir / "metrics.parquet", "metrics")
    about, metrics = facts[1]["parameters"]["benchmarks"], facts[0].filter(section="benchmark")
    parts = []
    for (benchmark,), whole in compared.group_by(["benchmark"], maintain_order=True):
        own = metrics.filter(reference=benchmark)
        for (subset,), part in whole.group_by(["subset"], maintain_order=True):
            if subset in SUBSETS.get(kind, (subset,)):
                parts.append(_one(f"{benchmark}, {subset}", kind, own, part))
        if kind in BESIDE:
            parts.append(_several(str(benchmark), kind, own, whole))
    notes: dict[str, list[str]] = {}  # what is said of several scores alike is said once
    for name, fact in about.items():
        for note in [*fact.get("notes", []), fact.get("refused")]:
            whose, _, what = (note or "").rpartition(": ") if note and "pairs covered" in note else ("", "", note)
            if what:
                notes.setdefault(f"{name}: {what}", []).extend([whose] if whose else [])
    told = [f"- {note}" + (f" ({'; '.join(whose)})" if whose else "") for note, whose in notes.items()]
    return "\n\n".join([*parts, "\n".join(told)])


def _one(title: str, kind: str, metrics: pl.DataFrame, part: pl.DataFrame) -> str:
    """A table of one subset: all figures of its kind, the best method first."""
    own = metrics.filter(pl.col("subset").is_in([part["subset"][0], "links"]))
    names = [name for name in KINDS[kind] if name in own["metric"].to_list()]
    alike: dict[tuple[str, ...], list[str]] = {}  # methods of the same figures share a row
    for method in part["method"]:
        cells = [_figure(own.filter(method=method, metric=name)) for name in names]
        alike.setdefault((*cells, _less(part.filter(method=method))), []).append(method)
    rows = [["; ".join(found), *cells] for cells, found in alike.items()]
    told = ", ".join(f"{value:,.0f} {name}" for name, value in (_sizes(own) or {"genes": own["n"].max()}).items())
    head = ["method", *map(_title, names), "less the best"]
    if not any(row[-1] for row in rows):
        head, rows = head[:-1], [row[:-1] for row in rows]
    return f"{title} ({told}):\n\n{_table(head, rows)}"


def _several(benchmark: str, kind: str, metrics: pl.DataFrame, compared: pl.DataFrame) -> str:
    """A table of several subsets side by side, in the order of the first that has a table of its own, or the last."""
    subsets, names = BESIDE[kind]
    sizes = {subset: _sizes(metrics.filter(subset=subset)) for subset in subsets}
    shown = [subset for subset, size in sizes.items() if max(size.values(), default=0) >= LEAST]
    if not shown:
        return f"{benchmark}: no part of it has {LEAST}."
    short = {subset: subset.removeprefix("per gene, ") for subset in subsets}
    rows = []
    for method in compared.filter(subset=(*SUBSETS[kind], shown[-1])[0])["method"]:
        own = metrics.filter(method=method)
        rows.append([method, *(_figure(own.filter(subset=subset, metric=name)) for subset in shown for name in names)])
    told = [f"{short[subset]}: {', '.join(f'{n:,.0f} {what}' for what, n in sizes[subset].items())}"
            for subset in shown]  # fmt: skip
    told += [f"{short[subset]}: fewer than {LEAST}" for subset in subsets if subset not in shown and sizes[subset]]
    head = ["method", *(f"{short[subset]}: {_title(name)}" for subset in shown for name in names)]
    return f"{benchmark}, parts of it ({'; '.join(told)}):\n\n{_table(head, rows)}"


def _sizes(own: pl.DataFrame) -> dict[str, float]:
    of_all = own.filter(pl.col("metric").is_in(["positives", "genes", "boundaries"]), method=methods.EVERYTHING)
    return {row["metric"]: row["value"] for row in of_all.iter_rows(named=True)}


def _title(name: str) -> str:
    return TITLES[name]


def _figure(rows: pl.DataFrame) -> str:
    """ ".568 [.512, .618]"; a dash where there is none. Effects are of the pairs that a method covers: their number."""
    if rows.is_empty():
        return "-"
    row = rows.row(0, named=True)
    interval = "" if row["low"] is None else f" [{row['low']:.3f}, {row['high']:.3f}]"
    return f"{row['value']:.3f}{interval}" + (f", n {row['n']:,}" if row["metric"] == "spearman_effect" else "")


def _less(rows: pl.DataFrame) -> str:
    if rows.is_empty() or rows["difference"][0] is None:
        return ""
    return f"{float(rows['difference'][0]):+.3f} (p {float(rows['p'][0]):.3f})"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
