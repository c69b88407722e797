#!/usr/bin/env python3
"""What it costs the shipped link models that a cell lacks a thing, or has another kind of track: their cards' figures.

    OMP_NUM_THREADS=1 tests/benchmarks/link_costs.py --folder results/links --loops rad21=FILE --loops hichip=FILE \\
        --only access --write assets/link_models

Nothing is fitted. fit-links measures the same (crexpress.links.costs) for the card of a new model; this does so for
models that were fitted before, whose arrays stay as they are. Figures that a card has already must come out again.
"""

from pathlib import Path

import click
import k562_links
from real_case import CELL
from ship_links import MODELS

from crexpress.core import artifacts, shipped
from crexpress.links import costs, evidence, model
from crexpress.links.read import on_scale


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option(
    "--loops", multiple=True, metavar="NAME=FILE", help="The two maps of loops; without, no model with loops."
)
@click.option("--only", multiple=True, type=click.Choice([*MODELS]), help="These models.  [default: all]")
@click.option("--write", type=click.Path(path_type=Path), help="Folder for the models with the new cards.")
def main(folder: Path, loops: tuple[str, ...], only: tuple[str, ...], write: Path | None) -> None:
    """Print a table, and write."""
    store, scene = k562_links.opened(folder, dict(entry.split("=", 1) for entry in loops))
    pairs = k562_links.pairs_of(store)
    for name in only or MODELS:
        if MODELS[name][1] and not loops:
            continue
        path = shipped.LINK_MODELS[name]
        one = model.read(path)
        pieces = evidence.find(one.pieces)
        placed = on_scale(scene, one.scales)
        asked = costs.Asked(
            [costs.tested(placed, k562_links.NAME, pairs, pieces)],
            {CELL: placed},
            pieces,
            {chrom: number - 1 for chrom, number in one.folds[CELL].items()},
            one.fits[1:],
        )
        reached = asked.precision(asked.scenes)
        told = costs.figures(asked, {CELL: scene}, one.scales)
        print(f"{name}: {reached:.4f} (card {one.card['average_precision'][0]:.4f})", told, flush=True)
        known = {"": one.card["average_precision"][0], **one.card["without"]}
        again = {"": reached, **told["without"]}
        if not known.keys() <= again.keys() or any(abs(known[need] - again[need]) > 5e-4 for need in known):
            raise click.ClickException(f"{name} does not reach the figures of its card, {known}: fit it again")
        if write:
            header, arrays = artifacts.open_arrays(path, "link_model")
            kept = {key: array.copy() for key, array in arrays.items()}
            card = header["parameters"]["card"] | {key: told[key] for key in told}
            artifacts.write_arrays(
                write / path.name, kept, header | {"parameters": header["parameters"] | {"card": card}}
            )


if __name__ == "__main__":
    main()
