"""Gene expression and enhancer-gene links from candidate cis-regulatory elements."""

from importlib.metadata import version
from typing import Any

__version__ = version("crexpress")
__all__ = ["__version__", "load_model"]


def __getattr__(name: str) -> Any:
    # torch takes seconds to import, and most tools never need it
    if name == "load_model":
        from crexpress.models import load_model

        return load_model
    raise AttributeError(f"module 'crexpress' has no attribute '{name}'")
