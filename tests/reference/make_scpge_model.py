#!/usr/bin/env python3
"""Make scpge_model.npz: what the released ScPGE model and loss compute from weights and inputs given by a formula.

    for name in model loss; do git -C ScPGE show f60583a:code/$name.py > $name.py; done
    python tests/reference/make_scpge_model.py model.py loss.py     (github.com/turningpoint1988/ScPGE)

Runs the released classes themselves (they are imported from the files, none of it is kept here), with m = 20.
"""

import contextlib
import importlib.util
import io
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from released_scpge import ALPHA, SIZES, Inputs, projections, released_inputs, released_weights
from torch import nn

HERE = Path(__file__).parent


def load(path: str) -> ModuleType:
    """A file as a module."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(released: ModuleType, inputs: Inputs) -> nn.Module:
    """The released model without dropout and with the weights of the formula."""
    with contextlib.redirect_stdout(io.StringIO()):
        model = released.GenePredictionT5(fea_dim=inputs.signals.shape[1])
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    model.load_state_dict(released_weights(shapes))
    return model


def step(released: ModuleType, losses: ModuleType, inputs: Inputs, form: str, kind: torch.dtype) -> nn.Module:
    """The released model after one step's backward pass, in float32 or float64; its loss is `model.loss`."""
    model = build(released, inputs).to(kind).train()
    sequence, motifs, signals, loops, target = (
        torch.from_numpy(part).to(kind)
        for part in (inputs.sequence, inputs.motifs, inputs.signals, inputs.loops, inputs.target)
    )
    expression, attention = model(sequence, motifs, signals, *([loops] if form == "lp" else []))
    if form == "kl":
        joint = losses.MSELossLoop()
        joint.alpha = ALPHA
        model.loss = joint(expression, target, attention, loops.clone())  # it changes the loops it is given
    else:
        model.loss = losses.MSELoss()(expression, target)
    model.loss.backward()
    return model


def gradient(model: nn.Module) -> np.ndarray:
    """What is kept of a gradient."""
    return projections({name: weight.grad.numpy() for name, weight in model.named_parameters()})


def main(model_file: str, loss_file: str) -> None:
    """Write scpge_model.npz beside this script.

    Gradients are of float64: those of float32 are up to 5e-3 from them, and as far from each other on CPUs of different
    instruction sets, since max-pooling takes another position where two are equal but for rounding.
    """
    released, losses = load(model_file), load(loss_file)
    out: dict[str, np.ndarray] = {}
    for tracks in SIZES:
        inputs = released_inputs(tracks)
        arrays = [torch.from_numpy(part) for part in (inputs.sequence, inputs.motifs, inputs.signals)]
        loops = torch.from_numpy(inputs.loops)
        shapes = {name: value.shape for name, value in build(released, inputs).state_dict().items()}
        out[f"shapes.{tracks}"] = np.array(json.dumps(shapes))
        for form in ("plain", "lp", "kl"):
            model = build(released, inputs)
            given = [*arrays, loops] if form == "lp" else arrays
            with torch.no_grad():
                expression, attention = model.eval()(*given)
            middle = attention[0].shape[-1] // 2
            out[f"{form}.{tracks}.expression"] = expression[:, 0].numpy()
            out[f"{form}.{tracks}.attention"] = np.stack([layer[:, :, middle].numpy() for layer in attention], 1)
            trained = step(released, losses, inputs, form, torch.float32)
            out[f"{form}.{tracks}.loss"] = trained.loss.detach().numpy()
            exact = step(released, losses, inputs, form, torch.float64)
            out[f"{form}.{tracks}.gradient"] = gradient(exact)
            exact = step(released, losses, released_inputs(tracks, missing=0), form, torch.float64)
            out[f"{form}.{tracks}.gradient of all present"] = gradient(exact)
            running = trained.conv_tower[0][0]
            out[f"{form}.{tracks}.running"] = torch.stack([running.running_mean, running.running_var]).numpy()
    bias = released.RelativePositionBias(num_buckets=64, max_distance=256, n_heads=4)
    ranks = torch.arange(-400, 401)
    out["buckets"] = bias._relative_position_bucket(ranks, 64, 256).numpy().astype(np.int16)
    np.savez_compressed(HERE / "scpge_model.npz", **out)


if __name__ == "__main__":
    main(*sys.argv[1:])
