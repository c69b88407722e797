"""Enformer by enformer-pytorch, which pins libraries that we do not: in an environment of its own; see apart.py.

Given: `codes` uint8 [genes, bases] (A C G T as 0 to 3, else unknown), the TSS in the middle; pairs `gene`, `start`,
`end` (places in those bases); `tracks` of the head that is the fourth word. The third is the folder of its weights, the
fifth the device. Made: `expression` [genes], mean over tracks of the sum over the three bins in the middle; `score`
[pairs], the mean of |gradient x input| of that over the pair's bases.
"""

import sys

import numpy as np
import torch
from enformer_pytorch import Enformer
from enformer_pytorch.modeling_enformer import Attention

PUBLISHED = (1536, 11)  # width and depth of the published network
given = np.load(sys.argv[1], allow_pickle=False)
torch.set_num_threads(4)  # fixed, as core.device.THREADS is, for the same bytes; a script imports nothing of ours
device = torch.device(sys.argv[5])
model = Enformer.from_pretrained(sys.argv[3], local_files_only=True).to(device).eval().requires_grad_(False)
if (model.config.dim, model.config.depth) == PUBLISHED:  # whose positions are those of TensorFlow, by its own loader
    for module in model.modules():
        if isinstance(module, Attention):
            module.use_tf_gamma = True
tracks = torch.from_numpy(given["tracks"].astype(np.int64)).to(device)
codes, gene, start, end = (given[name] for name in ("codes", "gene", "start", "end"))
middle = model.config.target_length // 2
expression, score = np.zeros(len(codes), np.float64), np.zeros(len(gene), np.float64)
for number, own in enumerate(codes):
    bases = np.zeros((1, len(own), 4), np.float32)  # an unknown base is all zeros
    known = own < 4
    bases[0, known, own[known]] = 1
    x = torch.from_numpy(bases).to(device).requires_grad_()
    value = model(x)[sys.argv[4]][0, middle - 1 : middle + 2].index_select(1, tracks).sum(0).mean()
    (gradient,) = torch.autograd.grad(value, x)
    expression[number] = value.item()
    running = np.concatenate([[0.0], np.cumsum((gradient * x).sum(-1)[0].abs().double().detach().cpu().numpy())])
    pairs = np.flatnonzero(gene == number)
    score[pairs] = (running[end[pairs]] - running[start[pairs]]) / (end[pairs] - start[pairs])
np.savez(sys.argv[2], expression=expression, score=score)
