"""What every model of the family reads and gives: features of elements, predictions of genes."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

N = 4  # code of an unknown base


class Features(NamedTuple):
    """Inputs of a set of elements; a channel that the model does not use has no columns."""

    signals: Tensor  # float [elements, tracks, bins]
    present: Tensor  # bool [elements, tracks]: False where the element's cell lacks the track
    # uint8 [elements, width], A 0 C 1 G 2 T 3 N 4; or the same one-hot, float [elements, 4, width], through which
    # gradients reach the bases
    codes: Tensor
    motifs: Tensor  # float [elements, motifs]


class GeneProfile(NamedTuple):
    """The own profiles of some genes, each in its cell: tracks along the gene, and what is known of it as a whole."""

    values: Tensor  # float [B, channels, columns]; NaN in a column that has no base
    present: Tensor  # bool [B, channels]: False where the gene's cell lacks the track
    about: Tensor  # float [B, facts]; NaN where not known


class Tokens(NamedTuple):
    """What a model predicts some genes from: their elements' vectors, as `embed` made them, and what `Batch` says.

    `vectors` float [B, n, d] in genome order with the TSS window in the middle column; `present` bool [B, n], False for
    pads; `distance` float32 [B, n] bp from the TSS; `loops` float32 [B, r, n] of the rows in `loop_rows`, which only a
    model with a `loop_prior` reads; `profile`, which a model with a `profile_width` needs.
    """

    vectors: Tensor
    present: Tensor
    distance: Tensor
    loops: Tensor | None = None
    profile: GeneProfile | None = None

    def of(self, genes: Tensor) -> "Tokens":
        """Those of some of the genes, int64 [m], of which some may be asked for several times."""
        profile = None if self.profile is None else GeneProfile(*(part[genes] for part in self.profile))
        loops = None if self.loops is None else self.loops[genes]
        return Tokens(self.vectors[genes], self.present[genes], self.distance[genes], loops, profile)


class ProfileChanges(NamedTuple):
    """What the profiles of a batch of genes lose with single elements; most elements of a gene touch few columns.

    `gene` and `token` int64 [K] are the pairs of a gene and an element, by its column of tokens, that are not without
    effect. Each of R changes is of one `pair` int64 [R] in one `column` int64 [R] of the profile, in which `values`
    float [R, tracks] then stand. A pair has a column once.
    """

    gene: Tensor
    token: Tensor
    pair: Tensor
    column: Tensor
    values: Tensor


class Batch(NamedTuple):
    """Some genes, each in a cell: their unique elements and, per gene, where its tokens are.

    `token` int64 [B, n] indexes the rows of `features`, one past the end for a pad; `present` bool [B, n];
    `distance` float32 [B, n] bp from the TSS, along the genome or, in a stranded model, along the gene; `loops`
    float32 [B, rows, n] between the tokens of the rows that are asked for, or None; `profile`
    the genes' own, or None.
    """

    features: Features
    token: Tensor
    present: Tensor
    distance: Tensor
    loops: Tensor | None = None
    profile: GeneProfile | None = None

    def to(self, device: torch.device) -> "Batch":
        """The same as tensors on a device; its parts may be numpy arrays."""
        return Batch(
            Features(*(as_tensor(part, device) for part in self.features)),
            as_tensor(self.token, device).long(),
            as_tensor(self.present, device).bool(),
            as_tensor(self.distance, device).float(),
            None if self.loops is None else as_tensor(self.loops, device),
            None if self.profile is None else GeneProfile(*(as_tensor(part, device) for part in self.profile)),
        )


class Prediction(NamedTuple):
    """expression [B] in the unit of the training target; of the gene's row, [B, layers, heads, tokens]:

    attention (probabilities), and the logits that it is the softmax of. These hold all that attention starts from
    (position, loops), and are -inf for tokens that the gene may not see. members [B, heads of output] are the
    predictions that expression is the mean of, in a model that has several.
    """

    expression: Tensor
    attention: Tensor
    logits: Tensor
    members: Tensor | None = None


def as_tensor(values: Any, device: torch.device) -> Tensor:
    """A tensor, or a numpy array, on a device; numbers of other precision as float32, codes as they are."""
    tensor = torch.as_tensor(values).to(device)
    return (
        tensor.float() if tensor.dtype in (torch.float16, torch.float64) and isinstance(values, np.ndarray) else tensor
    )


def one_hot(codes: Tensor) -> Tensor:
    """uint8 codes [elements, width] -> float [elements, 4, width]; N (4) is all zero. One-hot bases stay."""
    if is_one_hot(codes):
        return codes
    return functional.one_hot(codes.long(), N + 1)[..., :N].transpose(1, 2).float()


def is_one_hot(codes: Tensor) -> bool:
    """Whether bases are given one-hot, float [elements, 4, width]."""
    return codes.is_floating_point()
