"""Options of train: what it reads and writes, beside the settings of the model and of its training.

They stand here, as check-sweep and measure-complexity hold sweeps against them.
"""

from collections.abc import Callable
from pathlib import Path

import click

from crexpress import cli
from crexpress.cli.setting_options import setting_options
from crexpress.cli.split_options import split_options
from crexpress.models.config import ModelConfig
from crexpress.training.config import TrainingConfig

_OPTIONS = (
    cli.store_options,
    cli.reads(expression=cli.SOME),
    click.option(
        "--preset",
        help="Model and training settings: crexpress-small, crexpress, scpge, creator, ... or a JSON file.  "
        "[default: crexpress-small with --profiles, scpge-small without]",
    ),
    click.option(
        "--inputs",
        default="sequence,motifs,tracks",
        callback=cli.split_list,
        help="Which of the given inputs the model sees (the papers' ablations).",
    ),
    click.option("--tracks", callback=cli.split_list, help="Tracks to use [default: all that every cell has]."),
    setting_options(ModelConfig),
    split_options,
    click.option("--holdout-cells", callback=cli.split_list, help="Cells whose expression is kept out of training."),
    setting_options(TrainingConfig),
    click.option(
        "--import-weights",
        type=cli.INPUT_FILE,
        help="Start from a checkpoint (.pth) of ScPGE's released program, with a preset of its shape (scpge-compat).",
    ),
    cli.device_options,
    click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bf16"]),
        default="auto",
        help="bf16 multiplies in bfloat16, weights stay float32; auto: on GPUs that have it.",
    ),
    click.option(
        "--compile",
        "compiled",
        is_flag=True,
        help="torch.compile the model first; needs a C++ compiler, which the images lack.",
    ),
    click.option(
        "--checkpoint",
        type=cli.OUTPUT_DIR,
        help="Folder for the state of the run, from which it goes on when killed [default: outdir].",
    ),
    click.option(
        "--checkpoint-every",
        type=click.IntRange(min=1),
        help="Steps between states written [default: one at each validation].",
    ),
    click.option("--outdir", type=cli.OUTPUT_DIR, default=Path("model"), help="Folder for the model."),
)


def train_options(function: Callable[..., None]) -> Callable[..., None]:
    """Decorator: all options of train."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.command("train")
@train_options
def train() -> None:
    """The options as a command, for those who only read them."""
