"""How a model is trained: the settings stored in a model's config.json beside its architecture."""

from functools import partial
from typing import Any, Literal

from crexpress.core.registry import Registry
from crexpress.core.settings import LARGEST, Settings, setting

_loops = partial(setting, part="loops")


class TrainingConfig(Settings):
    """How a model is trained; the defaults are ScPGE's (Methods, "Model training")."""

    PART = "training"

    loss: str = setting(
        "mse",
        "What is made small; classification: is a gene expressed or not?",
        registry="crexpress.training.config:LOSSES",
        option=True,
    )
    # classification; the paper's 4 and 1 in log2(1 + TPM)
    expressed_above: float = setting(15.0, "Classification: TPM above which a gene is expressed.", option=True)
    silent_below: float = setting(
        1.0, "Classification: TPM below which a gene is silent; between, genes are left out.", option=True
    )
    shuffled_negatives: bool = setting(
        True, "Classification: expressed genes with other cCREs or shuffled sequence, as silent.", option=True
    )
    steps: int = setting(
        8000,
        "Training steps; 0 only with weights.",
        option=True,
        pipeline="Training steps",
    )
    batch_size: int = setting(64, "Genes a step.", least=2, option=True, pipeline="Genes a training step")
    warmup: float = setting(0.625, most=1)  # part of the steps in which the learning rate rises
    learning_rate: float = setting(1e-3, "Highest rate.", least=1e-12, option=True)
    learning_rate_low: float = setting(1e-6)  # at both ends
    weight_decay: float = setting(0.01)
    gradient_clip: float = setting(0.2, least=1e-12)  # largest norm of the gradient (released code only)
    validate_every: int = setting(1000, "Steps between validations.", least=1, option=True)
    patience: int = setting(0, "Stop after so many validations in a row that are no better; 0: never.", option=True)
    # decay a step of a running mean of the weights, which then is the model; 0: the last weights
    averaging: float = setting(0.0, most=0.999999)
    # chromatin loops as supervision of attention (ScPGE-KL, equation 4)
    loop_alpha: float = _loops(
        0.0, "Weight of loops as supervision of attention beside the loss; 0: none.", key="alpha", option=True
    )
    loop_target: Literal["loops+decay", "decay"] = _loops(
        "loops+decay",
        "What supervises attention: loops and the decay with distance, or the decay alone.",
        key="target",
        option=True,
    )
    # what x is in R = exp(-|x| / 2)
    loop_decay: Literal["rank", "bp"] = _loops("rank", "Distance in that supervision.", key="decay", option=True)
    loop_decay_bp: float = _loops(5000.0, key="decay_bp", least=1)  # bp of x = 1
    loop_divergence: Literal["kl", "compat"] = _loops(
        "kl", key="divergence"
    )  # compat: as the released code computes it
    # random starts that are tried for an epoch each, of which the best is trained on
    trials: int = setting(
        0, "Random starts tried for an epoch each, the best of which is trained on (paper: 12).", option=True
    )
    trial_learning_rate: float = setting(1e-6)  # constant in a trial, as in the released code
    seed: int = setting(
        1,
        "Seed of weights, order and dropout.",
        most=LARGEST,
        option=True,
        source="--seed",
        pipeline="Seed of everything random.",
    )

    @property
    def needs_loops(self) -> bool:
        """Whether the loss reads loops."""
        return self.loop_alpha > 0 and self.loop_target != "decay"


# A new loss is a function (Prediction, Batch, target [B]) -> scalar, named here or by an entry point of this group.
LOSSES: Registry[Any] = Registry(
    "crexpress.losses",
    {name: f"crexpress.training.losses:{name}" for name in ("mse", "poisson", "classification")},
)
