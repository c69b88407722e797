"""How tests run the executables of bin/: in this process, which saves the second that importing takes."""

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tiny_case import TinyCase

BIN = Path(__file__).parents[1] / "bin"
TOOLS = sorted(path.name for path in BIN.iterdir() if path.is_file() and not path.suffix)


def run(tool: str, *options: Any) -> Result:
    """Run bin/`tool`; an exception that it does not turn into a message is raised here."""
    loader = SourceFileLoader(tool.replace("-", "_"), str(BIN / tool))
    module = module_from_spec(spec_from_loader(loader.name, loader))  # type: ignore[arg-type]
    loader.exec_module(module)
    return CliRunner().invoke(module.main, [str(option) for option in options], catch_exceptions=False)


def torchrun(*command: Any) -> list[str]:
    """A Python command in two processes, as docs/usage.md starts them."""
    two = [sys.executable, "-m", "torch.distributed.run", "--no-python", "--standalone", "--nproc-per-node", 2]
    return [str(part) for part in (*two, "--", sys.executable, *command)]


def inputs(tiny: TinyCase, *cells: str, expression: bool = True) -> list[Any]:
    """Options that give a tool the tiny case's tracks, and expression, of these cells."""
    given: list[Any] = ["--elements", tiny.elements, "--genes", tiny.genes]
    for cell in cells:
        given += ["--signals", tiny.signals(cell)]
        given += ["--expression", tiny.expression(cell)] if expression else []
    return given


def train(tiny: TinyCase, outdir: Path, *more: Any, cells: tuple[str, ...] = ("A", "B")) -> Result:
    """A short training on the tiny case."""
    quick = ["--neighbours", 4, "--steps", 60, "--validate-every", 20, "--batch-size", 16, "--threads", 1]
    where = ["--val", "chr2", "--test", "chr3", "--outdir", outdir]
    return run("train", *inputs(tiny, *cells), *quick, *where, *more)
