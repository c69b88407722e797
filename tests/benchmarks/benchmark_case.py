"""The models of docs/benchmarks.md on the real case K562: what is trained, and their links."""

from pathlib import Path

from real_case import ASSETS, CELL, TEN, Case, Run, Setting

MODELS = {name: ["--preset", name] for name in ("crexpress-small", "scpge-small", "epinformer-small")}
SETTING = Setting()


class Benched(Case):
    """The case with each gene's own profile beside the tracks of elements."""

    def store(self, tss: str) -> dict[str, Path]:
        elements, genes = self.elements(tss)
        place = elements.parent
        tracks = [word for name in TEN for word in ("--track", f"{name.lower()}={ASSETS}/{CELL}.{name}.peaks.hg38.bw")]
        profiles = place / f"profiles.{CELL}.safetensors"
        signals = place / f"signals.{CELL}.safetensors"
        self.make(
            *(profiles, "extract-signals", "--elements", elements, "--genes", genes, "--cell", CELL, *tracks),
            *("--output", signals),
        )
        return super().store(tss) | {"profiles": profiles}


def runs(models: list[str], seeds: list[int]) -> list[Run]:
    """Trainings, all models with the first seed before any with the next."""
    return [Run(SETTING, model, seed) for seed in seeds for model in models]
