"""Scores of links that take time of their own, so that they are made on demand: by a word of `interpret --also`."""

import re
from collections.abc import Collection
from typing import Any

from crexpress.core.errors import InputError
from crexpress.core.methods import PER_GENE, PLAIN
from crexpress.interpret.scores import entry
from crexpress.models.config import ModelConfig

ROLLOUT, SHUFFLED, TRACKS, SALIENCY = WORDS = ("rollout", "shuffled", "tracks", "saliency")
_LABELS = {
    ROLLOUT: {"attention_rollout": "attention rollout"},
    SHUFFLED: {"perturbation_shuffled": "perturbation, sequence shuffled"},
    SALIENCY: {"saliency": "saliency, share of the gene's largest"},
}
_FORMS = {"saliency": PER_GENE}


def entries(words: Collection[str], config: ModelConfig) -> dict[str, dict[str, Any]]:
    """What a links table's header says of the scores of some words, by their columns; InputError for no such word."""
    found: dict[str, str] = {}
    for word in dict.fromkeys(words):
        if word not in WORDS:
            raise InputError(f"there is no kind of scores '{word}'; choose from {', '.join(WORDS)}")
        found |= of_tracks(config) if word == TRACKS else _LABELS[word]
    return {name: entry(name, label, _FORMS.get(name, PLAIN)) for name, label in found.items()}


def of_tracks(config: ModelConfig) -> dict[str, str]:
    """Column and label of the perturbation of each track of a model, in their order."""
    names = {track: re.sub("[^a-z0-9_]", "_", track.lower()) for track in config.tracks}
    return {f"perturbation_of_{name}": f"perturbation, {track} alone" for track, name in names.items()}
