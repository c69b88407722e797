"""Command line of train: what it reads and writes, beside the settings of the model and of its training."""

from pathlib import Path
from typing import Any

import click

from crexpress import cli
from crexpress.cli.setting_options import setting_options, take_given
from crexpress.models.config import ModelConfig
from crexpress.training.config import TrainingConfig

EXAMPLE = (
    "train --elements elements.parquet --genes genes.parquet --signals signals.K562.safetensors \\\n"
    "    --expression expression.K562.parquet --preset scpge-small --val chr16 --test chr8,chr9 --outdir model"
)


@cli.tool(EXAMPLE)
@cli.store_options
@click.option(
    "--expression",
    type=cli.INPUT_FILE,
    multiple=True,
    required=True,
    help="expression.CELL.parquet of quantify-expression; repeat for several cells.",
)
@click.option(
    "--preset",
    default="scpge-small",
    help="Model and training settings: scpge, scpge-small, creator, creator-small, ... or a JSON file of your own.",
)
@click.option(
    "--inputs",
    default="sequence,motifs,tracks",
    callback=cli.split_list,
    help="Which of the given inputs the model sees (the papers' ablations).",
)
@click.option("--tracks", callback=cli.split_list, help="Tracks to use [default: all that every cell has].")
@setting_options(ModelConfig)
@cli.split_options
@click.option("--holdout-cells", callback=cli.split_list, help="Cells whose expression is kept out of training.")
@setting_options(TrainingConfig)
@click.option(
    "--import-weights",
    type=cli.INPUT_FILE,
    help="Start from a checkpoint (.pth) of ScPGE's released program, with a preset of its shape (scpge-compat).",
)
@cli.device_options
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bf16"]),
    default="auto",
    help="bf16 multiplies in bfloat16, weights stay float32; auto: on GPUs that have it.",
)
@click.option(
    "--compile",
    "compiled",
    is_flag=True,
    help="torch.compile the model first; needs a C++ compiler, which the images lack.",
)
@click.option(
    "--checkpoint",
    type=cli.OUTPUT_DIR,
    help="Folder for the state of the run, from which it goes on when killed [default: outdir].",
)
@click.option(
    "--checkpoint-every",
    type=click.IntRange(min=1),
    help="Steps between states written [default: one at each validation].",
)
@click.option("--outdir", type=cli.OUTPUT_DIR, default=Path("model"), help="Folder for the model.")
def main(**options: Any) -> None:
    """Train a model on the expression of genes from the elements around them.

    Writes model.safetensors, config.json and history.parquet. The weights kept are those with the lowest loss on the
    validation genes. A run that was killed goes on where it was when it is started again with the same
    options and inputs, and gives the same model. Several GPUs: torchrun --no-python --nproc-per-node GPUS -- train ...
    """
    from crexpress.training.run import run

    changes = take_given(options, ModelConfig, TrainingConfig)
    run(seed=changes.pop("seed"), changes=changes, **options)
