"""The models of docs/benchmarks.md on the real case K562, what they are scored on, and their files."""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import pretrained
from real_case import ASSETS, CELL, ROOT, SCREEN, TEN, Case, Run, Setting, threads

from crexpress.core import artifacts

MODELS = ("scpge-small", "crexpress-small")
# and their own link scores: EPInformer's is attention as a share of the gene's, GraphReg's saliency
PEERS = {"epinformer-small": ("attention", "attention_share"), "graphreg-elements": ("saliency",),
         "epinformer-pe-small": ("attention", "attention_share"),
         "epinformer-contact-small": ("attention", "attention_share"),
         "graphreg-elements-distance": ("saliency",)}  # fmt: skip
SETTING = Setting()
TEST = ("chr8", "chr9")
UNSEEN = "without-K562"  # a model of the other three cells, by tests/benchmarks/pretrained.py


class Benched(Case):
    """The case with each gene's own profile beside the tracks of elements, and the shipped link model."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {name: ["--preset", name] for name in (*MODELS, *PEERS)})

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
        if tool != "interpret" or run.model not in PEERS:
            return ()
        return ("--no-perturbation", *(("--also", "saliency") if "graphreg" in run.model else ("--more-scores",)))

    def own_scores(self, runs: Sequence[Run]) -> Path:
        """Links of a model's runs, or their mean, with its own scores alone where it is a peer."""
        path, model = self.links(runs)[-1], runs[0].model
        if model not in PEERS:
            return path
        cut = path.parent / "own" / path.name
        if not cut.exists():
            table, header = artifacts.read_table(path, "links")
            about = header["parameters"]
            kept = [score for score in about["scores"] if score["name"] in PEERS[model]]
            others = [score["name"] for score in about["scores"] if score not in kept]
            artifacts.write_table(cut, table.drop(others), header | {"parameters": about | {"scores": kept}})
        return cut

    def of_unseen_k562(self) -> tuple[list[Path], list[Path]]:
        """Predictions of all four cells by a model of the other three, and expression measured in them."""
        store = pretrained.prepare(self)
        model = pretrained.trained(self, store, UNSEEN, "direct", pretrained.SEED, "--holdout-cells", CELL)
        cells = [path for cell in pretrained.CELLS for option, path in pretrained.of_cell(store, cell)
                 if option != "--expression" for path in (option, path)]  # fmt: skip
        place = model / "all"
        options = (*store[:4], *cells, "--threads", threads(), "--outdir", place)
        self.make(place / f"predictions.{CELL}.parquet", "predict", "--model", model, *options)
        measured = [dict(pretrained.of_cell(store, cell))["--expression"] for cell in pretrained.CELLS]
        return [place / f"predictions.{cell}.parquet" for cell in pretrained.CELLS], measured

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

    Loops are those of the test chromosomes, which no model saw: candidates of all genes are 8 million pairs.
    Domains of hg19 go to hg38 by a chain from hg38 to hg19, which is the one at hand, read backwards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    turned = folder / "hg19ToHg38.over.chain"
    if chain:
        turned.write_text("".join(_backwards(chain)))
    if loops:
        loops = _of_chromosomes(loops, folder / f"test.{loops.name}", TEST)
    rows = {"crispr": [("EPCrisprBenchmark", SCREEN), ("Integration", integration)]}
    rows |= {"contacts": [("RAD21", loops)], "domains": [("domains", domains)]}
    found = {}
    for kind, files in rows.items():
        by = turned if kind == "domains" and chain else ""
        lines = [f"{name},{kind},{CELL},{file.resolve()},{by}" for name, file in files if file]
        if lines:
            found[kind] = folder / f"{kind}.csv"
            found[kind].write_text("\n".join(["name,kind,cell,file,chain", *lines]) + "\n")
    found["specific-genes"] = folder / "specific-genes.csv"
    found["specific-genes"].write_text(f"name,kind,cell,file\nown-genes,specific-genes,{CELL},\n")
    return found


def _of_chromosomes(loops: Path, kept: Path, chromosomes: Sequence[str]) -> Path:
    """The lines of a file of loops whose first anchor lies on these chromosomes."""
    with gzip.open(loops, "rt") as file, gzip.GzipFile(kept, "wb", mtime=0) as target:  # the same bytes each time
        target.writelines(line.encode() for line in file if line.split("\t", 1)[0] in chromosomes)
    return kept


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
