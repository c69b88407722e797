"""The process of a tool: what it says, what its libraries read of the environment, how many threads add sums up."""

import os

from threadpoolctl import threadpool_limits

from crexpress.cli import cut_files
from crexpress.core import log

os.environ["POLARS_MAX_THREADS"] = "1"  # read when Polars is imported, which some tools do at once: see `settle`


def settle() -> None:
    """Set up the process of a tool, before libraries that compute are imported; a caller of the library is left alone.

    Lines are shown from now on. Idle OpenMP threads of torch and scikit-learn sleep: spinning, they made trees six
    times slower on a busy machine. Torch's tensors lie in huge pages: faults of small ones took a quarter of a
    training step's CPU time.

    How sums are divided among threads must not depend on the machine or its variables, so that it gives the same bytes:
    PyTorch computes with `core.device.THREADS`, NumPy's and SciPy's BLAS with one, and Polars too, whose sums of
    columns come in parts by thread (those of groups do by chance: `core.groups`).
    """
    log.show()
    cut_files.end_with_a_sentence()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    os.environ.update({f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "MKL", "BLIS")})
    threadpool_limits(1, user_api="blas")  # NumPy's is loaded already, and reads no variable any more
    if "WORLD_SIZE" in os.environ:  # each would warn that DDP looks for unused weights: see training.parallel
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
