"""What a model is: the settings stored in a model's config.json, and the presets."""

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any, ClassVar, Literal, NamedTuple

from crexpress.core.errors import InputError
from crexpress.core.settings import Settings
from crexpress.prepare.profile_bins import EDGES
from crexpress.training.config import TrainingConfig

INPUTS = ("sequence", "motifs", "tracks")  # what a model may see, each of them left out in an ablation
AtTss = Literal["right", "dropped"]  # what becomes of a cCRE whose midpoint is exactly on the TSS
LoopRows = Literal["none", "gene", "all"]  # of which of a gene's tokens, as queries, loops are looked up


class StemShape(NamedTuple):
    """Kernel and pool of a stem over an input of a certain length; pool 0 in the settings is all that there is."""

    length: int
    kernel: int
    pool: int

    @property
    def positions(self) -> int:
        """Positions that the stem leaves."""
        return (self.length - self.kernel + 1) // self.pool


@dataclass(frozen=True)
class ModelConfig(Settings):
    """Architecture of a model, and the inputs it needs (those come from the data, not the preset)."""

    SIGNED: ClassVar[tuple[str, ...]] = ("profile_edges",)
    # inputs
    tracks: tuple[str, ...] = ()
    motifs: tuple[str, ...] = ()
    expressed_factors: int = 0  # motif channels of a cell: of its so many most expressed factors; 0: all
    factors: tuple[str, ...] = ()  # of the motifs: by them those of another species are found
    sequence: bool = False
    width: int = 600  # bp of an element
    bin_size: int = 1  # bp of a signal bin
    transform: str = "log10p1"
    neighbours: int = 20  # cCREs around a gene, half on each side; with a window, at most
    window: int = 0  # bp centred on the TSS, of which all cCREs are seen; 0: the nearest, however far
    at_tss: AtTss = "right"  # a cCRE exactly on the TSS counts to the right, or is "dropped" (ScPGE's released code)
    stranded: bool = False  # TSS windows and distances in bp run along the gene, not along the genome
    # the model predicts in what a cell differs from known cells, and sees their mean; see crexpress.anchor
    anchored: bool = False
    track_dropout: float = 0.0  # chance to hide a track from a batch; above 0 the model can do without tracks
    # element encoder
    encoder: str = "convolution"  # one of models.encoders
    channels: int = 128
    sequence_kernel: int = 30
    sequence_pool: int = 4  # 0, as in the other stems: over the whole element
    motif_encoder: Literal["linear", "convolution"] = "linear"  # over the motif list in its order (paper and code)
    motif_kernel: int = 30
    motif_pool: int = 4
    signal_kernel: int = 30
    signal_pool: int = 4
    tower_kernels: tuple[int, ...] = (7, 3, 3, 3)
    patch: int = 5  # bp of a token of the encoder "transformer"
    layers_encoder: int = 2  # of that transformer; its width is width_model
    heads_encoder: int = 4
    hidden_encoder: int = 1024
    dropout_encoder: float = 0.2
    # training on a CPU: sums in the quickest order, or in the released code's, so that max-pooling takes the same one
    # of two positions that are equal but for rounding, and float32 gradients are its own (not on every CPU: science.md)
    sums: Literal["quick", "released"] = "quick"
    # token mixer
    width_model: int = 256
    layers: int = 4
    heads: int = 4
    hidden_mixer: int = 1024
    dropout_mixer: float = 0.1
    activation: Literal["gelu", "relu"] = "gelu"  # between the two maps of a transformer's feed-forward part
    # what stands for the gene: its TSS window as an element, one learnt vector (CREaTor), or an element of 700 bp
    # without bases and signal, encoded as the others are (CREaTor's released code)
    gene_token: Literal["window", "learnt", "empty"] = "window"
    position: str = "rank"  # relative position of two elements, one of models.positions
    position_buckets: int = 64
    position_decay: float = 0.0  # power of the contact decay that the position bias starts from; 0 starts at random
    activity_heads: int = 0  # heads that start from the elements' activity, as activity-by-contact does
    # whom a token may not attend to: itself (released code), the gene itself (paper), or no token the gene
    mask: Literal["none", "diagonal", "gene", "gene-key"] = "none"
    pads: Literal["masked", "encoded"] = "masked"  # missing neighbours, or all-zero elements as in the released code
    # chromatin loops between tokens as prior: exp(M) * logit (paper, equation 3) or logit + learnt weight * M
    loop_prior: Literal["none", "multiplied", "added"] = "none"
    loop_value: Literal["count", "neglog10q"] = "count"  # training takes counts where every file has them
    loop_bins: Literal["down", "nearest"] = "down"  # how elements fall into bins; nearest: as in the released code
    # bp from the TSS up to which a model without that prior ranks elements, and beyond which one with it; 0: one model
    loop_boundary: int = 0
    # the gene's own profile, which joins its token: units of the layer that reads it, 0 for a model without
    profile_width: int = 0
    profile_edges: tuple[int, ...] = EDGES
    # head
    hidden_head: int = 64  # 0: one linear map
    members: int = 1  # heads of output that share weights, of which the mean is the prediction (models.heads)

    @property
    def signal_channels(self) -> int:
        """Channels of signal that an element has: its tracks, and those of `anchor.Anchor.fill`."""
        return 2 * len(self.tracks) + 1 if self.anchored else len(self.tracks)

    @property
    def profile_channels(self) -> int:
        """Channels of a gene's profile: its tracks, in an anchored model also their differences from known cells."""
        return 2 * len(self.tracks) if self.anchored else len(self.tracks)

    @property
    def gene_facts(self) -> int:
        """What is known of a gene as a whole: its length; anchored, also the known cells' mean and spread."""
        return 3 if self.anchored else 1

    @property
    def stems(self) -> dict[str, StemShape]:
        """Convolution stems that the inputs need, by input."""
        stems = {}
        if self.sequence:
            stems["sequence"] = StemShape(self.width, self.sequence_kernel, self.sequence_pool)
        if self.motifs and self.motif_encoder == "convolution":
            stems["motifs"] = StemShape(self.width, self.motif_kernel, self.motif_pool)
        if self.tracks:
            stems["signals"] = StemShape(self.width // self.bin_size, self.signal_kernel, self.signal_pool)
        return {
            name: stem._replace(pool=stem.pool or max(1, stem.length - stem.kernel + 1)) for name, stem in stems.items()
        }

    @property
    def tower(self) -> tuple[int, ...]:
        """Kernels of the tower that is built: motif scores alone have no positions to pool."""
        return self.tower_kernels if self.stems else ()

    @property
    def positions(self) -> int:
        """Positions of an element after the stems; InputError when the stems do not fit the element."""
        if self.motif_encoder == "convolution" and len(self.motifs) > self.width:
            raise InputError(
                f"this preset lays the motif list along the element and takes at most {self.width} motifs, not "
                f"{len(self.motifs)}; score fewer, or use a preset whose motif channel is linear (scpge)"
            )
        lengths = {stem.positions for stem in self.stems.values()}
        halvings = len(self.tower)
        if len(lengths) > 1 or min(lengths, default=1) < 2**halvings:
            raise InputError(
                f"this preset cannot read elements of {self.width} bp in bins of {self.bin_size} bp: its stems leave "
                f"{sorted(lengths)} positions, for a tower that halves them {halvings} times; use the preset's own bin "
                "size and width"
            )
        return lengths.pop() if lengths else 1

    @property
    def largest_layer(self) -> int:
        """Values that an element has in the encoder's largest layer."""
        if self.encoder == "transformer":
            return self.hidden_encoder * (self.width // self.patch + 1)
        return self.channels * max((stem.length for stem in self.stems.values()), default=1)

    @property
    def loop_rows(self) -> LoopRows:
        """Of which query tokens the attention starts from loops."""
        if self.loop_prior == "none" or not self.layers:
            return "none"
        return "gene" if self.layers == 1 else "all"


def presets() -> dict[str, dict[str, Any]]:
    """The presets that ship with crexpress: {name: {"description", "model", "training"}}."""
    folder = resources.files("crexpress.models") / "presets"
    return {
        file.name.removesuffix(".json"): json.loads(file.read_text())
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".json")
    }


def read_preset(name: str) -> tuple[ModelConfig, TrainingConfig]:
    """Settings of a preset, before its inputs are known."""
    known = presets()
    if name not in known:
        raise InputError(f"there is no preset '{name}'; choose one of {', '.join(known)}")
    return ModelConfig.from_json(known[name]["model"]), TrainingConfig.from_json(known[name]["training"])
