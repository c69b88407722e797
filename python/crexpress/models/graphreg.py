"""GraphReg's form on the element store: elements and TSS are nodes, joined by loops, and the TSS's node is the gene.

After Karbalayghareh et al. (GraphReg, Epi variant), re-made from its description: graph attention whose weights are
sigmoids and not a softmax, w_ij = sig(e_ij) / (1 + sum_j sig(e_ij)) with e_ij = LeakyReLU(a_s s_i + a_n n_j), and a
node becomes s_i / (1 + sum_j sig(e_ij)) + sum_j w_ij n_j, where s and n are two linear maps of the nodes; ELU and
BatchNorm after each layer, and an exponential at the end.

An adaptation (`graphreg-elements`): GraphReg's nodes are the 1,200 bins of 5 kb of a window of 6 Mb, encoded by a
convolution over all of it, and each is an output; here nodes are a gene's cCREs, encoded one by one, and the TSS's
alone is. What lies in one bin there is joined here (nodes less than 5 kb apart).
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from crexpress.models.attention import Mixed, Prior, swapped_in
from crexpress.models.config import ModelConfig
from crexpress.models.inputs import Prediction, Tokens
from crexpress.models.regulatory import RegulatoryModel

NODE = 5_000  # bp of a node of GraphReg
_NEAREST = 1_000  # bp, below which nodes are equally far
_LEAST = 1e-12  # weight whose logarithm is shown where there is no edge
_AT_ONCE = 2**22  # weights of copies of genes that are silenced at once


class NodeNorm(nn.BatchNorm1d):
    """BatchNorm of nodes [..., width], of those `there` (bool [...], all without); of a single one as it is applied."""

    def forward(self, x: Tensor, there: Tensor | None = None) -> Tensor:
        if self.training and there is not None and not there.all():
            normed = x.new_zeros(x.shape)
            normed[there] = self.forward(x[there])
            return normed
        flat = x.flatten(0, -2)
        if self.training and len(flat) == 1:
            flat = functional.batch_norm(flat, self.running_mean, self.running_var, self.weight, self.bias)
        else:
            flat = super().forward(flat)
        return flat.view(x.shape)


class Scale(nn.Module):
    """What BatchNorm is in GraphReg's training loop, whose statistics never move: a scale and a shift of each unit."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, there: Tensor | None = None) -> Tensor:
        return x * self.weight + self.bias


class GraphLayer(nn.Module):
    """Graph attention; the nodes asked may be a part of all."""

    def __init__(self, width: int, heads: int, norm: type[NodeNorm] | type[Scale]) -> None:
        super().__init__()
        self.heads = heads
        self.own = nn.Linear(width, width, bias=False)
        self.other = nn.Linear(width, width, bias=False)
        self.of_own = nn.Parameter(torch.randn(heads, width // heads) / (width // heads) ** 0.5)
        self.of_other = nn.Parameter(torch.randn(heads, width // heads) / (width // heads) ** 0.5)
        self.norm = norm(width)

    def forward(self, nodes: Tensor, added: Tensor, there: Tensor | None, rows: slice) -> tuple[Tensor, Tensor]:
        """Nodes [B, r, d] in `rows` anew, and their weights [B, heads, r, n] over all `nodes` [B, n, d].

        added [B, heads or 1, r, n] is -inf where there is no edge; there bool [B, n]: the nodes that are no pads.
        """
        own = self.own(nodes[:, rows]).unflatten(-1, (self.heads, -1))
        other = self.other(nodes).unflatten(-1, (self.heads, -1))
        asking, asked = (own * self.of_own).sum(-1), (other * self.of_other).sum(-1)  # [B, r, heads], [B, n, heads]
        scores = asking.transpose(1, 2).unsqueeze(-1) + asked.transpose(1, 2).unsqueeze(-2)
        gates = torch.sigmoid(functional.leaky_relu(scores, 0.2) + added)
        total = 1 + gates.sum(-1, keepdim=True)
        weights = gates / total
        mixed = own.transpose(1, 2) / total + weights @ other.transpose(1, 2)  # [B, heads, r, d / heads]
        nodes = functional.elu(mixed.transpose(1, 2).flatten(-2))
        return self.norm(nodes, None if there is None else there[:, rows]), weights


class GraphMixer(nn.Module):
    """Graph layers in the place of a transformer (`attention.TokenMixer`); the last computes the gene's node alone."""

    def __init__(self, width: int, layers: int, heads: int, norm: type[NodeNorm] | type[Scale]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(GraphLayer(width, heads, norm) for _ in range(layers))

    def forward(
        self,
        tokens: Tensor,
        activity: Tensor,
        prior: Prior,
        prior_gene: Prior,
        gene: int,
        there: Tensor | None = None,
    ) -> Mixed:
        """A gene's vector, and the logarithm of its weights in every layer; `there` is what training needs."""
        found, nodes = [], tokens
        for number, layer in enumerate(self.layers, 1):
            last = number == len(self.layers)
            rows = slice(gene, gene + 1) if last else slice(None)
            nodes, weights = layer(nodes, prior_gene.added if last else prior.added, there, rows)
            found.append(weights[:, :, 0 if last else gene])
        vector = nodes[:, 0] if self.layers else tokens[:, gene]
        if not found:
            return Mixed(vector, tokens.new_zeros(len(tokens), 0, 1, tokens.shape[1]))
        return Mixed(vector, torch.stack(found, dim=1).clamp(min=_LEAST).log())

    def maps(self, tokens: Tensor, activity: Tensor, prior: Prior) -> Tensor:
        """Logarithms of weights [B, layers, heads, n, n] of all nodes over all, also in the last layer."""
        found = []
        for layer in self.layers:
            tokens, weights = layer(tokens, prior.added, None, slice(None))
            found.append(weights)
        if not found:
            return tokens.new_zeros(len(tokens), 0, 1, *2 * tokens.shape[1:2])
        return torch.stack(found, dim=1).clamp(min=_LEAST).log()

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
        """As `TokenMixer.swap_each`: gene vectors [B, copies, d] with another node swapped in each copy."""
        batch, n, width = tokens.shape
        at_once = max(1, _AT_ONCE // (batch * n * n))
        other = other.expand(batch, len(columns), width)
        found = []
        for part in torch.arange(len(columns), device=tokens.device).split(at_once):
            copies = swapped_in(tokens, other[:, part], columns[part])
            if changed is not None:
                copies[:, :, gene] = changed[:, part]
            priors = [Prior(one.added.repeat_interleave(len(part), 0)) for one in (prior, prior_gene)]
            mixed = self(copies.flatten(0, 1), activity, *priors, gene)
            found.append(mixed.gene.view(batch, len(part), width))
        return torch.cat(found, dim=1)


class GraphHead(nn.Module):
    """A gene's vector [..., d] -> expression [..., 1]: dropout, a layer with ReLU and norm, and exp(z), or z itself
    where `signed` changes are predicted.
    """

    def __init__(
        self, width: int, hidden: int, dropout: float, norm: type[NodeNorm] | type[Scale], signed: bool
    ) -> None:
        super().__init__()
        self.drop, self.first, self.norm = nn.Dropout(dropout), nn.Linear(width, hidden), norm(hidden)
        self.last, self.signed = nn.Linear(hidden, 1), signed

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.last(self.norm(functional.relu(self.first(self.drop(x)))))
        return z if self.signed else z.exp()


class GraphReg(RegulatoryModel):
    """The house's encoder with GraphReg's graph attention and head."""

    UNREAD = (
        "activation", "activity_heads", "hidden_mixer", "mask", "members", "nearest", "pads", "position",
        "position_buckets", "position_decay", "scalar_scale", "scalars",
    )  # fmt: skip

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        norm = NodeNorm if config.graph_norm == "batch" else Scale
        self.position = nn.Identity()
        self.mixer = GraphMixer(config.width_model, config.layers, config.heads, norm)  # type: ignore[assignment]
        hidden = config.hidden_head or config.width_model
        self.head = GraphHead(config.width_model, hidden, config.dropout_mixer, norm, config.anchored)  # type: ignore[assignment]

    def _mixed(self, tokens: Tokens) -> Mixed:
        content, activity, _ = self._contents(tokens)
        there = tokens.present
        mixed: Mixed = self.mixer(content, activity, *self._priors(tokens), content.shape[1] // 2, there)
        return mixed._replace(logits=mixed.logits.masked_fill(~there[:, None, None], float("-inf")))

    def predict(self, tokens: Tokens) -> Prediction:
        mixed = self._mixed(tokens)
        return Prediction(self.head(mixed.gene).squeeze(-1), mixed.logits.exp(), mixed.logits)

    def attention_maps(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        content, activity, _ = self._contents(tokens)
        logits = cast(GraphMixer, self.mixer).maps(content, activity, self.prior(tokens, slice(None)))
        logits = logits.masked_fill(~tokens.present[:, None, None, None], float("-inf"))
        return logits.exp(), logits

    def prior(self, tokens: Tokens, rows: slice) -> Prior:
        """0 on edges, -inf elsewhere. `graph` "loops": an edge is a loop, or less than a node of GraphReg between;
        "distance": all are joined, by log(1 kb / distance); "none": nothing but what lies in one node of GraphReg.
        """
        distance, present = tokens.distance, tokens.present
        apart = (distance[:, rows].unsqueeze(-1) - distance.unsqueeze(-2)).abs()
        edges = apart < NODE
        added = torch.zeros_like(apart)
        if self.config.graph == "distance":
            added = -torch.log(apart.clamp(min=_NEAREST) / _NEAREST)
            edges = torch.ones_like(edges)
        elif self.config.graph == "loops":
            assert tokens.loops is not None
            edges = edges | (tokens.loops > 0)
        n = present.shape[1]
        itself = torch.eye(n, dtype=torch.bool, device=present.device)[rows]
        edges = edges & present.unsqueeze(-2) & ~itself
        return Prior(added.masked_fill(~edges, float("-inf")).unsqueeze(1))
