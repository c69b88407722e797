"""Weights of ScPGE's released program (a PyTorch state dict) as weights of `scpge-compat`."""

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from crexpress.errors import InputError
from crexpress.models.config import ModelConfig
from crexpress.models.scpge import ScPGE

_NAMES = [  # of modules: theirs, ours
    (r"^module\.", ""),  # torch's DataParallel
    (r"^stem_seq\.", "encoder.sequence."),
    (r"^stem_motif\.", "encoder.motifs."),
    (r"^stem_fea\.", "encoder.signals."),
    (r"^conv_tower\.", "encoder.tower."),
    (r"^projection\.", "encoder.project."),
    (r"\.conv_block\.", ".block."),
    (r"^rp_bias\.relative_attention_bias\.", "position.table."),
    (r"^transformer\.", "mixer."),
    (r"\.norm1\.", ".norm_attention."),
    (r"\.norm2\.", ".norm_feedforward."),
    (r"\.attn\.fc_", ".attention."),
    (r"\.ffn\.ff\.", ".feedforward."),
    (r"^layer_norm\.", "mixer.norm."),
    (r"^fc\.", "head."),
]


def read_model(path: Path, config: ModelConfig) -> ScPGE:
    """A model with the weights of a checkpoint of the released program; config is of its shape (scpge-compat).

    The checkpoint is read without running code from it. Its motif and track channels must be in the order of ours.
    Raises InputError when it is no such checkpoint, or its weights have other shapes than the model's.
    """
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise InputError(
            f"{path} is not a checkpoint that can be read safely ({str(error).splitlines()[0]}); give a state dict "
            "saved by torch.save"
        ) from None
    weights = stored.get("model_state_dict", stored) if isinstance(stored, Mapping) else None
    if not isinstance(weights, Mapping) or not all(isinstance(weight, Tensor) for weight in weights.values()):
        raise InputError(f"{path} holds no state dict; give the model.best.pth of ScPGE's released train.py")
    model = ScPGE(config)
    wanted = model.state_dict()
    ours = translate(weights, config.channels)
    absent = [name for name in wanted if name not in ours]
    extra = [name for name in ours if name not in wanted]
    if absent or extra:
        what = f"lacks {absent[0]}" if absent else f"has {extra[0]} besides"
        raise InputError(
            f"{path} does not fit the model: it {what}; the released weights need the preset scpge-compat with "
            "sequence, motifs and tracks"
        )
    for name, weight in ours.items():
        if weight.shape != wanted[name].shape:
            raise InputError(
                f"{path} does not fit the model: {name} is {list(weight.shape)} there and {list(wanted[name].shape)} "
                f"here (the model has {len(config.tracks)} tracks: {', '.join(config.tracks)})"
            )
    model.load_state_dict(ours)
    return model


def translate(weights: Mapping[str, Tensor], channels: int) -> dict[str, Tensor]:
    """Released weights under our names and in our shapes."""
    ours = {}
    for name, weight in weights.items():
        for theirs, mine in _NAMES:
            name = re.sub(theirs, mine, name)
        if weight.dim() == 4:  # a convolution along one element's bases, over all elements of a gene
            weight = weight.squeeze(2)
        if name.startswith("encoder.tower.0.") and 3 * channels in weight.shape:
            dim = weight.shape.index(3 * channels)
            sequence, motifs, signals = weight.split(channels, dim)
            weight = torch.cat([sequence, signals, motifs], dim)
        ours[name] = weight
    return ours
