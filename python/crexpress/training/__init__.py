"""How a model is trained: samples, losses, loop, checkpoints."""
