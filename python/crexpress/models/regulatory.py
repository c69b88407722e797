"""The form that ScPGE and CREaTor share: an encoder of each element, a transformer over a gene's elements, a head.

ScPGE (Genome Research 2026) and CREaTor (Genome Biology 2023), both Methods, "Model architecture"; they differ by their
presets. What differs from the papers and why is in docs/science.md.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from crexpress.core.errors import InputError
from crexpress.models.activity import Activity
from crexpress.models.attention import Mixed, Prior, TokenMixer
from crexpress.models.base import Model
from crexpress.models.config import ModelConfig
from crexpress.models.encoders import ENCODERS
from crexpress.models.gene import GeneEncoder
from crexpress.models.heads import ExpressionHead, SharedHeads
from crexpress.models.inputs import Features, N, Prediction, ProfileChanges, Tokens
from crexpress.models.positions import POSITIONS

EMPTY_GENE = 700  # bp without bases and signal, which CREaTor's released code encodes as the gene


class RegulatoryModel(Model):
    """Element encoder, token mixer and head, each replaceable; `embed` and `predict` are the two halves.

    UNREAD: settings that the family does not read, so that training refuses a preset that changes them.
    """

    UNREAD: ClassVar[tuple[str, ...]] = ("scalars", "scalar_scale", "nearest", "graph", "graph_norm")

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.encoder = ENCODERS[config.encoder](config)
        self.position = POSITIONS[config.position](config)
        self.activity = Activity(config) if config.activity_heads and config.tracks else None
        self.mixer = TokenMixer(
            config.width_model,
            config.layers,
            config.heads,
            config.hidden_mixer,
            config.dropout_mixer,
            config.activation,
        )
        ends = config.dropout_mixer, config.anchored
        self.head = (
            ExpressionHead(config.width_model, config.hidden_head, *ends)
            if config.members == 1
            else SharedHeads(config.width_model, config.members, *ends)
        )
        self.gene = GeneEncoder(config) if config.profile_width else None
        self.loop_weight = nn.Parameter(torch.ones(config.heads)) if config.loop_prior == "added" else None
        self.gene_token: nn.Parameter | None = None
        if config.gene_token != "window" and not config.layers:
            raise InputError("a model of 0 layers sees the gene's TSS window alone, which this preset leaves out")
        if config.gene_token == "empty" and config.encoder != "transformer":
            raise InputError(f"the setting gene_token 'empty' needs the encoder transformer, not {config.encoder}")
        bins = EMPTY_GENE // config.bin_size  # whole ones: bins as long as a token divide anything
        cut = config.sequence and EMPTY_GENE % config.patch
        if config.gene_token == "empty" and (cut or bins % max(1, config.patch // config.bin_size)):
            raise InputError(f"the setting gene_token 'empty' needs a patch that divides {EMPTY_GENE} bp")
        if config.gene_token == "learnt":
            self.gene_token = nn.Parameter(torch.empty(config.width_model).normal_(std=0.02))

    def embed(self, features: Features) -> Tensor:
        vectors: Tensor = self.encoder(features)
        return vectors if self.activity is None else torch.cat([vectors, self.activity(features)], dim=1)

    @property
    def token_width(self) -> int:
        return self.config.width_model + (self.config.heads if self.activity is not None else 0)

    def _parts(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Content and log activity (nothing, in a model without it) of tokens."""
        return tokens[..., : self.config.width_model], tokens[..., self.config.width_model :]

    def embed_silent(self) -> Tensor:
        return self.embed(self._nothing(self.config.width))

    def _nothing(self, width: int) -> Features:
        """Features of one element of `width` bp without signal, bases and motifs."""
        config, device = self.config, next(self.parameters()).device
        return Features(
            signals=torch.zeros(1, config.signal_channels, width // config.bin_size, device=device),
            present=torch.ones(1, config.signal_channels, dtype=torch.bool, device=device),
            codes=torch.full((1, width), N, dtype=torch.uint8, device=device),
            motifs=torch.zeros(1, len(config.motifs), device=device),
        )

    def _contents(self, tokens: Tokens) -> tuple[Tensor, Tensor, Tensor]:
        """Content and activity of tokens, with the model's own token for the gene where it has one; and what
        stood in its place [B, d] before the profile was read.
        """
        content, activity = self._parts(tokens.vectors)
        middle = content.shape[1] // 2
        if self.config.gene_token != "window":
            content = self._of_its_own(content)
        window = content[:, middle]
        if self.gene is not None:
            assert tokens.profile is not None
            content = content + self.gene.place(tokens.distance).to(content.dtype)
            window = content[:, middle]
            gene = self.gene(tokens.profile, window).to(content.dtype).unsqueeze(1)
            content = torch.cat([content[:, :middle], gene, content[:, middle + 1 :]], dim=1)
        return content, activity, window

    def _of_its_own(self, content: Tensor) -> Tensor:
        """Tokens with the vector in place of the TSS window that is the same for all genes."""
        token: Tensor | None = self.gene_token
        if token is None:  # its [CLS] stands at the TSS, in the middle
            token = self.encoder(self._nothing(EMPTY_GENE), EMPTY_GENE // self.config.patch // 2)
        assert token is not None
        gene = content.shape[1] // 2
        token = token.to(content.dtype).expand(len(content), 1, -1)
        return torch.cat([content[:, :gene], token, content[:, gene + 1 :]], dim=1)

    def predict(self, tokens: Tokens) -> Prediction:
        mixed = self._mixed(tokens)
        members = self.head(mixed.gene)
        return Prediction(
            members.mean(-1), mixed.logits.softmax(-1), mixed.logits, members if self.config.members > 1 else None
        )

    def _mixed(self, tokens: Tokens) -> Mixed:
        content, activity, _ = self._contents(tokens)
        mixed: Mixed = self.mixer(content, activity, *self._priors(tokens), content.shape[1] // 2)
        return mixed

    def gene_vectors(self, tokens: Tokens) -> Tensor:
        return self._mixed(tokens).gene

    def attention_maps(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        content, activity, _ = self._contents(tokens)
        logits = self.mixer.maps(content, activity, self.prior(tokens, slice(None)))
        return logits.softmax(-1), logits

    def silence_each(
        self, tokens: Tokens, silent: Tensor, undisturbed: Tensor, changes: ProfileChanges | None = None
    ) -> Tensor:
        n = tokens.present.shape[1]
        gene = n // 2
        expression = undisturbed.unsqueeze(1).repeat(1, n)
        columns = torch.tensor([column for column in range(n) if column != gene], device=undisturbed.device)
        if not len(columns) or not (self.config.layers or changes is not None):
            return expression  # without a mixer no element reaches the gene
        content, activity, window = self._contents(tokens)
        silent = silent.unsqueeze(0) if silent.dim() == 2 else silent[:, columns]
        other, activity_other = self._parts(silent)
        if self.gene is not None:
            other = other + self.gene.place(tokens.distance[:, columns]).to(other.dtype)
        own = None
        if changes is not None and len(changes.gene):
            assert self.gene is not None
            assert tokens.profile is not None
            own = content[:, gene, None].repeat(1, n, 1)
            own[changes.gene, changes.token] = self.gene.changed(tokens.profile, window, changes).to(own.dtype)
            own = own[:, columns]
        priors = self._priors(tokens)
        vectors = self.mixer.swap_each(content, other, activity, activity_other, *priors, gene, columns, own)
        expression[:, columns] = self.head(vectors).mean(-1).to(expression.dtype)
        return expression

    def _priors(self, tokens: Tokens) -> tuple[Prior, Prior]:
        """Prior of all query tokens, and of the gene alone; a mixer of one layer only needs the latter."""
        gene, loops = tokens.present.shape[1] // 2, tokens.loops
        own = slice(gene, gene + 1)
        own_loops = None if loops is None else loops[:, own] if loops.shape[1] > 1 else loops
        prior_gene = self.prior(tokens._replace(loops=own_loops), own)
        if self.config.layers < 2:
            return prior_gene, prior_gene
        return self.prior(tokens, slice(None)), prior_gene

    def prior(self, tokens: Tokens, rows: slice) -> Prior:
        """What attention starts from: learnt by relative position, -inf for masked keys, and the loops, which are those
        of the query tokens in `rows`.
        """
        added: Tensor = self.position(tokens.distance, rows)
        loops = tokens.loops
        if loops is not None and self.loop_weight is not None:
            added = added + self.loop_weight.view(-1, 1, 1) * loops.unsqueeze(1)
        added = added.masked_fill(self._blocked(tokens.present, rows).unsqueeze(1), float("-inf"))
        multiplied = loops is not None and self.config.loop_prior == "multiplied"
        return Prior(added, torch.exp(loops).unsqueeze(1) if multiplied and loops is not None else None)

    def _blocked(self, present: Tensor, rows: slice) -> Tensor:
        """Keys that the query tokens in `rows` may not attend to: bool [B or 1, rows, n]."""
        n = present.shape[1]
        gene = torch.arange(n, device=present.device) == n // 2
        itself = torch.eye(n, dtype=torch.bool, device=present.device)[rows]
        blocked = ~present.unsqueeze(-2) if self.config.pads == "masked" else torch.zeros_like(itself).unsqueeze(0)
        if self.config.mask == "diagonal":
            blocked = blocked | itself
        elif self.config.mask == "gene":
            blocked = blocked | (itself & gene)
        elif self.config.mask == "gene-key":
            blocked = blocked | gene
        # a token with nothing left to attend to (a gene without elements) attends to itself
        alone = blocked.all(-1, keepdim=True) & itself
        return blocked & ~alone
