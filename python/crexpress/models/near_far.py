"""ScPGE-Loop: two models, of which one ranks near elements and the other far ones (figure 5)."""

from typing import Self

import torch
from torch import Tensor

from crexpress.models.base import Model
from crexpress.models.config import ModelConfig
from crexpress.models.inputs import Features, Prediction, ProfileChanges, Tokens
from crexpress.models.regulatory import RegulatoryModel


class NearFar(Model):
    """Two ScPGE models over the same inputs, `near` without and `far` with chromatin loops as prior.

    Elements up to `loop_boundary` bp from the TSS have attention and effect of `near` (ScPGE-KL), the others those of
    `far` (ScPGE-LP); the expression is the mean of both, as the paper gives none. Same calls as ScPGE; a vector is the
    two models' one after the other.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.near, self.far = (RegulatoryModel(part) for part in parts(config))

    @classmethod
    def of(cls, config: ModelConfig, near: RegulatoryModel, far: RegulatoryModel) -> Self:
        """From its two models, trained."""
        model = cls(config)
        model.near.load_state_dict(near.state_dict())
        model.far.load_state_dict(far.state_dict())
        return model.eval()

    @property
    def token_width(self) -> int:
        return self.near.token_width + self.far.token_width

    def embed(self, features: Features) -> Tensor:
        return torch.cat([self.near.embed(features), self.far.embed(features)], dim=-1)

    def embed_silent(self) -> Tensor:
        return torch.cat([self.near.embed_silent(), self.far.embed_silent()], dim=-1)

    def predict(self, tokens: Tokens) -> Prediction:
        """See Model.predict; a row of the attention joins those of two models, so it need not sum to 1."""
        near, far = self._both(tokens)
        here = (tokens.distance.abs() <= self.config.loop_boundary)[:, None, None]
        return Prediction(
            (near.expression + far.expression) / 2,
            torch.where(here, near.attention, far.attention),
            torch.where(here, near.logits, far.logits),
            None if near.members is None or far.members is None else torch.cat([near.members, far.members], dim=-1),
        )

    def gene_vectors(self, tokens: Tokens) -> Tensor:
        near, far = self._each(tokens)
        return torch.cat([self.near.gene_vectors(near), self.far.gene_vectors(far)], dim=-1)

    def attention_maps(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """See Model.attention_maps; columns are of the model of their distance from the gene."""
        near, far = self._each(tokens)
        here = (tokens.distance.abs() <= self.config.loop_boundary)[:, None, None, None]
        both = zip(self.near.attention_maps(near), self.far.attention_maps(far), strict=True)
        attention, logits = (torch.where(here, *parts) for parts in both)
        return attention, logits

    def silence_each(
        self, tokens: Tokens, silent: Tensor, undisturbed: Tensor, changes: ProfileChanges | None = None
    ) -> Tensor:
        """See Model.silence_each; an element's effect is that in the model of its distance."""
        near, far = (
            whole.expression.unsqueeze(1) - model.silence_each(own, its_silent, whole.expression, changes)
            for model, own, its_silent, whole in zip(
                (self.near, self.far), self._each(tokens), self._split(silent), self._both(tokens), strict=True
            )
        )
        return undisturbed.unsqueeze(1) - torch.where(tokens.distance.abs() <= self.config.loop_boundary, near, far)

    def _both(self, tokens: Tokens) -> tuple[Prediction, Prediction]:
        near, far = self._each(tokens)
        return self.near.predict(near), self.far.predict(far)

    def _each(self, tokens: Tokens) -> tuple[Tokens, Tokens]:
        """What each model reads of the tokens; `near` reads no loops."""
        near, far = self._split(tokens.vectors)
        return tokens._replace(vectors=near, loops=None), tokens._replace(vectors=far)

    def _split(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        near, far = vectors.split([self.near.token_width, self.far.token_width], dim=-1)
        return near, far


def parts(config: ModelConfig) -> tuple[ModelConfig, ModelConfig]:
    """Settings of the near and the far model."""
    far = config.replace(loop_boundary=0)
    return far.replace(loop_prior="none"), far
