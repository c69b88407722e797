"""Scores of element-gene links that need no network: evidence, closed forms, fits to screens."""

from crexpress.core.calls import make_callable

make_callable(__name__, "crexpress.api:links")
