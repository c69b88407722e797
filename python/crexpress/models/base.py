"""What every model is: two halves, `embed` of elements and `predict` of genes, and `model(batch)`, which is both."""

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from crexpress.core.errors import InputError
from crexpress.models.config import ModelConfig
from crexpress.models.forward import forward
from crexpress.models.inputs import Batch, Features, Prediction, ProfileChanges, Tokens

if TYPE_CHECKING:
    from crexpress.models.sequence_view import SequenceView


class Model(nn.Module):
    """Base of all models; another family is another subclass, with its abstract methods.

    `about` is the config.json of a model that was loaded (its preset, split, cells, units), `folder` where it lies.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.about: dict[str, Any] = {}
        self.folder: Path | None = None

    @property
    @abstractmethod
    def token_width(self) -> int:
        """Length of an element's vector: what `embed` gives."""

    @abstractmethod
    def embed(self, features: Features) -> Tensor:
        """Vectors [elements, d]; in eval mode independent of the other elements given."""

    @abstractmethod
    def embed_silent(self) -> Tensor:
        """Vector [1, d] of an element of which nothing is known: no signal in any track, no base, no motif."""

    @abstractmethod
    def predict(self, tokens: Tokens) -> Prediction:
        """Expression of genes from their tokens."""

    def gene_vectors(self, tokens: Tokens) -> Tensor:
        """Vectors [B, d] of genes, from which a head makes their expression."""
        raise InputError("this model shows no vectors of genes")

    def attention_maps(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """Attention (probabilities) and its logits, [B, layers, heads, n, n], of all tokens over all.

        `loops` of `tokens` [B, n, n] must be of all rows, where the model has more than one layer or reads them.
        """
        raise InputError("this model shows no attention between elements")

    @abstractmethod
    def silence_each(
        self, tokens: Tokens, silent: Tensor, undisturbed: Tensor, changes: ProfileChanges | None = None
    ) -> Tensor:
        """Expression [B, n] when the token in each column, one at a time, is replaced by `silent` [1, d], or by its own
        in `silent` [B, n, d].

        The gene's own column holds the `undisturbed` expression [B]: its TSS window is not one of its elements. Of
        a model with a profile, `changes` are what each element takes from it; without, it stays as it is.
        """

    def forward(self, batch: Batch) -> Prediction:
        """Expression and attention of the genes of a batch, whose parts may be tensors or numpy arrays.

        `Study.batch` makes one; gradients reach every part of it that is a floating-point tensor.
        """
        return forward(self, batch.to(next(self.parameters()).device))

    def sequence_view(self, study: Any, cell: str, gene: str, element: str | int) -> "SequenceView":
        """The model as a function of one element's bases, for attribution: see `SequenceView`.

        Example:
            view = model.sequence_view(study, "A", "NAME7", study.elements["element_id"][study.genes["element"][7]])
            bases = view.reference.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(view(bases).sum(), bases)
        """
        from crexpress.models.sequence_view import SequenceView

        return SequenceView(self, study, cell, gene, element)
