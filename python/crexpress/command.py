"""The command `crexpress` that pip installs; it and the tools of bin/ say in a sentence which packages are missing."""

import sys
from importlib.util import find_spec

from crexpress.core.errors import BAD_INPUT

# what pyproject.toml names, as it is imported (a test compares them); to ask pip's records takes a tenth of a second
PACKAGES = (
    *("click", "numpy", "scipy", "polars", "torch", "safetensors", "numba", "pysam", "pybigtools", "pyBigWig"),
    *("hictkpy", "sklearn", "matplotlib", "jinja2", "yaml", "pydantic", "tqdm"),
)


def check_packages() -> None:
    """Leave with one message and code 65 where a package is missing."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"Error: {sys.executable} has crexpress, but not {', '.join(missing)}; "
            "run `make setup` in a checkout, else `pip install crexpress` again\n"
        )
        sys.exit(BAD_INPUT)


def main() -> None:
    """`crexpress TOOL ...`"""
    check_packages()
    from crexpress.cli.main import main as command

    command()
