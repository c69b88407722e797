"""Patterns of contributions by TF-MoDISco-lite; see apart.py.

Given: `bases` one-hot, hypothetical `contributions` [sequences, width, 4], `most` seqlets of a sign, `window`, `seed`.
Made: `positive` and `negative`, seqlets of each pattern of the sign, and their probabilities [width, 4] as positive_0,
positive_1, ...; and, at the path that is the third word, the HDF5 that `modisco report` reads.
"""

import sys
from typing import Any

import numpy as np
from modiscolite import io, tfmodisco

given = np.load(sys.argv[1], allow_pickle=False)
np.random.seed(int(given["seed"]))  # noqa: NPY002 -- what the library draws from
found = tfmodisco.TFMoDISco(
    one_hot=given["bases"].astype("float32"),
    hypothetical_contribs=given["contributions"].astype("float32"),
    max_seqlets_per_metacluster=int(given["most"]),
    n_leiden_runs=5,
)
io.save_hdf5(sys.argv[3], *found, int(given["window"]))
made: dict[str, Any] = {}
for name, group in zip(("positive", "negative"), found, strict=True):
    made[name] = np.array([len(pattern.seqlets) for pattern in group or []], np.int64)
    for number, pattern in enumerate(group or []):
        made[f"{name}_{number}"] = np.asarray(pattern.sequence, np.float64)
np.savez(sys.argv[2], **made)
