"""The real case K562 (assets/k562) as a chain of tools in one folder: what is there is not made again."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from crexpress.core import artifacts

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "assets" / "k562"
SCREEN = ASSETS / "EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz"
CELL = "K562"
FOUR = ("DNase", "H3K4me3", "H3K27ac", "CTCF")
TEN = (*FOUR, "H3K4me1", "H3K9ac", "H3K36me3", "H3K27me3", "H3K79me2", "POLR2A")
TRACKS = {"4": FOUR, "10": TEN}
TARGETS = {
    "Roadmap": "TPM_Roadmap",
    "ENCFF934YBO": "TPM_ENCFF934YBO",
    "RAMPAGE": "RAMPAGE_RPM",
    "CAGE": "CAGE_TPM",
}


class Setting(NamedTuple):
    """What a model is trained on: rule of the TSS, number of tracks, target."""

    tss: str = "main"
    tracks: str = "4"
    target: str = "Roadmap"

    @property
    def folder(self) -> str:
        """Its folder below the case's."""
        return f"{self.tss}.{self.tracks}tracks.{self.target}"


class Run(NamedTuple):
    """A training: what it is trained on, name of its model (see `real_tables.MODELS`), seed."""

    setting: Setting
    model: str
    seed: int


class Case:
    """The case in `folder`; `options` {model: options of train}, `common` options of every training."""

    def __init__(self, folder: Path, options: dict[str, Sequence[str]], common: Sequence[str] = ()) -> None:
        self.folder = folder
        self.options = options
        self.common = list(common)

    def make(self, output: Path, tool: str, *options: object) -> Path:
        """Run bin/`tool`, unless its `output` is there; tools put it there when they are done."""
        if not output.exists():
            start = time.time()
            words = [str(option) for option in options]
            done = subprocess.run([sys.executable, ROOT / "bin" / tool, *words], capture_output=True, text=True)
            if done.returncode:
                raise click.ClickException(f"{tool} for {output} failed:\n{done.stderr}")
            click.echo(f"{os.path.relpath(output, self.folder)}: {time.time() - start:.0f} s", err=True)
        return output

    def elements(self, tss: str) -> tuple[Path, Path]:
        """Elements and genes for one rule of the TSS."""
        place = self.folder / "store" / tss
        genes = self.make(
            *(place / "genes.parquet", "merge-ccres", "--ccres", ASSETS / "cCRE_like.shared.hg38.bed.gz"),
            *("--gtf", ASSETS / "GENCODE24.protein_coding.hg38.derived.gtf.gz", "--method", "none", "--tss", tss),
            *("--chrom-sizes", ASSETS / "GRCh38_EBV.chrom.sizes.tsv"),
            *("--blacklist", ASSETS / "GRCh38_unified_blacklist.bed", "--outdir", place),
        )
        return place / "elements.parquet", genes

    def store(self, tss: str) -> dict[str, Path]:
        """Elements, genes, all ten tracks and loops for one rule of the TSS, as options that most tools take."""
        elements, genes = self.elements(tss)
        place = elements.parent
        tracks = [word for name in TEN for word in ("--track", f"{name.lower()}={ASSETS}/{CELL}.{name}.peaks.hg38.bw")]
        signals = place / f"signals.{CELL}.safetensors"
        self.make(signals, "extract-signals", "--elements", elements, "--cell", CELL, *tracks, "--output", signals)
        contacts = place / f"contacts.{CELL}.npz"
        loops = ASSETS / "K562.H3K27ac_HiChIP.cLoops2.merged_anchors.hg38.bedpe.gz"
        self.make(
            contacts, "build-loops", "--elements", elements, "--cell", CELL, "--loops", loops, "--output", contacts
        )
        return {"elements": elements, "genes": genes, "signals": signals, "contacts": contacts}

    def expression(self, setting: Setting) -> Path:
        """Measured expression, one of the four columns of K562's table."""
        output = self.folder / "store" / setting.tss / setting.target / f"expression.{CELL}.parquet"
        table = f"{ASSETS / 'K562.gene_expression.GENCODE24_PC.tsv.gz'}:{TARGETS[setting.target]}"
        unit = "RPM" if setting.target == "RAMPAGE" else "TPM"
        return self.make(
            *(output, "quantify-expression", "--genes", self.store(setting.tss)["genes"], "--cell", CELL),
            *("--cage" if setting.target in ("RAMPAGE", "CAGE") else "--rna", table, "--unit", unit),
            *("--outdir", output.parent),
        )

    def baselines(self, setting: Setting) -> Path:
        """Ridge and trees on the promoter, and with 20 elements."""
        output = self.folder / setting.folder / f"baselines.{CELL}.parquet"
        store = self.store(setting.tss)
        return self.make(
            *(output, "fit-baselines", *_options(store, "elements", "genes", "signals")),
            *("--expression", self.expression(setting), "--tracks", names(setting), "--threads", threads()),
            *("--outdir", output.parent),
        )

    def place(self, run: Run) -> Path:
        """Folder of a training."""
        return self.folder / run.setting.folder / run.model.replace(", ", "_").replace(" ", "_") / f"seed{run.seed}"

    def train(self, run: Run) -> Path:
        """The trained model's folder."""
        outdir = self.place(run) / "model"
        self.make(
            *(outdir / "history.parquet", "train", *_options(self.store(run.setting.tss))),
            *("--expression", self.expression(run.setting), "--tracks", names(run.setting)),
            *(*self.common, *self.options[run.model], "--seed", run.seed, "--threads", threads(), "--outdir", outdir),
        )
        return outdir

    def trained(self, run: Run) -> bool:
        """Whether this training is done."""
        return (self.place(run) / "model" / "history.parquet").exists()

    def validation(self, run: Run) -> float:
        """Lowest loss on the validation genes (chr16)."""
        history, _ = artifacts.read_table(self.place(run) / "model" / "history.parquet", "history")
        return float(history["val_loss"].min())  # type: ignore[arg-type]

    def more(self, run: Run, tool: str) -> Sequence[str]:
        """Further options of a tool that a run's model is asked by."""
        return ()

    def predictions(self, runs: Sequence[Run]) -> list[Path]:
        """Predictions of every run, and of several their mean."""
        return self._apply(runs, "predict", f"predictions.{CELL}.parquet")

    def links(self, runs: Sequence[Run]) -> list[Path]:
        """Links of every run, and of several their mean."""
        return self._apply(runs, "interpret", f"links.{CELL}.parquet")

    def _apply(self, runs: Sequence[Run], tool: str, name: str) -> list[Path]:
        files = []
        for run in runs:
            model, place = self.train(run), self.place(run)
            options = *_options(self.store(run.setting.tss)), "--threads", threads(), "--outdir", place
            options = *options, *self.more(run, tool)
            files.append(self.make(place / name, tool, "--model", model, *options))
        if len(files) > 1:
            seeds = "-".join(str(run.seed) for run in runs)
            mean = self.place(runs[0]).parent / f"mean{seeds}" / name
            kind = "predictions" if tool == "predict" else "links"
            words = [word for file in files for word in (f"--{kind}", file)]
            files.append(self.make(mean, "ensemble", *words, "--outdir", mean.parent))
        return files


def _options(store: dict[str, Path], *names: str) -> list[object]:
    return [word for name in names or store for word in (f"--{name}", store[name])]


def names(setting: Setting) -> str:
    """Its tracks, as tools take them."""
    return ",".join(name.lower() for name in TRACKS[setting.tracks])


def threads() -> int:
    """Threads of the tools: OMP_NUM_THREADS, or what the machine has."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
