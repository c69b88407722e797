"""How a model is trained: the settings stored in a model's config.json beside its architecture."""

from dataclasses import dataclass
from typing import Literal

from crexpress.core.settings import Settings


@dataclass(frozen=True)
class TrainingConfig(Settings):
    """How a model is trained; the defaults are ScPGE's (Methods, "Model training")."""

    loss: str = "mse"  # one of training.losses.LOSSES
    expressed_above: float = 15.0  # classification: TPM; the paper's 4 and 1 in log2(1 + TPM)
    silent_below: float = 1.0
    shuffled_negatives: bool = True
    steps: int = 8000
    batch_size: int = 64
    warmup: float = 0.625  # part of the steps in which the learning rate rises
    learning_rate: float = 1e-3  # at its highest
    learning_rate_low: float = 1e-6  # at both ends
    weight_decay: float = 0.01
    gradient_clip: float = 0.2  # largest norm of the gradient (released code only)
    validate_every: int = 1000  # steps
    patience: int = 0  # stop after so many validations in a row that are no better; 0: never
    averaging: float = (
        0.0  # decay a step of a running mean of the weights, which then is the model; 0: the last weights
    )
    # chromatin loops as supervision of attention (ScPGE-KL, equation 4)
    loop_alpha: float = 0.0  # weight of the divergence of attention from loops beside the loss; 0: no supervision
    loop_target: Literal["loops+decay", "decay"] = "loops+decay"  # M + R, or R alone
    loop_decay: Literal["rank", "bp"] = "rank"  # what x is in R = exp(-|x| / 2)
    loop_decay_bp: float = 5000.0  # bp of x = 1
    loop_divergence: Literal["kl", "compat"] = "kl"  # compat: as the released code computes it
    trials: int = 0  # random starts that are tried for an epoch each, of which the best is trained on (paper: 12)
    trial_learning_rate: float = 1e-6  # constant in a trial, as in the released code
    seed: int = 1

    @property
    def needs_loops(self) -> bool:
        """Whether the loss reads loops."""
        return self.loop_alpha > 0 and self.loop_target != "decay"
