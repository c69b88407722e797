"""What every executable in bin/ shares: --version, exit codes, messages, progress."""

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from crexpress import __version__
from crexpress.cli import exits
from crexpress.cli.process import settle
from crexpress.core import errors, log, shipped, unchanged
from crexpress.core.names import NAME, listed
from crexpress.core.registry import imported

INPUT_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
INPUT_DIR = click.Path(exists=True, file_okay=False, path_type=Path)
OUTPUT_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
OUTPUT_DIR = click.Path(file_okay=False, writable=True, path_type=Path)
SEED = click.IntRange(0, 2**32 - 1)  # what numpy, torch and scikit-learn all take


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


class ModelFolder(click.Path):
    """A model's folder, or the name of a shipped model (`core.shipped`)."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)  # what reads it says what a folder that is not there may be

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(shipped.located(value), param, ctx)


class LinkModelFile(click.Path):
    """A link model's file, or the name of a shipped one (`core.shipped`)."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        file = shipped.link_model(value)
        if not file.exists():
            names = ", ".join(shipped.LINK_MODELS)
            self.fail(
                f"there is no file {value}, and no shipped link model of that name ({names}); left out, the one of "
                "these that suits the cell is taken.",
                param,
                ctx,
            )
        return super().convert(file, param, ctx)


def tool(example: str) -> Callable[[Callable[..., None]], click.Command]:
    """Turn a function with click options into a crexpress executable.

    `example` is shown at the end of --help. Faults of the input end with one message and exit code 65,
    a full GPU with 75, full host memory with 137, Ctrl-C with 130; anything else is a defect of
    ours and keeps its traceback.
    """

    def decorate(function: Callable[..., None]) -> click.Command:
        kinds: Mapping[str, Wanted] = getattr(function, _READS, {})

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> None:
            settle()
            with exits.by_code():
                if kinds:
                    _fill(kinds, kwargs)
                with unchanged.watching(_inputs(kwargs)):
                    function(*args, **kwargs)

        command = click.command(
            context_settings={"show_default": True, "help_option_names": ["-h", "--help"]},
            epilog=f"\b\nExample:\n  {example}",
        )(_study_options(guarded) if kinds else guarded)
        return click.version_option(__version__, message="%(prog)s (crexpress) %(version)s")(command)

    return decorate


def _inputs(given: Mapping[str, Any]) -> Iterator[Path]:
    """The paths among a tool's options, but those that it writes."""
    options = click.get_current_context().command.params
    written = {option.name for option in options if isinstance(option.type, click.Path) and option.type.writable}
    values = [value for name, value in given.items() if name not in written]
    while values:
        value = values.pop()
        if isinstance(value, Path):
            yield value
        elif isinstance(value, (list, tuple)):
            values += value


def split_list(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
    """Click callback: `listed`."""
    return listed(value)


def cell_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Click callback: the name of a cell, which files are named after; the samplesheet's rule."""
    if not NAME.fullmatch(value):
        raise click.BadParameter(f"'{value}' cannot name a file; use letters, digits, '.', '_', '-'.")
    return value


class Wanted(NamedTuple):
    """How a tool takes artefacts of a kind: needed, several, help, parameter, columns that tell the table meant."""

    required: bool = False
    several: bool = False
    help: str = ""
    parameter: str = ""
    columns: tuple[str, ...] = ()


ONE, MAYBE, SOME, ANY = Wanted(required=True), Wanted(), Wanted(required=True, several=True), Wanted(several=True)
_WHAT = {  # kind of artefact: what --help says of it
    "elements": "elements.parquet of merge-ccres.",
    "genes": "genes.parquet of merge-ccres.",
    "signals": "signals.CELL.safetensors of extract-signals.",
    "sequence": "sequence.safetensors of score-motifs.",
    "motifs": "motifs.safetensors of score-motifs.",
    "contacts": "contacts.CELL.npz of build-loops.",
    "profiles": "profiles.CELL.safetensors of extract-signals --genes.",
    "expression": "expression.CELL.parquet of quantify-expression.",
    "baselines": "baselines.CELL.parquet of fit-baselines.",
    "predictions": "predictions.CELL.parquet of predict.",
    "links": "links.CELL.parquet of interpret.",
    "contributions": "contributions.CELL.parquet of attribute.",
    "variants": "variants.CELL.parquet of score-variants.",
    "enriched_motifs": "enriched_motifs.parquet of find-motifs.",
    "mutations": "mutations.CELL.parquet of mutate-elements.",
    "pairs": "pairs.CELL.parquet of silence-together.",
    "embedding": "embedding.CELL.parquet of embed.",
    "active": "active.CELL.parquet of find-active.",
    "categories": "categories.CELL.parquet of classify-genes.",
    "metrics": "metrics.parquet of evaluate.",
    "curves": "curves.parquet of evaluate.",
    "model": "Folder that train wrote, or a shipped model: pretrained, pretrained-anchored.",
}
_READS = "crexpress_reads"  # attribute of a tool's function: the artefacts that it reads


def reads(**kinds: Wanted) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """An option for each kind of artefact, and --study DIR, in which those that are not given are looked for.

    May be used several times on one function; `tool` adds --study and fills the parameters in.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        for kind, wanted in reversed(kinds.items()):
            text = wanted.help or _WHAT[kind] + (" Repeat for several." if wanted.several else "")
            option = click.option(
                f"--{kind.replace('_', '-')}",
                wanted.parameter or kind,
                type=ModelFolder() if kind == "model" else INPUT_FILE,
                multiple=wanted.several,
                help=text + ("  [required, or --study]" if wanted.required else ""),
            )
            function = option(function)
        setattr(function, _READS, {**kinds, **getattr(function, _READS, {})})
        return function

    return decorate


def _study_options(function: Callable[..., None]) -> Callable[..., None]:
    function = click.option(
        "--cells", callback=split_list, help="Cells of --study to take, comma-separated.  [default: all]"
    )(function)
    return click.option(
        "--study",
        type=INPUT_DIR,
        help="Folder of artefacts, such as results: files that no option names are found there by their headers.",
    )(function)


def _fill(kinds: Mapping[str, Wanted], given: dict[str, Any]) -> None:
    """Put the artefacts of --study where no option names one; an InputError or a usage error where one is missing."""
    from crexpress.core import artifacts  # here, as --version and --help, which every task asks for, need neither
    from crexpress.core.folder import Folder

    folder, cells = given.pop("study"), given.pop("cells")
    if cells and not folder:
        raise click.UsageError("--cells chooses cells of --study; give both, or neither")
    study = Folder.open(folder) if folder else None
    for kind, wanted in kinds.items():
        name = wanted.parameter or kind
        if study and not given[name]:
            if kind in ("expression", "contacts", "profiles") and given.get("signals") and "signals" in kinds:
                signals = given["signals"] if kinds["signals"].several else [given["signals"]]
                cells = [str(artifacts.require_header(path)["cell"]) for path in signals]  # of no others
            given[name] = tuple(study.paths(kind, cells)) if wanted.several else study.path(kind, cells, wanted.columns)
        if wanted.required and not given[name]:
            if study:
                of = f" of {', '.join(cells)}" if cells else ""
                raise errors.InputError(
                    f"{folder} holds no file of {kind}{of}; make it first, or give --{kind.replace('_', '-')}"
                )
            context = click.get_current_context()
            [missing] = [option for option in context.command.params if option.name == name]
            raise click.MissingParameter(ctx=context, param=missing)


store_options = reads(
    elements=ONE,
    genes=ONE,
    signals=SOME,
    sequence=MAYBE,
    motifs=MAYBE,
    contacts=ANY._replace(
        help="contacts.CELL.npz of build-loops, for models that read chromatin loops; repeat as --signals."
    ),
    profiles=ANY._replace(
        help="profiles.CELL.safetensors of extract-signals --genes, for models that read each gene's own profile; "
        "repeat as --signals."
    ),
)


def apply_options(function: Callable[..., None]) -> Callable[..., None]:
    """--expression and --precision of every tool that applies a model."""
    function = click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bf16"]),
        default="float32",
        help="bf16 encodes elements in bfloat16, which pays on CPUs with AMX and moves predictions by up to a few % of "
        "their standard deviation; auto: on GPUs that have it.",
    )(function)
    return reads(
        expression=ANY._replace(
            help="expression.CELL.parquet: only tells the factors whose motifs the cell sees, where the model was "
            "trained with --expressed-factors; without it, all."
        )
    )(function)


def device_options(function: Callable[..., None]) -> Callable[..., None]:
    """--device and --data."""
    function = click.option(
        "--data",
        type=click.Choice(["auto", "resident", "stream"]),
        default="auto",
        help="Keep the inputs in the device's memory, or stream them from the files; auto looks whether they fit.",
    )(function)
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        help="auto takes a GPU if there is one.",
    )(no_threads(function))


def no_threads(function: Callable[..., None]) -> Callable[..., None]:
    """--threads, which tools that compute in PyTorch had: it still is taken, and said to change nothing."""

    def told(context: click.Context, parameter: click.Parameter, value: int | None) -> None:
        if value is not None:
            log.say("--threads changes nothing: the number is fixed, so that every machine gives the same bytes")

    return click.option("--threads", type=int, hidden=True, expose_value=False, callback=told)(function)
