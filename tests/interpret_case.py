"""Models with random weights, and the tiny case as they read it."""

from pathlib import Path
from typing import Any

import torch

from bigwigs import peaks, write_bigwig
from crexpress.data.opening import open_store
from crexpress.data.store import Store
from crexpress.models import build
from crexpress.models.base import Model
from crexpress.training.presets import read_preset
from tiny_case import TinyCase
from tools import run

CHROMOSOMES = {"chr1": 500_000, "chr2": 500_000, "chr3": 500_000}
TRACKS = ("dnase", "h3k27ac")


def with_profiles(tiny: TinyCase, folder: Path) -> Path:
    """Signals and profiles of cell A, of two random tracks."""
    given: list[Any] = []
    for seed, name in enumerate(TRACKS):
        write_bigwig(folder / f"{name}.bw", CHROMOSOMES, peaks(seed, CHROMOSOMES, 1_250, 900))
        given += ["--track", f"{name}={folder / f'{name}.bw'}"]
    done = run("extract-signals", "--elements", tiny.elements, "--genes", tiny.genes, "--cell", "A", *given,
               "--output", folder / "signals.A.safetensors")  # fmt: skip
    assert done.exit_code == 0, done.output
    return folder


def make(tiny: TinyCase, folder: Path, preset: str = "crexpress-small", genes: Path | None = None, **changes: Any
         ) -> tuple[Model, Store]:  # fmt: skip
    """A model of a preset in small, and its store of cell A."""
    torch.manual_seed(1)
    settings = {"tracks": TRACKS, "motifs": ("M1", "M2", "M3"), "factors": ("NAME4", "Name5", "name6"),
                "sequence": True, "width": 600, "neighbours": 4, "channels": 16, "width_model": 16}  # fmt: skip
    config = read_preset(preset)[0].replace(**(settings | changes))
    store = open_store(
        tiny.elements,
        genes or tiny.genes,
        [folder / "signals.A.safetensors"],
        [tiny.expression("A")],
        tiny.sequence,
        tiny.motifs,
        profiles=[folder / "profiles.A.safetensors"] if config.profile_width else [],
        config=config,
    )
    return build(config).eval(), store
