"""Transformer over a gene's tokens, shared by the model families."""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

Activation = Literal["gelu", "relu"]


class Prior(NamedTuple):
    """What is known of each pair of tokens before their content: weights are softmax(factor * (q k / sqrt(d) + added)).

    added, broadcast to [B, heads, queries, keys], is -inf for keys that a query may not attend to; factor, likewise,
    is None for 1 (ScPGE-LP's exp(M), equation 3).
    """

    added: Tensor
    factor: Tensor | None = None

    def copies(self) -> "Prior":
        """The same with an axis for copies of a gene after the first."""
        return Prior(self.added.unsqueeze(1), None if self.factor is None else self.factor.unsqueeze(1))

    def row(self, query: int) -> "Prior":
        """That of one query: [B, heads, keys]."""
        return Prior(self.added[..., query, :], None if self.factor is None else self.factor[..., query, :])

    def apply(self, logits: Tensor) -> Tensor:
        logits = logits + self.added
        return logits if self.factor is None else logits * self.factor


class Attention(nn.Module):
    """Multi-head attention without biases (ScPGE equation 1); the queries may be a part of the keys' tokens."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.scale = 1 / math.sqrt(width // heads)
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.drop_weights = nn.Dropout(dropout)
        self.drop_out = nn.Dropout(dropout)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)

    def forward(
        self, queries: Tensor, keys: Tensor, activity: Tensor, prior: Prior, watched: int
    ) -> tuple[Tensor, Tensor]:
        """Mixed [..., q, d] of queries [..., q, d] over keys [..., k, d], and logits [..., heads, k] of one query.

        activity [..., k, heads or 0] is added to the logits of the keys; logits are what a softmax makes weights of.
        """
        if queries.shape[-2] == 1:
            return self._of_one(queries, keys, activity, prior)
        q, k, v = self._split(self.query(queries)), self._split(self.key(keys)), self._split(self.value(keys))
        row = _raised(q[..., watched, :].unsqueeze(-2) @ k.transpose(-1, -2) * self.scale, activity)
        logits = prior.row(watched).apply(row.squeeze(-2))
        if prior.factor is None:
            added = _raised(prior.added, activity)
            chance = self.drop_weights.p if self.training else 0.0
            mixed = functional.scaled_dot_product_attention(q, k, v, added.to(q.dtype), chance)
        else:
            weights = functional.softmax(prior.apply(_raised(q @ k.transpose(-1, -2) * self.scale, activity)), dim=-1)
            mixed = self.drop_weights(weights) @ v
        return self.drop_out(self.out(mixed.transpose(-3, -2).flatten(-2))), logits

    def _of_one(self, query: Tensor, keys: Tensor, activity: Tensor, prior: Prior) -> tuple[Tensor, Tensor]:
        """The same for a single query [..., 1, d], by q (K x) = (q K) x: no key or value is computed for each token."""
        d = keys.shape[-1]
        q = self.query(query).unflatten(-1, (self.heads, -1)).transpose(-3, -2)  # [..., heads, 1, d / heads]
        asked = (q @ self.key.weight.view(self.heads, -1, d)).squeeze(-2) * self.scale  # [..., heads, d]
        logits = asked @ keys.transpose(-1, -2)
        logits = prior.row(0).apply(logits + activity.transpose(-1, -2) if activity.shape[-1] else logits)
        weights = self.drop_weights(functional.softmax(logits, dim=-1))
        seen = (weights @ keys).unsqueeze(-2)  # [..., heads, 1, d]
        mixed = seen @ self.value.weight.view(self.heads, -1, d).transpose(-1, -2)  # [..., heads, 1, d / heads]
        return self.drop_out(self.out(mixed.flatten(-3).unsqueeze(-2))), logits

    def map(self, tokens: Tensor, activity: Tensor, prior: Prior) -> Tensor:
        """Logits [B, heads, n, n] of every token over all tokens [B, n, d]."""
        q, k = self._split(self.query(tokens)), self._split(self.key(tokens))
        return prior.apply(_raised(q @ k.transpose(-1, -2) * self.scale, activity))

    def swap_each(
        self,
        tokens: Tensor,
        other: Tensor,
        activity: Tensor,
        activity_other: Tensor,
        prior: Prior,
        rows: slice,
        columns: Tensor,
        own: Tensor | None,
        gene: int,
    ) -> Tensor:
        """What `forward` gives for the tokens in `rows` of copies of a gene; in each, one of `columns` is `other`.

        tokens [B, n, d], other [B or 1, copies or 1, d], prior of these rows -> [B, copies, rows, d]. `rows` are all
        tokens, or the gene's. Queries, keys and values are computed once for all copies, as these differ by one token
        each; or by two, where the token in column `gene` is `own` [B, copies, d].
        """
        q, k, v = (
            self._split(self.query(tokens[:, rows])),
            self._split(self.key(tokens)),
            self._split(self.value(tokens)),
        )
        k_other, v_other = self._split(self.key(other)), self._split(self.value(other))
        n, copies = tokens.shape[1], torch.arange(len(columns), device=tokens.device)
        swapped = functional.one_hot(columns, n).bool()  # [copies, n]
        answered = (q @ k_other.transpose(-1, -2)).permute(0, 3, 1, 2).unsqueeze(-1)  # [B, copies or 1, heads, rows, 1]
        logits = torch.where(swapped[:, None, None], answered, (q @ k.transpose(-1, -2)).unsqueeze(1))
        every = q.shape[-2] == n
        if every:  # the swapped token asks, too
            q_other = self._split(self.query(other))
            asked = _by_copy(q_other @ k.transpose(-1, -2))  # [B, copies or 1, heads, n]
            itself = _by_copy((q_other * k_other).sum(-1, keepdim=True))
            logits[:, copies, :, columns] = torch.where(swapped[:, None], itself, asked).transpose(0, 1)
        if own is not None:
            q_own, k_own = self._split(self.query(own)), self._split(self.key(own))  # [B, heads, copies, d / heads]
            if every:
                logits[..., gene] = (q @ k_own.transpose(-1, -2)).permute(0, 3, 1, 2)
                logits[:, copies, :, columns, gene] = (q_other * k_own).sum(-1).permute(2, 0, 1)
            asked = torch.where(swapped, (q_own * k_other).sum(-1, keepdim=True), q_own @ k.transpose(-1, -2))
            asked[..., gene] = (q_own * k_own).sum(-1)
            logits[..., gene if every else 0, :] = _by_copy(asked)
        logits = _raised(logits * self.scale, swapped_in(activity, activity_other, columns))
        weights = functional.softmax(prior.copies().apply(logits), dim=-1)
        its_weight = weights[:, copies, ..., columns].transpose(0, 1).unsqueeze(-1)  # [B, copies, heads, rows, 1]
        change = (v_other - v[:, :, columns]).transpose(1, 2).unsqueeze(-2)  # [B, copies, heads, 1, d / heads]
        # one product for all copies of a gene: they share the values
        by_gene = weights.transpose(1, 2)  # [B, heads, copies, rows, n]
        mixed = (by_gene.flatten(2, 3) @ v).unflatten(2, by_gene.shape[2:4]).transpose(1, 2)
        mixed = mixed + its_weight * change
        if own is not None:
            v_own = _by_copy(self._split(self.value(own)) - v[:, :, gene, None])
            mixed = mixed + weights[..., gene].unsqueeze(-1) * v_own.unsqueeze(-2)
        out: Tensor = self.out(mixed.transpose(-3, -2).flatten(-2))
        return out


def _raised(logits: Tensor, activity: Tensor) -> Tensor:
    """Logits [..., heads, q, k] and the activity [..., k, heads or 0] of the keys."""
    return logits + activity.transpose(-1, -2).unsqueeze(-2) if activity.shape[-1] else logits


def _by_copy(x: Tensor) -> Tensor:
    """[B, heads, copies, ...] -> [B, copies, heads, ...]."""
    return x.transpose(1, 2)


def swapped_in(x: Tensor, other: Tensor, columns: Tensor) -> Tensor:
    """Copies [B, copies, n, c] of x [B, n, c], in each of which another of `columns` is `other` [B or 1, copies or 1,
    c].
    """
    swapped = functional.one_hot(columns, x.shape[1]).bool().unsqueeze(-1)
    return torch.where(swapped, other.unsqueeze(2), x.unsqueeze(1))


class TransformerLayer(nn.Module):
    """Pre-norm transformer layer."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, activation: Activation = "gelu") -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.norm_feedforward = nn.LayerNorm(width)
        self.feedforward = nn.Sequential(
            nn.Linear(width, hidden),
            nn.GELU() if activation == "gelu" else nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),
            nn.Dropout(dropout),
        )

    def forward(
        self, x: Tensor, activity: Tensor, prior: Prior, rows: slice, watched: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Update only the tokens in `rows` (all, or the gene's in the last layer); prior has those rows too.

        Also the logits of one of them: `watched` counts from the first of `rows`.
        """
        normed = self.norm_attention(x)
        update, logits = self.attention(normed[..., rows, :], normed, activity, prior, watched)
        x = x[..., rows, :] + update
        return x + self.feedforward(self.norm_feedforward(x)), logits

    def swap_each(
        self,
        x: Tensor,
        other: Tensor,
        activity: Tensor,
        activity_other: Tensor,
        prior: Prior,
        rows: slice,
        columns: Tensor,
        own: Tensor | None,
        gene: int,
    ) -> Tensor:
        """The tokens in `rows` of copies of a gene, in each of which another of `columns` is `other`, and the gene's
        is `own`; as `Attention.swap_each`.
        """
        normed, normed_other = self.norm_attention(x), self.norm_attention(other)
        normed_own = None if own is None else self.norm_attention(own)
        update = self.attention.swap_each(
            normed, normed_other, activity, activity_other, prior, rows, columns, normed_own, gene
        )
        kept = x[:, rows].unsqueeze(1) if own is None else own.unsqueeze(2)
        if update.shape[-2] == x.shape[1]:
            kept = swapped_in(x, other, columns)
            if own is not None:
                kept[:, :, gene] = own
        out: Tensor = kept + update
        return out + self.feedforward(self.norm_feedforward(out))


class Mixed(NamedTuple):
    """A gene's vector [B, d], and its attention logits over the tokens [B, layers, heads, tokens]."""

    gene: Tensor
    logits: Tensor


class TokenMixer(nn.Module):
    """Transformer over a gene's tokens; the last layer computes the gene's row alone, as nothing else is read."""

    def __init__(
        self, width: int, layers: int, heads: int, hidden: int, dropout: float, activation: Activation = "gelu"
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TransformerLayer(width, heads, hidden, dropout, activation) for _ in range(layers))
        self.norm: nn.Module = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, activity: Tensor, prior: Prior, prior_gene: Prior, gene: int) -> Mixed:
        """Mix tokens [B, n, d], of which the gene's is in column `gene`.

        `prior_gene` is the gene's row of `prior`, and all that a single layer reads.
        """
        own = slice(gene, gene + 1)
        logits = []
        for number, layer in enumerate(self.layers, 1):
            if number < len(self.layers):
                tokens, row = layer(tokens, activity, prior, slice(None), gene)
            else:
                tokens, row = layer(tokens, activity, prior_gene, own)
            logits.append(row)
        vector = tokens[:, 0] if self.layers else tokens[:, gene]
        stacked = torch.stack(logits, dim=1) if logits else tokens.new_zeros(len(tokens), 0, 1, tokens.shape[1])
        return Mixed(self.norm(vector), stacked)

    def maps(self, tokens: Tensor, activity: Tensor, prior: Prior) -> Tensor:
        """Logits [B, layers, heads, n, n] of all tokens over all, also in the last layer."""
        found = []
        for layer in self.layers:
            found.append(layer.attention.map(layer.norm_attention(tokens), activity, prior))  # type: ignore[operator,union-attr]
            tokens, _ = layer(tokens, activity, prior, slice(None))
        return torch.stack(found, dim=1) if found else tokens.new_zeros(len(tokens), 0, 1, *2 * tokens.shape[1:2])

    def swap_each(
        self,
        tokens: Tensor,
        other: Tensor,
        activity: Tensor,
        activity_other: Tensor,
        prior: Prior,
        prior_gene: Prior,
        gene: int,
        columns: Tensor,
        changed: Tensor | None = None,
    ) -> Tensor:
        """Gene vectors [B, copies, d] of copies of a gene, in each of which another of `columns` is `other` [B or 1,
        copies or 1, d], and the gene's own token `changed` [B, copies, d] where that is given.

        The gene is none of the columns. The first layer shares between the copies.
        """
        if not self.layers:
            alone: Tensor = self.norm(
                tokens[:, gene, None].expand(-1, len(columns), -1) if changed is None else changed
            )
            return alone
        own = slice(gene, gene + 1)
        first, *more = self.layers
        rows, its_prior = (slice(None), prior) if more else (own, prior_gene)
        copies: Tensor = first.swap_each(  # type: ignore[operator]
            tokens, other, activity, activity_other, its_prior, rows, columns, changed, gene
        )
        of_copies = swapped_in(activity, activity_other, columns)
        for layer in more[:-1]:
            copies, _ = layer(copies, of_copies, prior.copies(), slice(None))
        if more:
            copies, _ = more[-1](copies, of_copies, prior_gene.copies(), own)
        vectors: Tensor = self.norm(copies.squeeze(-2))
        return vectors
