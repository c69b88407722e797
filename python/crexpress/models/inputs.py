"""What every model of the family reads and gives: features of elements, predictions of genes."""

from typing import NamedTuple

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


class Prediction(NamedTuple):
    """expression [B] in the unit of the training target; of the gene's row, [B, layers, heads, tokens]:

    attention (probabilities), and the logits that it is the softmax of. These hold all that attention starts from
    (position, loops), and are -inf for tokens that the gene may not see.
    """

    expression: Tensor
    attention: Tensor
    logits: Tensor


def one_hot(codes: Tensor) -> Tensor:
    """uint8 codes [elements, width] -> float [elements, 4, width]; N (4) is all zero. One-hot bases stay."""
    if is_one_hot(codes):
        return codes
    return functional.one_hot(codes.long(), N + 1)[..., :N].transpose(1, 2).float()


def is_one_hot(codes: Tensor) -> bool:
    """Whether bases are given one-hot, float [elements, 4, width]."""
    return codes.is_floating_point()
