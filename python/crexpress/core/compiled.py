"""Functions compiled by Numba and kept from one run to the next, where Python keeps what it compiles itself."""

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` compiled at its first call, which takes seconds, or read back from an earlier process's."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's can be written, as in some containers
        return numba.njit(nogil=True)(function)
