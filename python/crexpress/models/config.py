"""What a model is: the settings stored in a model's config.json."""

from functools import partial
from typing import Literal, NamedTuple

from crexpress.core.errors import InputError
from crexpress.core.settings import EVEN, LARGEST, ODD, Settings, setting
from crexpress.prepare.profile_bins import EDGES

INPUTS = ("sequence", "motifs", "tracks")  # what a model may see, each of them left out in an ablation
AtTss = Literal["right", "dropped"]  # what becomes of a cCRE whose midpoint is exactly on the TSS
_MOST_LAYERS, _MOST_UNITS = 1_000, 16_384  # beyond what anybody trains: a damaged number, or a typing error
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


_inputs, _encoder, _mixer, _position, _loops, _profile, _head = (
    partial(setting, part=part) for part in ("inputs", "encoder", "mixer", "position", "loops", "profile", "head")
)


class ModelConfig(Settings):
    """Architecture of a model, and the inputs it needs (those come from the data, not the preset)."""

    PART = "model"

    tracks: tuple[str, ...] = _inputs((), source="the inputs")
    motifs: tuple[str, ...] = _inputs((), source="the inputs")
    expressed_factors: int = _inputs(
        0,
        "Motif channels a cell sees: of so many of its most expressed transcription factors (ScPGE: 600), by its "
        "expression; held-out cells and cells without expression see all, as does every cell with 0.",
        option=True,
        pipeline=True,
    )
    factors: tuple[str, ...] = _inputs((), source="the inputs")  # of the motifs: by them another species' are found
    sequence: bool = _inputs(False, source="the inputs")
    width: int = _inputs(600, least=1, source="the inputs")  # bp of an element
    bin_size: int = _inputs(1, least=1)  # bp of a signal bin
    transform: str = _inputs("log10p1", source="the inputs")
    # of tracks that match-quantiles brought to the scale of those trained on: taken as well as `transform`
    matched: str = _inputs("", source="the shipped model")
    neighbours: int = _inputs(
        20, "cCREs around a gene that the model sees, half on each side.", option=True, pipeline=True
    )
    window: int = _inputs(
        0,
        "See all cCREs in this many bp centred on the TSS, at most --neighbours (400 unless given); 0: the nearest, "
        "however far.",
        option=True,
        pipeline=True,
    )
    # a cCRE exactly on the TSS counts to the right, or is "dropped" (ScPGE's released code)
    at_tss: AtTss = _inputs("right")
    stranded: bool = _inputs(False)  # TSS windows and distances in bp run along the gene, not along the genome
    # the model predicts in what a cell differs from known cells, and sees their mean; see crexpress.data.anchor
    anchored: bool = _inputs(
        False,
        "Predict the difference from the mean of the other training cells, two or more.",
        option=True,
        source="--anchored",
        pipeline="Train a second model beside each, which predicts in what a cell differs from the mean of the other "
        "training cells (two or more); it leads the report in cells never seen. Links are ranked by the direct one.",
    )
    track_dropout: float = _inputs(
        0.0,
        "Chance to hide a track of a batch in training; above 0, cells may lack tracks.",
        most=0.9,
        option=True,
        pipeline=True,
    )
    # element encoder
    encoder: str = _encoder("convolution", key="kind", registry="crexpress.models.encoders:ENCODERS")
    channels: int = _encoder(128, least=1, most=_MOST_UNITS)
    sequence_kernel: int = _encoder(30, least=1)
    sequence_pool: int = _encoder(4)  # 0, as in the other stems: over the whole element
    motif_encoder: Literal["linear", "convolution"] = _encoder(
        "linear"
    )  # over the motif list in its order (paper, code)
    motif_kernel: int = _encoder(30, least=1)
    motif_pool: int = _encoder(4)
    signal_kernel: int = _encoder(30, least=1)
    signal_pool: int = _encoder(4)
    tower_kernels: tuple[int, ...] = _encoder((7, 3, 3, 3), least=1, rule=ODD)
    patch: int = _encoder(5, least=1)  # bp of a token of the encoder "transformer"
    # of that transformer; its width is width_model
    layers_encoder: int = _encoder(2, key="layers", least=1, most=_MOST_LAYERS)
    heads_encoder: int = _encoder(4, key="heads", least=1, most=_MOST_UNITS)
    hidden_encoder: int = _encoder(1024, key="hidden", least=1, most=_MOST_UNITS)
    dropout_encoder: float = _encoder(0.2, key="dropout", most=0.9)
    # training on a CPU: sums in the quickest order, or in the released code's, so that max-pooling takes the same one
    # of two positions that are equal but for rounding, and float32 gradients are its own (not on every CPU: science.md)
    sums: Literal["quick", "released"] = _encoder("quick")
    # token mixer
    # the form that ScPGE and CREaTor share; EPInformer's: scalars of each element, no attention between elements; or
    # GraphReg's: sigmoids as weights, along the edges of a graph
    family: Literal["regulatory", "epinformer", "graphreg"] = _mixer("regulatory")
    # EPInformer's variants: PE (distance alone), PE-Activity, and +HiC, which has both and contact
    scalars: Literal["distance", "activity", "contact"] = _mixer("activity")
    # activity as log10(1 + it), or as it is (EPInformer's training; its link scoring takes logarithms)
    scalar_scale: Literal["log", "raw"] = _mixer("log")
    # bp from the TSS within which EPInformer sees no element (1,000 there: its own promoter is no element)
    nearest: int = _mixer(0)
    # what joins two nodes of GraphReg's graph: loops, all by log(1 / distance), or nothing, which is what is left where
    # 1 / distance stands in for loops in its released code (CREaTor's comparison): any edge below 1 is masked there
    graph: Literal["loops", "distance", "none"] = _mixer("loops")
    # BatchNorm between graph layers; inert: a scale and a shift, as in GraphReg's loop, which never trains statistics
    graph_norm: Literal["batch", "inert"] = _mixer("batch")
    width_model: int = _mixer(256, key="width", least=1, most=_MOST_UNITS)
    layers: int = _mixer(4, "Transformer layers.", most=_MOST_LAYERS, option=True)
    heads: int = _mixer(4, least=1, most=_MOST_UNITS)
    hidden_mixer: int = _mixer(1024, key="hidden", least=1, most=_MOST_UNITS)
    dropout_mixer: float = _mixer(0.1, key="dropout", most=0.9)
    # between the two maps of a transformer's feed-forward part
    activation: Literal["gelu", "relu"] = _mixer("gelu")
    # what stands for the gene: its TSS window as an element, one learnt vector (CREaTor), or an element of 700 bp
    # without bases and signal, encoded as the others are (CREaTor's released code)
    gene_token: Literal["window", "learnt", "empty"] = _mixer("window")
    position: str = _position(
        "rank",
        "Relative position of two elements; multi-bp: bp in five resolutions.",
        key="kind",
        registry="crexpress.models.positions:POSITIONS",
        option=True,
    )
    position_buckets: int = _position(64, key="buckets", least=4, most=_MOST_UNITS, rule=EVEN)
    # power of the contact decay that the position bias starts from; 0 starts at random
    position_decay: float = _position(0.0, key="decay")
    activity_heads: int = _mixer(0)  # heads that start from the elements' activity, as activity-by-contact does
    # whom a token may not attend to: itself (released code), the gene itself (paper), or no token the gene
    mask: Literal["none", "diagonal", "gene", "gene-key"] = _mixer("none")
    # missing neighbours, or all-zero elements as in the released code
    pads: Literal["masked", "encoded"] = _mixer("masked")
    loop_prior: Literal["none", "multiplied", "added"] = _loops(
        "none",
        "Loops in attention: exp(M) * logit (the paper's, equation 3) or logit + learnt weight * M.",
        key="prior",
        option=True,
    )
    # training takes counts where every file has them
    loop_value: Literal["count", "neglog10q"] = _loops("count", key="value", source="the loops")
    # how elements fall into bins; nearest: as in the released code
    loop_bins: Literal["down", "nearest"] = _loops("down", key="bins")
    loop_boundary: int = _loops(
        0,
        "Two models in one: supervised by loops up to this many bp from the TSS, with loops as prior beyond; 0: one.",
        key="boundary",
        option=True,
    )
    profile_width: int = _profile(
        0,
        "Units that read the gene's own profile (--profiles), which joins its token; 0: not read.",
        key="width",
        most=_MOST_UNITS,
        option=True,
    )
    # columns of profiles, in bp from the TSS along the gene
    profile_edges: tuple[int, ...] = _profile(EDGES, key="edges", least=-LARGEST, source="the profiles")
    hidden_head: int = _head(64, key="hidden", most=_MOST_UNITS)  # 0: one linear map
    # heads of output that share weights, of which the mean is the prediction (models.heads)
    members: int = _head(1, least=1, most=_MOST_LAYERS)

    @property
    def transforms(self) -> tuple[str, ...]:
        """Transforms of signals that are on the model's scale."""
        return (self.transform, self.matched) if self.matched else (self.transform,)

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
        """Of which query tokens loops are read: those whose attention starts from them, or that a graph joins."""
        if self.family == "epinformer":
            return "gene" if self.scalars == "contact" else "none"
        if self.family == "graphreg":
            return "none" if self.graph != "loops" or not self.layers else "gene" if self.layers == 1 else "all"
        if self.loop_prior == "none" or not self.layers:
            return "none"
        return "gene" if self.layers == 1 else "all"
