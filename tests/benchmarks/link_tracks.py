#!/usr/bin/env python3
"""What it costs a shipped link model when K562 has another track of a kind than the one that it was fitted with.

    OMP_NUM_THREADS=1 tests/benchmarks/link_tracks.py --folder results/links \\
        --hela HeLa-S3.DNase.peaks.hg38.bw --other dnase=K562.DHS_candidate_elements.binary.lifted_hg38.bw \\
        --other h3k27ac=K562.H3K27ac.CUTnRUN_support_0-5.hg38.bw

No ATAC track of K562 is at hand. Models take tracks by their ranks, so what may cost is not ATAC's unit but that it
ranks other elements high. Written down before it was scored: DNase in the place of ATAC as it is, with the weakest
half of its elements at 0, times log-normal noise (sd of ln .5 and 1), with a fifth of its elements lost and as many
others in their place, and that of another cell, which is the worst that a track of accessibility can be. `--other` are
real tracks of K562 by other methods; they hold four chromosomes, or those of --few, whose pairs alone are scored,
ranks among these. With --few alone the first table is left out.
Nothing is fitted: every chromosome is scored by the fit of the shipped model that has not seen it. Misses last.
"""

from dataclasses import replace
from pathlib import Path

import click
import k562_links
import numpy as np
import polars as pl
from real_case import ASSETS, CELL, Case

from crexpress.core import artifacts, shipped
from crexpress.links import model
from crexpress.links.closed_forms import linear_signal
from crexpress.links.model import LinkModel
from crexpress.links.read import ccre_rows, on_scale
from crexpress.links.scale import match
from crexpress.links.scene import ACCESS, MEASURED, Scene

MODELS = ("access", "activity", "four_tracks")
FEW = "chr9,chr20,chr21,chr22"  # that the other tracks hold


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--hela", type=click.Path(path_type=Path), default=ASSETS / "HeLa-S3.DNase.peaks.hg38.bw")
@click.option("--other", multiple=True, metavar="TRACK=FILE")
@click.option("--few", help=f"Chromosomes that the other tracks hold.  [default: {FEW}, after the first table]")
def main(folder: Path, hela: Path, other: tuple[str, ...], few: str | None) -> None:
    """Print the tables."""
    store, scene = k562_links.opened(folder, {})
    pairs = k562_links.pairs_of(store)
    models = {name: model.read(shipped.LINK_MODELS[name]) for name in MODELS}
    others = [read(folder, entry) for entry in other]
    if few:
        of_few(models["four_tracks"], scene, pairs, others, few.split(","))
        return
    elsewhere = read(folder, f"dnase={hela}")[ACCESS]
    print("| accessibility | " + " | ".join(f"{name}, from DNase" for name in MODELS) + " |\n" + "|---" * 4 + "|")
    first = {name: scored(one, scene, pairs) for name, one in models.items()}
    for kind, values in shaped(scene, elsewhere).items():
        changed = replace(scene, tracks={**scene.tracks, ACCESS: values})
        cells = [
            difference({"of": scored(one, changed, pairs), "from": first[name]}, pairs) for name, one in models.items()
        ]
        print(f"| {kind} | {' | '.join(cells)} |", flush=True)
    if other:
        of_few(models["four_tracks"], scene, pairs, others, FEW.split(","))


def shaped(scene: Scene, elsewhere: np.ndarray) -> dict[str, np.ndarray]:
    """Accessibility in other shapes, {in words: values [elements]}."""
    dnase, generator = scene.tracks[ACCESS], np.random.default_rng(1)
    peaks, rest = np.flatnonzero(dnase > 0), np.flatnonzero(dnase == 0)
    lost = generator.choice(peaks, len(peaks) // 5, replace=False)
    exchanged = dnase.copy()
    exchanged[generator.choice(rest, len(lost), replace=False)] = dnase[lost]
    exchanged[lost] = 0
    found = {"DNase": dnase, "squared, another unit": dnase**2}
    found["weakest half at 0"] = np.where(dnase > np.median(dnase[peaks]), dnase, 0)
    found |= {f"noise of {sd} (sd of ln)": dnase * np.exp(generator.normal(0, sd, len(dnase))) for sd in (0.5, 1)}
    return found | {"a fifth elsewhere": exchanged, "of HeLa-S3": elsewhere}


def of_few(
    one: LinkModel, scene: Scene, pairs: pl.DataFrame, others: list[dict[str, np.ndarray]], few: list[str]
) -> None:
    """The table of tracks by other methods, of the pairs of `few` chromosomes."""
    rows = ccre_rows(scene) & scene.elements["chrom"].is_in(few).to_numpy()
    inside = pairs["chrom"].is_in(few).to_numpy()
    placed = {
        name: match(values, rows, one.scales[name]) for name, values in scene.tracks.items() if name in one.scales
    }
    score = k562_links.held_out(one, replace(scene, tracks=placed), pairs)
    number = f"{pairs['Regulated'].to_numpy()[inside].sum()} regulated of {inside.sum()}"
    value = k562_links.interval(k562_links.precision({"": score}, pairs, inside)[""])
    print(f"\nfour_tracks on {', '.join(few)} ({number}): {value}\n")
    print("| another track of K562 | from the built-in |\n|---|---|")
    for tracks in [*others, {name: values for some in others for name, values in some.items()}]:
        own = {name: match(values, rows, one.scales[name]) for name, values in tracks.items()}
        changed = k562_links.held_out(one, replace(scene, tracks=placed | own), pairs)
        print(f"| {', '.join(tracks)} | {difference({'of': changed, 'from': score}, pairs, inside)} |", flush=True)


def scored(one: LinkModel, scene: Scene, pairs: pl.DataFrame) -> np.ndarray:
    """Held-out log odds of every pair, tracks on the model's scale, -inf without an element: [pairs]."""
    return k562_links.held_out(one, on_scale(scene, one.scales), pairs)


def difference(scores: dict[str, np.ndarray], pairs: pl.DataFrame, inside: np.ndarray | None = None) -> str:
    """Average precision, and the difference with its interval."""
    found = k562_links.precision(scores, pairs, inside)
    return f"{found['of'][0]:.3f}, {k562_links.interval(found['of'] - found['from'], sign=True)}"


def read(folder: Path, entry: str) -> dict[str, np.ndarray]:
    """A track's mean over every element, {its name: [elements]}, by NAME=FILE."""
    case, file = Case(folder, {}), Path(entry.partition("=")[2])
    output = folder / f"signals.{file.stem}.safetensors"
    elements = case.elements("main")[0]
    case.make(output, "extract-signals", "--elements", elements, "--cell", CELL, "--track", entry, "--output", output)
    header, tensors = artifacts.open_arrays(output, "signals")
    linear = linear_signal(dict(tensors), header["parameters"]["transform"])
    return {MEASURED.get(name, name): values for name, values in linear.items()}


if __name__ == "__main__":
    main()
