"""EPInformer's form on the element store: promoter and elements, each told how far and how active it is.

After Lin et al. (EPInformer), re-made from its description: scalars join each element's vector (its distance; in the
variant PE-Activity its activity), then pre-norm transformer layers follow in which an element sees itself and the
promoter, and the promoter all; the promoter's vector, and its activity in PE-Activity, give expression. In +HiC contact
is a third scalar: log10(1 + strength) of the loop between element and promoter. The link score is the promoter's
attention, mean over layers and heads.

An adaptation: frames are the store's (`merge-ccres --width 2000` gives 2 kb), not each element's length in zeros;
activity is log10(1 + sqrt(accessibility x H3K27ac)) unless `scalar_scale` is raw, as peak values span five decades; the
other eight features of a gene's transcripts are not read.
"""

import torch
from torch import Tensor, nn

from crexpress.core.tracks import linear
from crexpress.models.attention import Prior
from crexpress.models.config import ModelConfig
from crexpress.models.inputs import Features, Prediction, ProfileChanges, Tokens
from crexpress.models.regulatory import RegulatoryModel

_PARTS = (("dnase", "atac"), ("h3k27ac",))  # of activity: the first track of each that is there


class EPInformer(RegulatoryModel):
    """The house's encoder and mixer with EPInformer's scalars, mask and head."""

    UNREAD = (
        "activity_heads", "gene_token", "graph", "graph_norm", "mask", "members", "pads", "position",
        "position_buckets", "position_decay",
    )  # fmt: skip

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        width = config.width_model
        tracks = [
            next((config.tracks.index(name) for name in names if name in config.tracks), None) for names in _PARTS
        ]
        self.tracks = [at for at in tracks if at is not None] if config.scalars != "distance" else []
        self.position = nn.Identity()  # distance is a scalar, not a bias of attention
        scalars = 1 + (config.scalars == "contact") + bool(self.tracks)
        self.join = nn.Sequential(nn.Linear(width + scalars, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        inputs, hidden = width + bool(self.tracks), config.hidden_head or width
        end = nn.Identity() if config.anchored else nn.Softplus()
        layers = nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1), end
        self.head = nn.Sequential(*layers)  # type: ignore[assignment]

    @property
    def token_width(self) -> int:
        return self.config.width_model + bool(self.tracks)

    def embed(self, features: Features) -> Tensor:
        vectors: Tensor = self.encoder(features)
        if not self.tracks:
            return vectors
        there = features.present[:, self.tracks].unsqueeze(-1)
        signal = linear(features.signals[:, self.tracks].float(), self.config.transform, torch).clamp(min=0)
        level = (signal * there).mean(-1)
        product = level.prod(-1, keepdim=True)
        some = product > 0  # at 0 a root is infinitely steep, and gradients through it were NaN
        activity = torch.where(some, torch.where(some, product, 1.0) ** (1 / len(self.tracks)), 0.0)
        activity = activity if self.config.scalar_scale == "raw" else torch.log10(1 + activity)
        return torch.cat([vectors, activity.to(vectors.dtype)], dim=1)

    def _contents(self, tokens: Tokens) -> tuple[Tensor, Tensor, Tensor]:
        """Of the base's kind: vectors joined with their scalars, which all are 0 for the promoter."""
        vectors = tokens.vectors
        width, gene = self.config.width_model, vectors.shape[1] // 2
        own = torch.arange(vectors.shape[1], device=vectors.device) == gene
        scalars = [tokens.distance.abs() / 1000]
        if self.config.scalars == "contact":
            assert tokens.loops is not None
            scalars.append(tokens.loops[:, gene if tokens.loops.shape[1] > 1 else 0])
        told = torch.stack(scalars, dim=-1).masked_fill(own.view(1, -1, 1), 0).to(vectors.dtype)
        active = vectors[..., width:].masked_fill(own.view(1, -1, 1), 0)
        content = self.join(torch.cat([vectors[..., :width], told, active], dim=-1))
        window = content[:, gene]
        if self.gene is not None and tokens.profile is not None:
            content = _with_gene(content, self.gene(tokens.profile, window))
        return content, vectors[..., :0], window

    def predict(self, tokens: Tokens) -> Prediction:
        return self._read(self._contents(tokens)[0], tokens)

    def _read(self, content: Tensor, tokens: Tokens) -> Prediction:
        vectors, gene = tokens.vectors, content.shape[1] // 2
        mixed = self.mixer(content, vectors[..., :0], *self._priors(tokens), gene)
        expression = self.head(torch.cat([mixed.gene, vectors[:, gene, self.config.width_model :]], dim=-1)).squeeze(-1)
        return Prediction(expression, mixed.logits.softmax(-1), mixed.logits)

    def silence_each(
        self, tokens: Tokens, silent: Tensor, undisturbed: Tensor, changes: ProfileChanges | None = None
    ) -> Tensor:
        """As EPInformer's in-silico perturbation: an element of zeros is a masked one, whatever `silent` is."""
        n = tokens.present.shape[1]
        content, _, window = self._contents(tokens)
        own = content[:, n // 2, None].repeat(1, n, 1)
        if changes is not None and len(changes.gene):
            assert self.gene is not None
            assert tokens.profile is not None
            own[changes.gene, changes.token] = self.gene.changed(tokens.profile, window, changes).to(own.dtype)
        expression = undisturbed.unsqueeze(1).repeat(1, n)
        for column in range(n):
            there = tokens.present[:, column]
            if column != n // 2 and there.any():
                left = tokens.present.clone()
                left[:, column] = False
                found = self._read(_with_gene(content, own[:, column]), tokens._replace(present=left)).expression
                expression[:, column] = torch.where(there, found, undisturbed).to(expression.dtype)
        return expression

    def prior(self, tokens: Tokens, rows: slice) -> Prior:
        blocked = self._blocked(self._far_enough(tokens), rows).unsqueeze(1)
        zeros = torch.zeros(1, self.config.heads, 1, 1, device=blocked.device)
        return Prior(zeros.masked_fill(blocked, float("-inf")), None)

    def _far_enough(self, tokens: Tokens) -> Tensor:
        """Which tokens are seen: those that are there and farther from the TSS than `nearest`, and the promoter."""
        present = tokens.present
        if not self.config.nearest:
            return present
        own = torch.arange(present.shape[1], device=present.device) == present.shape[1] // 2
        return present & ((tokens.distance.abs() > self.config.nearest) | own)

    def _blocked(self, present: Tensor, rows: slice) -> Tensor:
        """An element sees itself and the promoter, the promoter all that is there: bool [B, rows, n]."""
        n = present.shape[1]
        gene = torch.arange(n, device=present.device) == n // 2
        itself = torch.eye(n, dtype=torch.bool, device=present.device)
        seen = (itself | gene.unsqueeze(0) | gene.unsqueeze(1))[rows]
        blocked = ~seen | ~present.unsqueeze(-2)
        return blocked & ~itself[rows]  # a pad attends to itself, so that no row is empty


def _with_gene(content: Tensor, gene: Tensor) -> Tensor:
    """Tokens [B, n, d] with these vectors [B, d] in the middle."""
    middle = content.shape[1] // 2
    return torch.cat([content[:, :middle], gene.to(content.dtype).unsqueeze(1), content[:, middle + 1 :]], dim=1)
