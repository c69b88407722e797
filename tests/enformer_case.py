"""A small random network of the real enformer-pytorch, in the environment that `make test` makes for it."""

import sys
from importlib.util import find_spec
from pathlib import Path

OWN = Path(__file__).parents[1] / ".venv" / "enformer" / "bin" / "python"  # of `make test`
PYTHON = OWN if OWN.is_file() else Path(sys.executable) if find_spec("enformer_pytorch") else None
SMALL = {"dim": 24, "depth": 1, "heads": 1, "output_heads": {"human": 3}, "dim_divisible_by": 4}
ASK = """
import json, sys, torch
from enformer_pytorch import Enformer
torch.manual_seed(3)
net = Enformer.from_hparams(**json.loads(sys.argv[1]))
for weights in net.parameters():
    if not weights.any():  # attention's output starts at 0, and nothing far away would be seen
        torch.nn.init.normal_(weights, std=0.3)
net.save_pretrained(sys.argv[2], safe_serialization=False)
bases = torch.cat([torch.eye(4), torch.zeros(1, 4)]).double()[["ACGTN".index(letter) for letter in sys.stdin.read()]]
x = bases[None].requires_grad_()
value = net.double().eval()(x)["human"][0, 447:450].sum(0)[[0, 2]].mean()
value.backward()
each = (x.grad * x.detach())[0].abs().sum(1)
places = [slice(*map(int, word.split("-"))) for word in sys.argv[3:]]
print(value.item(), *(each[place].mean().item() for place in places))
"""
