"""Weights of the released programs (PyTorch state dicts) as weights of `scpge-compat` and `creator-compat`."""

import errno
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from crexpress.core.errors import InputError
from crexpress.models.config import ModelConfig
from crexpress.models.regulatory import RegulatoryModel

_ANY = [  # names of modules: theirs, ours
    (r"^module\.", ""),  # torch's DataParallel
    (r"\.norm1\.", ".norm_attention."),
    (r"\.norm2\.", ".norm_feedforward."),
    (r"\.attn\.fc_", ".attention."),
    (r"\.ffn\.ff\.", ".feedforward."),
]
_SCPGE = [
    (r"^stem_seq\.", "encoder.sequence."),
    (r"^stem_motif\.", "encoder.motifs."),
    (r"^stem_fea\.", "encoder.signals."),
    (r"^conv_tower\.", "encoder.tower."),
    (r"^projection\.", "encoder.project."),
    (r"\.conv_block\.", ".block."),
    (r"^rp_bias\.relative_attention_bias\.", "position.table."),
    (r"^transformer\.", "mixer."),
    (r"^layer_norm\.", "mixer.norm."),
    (r"^fc\.", "head."),
]
_CREATOR = [
    (r"^encoder1\.", "encoder.mixer."),
    (r"^rp_bias_1\.relative_attention_bias\.", "encoder.position.table."),
    (r"^rp_bias_2\.rp_bias\.(\d)\.relative_attention_bias\.", r"position.tables.\1."),
    (r"^encoder2\.", "mixer."),
    (r"^layer_norm_after\.", "mixer.norm."),
    (r"^fc\.", "head."),
]
_LETTERS = [1, 3, 4, 2, 0]  # their numbers of A, C, G, T and unknown: the paper's order A T C G; 0 is padding
_CLS = 5


def read_model(path: Path, config: ModelConfig) -> RegulatoryModel:
    """A model with the weights of a checkpoint of the released program; config is of its shape (scpge-compat).

    The checkpoint is read without running code from it. Its motif and track channels must be in the order of ours.
    Raises InputError when it is no such checkpoint, or its weights have other shapes than the model's.
    """
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # which one torch raises for a file of another kind depends on its first bytes
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # which damaged places in a file give
            raise
        raise InputError(
            f"{path} is not a checkpoint that can be read safely: it is no file of torch.save, is cut off, or holds "
            "more than weights; give a state dict saved by torch.save"
        ) from None
    weights = stored.get("model_state_dict", stored.get("state_dict", stored)) if isinstance(stored, Mapping) else None
    if not isinstance(weights, Mapping) or not all(isinstance(weight, Tensor) for weight in weights.values()):
        raise InputError(
            f"{path} holds no state dict; give the model.best.pth of ScPGE's released train.py, or CREaTor's chk.pth"
        )
    model = RegulatoryModel(config)
    wanted = model.state_dict()
    if weights and wanted.keys() >= weights.keys():  # which are in our order of channels already
        raise InputError(
            f"{path} holds the weights of a model of this toolkit; apply it with predict --model and the folder that "
            "train wrote, and give --import-weights a checkpoint of the released programs"
        )
    ours = translate(weights, config)
    absent = [name for name in wanted if name not in ours]
    extra = [name for name in ours if name not in wanted]
    if absent or extra:
        what = f"lacks {absent[0]}" if absent else f"has {extra[0]} besides"
        raise InputError(
            f"{path} does not fit the model: it {what}; released weights of ScPGE need the preset scpge-compat with "
            "sequence, motifs and tracks, those of CREaTor creator-compat with sequence and 16 tracks"
        )
    for name, weight in ours.items():
        if weight.shape != wanted[name].shape:
            raise InputError(
                f"{path} does not fit the model: {name} is {list(weight.shape)} there and {list(wanted[name].shape)} "
                f"here (the model has {len(config.tracks)} tracks: {', '.join(config.tracks)})"
            )
        if not weight.isfinite().all():
            raise InputError(f"{path} holds NaN or infinity (in {name}); give another checkpoint")
    model.load_state_dict(ours)
    return model


def translate(weights: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Released weights under our names and in our shapes."""
    if config.encoder == "transformer":
        return _creator({_renamed(name, _CREATOR): weight for name, weight in weights.items()})
    return _scpge({_renamed(name, _SCPGE): weight for name, weight in weights.items()}, config.channels)


def _renamed(name: str, names: list[tuple[str, str]]) -> str:
    for theirs, ours in [*_ANY, *names]:
        name = re.sub(theirs, ours, name)
    return name


def _scpge(weights: dict[str, Tensor], channels: int) -> dict[str, Tensor]:
    ours = {}
    for name, weight in weights.items():
        if weight.dim() == 4:  # a convolution along one element's bases, over all elements of a gene
            weight = weight.squeeze(2)
        if name.startswith("encoder.tower.0.") and 3 * channels in weight.shape:
            dim = weight.shape.index(3 * channels)
            sequence, motifs, signals = weight.split(channels, dim)
            weight = torch.cat([sequence, signals, motifs], dim)
        ours[name] = weight
    return ours


def _creator(ours: dict[str, Tensor]) -> dict[str, Tensor]:
    """Their embeddings of a bp and the convolution over five of them are linear: one map and one [CLS] vector here."""
    names = ("embed_genome.0.weight", "embed_chipseq.0.weight", "embed_chipseq.0.bias", "projection.conv.weight",
             "projection.conv.bias")  # fmt: skip
    if not all(name in ours for name in names):
        return ours  # whose names then tell what is wrong
    letters, signals, offset, kernel, bias = (ours.pop(name).double() for name in names)
    of_letters = torch.einsum("oip,li->opl", kernel, letters)  # [out, bp, letters]
    of_signals = torch.einsum("oip,it->otp", kernel, signals)  # [out, tracks, bp]
    constant = bias + kernel.sum(2) @ offset
    ours["encoder.tokens.weight"] = torch.cat([of_letters[..., _LETTERS].flatten(1), of_signals.flatten(1)], 1).float()
    ours["encoder.tokens.bias"] = constant.float()
    ours["encoder.cls"] = (constant + of_letters[..., _CLS].sum(1)).float()
    return ours
