"""Which inputs a model is trained on: what the preset reads, as far as it was given and asked for."""

from collections.abc import Sequence
from pathlib import Path

from crexpress.core import artifacts, log
from crexpress.core.errors import InputError
from crexpress.data.opening import shared_tracks
from crexpress.models.config import INPUTS, ModelConfig


def choose_inputs(
    config: ModelConfig,
    elements: Path,
    signals: Sequence[Path],
    sequence: Path | None,
    motifs: Path | None,
    profiles: Sequence[Path],
    inputs: Sequence[str],
    tracks: Sequence[str],
) -> ModelConfig:
    """The preset with the inputs that were given and asked for; InputError when nothing is left."""
    unknown = [name for name in inputs if name not in INPUTS]
    if unknown:
        raise InputError(f"{', '.join(map(repr, unknown))} is no input; choose from {', '.join(INPUTS)}")
    for track in tracks:
        if tracks.count(track) > 1:
            raise InputError(f"--tracks names {track} twice; give each track once")
    measured = shared_tracks(signals, union=True) if tracks and config.track_dropout else tracks
    for track in tracks:
        if track not in measured:  # without dropout every cell must have it, which the store looks at
            raise InputError(f"--tracks names {track}, which no cell has; they have {', '.join(measured)}")
    chosen: tuple[str, ...] = ()
    if "tracks" in inputs:
        chosen = tuple(tracks) or shared_tracks(signals, union=config.track_dropout > 0)
        if not tracks and (left := [track for track in shared_tracks(signals, union=True) if track not in chosen]):
            log.say(f"not read, as not every cell has it: {', '.join(left)}; with --track-dropout it would be")
    motif_names: list[str] = []
    factors: list[str] = []
    if "motifs" in inputs and motifs:
        about = artifacts.open_arrays(motifs, "motifs").header["parameters"]
        motif_names, factors = about["motifs"], about.get("factors", [])
    config = config.replace(
        tracks=chosen,
        motifs=tuple(motif_names),
        expressed_factors=config.expressed_factors if motif_names else 0,
        factors=tuple(factors),
        sequence="sequence" in inputs and sequence is not None,
        profile_width=config.profile_width if chosen else 0,
        width=artifacts.read_table(elements, "elements")[1]["parameters"]["width"],
        transform=artifacts.open_arrays(signals[0], "signals").header["parameters"]["transform"],
    )
    if config.profile_width and profiles:
        edges = artifacts.open_arrays(profiles[0], "profiles").header["parameters"]["edges"]
        config = config.replace(profile_edges=tuple(edges))
    if not described_inputs(config):
        raise InputError("the model has no input left; give --signals with tracks, --sequence or --motifs")
    absent = [name for name in ("sequence", "motifs") if not getattr(config, name)]
    if absent:
        log.say(f"no {' and no '.join(absent)} channel: not given, or left out by --inputs")
    return config


def described_inputs(config: ModelConfig) -> list[str]:
    """The model's inputs in words."""
    parts = ["sequence"] if config.sequence else []
    if config.motifs:
        parts.append(f"{len(config.motifs)} motifs")
    return [*parts, *config.tracks, *(["the gene's own profile"] if config.profile_width else [])]
