"""What predictions and links are worth: against observed expression and perturbation screens."""

from importlib import import_module
from typing import Any

from crexpress.core.calls import find


def __getattr__(name: str) -> Any:
    if name == "crispr":
        return find("crexpress.api:evaluate_links")
    if name == "expression":  # a module that can be called: see core.calls
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
