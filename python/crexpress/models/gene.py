"""The gene's token from its own profile and its TSS window: a gene is more than 600 bp (docs/science.md)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from crexpress.models.config import ModelConfig
from crexpress.models.inputs import GeneProfile, ProfileChanges
from crexpress.prepare.profile_bins import columns

UNITS = 8  # that each value of a profile is spread over before they are joined


class GeneEncoder(nn.Module):
    """Profiles and window vectors [B, d] of genes -> their tokens [B, d].

    Each value is standardised (`fit`) and has units of its own, whose sum over all values is what a layer of
    `profile_width` starts from. A value that is missing has none of them, so missing is not zero.
    """

    mean: Tensor
    spread: Tensor
    mean_about: Tensor
    spread_about: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        shape, facts = (config.profile_channels, columns(config.profile_edges)), config.gene_facts
        values = shape[0] * shape[1] + facts
        self.weight = nn.Parameter(torch.empty(values, UNITS).normal_(std=0.5))
        self.bias = nn.Parameter(torch.zeros(values, UNITS))
        self.join = nn.Linear(values * UNITS, config.profile_width)
        self.token = nn.Linear(config.profile_width + config.width_model, config.width_model)
        self.distance = nn.Linear(2, config.width_model)
        self.drop = nn.Dropout(config.dropout_mixer)
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("spread", torch.ones(shape))
        self.register_buffer("mean_about", torch.zeros(facts))
        self.register_buffer("spread_about", torch.ones(facts))

    def fit(self, profile: GeneProfile) -> None:
        """Standardise by these genes: those trained on."""
        there = profile.present.unsqueeze(2) & profile.values.isfinite()
        self.mean, self.spread = _moments(profile.values, there)
        self.mean_about, self.spread_about = _moments(profile.about, profile.about.isfinite())

    def place(self, distance: Tensor) -> Tensor:
        """What tokens [B, n, d] are given of their distance [B, n] in bp: the gene then sees how dense elements are,
        which attention alone, whose weights sum to 1, does not tell.
        """
        far = torch.log10(1 + distance.abs()) - 4
        return self.distance(torch.stack([far, distance.sign()], -1))

    def forward(self, profile: GeneProfile, window: Tensor) -> Tensor:
        return self._finish(self._joined(profile), window)

    def changed(self, profile: GeneProfile, window: Tensor, changes: ProfileChanges) -> Tensor:
        """Tokens [K, d] of the genes without each of some elements: `forward` of the changed profiles.

        The sum over all values is corrected where values change, which are few; joining them all anew is what
        silencing elements one by one would spend most of its time on.
        """
        order = changes.column.argsort(stable=True)
        column, pair, new = changes.column[order], changes.pair[order], changes.values[order]
        of = changes.gene[pair]
        old, tracks = profile.values[of, :, column], new.shape[1]
        if old.shape[1] > tracks:  # differences from known cells change as the tracks do
            new = torch.cat([new, old[:, tracks:] + new - old[:, :tracks]], 1)
        channels, columns = self.mean.shape
        weight, bias = (part[: channels * columns].view(channels, columns, UNITS) for part in (self.weight, self.bias))

        def units(values: Tensor) -> Tensor:
            scaled = (values - self.mean[:, column].T) / self.spread[:, column].T
            return functional.relu(
                scaled.unsqueeze(2) * weight[:, column].transpose(0, 1) + bias[:, column].transpose(0, 1)
            )

        there = (old.isfinite() & profile.present[of]).unsqueeze(2)
        change = torch.where(there, units(new) - units(old), 0.0).flatten(1)
        join = self.join.weight[:, : channels * columns * UNITS].view(-1, channels, columns, UNITS)
        by_column = join.permute(2, 1, 3, 0).flatten(1, 2)  # [columns, channels * UNITS, profile_width]
        joined = self._joined(profile)[changes.gene]
        parts = torch.bincount(column, minlength=columns).tolist()
        for number, (rows, its_change) in enumerate(zip(pair.split(parts), change.split(parts), strict=True)):
            joined.index_add_(0, rows, its_change @ by_column[number])  # each pair once, so in no order
        return self._finish(joined, window[changes.gene])

    def _joined(self, profile: GeneProfile) -> Tensor:
        """The sum over all values [B, profile_width]."""
        values = (profile.values - self.mean) / self.spread
        about = (profile.about - self.mean_about) / self.spread_about
        there = (profile.values.isfinite() & profile.present.unsqueeze(2)).flatten(1)
        flat = torch.cat([values.flatten(1), about], 1)
        there = torch.cat([there, profile.about.isfinite()], 1)
        flat = torch.where(there, flat, 0.0)
        joined: Tensor = self.join((self._units(flat) * there.unsqueeze(2)).flatten(1))
        return joined

    def _units(self, values: Tensor) -> Tensor:
        """Standardised values [B, v] over the units of each [B, v, UNITS]; `changed` has the same of some of them."""
        return functional.relu(values.unsqueeze(2) * self.weight + self.bias)

    def _finish(self, joined: Tensor, window: Tensor) -> Tensor:
        token: Tensor = self.token(torch.cat([self.drop(functional.silu(joined)), window], 1))
        return token


def _moments(values: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over the first axis of what is there; 0 and 1 where nothing is or all are equal."""
    count = there.sum(0).clamp(min=1)
    values = torch.where(there, values, 0.0).double()
    mean = values.sum(0) / count
    variance = torch.where(there, (values - mean) ** 2, 0.0).sum(0) / count
    return mean.float(), torch.where(variance > 1e-8, variance.sqrt(), 1.0).float()
