"""The models of docs/benchmarks.md on the real case K562, what they are scored on, and their files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from real_case import ASSETS, CELL, ROOT, SCREEN, TEN, Case, Run, Setting

# the cheap ones first; graphreg's link score is its saliency
MODELS = ("scpge-small", "epinformer-small", "epinformer-pe-small", "epinformer-contact-small", "graphreg-elements",
          "graphreg-elements-distance", "crexpress-small")  # fmt: skip
SETTING = Setting()


class Benched(Case):
    """The case with each gene's own profile beside the tracks of elements, and the shipped link model."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {name: ["--preset", name] for name in MODELS})

    def store(self, tss: str) -> dict[str, Path]:
        elements, genes = self.elements(tss)
        place = elements.parent
        tracks = [word for name in TEN for word in ("--track", f"{name.lower()}={ASSETS}/{CELL}.{name}.peaks.hg38.bw")]
        profiles = place / f"profiles.{CELL}.safetensors"
        self.make(
            *(profiles, "extract-signals", "--elements", elements, "--genes", genes, "--cell", CELL, *tracks),
            *("--output", place / f"signals.{CELL}.safetensors"),
        )
        return super().store(tss) | {"profiles": profiles}

    def more(self, run: Run, tool: str) -> Sequence[str]:
        return ("--also", "saliency") if tool == "interpret" and run.model.startswith("graphreg") else ()

    def link_model(self) -> Path:
        """Links by the shipped model; those of K562, which it was fitted to, by fits without their chromosome."""
        store = self.store(SETTING.tss)
        outdir = self.folder / "link_model"
        return self.make(
            *(outdir / f"links.{CELL}.parquet", "score-links"),
            *("--link-model", ROOT / "assets" / "link_models" / "four_tracks.safetensors"),
            *(word for name in ("elements", "genes", "signals") for word in (f"--{name}", store[name])),
            *("--expression", self.expression(SETTING), "--outdir", outdir),
            *("--known", ROOT / "assets" / "link_models" / "known_expression.parquet"),
        )


def sheets(
    folder: Path, integration: Path | None, loops: Path | None, domains: Path | None, chain: Path | None
) -> dict[str, Path]:
    """benchmarks.csv, one a kind, of the built-in screen and of what is given: {kind: file}.

    Domains of hg19 go to hg38 by a chain from hg38 to hg19, which is the one at hand, read backwards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    turned = folder / "hg19ToHg38.over.chain"
    if chain:
        turned.write_text("".join(_backwards(chain)))
    rows = {"crispr": [("EPCrisprBenchmark", SCREEN), ("Integration", integration)]}
    rows |= {"contacts": [("RAD21", loops)], "domains": [("domains", domains)]}
    found = {}
    for kind, files in rows.items():
        by = turned if kind == "domains" and chain else ""
        lines = [f"{name},{kind},{CELL},{file.resolve()},{by}" for name, file in files if file]
        if lines:
            found[kind] = folder / f"{kind}.csv"
            found[kind].write_text("\n".join(["name,kind,cell,file,chain", *lines]) + "\n")
    return found


def _backwards(chain: Path) -> Iterator[str]:
    """Lines of a chain file with source and target exchanged: chains between chromosomes of one name on the plus strand
    alone, as an inverted one would have to be read from its other end.
    """
    kept = False
    with chain.open() as file:
        for line in file:
            fields = line.split()
            if fields and fields[0] == "chain":
                kept = fields[2] == fields[7] and fields[9] == "+"
                yield " ".join([*fields[:2], *fields[7:12], *fields[2:7], fields[12]]) + "\n" if kept else ""
            elif kept:
                yield "\t".join([fields[0], *fields[:0:-1]]) + "\n" if fields else "\n"


def runs(models: Sequence[str], seeds: Sequence[int]) -> list[Run]:
    """Trainings, all models with the first seed before any with the next."""
    return [Run(SETTING, model, seed) for seed in seeds for model in models]
