"""What every executable in bin/ shares: --version, exit codes, messages, progress."""

import errno
import functools
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from crexpress import __version__
from crexpress.core import errors
from crexpress.core.names import listed
from crexpress.core.registry import imported
from crexpress.core.schemas import NAME

# Idle OpenMP threads of torch and scikit-learn sleep: spinning, they made trees six times slower on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Torch's tensors lie in huge pages: faults of small ones took a quarter of a training step's CPU time.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
# Of several processes each would warn that DDP looks for unused weights and finds none; see training.parallel.
if "WORLD_SIZE" in os.environ:
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")


INPUT_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
INPUT_DIR = click.Path(exists=True, file_okay=False, path_type=Path)
OUTPUT_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
OUTPUT_DIR = click.Path(file_okay=False, writable=True, path_type=Path)
SEED = click.IntRange(0, 2**32 - 1)  # what numpy, torch and scikit-learn all take
_NO_MEMORY = "not enough host memory; give this tool more, or a smaller input"
_NOT_OURS = (  # faults of a folder or disk
    *(errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
)


class FloatRange(click.FloatRange):
    """click's, without NaN, which is in every range, and infinity."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class Registered(click.ParamType):
    """A name in the registry `module:NAME`, a dictionary, which is imported only when a value or help is asked for."""

    name = "choice"

    def __init__(self, registry: str) -> None:
        self.registry = registry

    @property
    def choices(self) -> list[str]:
        return list(imported(self.registry))

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        return click.Choice(self.choices).get_metavar(param, ctx)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return click.Choice(self.choices).convert(value, param, ctx)


def tool(example: str) -> Callable[[Callable[..., None]], click.Command]:
    """Turn a function with click options into a crexpress executable.

    `example` is shown at the end of --help. Faults of the input end with one message and exit code 65,
    a full GPU with 75, full host memory with 137, Ctrl-C with 130; anything else is a defect of
    ours and keeps its traceback.
    """

    def decorate(function: Callable[..., None]) -> click.Command:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> None:
            try:
                function(*args, **kwargs)
            except errors.InputError as error:
                fail(str(error), errors.BAD_INPUT)
            except KeyboardInterrupt as stop:  # of training, with what it leaves
                fail(str(stop) or "interrupted; no unfinished artefact was kept", errors.INTERRUPTED)
            except MemoryError:
                fail(_NO_MEMORY, errors.HOST_OUT_OF_MEMORY)
            except OSError as error:
                if error.errno not in _NOT_OURS:
                    raise
                path = error.filename2 or error.filename or "the output"  # the second one of a renaming is the user's
                fail(f"cannot use {path}: {error.strerror}; give another place", errors.BAD_INPUT)
            except Exception as error:
                if type(error).__name__ == "OutOfMemoryError":  # torch's, without importing torch here
                    fail("the GPU is out of memory; use a smaller --batch-size", errors.DEVICE_OUT_OF_MEMORY)
                if "DefaultCPUAllocator" in str(error):  # torch's RuntimeError
                    fail(_NO_MEMORY, errors.HOST_OUT_OF_MEMORY)
                raise

        command = click.command(
            context_settings={"show_default": True, "help_option_names": ["-h", "--help"]},
            epilog=f"\b\nExample:\n  {example}",
        )(guarded)
        return click.version_option(__version__, message="%(prog)s (crexpress) %(version)s")(command)

    return decorate


def fail(message: str, code: int) -> None:
    """Print one message to stderr and leave with `code`."""
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)


def split_list(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
    """Click callback: `listed`."""
    return listed(value)


def cell_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Click callback: the name of a cell, which files are named after; the samplesheet's rule."""
    if not NAME.fullmatch(value):
        raise click.BadParameter(f"'{value}' cannot name a file; use letters, digits, '.', '_', '-'.")
    return value


def store_options(function: Callable[..., None]) -> Callable[..., None]:
    """The options of every tool that reads the element store: elements, genes, signals, sequence, motifs, contacts."""
    for option in reversed(
        (
            click.option("--elements", type=INPUT_FILE, required=True, help="elements.parquet of merge-ccres."),
            click.option("--genes", type=INPUT_FILE, required=True, help="genes.parquet of merge-ccres."),
            click.option(
                "--signals",
                type=INPUT_FILE,
                multiple=True,
                required=True,
                help="signals.CELL.safetensors of extract-signals; repeat for several cells.",
            ),
            click.option("--sequence", type=INPUT_FILE, help="sequence.safetensors of score-motifs."),
            click.option("--motifs", type=INPUT_FILE, help="motifs.safetensors of score-motifs."),
            click.option(
                "--contacts",
                type=INPUT_FILE,
                multiple=True,
                help="contacts.CELL.npz of build-loops, for models that read chromatin loops; repeat as --signals.",
            ),
        )
    ):
        function = option(function)
    return function


def one_split(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Click callback: refuse --fold beside --val or --test; the last of them that is given sees the others."""
    names = [f"--{name}" for name in ("val", "test") if _is_given(context, name)]
    if names and _is_given(context, "fold"):
        raise click.UsageError(f"--fold stands for both --val and --test; leave out {' and '.join(names)}, or --fold")
    return value


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def split_options(function: Callable[..., None]) -> Callable[..., None]:
    """--val, --test and --fold."""
    for option in reversed(
        (
            click.option(
                "--val",
                default="chr16",
                callback=one_split,
                help="Validation chromosomes or regions, comma-separated.",
            ),
            click.option(
                "--test",
                default="chr8,chr9",
                callback=one_split,
                help="Test chromosomes or regions (chr20:7000000-10000000).",
            ),
            click.option(
                "--fold",
                callback=one_split,
                help="Instead of --val and --test: 3/5 tests the third of 5 folds of whole chromosomes with about as "
                "many genes each, and validates on the next; chr8 leaves this chromosome out, to be tested.",
            ),
        )
    ):
        function = option(function)
    return function


def apply_options(function: Callable[..., None]) -> Callable[..., None]:
    """--expression and --precision of every tool that applies a model."""
    function = click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bf16"]),
        default="float32",
        help="bf16 encodes elements in bfloat16, which pays on CPUs with AMX and moves predictions by up to a few % of "
        "their standard deviation; auto: on GPUs that have it.",
    )(function)
    return click.option(
        "--expression",
        type=INPUT_FILE,
        multiple=True,
        help="expression.CELL.parquet: only tells the factors whose motifs the cell sees, where the model was trained "
        "with --expressed-factors; without it, all.",
    )(function)


def device_options(function: Callable[..., None]) -> Callable[..., None]:
    """--device, --threads and --data."""
    function = click.option(
        "--data",
        type=click.Choice(["auto", "resident", "stream"]),
        default="auto",
        help="Keep the inputs in the device's memory, or stream them from the files; auto looks whether they fit.",
    )(function)
    function = click.option(
        "--threads",
        type=click.IntRange(min=1, max=1024),  # more only starve the machine
        help="CPU threads; results repeat exactly for the same number.",
    )(function)
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        help="auto takes a GPU if there is one.",
    )(function)
