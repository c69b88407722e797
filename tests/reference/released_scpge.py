"""Weights and inputs for the released ScPGE model, made by a formula so that neither need be stored."""

import zlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

SIZES = (4, 13)  # numbers of tracks
GENES, ELEMENTS, WIDTH = 2, 21, 600
MISSING = 4  # elements that the last gene lacks on the left
ALPHA = 1.0


class Inputs(NamedTuple):
    """Tensors of the released program: sequence [N, 4, M, L], motifs [N, 1, M, L], signals [N, T, M, L].

    codes [N, M, L] are ours of the sequence; loops [N, M, M], target [N, 1]; `present` [N, M] tells real elements.
    """

    codes: np.ndarray
    sequence: np.ndarray
    motifs: np.ndarray
    signals: np.ndarray
    loops: np.ndarray
    target: np.ndarray
    present: np.ndarray


def draw_from(name: str) -> np.random.RandomState:
    """Random numbers that a name begins."""
    return np.random.RandomState(zlib.crc32(name.encode()))  # its stream is frozen for all versions of NumPy


def released_inputs(tracks: int, missing: int = MISSING) -> Inputs:
    """Two genes; the last one lacks elements, which the released program fills with zeros."""
    draw = draw_from(f"inputs {tracks}")
    codes = draw.randint(0, 5, (GENES, ELEMENTS, WIDTH)).astype(np.uint8)
    motifs = draw.uniform(size=(GENES, 1, ELEMENTS, WIDTH)).astype(np.float32)
    signals = draw.gamma(1.0, 0.5, (GENES, tracks, ELEMENTS, WIDTH)).astype(np.float32)
    present = np.ones((GENES, ELEMENTS), bool)
    present[-1, :missing] = False
    codes[~present] = 4
    motifs[-1, :, :missing] = signals[-1, :, :missing] = 0
    sequence = (codes[:, None] == np.arange(4)[None, :, None, None]).astype(np.float32)
    loops = np.where(draw.uniform(size=(GENES, ELEMENTS, ELEMENTS)) < 0.2, draw.uniform(size=(GENES, 1, ELEMENTS)), 0)
    loops = np.maximum(loops, loops.transpose(0, 2, 1)).astype(np.float32)
    loops[:, np.arange(ELEMENTS), np.arange(ELEMENTS)] = 0
    target = draw.uniform(0, 3, (GENES, 1)).astype(np.float32)
    return Inputs(codes, sequence, motifs, signals, loops, target, present)


def released_weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Every tensor of a state dict from its (released) name and shape; attention is far from uniform with them."""
    weights = {}
    for name, shape in shapes.items():
        draw, inputs = draw_from(name), int(np.prod(shape[1:])) or 1
        if name.endswith("num_batches_tracked"):
            value = np.array(0)
        elif name.endswith("running_var"):
            value = draw.uniform(0.5, 1.5, shape)
        elif len(shape) == 1:
            value = draw.uniform(-0.3, 0.3, shape) + (1.0 if name.endswith("weight") else 0.0)
        elif "relative_attention_bias" in name:
            value = draw.uniform(-1, 1, shape)
        else:
            value = draw.uniform(-1, 1, shape) * (3 / inputs) ** 0.5
        weights[name] = torch.from_numpy(np.asarray(value, np.int64 if not shape else np.float32))
    return weights


def projections(gradients: Mapping[str, np.ndarray]) -> np.ndarray:
    """[weights, 5], in the order of names: a gradient's norm and its sums under four random choices of signs.

    Such a sum is about as large as the norm, and that of a difference as large as the difference.
    """
    rows = []
    for name in sorted(gradients):
        value = gradients[name].astype(np.float64).ravel()
        directions = draw_from(f"direction {name}").choice([-1.0, 1.0], (4, len(value)))
        rows.append([np.linalg.norm(value), *(directions @ value)])
    return np.array(rows)
