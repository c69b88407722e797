#!/usr/bin/env python3
"""crexpress-small beside boosted trees that see the same: the gene's own profile, its window and 20 elements.

    OMP_NUM_THREADS=1 python tests/benchmarks/network_and_trees.py --folder results/network

Settings: K562 from four and ten tracks and on four targets; HeLa-S3 and HUVEC by what was learned in K562 alone;
anchored in each of four cells, learned from the other three. chr16 chooses the weights (and is a row of its own, by
which anything else was chosen), chr8 and chr9 test. A network is the mean of its seeds, trees those of fit-baselines;
"both" is the mean of the two. Differences have the 95 % interval of a paired bootstrap over genes. What is in
`--folder` is not made again; docs/results.md has the table.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import pretrained
from profile_ablation import SPLITS, correlations
from real_case import TARGETS, TEN, Case, Setting, names, threads
from threadpoolctl import threadpool_limits

from crexpress.baselines import known_cells, regressions
from crexpress.core import artifacts, bootstrap, containers, splits
from crexpress.data import anchor, neighbours

Found = Callable[[], tuple[np.ndarray, "Scored"]]
K562 = "K562"
NEW = ("HeLa-S3", "HUVEC")  # cells with all four tracks, predicted from K562 alone
NEIGHBOURS = 20
RESAMPLES = 1000
OF_K562 = {
    **{f"{target}, {tracks} tracks": Setting(tracks=tracks, target=target) for target, tracks in
       [("Roadmap", "4"), ("Roadmap", "10"), *((target, "4") for target in TARGETS if target != "Roadmap")]},
}  # fmt: skip

COLUMNS = ("setting", "genes", "network: r of seeds", "network: r / MAE", "trees: r / MAE", "network less trees",
           "both: r / MAE", "both less trees", "copying: r", "network less copying",
           "both less copying", "r of change: network, trees, both (genes)")  # fmt: skip


class Scored(NamedTuple):
    """Predictions of the genes that are measured, {who: float64 [genes]} or [seeds, genes] of the network's seeds.

    `known` is what copying says, the known cell or the mean of several; `base` what a change is from: of each method
    its own prediction in the known cell, or that mean.
    """

    truth: np.ndarray
    network: np.ndarray
    trees: np.ndarray
    known: np.ndarray | None = None
    network_base: np.ndarray | None = None
    trees_base: np.ndarray | None = None


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--seeds", default="1,2,3")
@click.option("--only", multiple=True, help="Begin of the names of settings, such as 'Roadmap' or 'anchored'.")
def main(folder: Path, seeds: str, only: tuple[str, ...]) -> None:
    """Train, and print the table."""
    case = Case(folder, {})
    numbers = [int(seed) for seed in seeds.split(",")]
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    for name, found in settings(case, numbers):
        if not only or name.startswith(only):
            chrom, scored = found()
            for split, chroms in SPLITS.items():
                rows = np.isin(chrom, chroms) & np.isfinite(scored.truth) & np.isfinite(scored.trees)
                rows &= np.isfinite(scored.network).all(0)
                rows &= True if scored.known is None else np.isfinite(scored.known)
                print(row(name, split, cut(scored, rows)), flush=True)


def settings(case: Case, seeds: Sequence[int]) -> Iterator[tuple[str, Found]]:
    """Name and maker of each setting."""
    for name, setting in OF_K562.items():
        yield f"K562 {name}", lambda setting=setting: of_k562(case, setting, K562, seeds)
    for cell in NEW:
        yield f"{cell} from K562", lambda cell=cell: of_k562(case, Setting(), cell, seeds)
    for cell in pretrained.CELLS:
        yield f"{cell} anchored", lambda cell=cell: anchored(case, cell, seeds)


def of_k562(case: Case, setting: Setting, cell: str, seeds: Sequence[int]) -> tuple[np.ndarray, Scored]:
    """Learned in K562 alone, applied to `cell`."""
    store = pretrained.prepare(case)
    wide = prepare_ten(case)
    expression = wide["expression"] = case.folder / "store" / "main" / setting.target / f"expression.{K562}.parquet"
    case.expression(setting)
    own = [word for name, path in wide.items() for word in (f"--{name}", path)]
    place = case.folder / setting.folder
    new = [word for cell in NEW for option, path in pretrained.of_cell(store, cell) if option != "--expression"
           for word in (option, path)] if setting == Setting() else []  # fmt: skip
    guesses: dict[str, list[np.ndarray]] = {}
    for seed in seeds:
        model = place / f"seed{seed}"
        options = ("--preset", "crexpress-small", "--neighbours", NEIGHBOURS, "--tracks", names(setting))
        train = (*own, *options, "--seed", seed, "--threads", threads(), "--outdir", model)
        case.make(model / "history.parquet", "train", *train)
        output = model / f"predictions.{cell}.parquet"
        case.make(output, "predict", "--model", model, *own[:-2], *new, "--threads", threads(), "--outdir", model)
        for one in {cell, K562}:
            guesses.setdefault(one, []).append(predicted(model / f"predictions.{one}.parquet"))
    paths = {"signals": [wide["signals"]], "profiles": [wide["profiles"]], "expression": [expression]}
    for option, path in zip(new[::2], new[1::2], strict=True):
        paths[str(option).removeprefix("--")].append(path)
    trees = cached(place / "trees.npz", lambda: trees_of(wide, paths, names(setting).split(","), []))
    truth = read_expression(expression)
    if cell == K562:
        return chromosomes(wide["genes"]), Scored(truth, np.stack(guesses[cell]), trees[cell])
    there = dict(pretrained.of_cell(store, cell))["--expression"]
    networks = np.stack(guesses[cell]), np.stack(guesses[K562])
    scored = Scored(read_expression(there), networks[0], trees[cell], truth, networks[1], trees[K562])
    return chromosomes(wide["genes"]), scored


def prepare_ten(case: Case) -> dict[str, Path]:
    """Elements, genes, signals and profiles of all ten tracks of K562."""
    elements, genes = case.elements("main")
    place = elements.parent / "ten"
    signals = place / f"signals.{K562}.safetensors"
    folder = pretrained.ASSETS
    tracks = [word for name in TEN for word in ("--track", f"{name.lower()}={folder}/{K562}.{name}.peaks.hg38.bw")]
    given = ("--elements", elements, "--genes", genes, "--cell", K562)
    case.make(signals, "extract-signals", *given, *tracks, "--output", signals)
    profiles = signals.with_name(f"profiles.{K562}.safetensors")
    return {"elements": elements, "genes": genes, "signals": signals, "profiles": profiles}


def anchored(case: Case, cell: str, seeds: Sequence[int]) -> tuple[np.ndarray, Scored]:
    """The change from three known cells, learned in them, in the fourth."""
    store = pretrained.prepare(case)
    outputs = [pretrained.predictions_of(case, store, cell, "anchored", seed) for seed in seeds]
    paths = {kind: [path for option, path in zip(store[::2], store[1::2], strict=True) if option == f"--{kind}"]
             for kind in ("signals", "profiles", "expression")}  # fmt: skip
    shared = {"elements": store[1], "genes": store[3]}
    tracks = list(pretrained.TRACKS)
    trees = cached(case.folder / f"without-{cell}" / "trees.npz", lambda: trees_of(shared, paths, tracks, [cell]))
    by_cell = {path.name.split(".")[1]: read_expression(path) for path in paths["expression"]}
    known = anchor.mean_over_cells([values for name, values in by_cell.items() if name != cell])
    network = np.stack([predicted(path) for path in outputs])
    return chromosomes(store[3]), Scored(by_cell[cell], network, trees[cell], known, known, known)


def trees_of(
    shared: Mapping[str, Path], paths: Mapping[str, Sequence[Path]], tracks: Sequence[str], holdout: Sequence[str]
) -> dict[str, np.ndarray]:
    """{cell: what trees predict}, of several known cells the trees for the change from their mean."""
    (elements, _), of_genes = artifacts.read_elements_and_genes(shared["elements"], shared["genes"])
    genes = of_genes.frame
    cells = regressions.read_cells(
        paths["signals"], paths["expression"], holdout, shared["genes"], of_genes, tracks, paths["profiles"]
    )
    index = neighbours.nearest(genes, elements, NEIGHBOURS)
    training = splits.assign(genes, "chr16", "chr8,chr9") == splits.TRAIN
    tracks = sorted(tracks)
    tables = {cell.name: regressions.features(cell.signals, tracks, elements, genes, index) for cell in cells}
    tables, width = regressions.with_profiles(cells, tracks, genes, tables, len(tracks) * index.shape[1])
    known = {cell.name: cell.expression for cell in cells if cell.trained and cell.expression is not None}
    trees = regressions.boosted_trees(1)
    if len(known) > 1:
        return known_cells.trees_change(trees, tables, width, known, training, threads())
    [(name, values)] = known.items()
    rows = training & np.isfinite(values)
    with threadpool_limits(threads()):
        trees.fit(tables[name][rows], values[rows])
        return {cell: trees.predict(table) for cell, table in tables.items()}


def cached(path: Path, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays of a file, made where it is not there."""
    if not path.exists():
        containers.pack(path, make())
    with np.load(path) as found:
        return dict(found)


def predicted(path: Path) -> np.ndarray:
    return artifacts.read_table(path, "predictions")[0]["predicted"].fill_null(np.nan).to_numpy().astype(np.float64)


def read_expression(path: Path) -> np.ndarray:
    return artifacts.read_table(path, "expression")[0]["expression"].fill_null(np.nan).to_numpy().astype(np.float64)


def chromosomes(genes: Path) -> np.ndarray:
    return artifacts.read_table(genes, "genes")[0]["chrom"].to_numpy()


def cut(scored: Scored, rows: np.ndarray) -> Scored:
    """Of these genes alone."""
    return Scored(*(None if part is None else part[..., rows] for part in scored))


def row(name: str, split: str, scored: Scored) -> str:
    """A row of the table."""
    truth, trees, network = scored.truth, scored.trees, scored.network.mean(0)
    both = (network + trees) / 2
    drawn = bootstrap.draw(len(truth), RESAMPLES, 1)
    guesses = {"network": network, "trees": trees, "both": both}
    guesses |= {} if scored.known is None else {"copying": scored.known}
    r = {who: correlations(guess, truth, drawn) for who, guess in guesses.items()}

    def figures(who: str, guess: np.ndarray) -> str:
        return f"{r[who][0]:.3f} / {np.abs(guess - truth).mean():.3f}"

    def less(who: str, other: str) -> str:
        if other not in r:
            return ""
        low, high = bootstrap.interval(r[who] - r[other])
        return f"{r[who][0] - r[other][0]:+.3f} [{low:+.3f}, {high:+.3f}]"

    seeds = " ".join(f"{np.corrcoef(guess, truth)[0, 1]:.3f}" for guess in scored.network)
    columns = [f"{name}, {split}", len(truth), seeds, figures("network", network), figures("trees", trees)]
    columns += [less("network", "trees"), figures("both", both), less("both", "trees")]
    columns += [f"{r['copying'][0]:.3f}" if "copying" in r else "", less("network", "copying")]
    columns += [less("both", "copying"), changes(scored, both)]
    return f"| {' | '.join(map(str, columns))} |"


def changes(scored: Scored, both: np.ndarray) -> str:
    """r of the predicted change of the genes that differ fourfold from what is known."""
    if scored.known is None or scored.network_base is None or scored.trees_base is None:
        return ""
    network_base = np.atleast_2d(scored.network_base).mean(0)
    change = scored.truth - scored.known
    rows = np.abs(change) > pretrained.CHANGED
    guesses = (scored.network.mean(0) - network_base, scored.trees - scored.trees_base,
               both - (network_base + scored.trees_base) / 2)  # fmt: skip
    each = ", ".join(f"{np.corrcoef(guess[rows], change[rows])[0, 1]:.3f}" for guess in guesses)
    return f"{each} ({rows.sum()})"


if __name__ == "__main__":
    main()
