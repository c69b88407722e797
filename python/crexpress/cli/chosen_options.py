"""Options of tools that look at some genes, elements or links of a model."""

from collections.abc import Callable

import click

from crexpress import cli


def chosen_options(function: Callable[..., None]) -> Callable[..., None]:
    """--genes-asked, --elements-asked, and --links with --score and --top: see `interpret.chosen.asked_pairs`."""
    for option in reversed(
        (
            click.option("--ask-genes", metavar="NAMES",
                         help="Genes to look at: symbols or ids, comma-separated, or a file with one a line."),
            click.option("--ask-elements", metavar="NAMES",
                         help="Elements to look at, by element_id, likewise; without --ask-genes at all genes that "
                         "see them."),
            click.option("--score", default="perturbation", help="Score of --links by which links are the strongest."),
            click.option("--top", type=click.IntRange(min=1), default=100,
                         help="Links of a cell to take from --links where neither genes nor elements are named."),
        )
    ):  # fmt: skip
        function = option(function)
    return cli.reads(links=cli.ANY)(function)
