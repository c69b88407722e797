"""What every model of the family reads and gives: features of elements, predictions of genes."""

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

N = 4  # code of an unknown base


class Features(NamedTuple):
    """Inputs of a set of elements; a channel that the model does not use has no columns."""

    signals: Tensor  # float [elements, tracks, bins]
    present: Tensor  # bool [elements, tracks]: False where the element's cell lacks the track
    codes: Tensor  # uint8 [elements, width], A 0 C 1 G 2 T 3 N 4
    motifs: Tensor  # float [elements, motifs]


class GeneProfile(NamedTuple):
    """The own profiles of some genes, each in its cell: tracks along the gene, and what is known of it as a whole."""

    values: Tensor  # float [B, channels, columns]; NaN in a column that has no base
    present: Tensor  # bool [B, channels]: False where the gene's cell lacks the track
    about: Tensor  # float [B, facts]; NaN where not known


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


def one_hot(codes: Tensor) -> Tensor:
    """uint8 codes [elements, width] -> float [elements, 4, width]; N (4) is all zero."""
    return functional.one_hot(codes.long(), N + 1)[..., :N].transpose(1, 2).float()
