"""Learning rate by step."""


def two_stage(step: int, steps: int, warmup: float, low: float, high: float) -> float:
    """ScPGE's schedule: linear from `low` to `high` in the first `warmup` of the steps, then back to `low`.

    step counts from 0 (paper: 5,000 of 8,000 steps up, 3,000 down, every step rather than every 100).
    """
    top = warmup * steps
    rising = step / top if top else 1.0
    falling = (steps - step) / (steps - top) if steps > top else 1.0
    return low + (high - low) * min(rising, falling)
