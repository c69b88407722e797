"""CREaTor's element encoder: a transformer over tokens of a few bp, read at a [CLS] token."""

import torch
from torch import Tensor, nn

from crexpress.core.errors import InputError
from crexpress.models.attention import Prior, TokenMixer
from crexpress.models.config import ModelConfig
from crexpress.models.inputs import Features, N, is_one_hot
from crexpress.models.positions.buckets import BucketBias

LETTERS = N + 1  # an unknown base has a channel of its own
# values of a layer's output on a CPU: memory for larger ones is mapped anew by the system each time, a fifth of a step
AT_ONCE = 2**22


class TransformerEncoder(nn.Module):
    """Features of elements of any width -> vectors [elements, width_model].

    A token is a linear map of the bases and signals of `patch` bp: the paper's embeddings of each bp, and the released
    code's convolution of stride 5 over their sum, are linear, so they are one map here. Of the last layer only the
    [CLS] row is computed. Motif scores have no place along the element and join [CLS].
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.width % config.patch or config.patch % config.bin_size:
            raise InputError(
                f"this preset cannot read elements of {config.width} bp in bins of {config.bin_size} bp: its tokens "
                f"are {config.patch} bp; use the preset's own bin size, and a width that is a multiple of that"
            )
        self.patch, self.bins, self.bases = config.patch, config.patch // config.bin_size, config.sequence
        width = config.width_model
        inputs = self.patch * LETTERS * self.bases + self.bins * config.signal_channels
        self.tokens = nn.Linear(inputs, width) if inputs else None
        self.drop = nn.Dropout(config.dropout_encoder)
        self.cls = nn.Parameter(torch.empty(width).normal_(std=0.02))
        self.motifs = nn.Linear(len(config.motifs), width, bias=False) if config.motifs else None
        # so that "missing" is not "zero", where cells may lack tracks
        may_lack = bool(config.tracks) and config.track_dropout > 0
        self.missing = nn.Linear(config.signal_channels, width, bias=False) if may_lack else None
        self.position = BucketBias(config.heads_encoder, 64, 256.0, 16.0, 0.0)
        self.mixer = TokenMixer(
            width,
            config.layers_encoder,
            config.heads_encoder,
            config.hidden_encoder,
            config.dropout_encoder,
            config.activation,
        )
        self.mixer.norm = nn.Identity()
        self.at_once = max(1, AT_ONCE // config.largest_layer)

    def forward(self, features: Features, cls_at: int | None = None) -> Tensor:
        """Vectors of elements; [CLS] stands behind the tokens, or where the token `cls_at` does."""
        if features.codes.device.type != "cpu":
            return self._encode(features, cls_at)
        parts = zip(*(part.split(self.at_once) for part in features), strict=True)
        return torch.cat([self._encode(Features(*part), cls_at) for part in parts])

    def _encode(self, features: Features, cls_at: int | None) -> Tensor:
        cls = self.cls.expand(len(features.codes), 1, -1)
        if self.motifs is not None:
            cls = cls + self.motifs(features.motifs).unsqueeze(1)
        tokens = self._tokens(features)
        tokens = cls if tokens is None else torch.cat([tokens, cls], dim=1)
        last = tokens.shape[1] - 1
        rank = torch.arange(last + 1, device=tokens.device)
        rank[last] = last if cls_at is None else cls_at
        apart = (rank.unsqueeze(-1) - rank).unsqueeze(0)
        prior, own = Prior(self.position.bias(apart)), Prior(self.position.bias(apart[:, last:]))
        vectors: Tensor = self.mixer(tokens, tokens[..., :0], prior, own, last).gene
        return vectors

    def _tokens(self, features: Features) -> Tensor | None:
        """Tokens [elements, positions, d], or None in a model of motifs alone."""
        if self.tokens is None:
            return None
        parts = []
        if self.bases:
            letters = _letters(features.codes).to(features.signals.dtype)
            parts.append(letters.unflatten(1, (-1, self.patch)).flatten(2))
        if features.signals.shape[1]:
            signals = features.signals if self.missing is None else features.signals * features.present.unsqueeze(-1)
            parts.append(signals.unflatten(2, (-1, self.bins)).transpose(1, 2).flatten(2))
        tokens = self.tokens(torch.cat(parts, dim=2))
        if self.missing is not None:
            tokens = tokens + self.missing((~features.present).to(tokens.dtype)).unsqueeze(1)
        dropped: Tensor = self.drop(tokens)
        return dropped


def _letters(codes: Tensor) -> Tensor:
    """Bases as channels [elements, width, LETTERS]; of one-hot ones, what is missing to 1 is unknown."""
    if is_one_hot(codes):
        bases = codes.transpose(1, 2)
        return torch.cat([bases, 1 - bases.sum(2, keepdim=True)], dim=2)
    return codes.unsqueeze(-1) == torch.arange(LETTERS, dtype=codes.dtype, device=codes.device)
