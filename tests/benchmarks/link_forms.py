#!/usr/bin/env python3
"""Other forms of the perturbation score on the K562 screen, from the models that `make tables` trained.

    python tests/benchmarks/link_forms.py --folder results/tables/600steps --write docs/results-tables.md

Scale of the fall, shares of a gene, sums, decay, graded loops and ensembles: every form is shown, none is chosen. Loops
beside the built-in ones come with --loops NAME=FILE. Links that are missing are made; nothing is trained.
"""

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import polars as pl
from marked_page import put
from real_case import CELL, SCREEN, TARGETS, Case, Run, Setting
from real_tables import LOOPS, MODELS, WINDOW

from crexpress.core import artifacts, bootstrap, ranking
from crexpress.data.neighbours import NEAREST
from crexpress.formats import screen_files
from crexpress.links.closed_forms import closed_forms
from crexpress.links.products import abc, gene_rows, read_world, widen
from crexpress.prepare import screening
from crexpress.prepare.contacts import Contacts

MARKS = "<!-- forms: made by link_forms.py -->", "<!-- end of forms -->"
UNSUPERVISED = ("scpge-small", "scpge-activity", "scpge-lp", "scpge-lp, added")
KEY = ["gene_id", "element"]


class Bench:
    """The screen's pairs and the links of its genes; a score of links, float64 [links], becomes one of pairs."""

    def __init__(self, case: Case, seen: Path, resamples: int) -> None:
        store = case.store(Setting().tss)
        elements, _ = artifacts.read_table(store["elements"], "elements")
        genes, header = artifacts.read_table(store["genes"], "genes")
        world = read_world(elements, genes, store["genes"], header, store["signals"], CELL)
        screen = screen_files.read(SCREEN, elements["chrom"].unique()).pairs
        self.pairs = screening.pairs(screen.filter(pl.col("CellType") == CELL), genes)
        overlap = screening.overlaps(self.pairs, elements, genes)
        self.closed = closed_forms(self.pairs, overlap, elements, genes, world.tracks)
        self.genes = genes.filter(pl.col("gene_id").is_in(self.pairs["gene_id"].drop_nulls().implode()))
        some = self._read(seen)
        self.links = widen(some, self.genes, elements, WINDOW).select(*KEY, "chrom", "tss", "distance")
        self.gene = gene_rows(self.links, self.genes)
        rows = self.links["element"].to_numpy()
        self.middle = ((elements["start"] + elements["end"]) // 2).to_numpy()[rows]
        self.decay = NEAREST / np.maximum(self.links["distance"].abs().to_numpy(), NEAREST)
        self.activity = world.activity[rows]
        self.abc = abc(self.links, elements, self.genes, world.activity)
        hits = pl.DataFrame({"pair": overlap[0], "element": overlap[1].astype(np.int32)})
        hits = hits.with_columns(gene_id=self.pairs["gene_id"].gather(overlap[0]))
        hits = hits.join(self.links.select(KEY).with_row_index("row"), on=KEY)
        self.pair, self.row = hits["pair"].to_numpy(), hits["row"].to_numpy()
        gene = self.pairs["gene"].rank("dense").to_numpy().astype(np.int64) - 1
        self.counts = bootstrap.draw(int(gene.max()) + 1, resamples, 1)[:, gene]

    def _read(self, path: Path) -> pl.DataFrame:
        return pl.scan_parquet(path).filter(pl.col("gene_id").is_in(self.genes["gene_id"].implode())).collect()

    def scores(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """Perturbation and attention of every link, 0 where the model of this links table sees none."""
        found = self.links.select(KEY).join(self._read(path), on=KEY, how="left", maintain_order="left")
        perturbation, attention = (
            found[name].cast(pl.Float64).fill_null(0).to_numpy() for name in ("perturbation", "attention")
        )
        return perturbation, attention

    def predicted(self, path: Path) -> np.ndarray:
        """Predicted log10(1 + TPM) of every link's gene."""
        table, _ = artifacts.read_table(path, "predictions")
        order = self.genes.join(table.select("gene_id", "predicted"), on="gene_id", how="left", maintain_order="left")
        return order["predicted"].cast(pl.Float64).to_numpy()[self.gene]

    def share(self, values: np.ndarray) -> np.ndarray:
        """Values (0 for negative ones) as their share of the gene's sum; 0 where that is 0."""
        values = np.maximum(values, 0)
        sums = np.bincount(self.gene, values, len(self.genes))[self.gene]
        return values / np.where(sums > 0, sums, np.inf)

    def of_largest(self, values: np.ndarray) -> np.ndarray:
        """Values (0 for negative ones) over the gene's largest; 0 where that is 0."""
        largest = np.zeros(len(self.genes))
        np.maximum.at(largest, self.gene, values)
        return np.maximum(values, 0) / np.where(largest > 0, largest, np.inf)[self.gene]

    def best(self, values: np.ndarray) -> np.ndarray:
        """Largest score of the elements of each pair, -inf where there is none."""
        scores = np.full(len(self.pairs), -np.inf)
        np.maximum.at(scores, self.pair, values[self.row])
        return scores

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sum of the scores of the elements of each pair, -inf where there is none."""
        sums = np.bincount(self.pair, values[self.row], len(self.pairs))
        return np.where(np.bincount(self.pair, minlength=len(self.pairs)) > 0, sums, -np.inf)

    def with_abc(self, pairs: np.ndarray) -> np.ndarray:
        """A score of pairs times ABC's closed form."""
        return np.where(np.isfinite(pairs), np.maximum(pairs, 0) * self.closed["ABC"], -np.inf)

    def precision(self, pairs: np.ndarray) -> np.ndarray:
        """Average precision, then that of every resample of genes."""
        return ranking.measures(pairs, self.pairs["Regulated"].to_numpy(), self.counts)["average_precision"]

    def loops(self, path: Path) -> np.ndarray:
        """log10(1 + strength) of the loop between every link's element and TSS, 0 without one."""
        contacts = Contacts.open(path)
        chrom = self.links["chrom"]
        ends = contacts.bins(chrom, self.middle), contacts.bins(chrom, self.links["tss"].to_numpy())
        return np.where(ends[0] == ends[1], 0, np.log10(1 + contacts.lookup(*ends).astype(np.float64)))


def falls(bench: Bench, perturbation: np.ndarray, before: np.ndarray) -> dict[str, np.ndarray]:
    """A model's perturbation (fall of log10(1 + TPM)) on other scales; `before` is the undisturbed prediction."""
    tpm = 10**before - 10 ** (before - perturbation)
    return {
        "log10(1 + TPM), as interpret has it": perturbation,
        "TPM": tpm,
        "TPM / (TPM + 1)": tpm / 10**before,
        "TPM / (TPM + 0.1)": tpm / (np.maximum(10**before - 1, 0) + 0.1),
        "log10(1 + TPM), over its level (the paper)": perturbation / np.maximum(before, 0.01),
        "log10(1 + TPM), share of the gene": bench.share(perturbation),
        "TPM, share of the gene": bench.share(tpm / 10**before),
        "log10(1 + TPM), over the gene's largest": bench.of_largest(perturbation),
    }


def ways(bench: Bench, fall: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of pairs that a fall gives, alone and with distance, activity and ABC."""
    up = np.maximum(fall, 0)
    return {
        "alone": bench.best(fall),
        "/ distance": bench.best(fall * bench.decay),
        "/ distance, share": bench.best(bench.share(fall * bench.decay)),
        "x activity / distance": bench.best(up * bench.activity * bench.decay),
        "x ABC": bench.best(up * bench.abc),
        "x ABC, share": bench.best(bench.share(up * bench.abc)),
        "sum": bench.total(fall),
        "sum of x ABC": bench.total(np.sqrt(up * bench.abc)),
        "x ABC of the pair": bench.with_abc(bench.best(fall)),
        "sum x ABC of the pair": bench.with_abc(bench.total(fall)),
    }


def with_loops(bench: Bench, fall: np.ndarray, strength: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of pairs with loops as a factor, or added to the decay; the last two know no model."""
    up, more = np.maximum(fall, 0), 1 + strength
    added = bench.decay + strength / strength.max()
    return {
        "p x (1+g)": bench.best(up * more),
        "p x decay x (1+g)": bench.best(up * bench.decay * more),
        "p x (decay+g')": bench.best(up * added),
        "p x (decay+g'), share": bench.best(bench.share(up * added)),
        "share of p x (decay+g')": bench.best(bench.share(up) * added),
        "p x ABC x (1+g)": bench.best(up * bench.abc * more),
        "p x ABC x (1+g), share": bench.best(bench.share(up * bench.abc * more)),
        "p x A x (decay+g')": bench.best(up * bench.share(bench.activity * added)),
        "A x decay x (1+g), share": bench.best(bench.share(bench.activity * bench.decay * more)),
        "A x (decay+g'), share": bench.best(bench.share(bench.activity * added)),
    }


def averaged(bench: Bench, case: Case, runs: Sequence[Run]) -> dict[str, np.ndarray]:
    """Mean over models of perturbation, of its share of the gene and of attention, alone and with ABC."""
    found = [bench.scores(case.links([run])[0]) for run in runs]
    fall, attention = (sum(one[i] for one in found) / len(found) for i in (0, 1))
    share = sum(bench.share(one[0]) for one in found) / len(found)
    return {
        "attention": bench.best(attention),
        "perturbation": bench.best(fall),
        "its share": bench.best(share),
        "perturbation x ABC": bench.best(np.maximum(fall, 0) * bench.abc),
        "its share x ABC": bench.best(share * bench.abc),
        "its share x ABC of the pair": bench.with_abc(bench.best(share)),
    }


def ensembles(seeds: Sequence[int]) -> dict[str, list[Run]]:
    """Models that are averaged, {name: runs}."""
    small = "scpge-small"
    settings = [Setting(tracks=tracks, target=target) for tracks in ("4", "10") for target in TARGETS]
    one = {f"{small}, {s.tracks} tracks, {s.target}": [Run(s, small, seed) for seed in seeds] for s in settings}
    variants = {name: [Run(Setting(), name, seed) for seed in seeds] for name in (small, "scpge-activity", *LOOPS)}
    four, ten = ([run for runs in one.values() for run in runs if run.setting.tracks == n] for n in ("4", "10"))
    return (
        one
        | {name: runs for name, runs in variants.items() if name != small}
        | {
            "4 tracks, all without loop supervision": [run for name in UNSUPERVISED for run in variants[name]],
            "4 tracks, all seven": [run for runs in variants.values() for run in runs],
            "4 tracks, four targets": four,
            "10 tracks, four targets": ten,
            "4 and 10 tracks, four targets": four + ten,
        }
    )


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--loops", multiple=True, metavar="NAME=FILE", help="Further loops with read counts; repeat.")
@click.option("--write", type=click.Path(exists=True, path_type=Path), help="Put the tables between its marks.")
@click.option("--seeds", default="1,2,3", help="Seeds of the models.")
@click.option("--resamples", type=int, default=1000, help="Bootstrap resamples of genes.")
def main(folder: Path, loops: tuple[str, ...], write: Path | None, seeds: str, resamples: int) -> None:
    """Score all forms and print or write their tables."""
    case = Case(folder.resolve(), MODELS)
    numbers = [int(seed) for seed in seeds.split(",")]
    runs = [Run(Setting(), "scpge-small", seed) for seed in numbers]
    averages = ensembles(numbers)
    absent = {case.place(run) for some in averages.values() for run in some if not case.trained(run)}
    if absent:
        names = ", ".join(str(place.relative_to(case.folder)) for place in sorted(absent)[:3])
        raise click.ClickException(f"{folder} lacks {len(absent)} models (such as {names}); `make tables` trains them")
    bench = Bench(case, case.links(runs[:1])[0], resamples)
    each = [
        falls(bench, bench.scores(case.links([run])[0])[0], bench.predicted(case.predictions([run])[0])) for run in runs
    ]
    scales = {name: sum(one[name] for one in each) / len(each) for name in each[0]}
    perturbation = next(iter(scales.values()))
    maps = {"HiChIP, merged anchors (0 or 1)": case.store(Setting().tss)["contacts"], **_contacts(case, loops)}
    parts = [
        {name: ways(bench, fall) for name, fall in scales.items()},
        {name: with_loops(bench, perturbation, bench.loops(path)) for name, path in maps.items()},
        {f"{name} ({len(some)})": averaged(bench, case, some) for name, some in averages.items()},
    ]
    tables = [{name: {k: bench.precision(v) for k, v in row.items()} for name, row in part.items()} for part in parts]
    closed, element = bench.precision(bench.closed["ABC"]), bench.precision(bench.best(bench.abc))
    product = next(iter(tables[0].values()))["x ABC"]
    compared: list[dict[str, tuple[str, np.ndarray | str]]] = [
        {"x ABC, from the first": ("x ABC", product), "x ABC, from ABC": ("x ABC", closed)},
        {"p x ABC x (1+g), from p x ABC": ("p x ABC x (1+g)", product)},
        {
            "share, from perturbation": ("its share", "perturbation"),
            "share x ABC, from the first perturbation x ABC": ("its share x ABC", product),
            "share x ABC, from ABC": ("its share x ABC", closed),
        },
    ]
    titles = ("Fall of", "Loops", "Models (their number)")
    text = [
        f"Average precision, mean scores of {len(runs)} seeds; ABC {closed[0]:.3f}, ABC of the element "
        f"{element[0]:.3f} ({_difference(element, closed)} from ABC)."
    ]
    text += [_table(*one) for one in zip(titles, tables, compared, strict=True)]
    found = "\n\n".join(text)
    if write:
        put(write, found, MARKS)
    else:
        click.echo(found)


def _contacts(case: Case, loops: Sequence[str]) -> dict[str, Path]:
    """Loops of --loops as contacts, {name: file}."""
    found = {}
    for number, (name, _, file) in enumerate(value.rpartition("=") for value in loops):
        store = case.store(Setting().tss)
        output = store["contacts"].with_name(f"contacts.{number}.npz")
        output.unlink(missing_ok=True)
        options = "--elements", store["elements"], "--cell", CELL, "--loops", file, "--score", "count"
        found[name] = case.make(output, "build-loops", *options, "--output", output)
    return found


def _difference(one: np.ndarray, other: np.ndarray) -> str:
    """Difference with the 95 % interval of the paired bootstrap."""
    low, high = bootstrap.interval(one - other)
    return f"{one[0] - other[0]:+.3f} [{low:+.3f}, {high:+.3f}]"


def _table(
    title: str,
    rows: dict[str, dict[str, np.ndarray]],
    compared: dict[str, tuple[str, np.ndarray | str]],
) -> str:
    """Markdown: average precision of every row's forms, then differences {title: (form, from what or which form)}."""
    lines = [[title, *next(iter(rows.values())), *compared]]
    lines.append(["---"] * len(lines[0]))
    for name, row in rows.items():
        others = ((row[form], row[other] if isinstance(other, str) else other) for form, other in compared.values())
        lines.append([name, *(f"{v[0]:.3f}" for v in row.values()), *(_difference(*pair) for pair in others)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
