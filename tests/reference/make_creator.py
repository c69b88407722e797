#!/usr/bin/env python3
"""Make creator.npz: what the released CREaTor model computes from weights and inputs given by a formula.

    git clone https://github.com/DLS5-Omics/CREaTor && git -C CREaTor checkout 8e3cb53
    python tests/reference/make_creator.py CREaTor

Runs the released classes themselves; none of their code (GPL-3) is kept here. Its forward takes a single gene. For
several, its second half is run on what its first half gives: the genes' tokens are equal, and no token sees a gene.
"""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import torch
from released_creator import GENE, Inputs, released_inputs
from released_scpge import released_weights
from torch import Tensor, nn

HERE = Path(__file__).parent
LETTERS = np.array([1, 3, 4, 2, 0])  # of A, C, G, T and unknown: the paper's order A T C G; 0 is their padding


class Seen:
    """Keeps what a module was given and what it gave."""

    def __init__(self, module: nn.Module) -> None:
        module.register_forward_hook(self.keep)

    def keep(self, module: nn.Module, given: tuple[Tensor, ...], result: tuple[Tensor, list[Tensor]]) -> None:
        """A forward hook."""
        self.given, self.result = given, result


def one_gene(model: nn.Module, inputs: Inputs, tss: int) -> Tensor:
    """The released forward."""
    around = torch.arange(GENE) - GENE // 2 + tss
    data = {
        "E_ge": torch.from_numpy(LETTERS[inputs.codes]),
        "E_chp": torch.from_numpy(inputs.signals),
        "E_pos": torch.from_numpy(inputs.elements),
        "G_pos": torch.tensor([tss]),
        "G_gpos": around.unsqueeze(0),
    }
    return model(data)["expression"][:, 0]


def several_genes(model: nn.Module, tokens: Tensor, inputs: Inputs) -> tuple[Tensor, list[Tensor]]:
    """Expression and attention logits of genes among the same elements; tokens are those of one gene's forward."""
    count, genes = len(inputs.elements), len(inputs.genes)
    place = torch.from_numpy(np.concatenate([inputs.elements, inputs.genes]))
    bias = model.rp_bias_2(place[:, None] - place[None])
    bias[..., count:] -= 1_000_000
    mixed, logits = model.encoder2(torch.cat([tokens[:count], tokens[count:].expand(genes, -1)]), bias)
    return model.act(model.fc(model.layer_norm_after(mixed[count:])))[:, 0], logits


def main(checkout: str) -> None:
    """Write creator.npz beside this script."""
    sys.path.insert(0, checkout)
    model = importlib.import_module("model.model").Model().eval()
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    model.load_state_dict(released_weights(shapes))
    inputs, seen = released_inputs(), Seen(model.encoder2)
    count = len(inputs.elements)
    out: dict[str, np.ndarray] = {"shapes": np.array(json.dumps(shapes))}
    with torch.no_grad():
        alone = [one_gene(model, inputs, int(tss)) for tss in inputs.genes]
        expression, logits = several_genes(model, seen.given[0], inputs)
        if not torch.allclose(torch.cat(alone), expression, atol=1e-6):
            raise SystemExit("genes differ alone and together")
    out["expression"] = torch.cat(alone).numpy()
    out["together"] = expression.numpy()
    # of the genes' rows over elements: [genes, layers, heads, elements]
    out["logits"] = torch.stack([layer[:, count:, :count].transpose(0, 1) for layer in logits], 1).numpy()
    bias = model.rp_bias_2(torch.arange(-12_000_000, 12_000_001, 49_999)[:, None])  # of distances one by one
    out["bias"] = bias[..., 0].T.detach().numpy()
    np.savez_compressed(HERE / "creator.npz", **out)


if __name__ == "__main__":
    main(*sys.argv[1:])
