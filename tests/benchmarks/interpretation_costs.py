"""What `attribute` and `interpret` cost on real cells, and that both say the same of a link (docs/scaling.md).

    python tests/benchmarks/interpretation_costs.py k562 FOLDER         # FOLDER of benchmark_tables.py, with its models
    python tests/benchmarks/interpretation_costs.py chr20 FOLDER        # scpge at full size, on real sequence

`k562` ranks every element of every gene by a trained crexpress-small, `chr20` those of its 105 genes by `scpge`, which
it trains for some steps where FOLDER has no such model (105 genes teach it little: what counts here is its size). Of
the links that are strongest by perturbation `--count` are attributed. Printed: seconds of each tool as a whole, steps
and errors of the links, and the largest difference between the effect by `attribute`, which runs the whole model with
the element's inputs silent, and the perturbation by `interpret`, which mixes all elements of a gene at once. `--genes`
holds these against each other for every element of so many genes.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "reference"))
import run_case

from crexpress.apply import cell_model
from crexpress.core import artifacts
from crexpress.interpret.chosen import Pairs, pairs
from crexpress.interpret.link_view import LinkView

ROOT = Path(__file__).parents[2]
CELL = "K562"
AT_ONCE = 256


def tool(name: str, *options: Any) -> None:
    """Run bin/`name` in a process of its own and print what it took; what it says goes to standard error."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    subprocess.run([sys.executable, str(ROOT / "bin" / name), *map(str, options)], check=True, stdout=sys.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = sum(getattr(after, part) - getattr(before, part) for part in ("ru_utime", "ru_stime"))
    print(f"{name}: {spent:.0f} CPU s, {time.time() - began:.0f} s of the clock", flush=True)


def k562(folder: Path) -> tuple[Path, dict[str, Path]]:
    """The model of the first seed, and the artefacts that it reads."""
    store = folder / "store/main"
    given = {"elements": store / "elements.parquet", "genes": store / "genes.parquet"}
    given |= {kind: store / f"{kind}.{CELL}.safetensors" for kind in ("signals", "profiles")}
    return folder / "main.4tracks.Roadmap/crexpress-small/seed1/model", given


def chr20(folder: Path, steps: int) -> tuple[Path, dict[str, Path]]:
    """`scpge` with sequence, all motifs and four tracks, and the artefacts of the case chr20, made where not there."""
    given = {name: folder / f"{name}.parquet" for name in ("elements", "genes")}
    given |= {name: folder / f"{name}.safetensors" for name in ("sequence", "motifs", f"signals.{CELL}")}
    given["signals"] = given.pop(f"signals.{CELL}")
    folder.mkdir(parents=True, exist_ok=True)
    here = os.getcwd()
    os.chdir(folder)
    for name, *words in run_case.calls("chr20", steps):
        if name == "train":
            break
        if name == "extract-signals":
            words += ["--bin-size", 1]
        if not all(path.is_file() for path in given.values()) or not Path(f"expression.{CELL}.parquet").is_file():
            tool(name, *words)
    os.chdir(here)
    model = folder / "scpge"
    if not (model / "model.safetensors").is_file():
        case = run_case.parameters("chr20")
        tool("train", *options(given), "--expression", folder / f"expression.{CELL}.parquet", "--preset", "scpge",
             "--steps", steps, "--batch-size", 8, "--val", case["val"], "--test", case["test"], "--threads", 1,
             "--outdir", model)  # fmt: skip
    return model, given


def options(given: dict[str, Path]) -> list[Any]:
    return [word for name, path in given.items() for word in (f"--{name}", path)]


def quantiles(values: Sequence[float] | pl.Series) -> str:
    return ", ".join(f"{np.quantile(values, part):.2g}" for part in (0.5, 0.9, 1.0))


def attributed(folder: Path, links: pl.DataFrame) -> None:
    """Print steps and errors of the links of `attribute`, and how far its effects are from `interpret`'s."""
    found, _ = artifacts.read_table(folder / f"attributed.{CELL}.parquet", "attributed")
    steps = found["steps"].value_counts(sort=False).sort("steps").rows()
    print("steps: " + ", ".join(f"{number} in {count} links" for number, count in steps))
    print(f"error of completeness, median, 90 % and largest: {quantiles(found['error'])}")
    both = found.join(links, on=["gene_id", "element"], suffix="_of_links")
    difference = (both["effect"] - both["perturbation"]).abs().max()
    print(f"effect and perturbation of {len(both)} links differ by {difference:.1e} at most")


def mask_and_run(model: Path, given: dict[str, Path], links: pl.DataFrame, genes: int) -> None:
    """Hold perturbation against the whole model, run with each element's inputs silent, of so many genes."""
    loaded = cell_model.load(
        model, elements=given["elements"], genes=given["genes"], signals=[given["signals"]], expression=[],
        sequence=given.get("sequence"), motifs=given.get("motifs"), contacts=[],
        profiles=[given["profiles"]] if "profiles" in given else [], device="cpu", precision="float32",
    )  # fmt: skip
    store = loaded.store
    seen = np.flatnonzero((store.index >= 0).sum(1).numpy() > 1)
    chosen = np.sort(np.random.default_rng(1).choice(seen, min(genes, len(seen)), replace=False))
    every = pairs(store, chosen, None)
    every = Pairs(*(part[every.column != store.index.shape[1] // 2] for part in every))
    fall = []
    for at in range(0, len(every.gene), AT_ONCE):
        view = LinkView(loaded.model, store, 0, Pairs(*(part[at : at + AT_ONCE] for part in every)))
        link = torch.arange(len(view.element))
        ends = [view.of(inputs, link, view.rows_at_once(100_000)) for inputs in (view.inputs, view.silent)]
        fall.append((ends[0] - ends[1]).numpy())
    index = store.index[every.gene].numpy()[np.arange(len(every.gene)), every.column]
    own = pl.DataFrame({"gene_id": store.genes["gene_id"][every.gene], "element": index, "fall": np.concatenate(fall)})
    both = own.join(links, on=["gene_id", "element"])
    assert len(both) == len(own)
    difference = (both["fall"] - both["perturbation"]).abs().max()
    print(
        f"masking and running the whole model, {len(own):,} elements of {len(chosen)} genes: differs from perturbation "
        f"by {difference:.1e} at most (effects up to {own['fall'].abs().max():.2f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case", choices=["k562", "chr20"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, help="Folder for what the tools write; FOLDER/costs when not given.")
    parser.add_argument("--count", type=int, default=1000, help="Links that are attributed.")
    parser.add_argument("--genes", type=int, default=0, help="Genes whose elements are masked one by one.")
    parser.add_argument("--steps", type=int, default=60, help="Of training scpge, of 8 genes each.")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    asked.folder = asked.folder.resolve()
    out = asked.out or asked.folder / "costs"
    model, given = k562(asked.folder) if asked.case == "k562" else chr20(asked.folder, asked.steps)
    of_model = ["--model", model, *options(given), "--threads", asked.threads, "--outdir", out]
    path = out / f"links.{CELL}.parquet"
    if not path.is_file():
        tool("interpret", *of_model)
    links, _ = artifacts.read_table(path, "links")
    print(f"{len(links):,} links of {links['gene_id'].n_unique():,} genes")
    if asked.genes:
        mask_and_run(model, given, links, asked.genes)
    if asked.count:
        tool("attribute", *of_model, "--links", path, "--top", asked.count, "--logos", 0)
        attributed(out, links)


if __name__ == "__main__":
    main()
