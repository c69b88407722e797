#!/usr/bin/env python3
"""The shipped link models of assets/link_models (OMP_NUM_THREADS=1, requirements.lock; see README.md there).

    python tests/benchmarks/ship_links.py --folder results/links --loops rad21=K562.RAD21_ChIA-PET...bed.gz \\
        --loops hichip=K562-enriched.H3K27ac_HiChIP...bed.gz --write assets/link_models

The two maps of loops are not part of this repository (YaqiangCao/cLoops2_supp, assets/ORIGINS.md). Beside the four
models that ship, `ten_tracks` and `everything` (ten tracks and both maps) are fitted for docs/results.md;
`*.pairs.parquet` are the held-out probabilities that link_models.py makes tables of. What is in `--folder` already is
not made again.
"""

import shutil
from pathlib import Path

import click
from real_case import CELL, FOUR, ROOT, SCREEN, TEN, Case, Setting

LINKS = ROOT / "assets" / "link_models"
FOUR_TRACKS, TEN_TRACKS = (",".join(name.lower() for name in names) for names in (FOUR, TEN))
MODELS = {  # name: tracks, whether it reads loops
    "four_tracks": (FOUR_TRACKS, False),
    "four_tracks_loops": (FOUR_TRACKS, True),
    "activity": ("dnase,h3k27ac", False),
    "access": ("dnase", False),
}
MORE = {"ten_tracks": (TEN_TRACKS, False), "everything": (TEN_TRACKS, True)}


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--loops", multiple=True, metavar="NAME=FILE", help="A map of loops of K562; repeat.")
@click.option(
    "--only", multiple=True, type=click.Choice([*MODELS, *MORE]), help="Fit these.  [default: those that ship]"
)
@click.option("--write", type=click.Path(path_type=Path), help="Folder that the fitted models are copied to.")
def main(folder: Path, loops: tuple[str, ...], only: tuple[str, ...], write: Path | None) -> None:
    """Fit, and copy."""
    case = Case(folder, {})
    for name in only or MODELS:
        model = fitted(case, name, dict(entry.split("=", 1) for entry in loops))
        if write:
            shutil.copy(model, write / model.name)


def fitted(case: Case, name: str, loops: dict[str, str]) -> Path:
    """File of a link model."""
    tracks, with_loops = (MODELS | MORE)[name]
    if with_loops and len(loops) < 2:
        raise click.UsageError(f"{name} reads two maps of loops: give --loops NAME=FILE twice")
    store = case.store("main")
    contacts = [word for entry in sorted(loops.items()) for word in ("--contacts", loop_map(case, store, *entry))]
    output = case.folder / f"{name}.safetensors"
    return case.make(
        *(output, "fit-links", "--elements", store["elements"], "--genes", store["genes"]),
        *("--signals", store["signals"], "--expression", case.expression(Setting()), *(contacts if with_loops else [])),
        *("--known", LINKS / "known_expression.parquet", "--crispr", f"EPCrisprBenchmark={SCREEN}", "--tracks", tracks),
        *("--name", name, "--output", output, "--pairs", case.folder / f"{name}.pairs.parquet"),
    )


def loop_map(case: Case, store: dict[str, Path], name: str, file: str) -> Path:
    """Contacts of a map of loops."""
    output = case.folder / f"contacts.{name}.npz"
    options = ("--elements", store["elements"], "--cell", CELL, "--loops", file, "--output", output)
    return case.make(output, "build-loops", *options)


if __name__ == "__main__":
    main()
