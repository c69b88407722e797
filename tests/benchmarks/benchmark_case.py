"""The models of docs/benchmarks.md on the real case K562, what they are scored on, and their files."""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pretrained
from real_case import ASSETS, CELL, ROOT, SCREEN, TEN, Case, Run, Setting, threads

from crexpress.core import artifacts

MODELS = ("scpge-small", "crexpress-small", "creator-small", "epinformer-small", "graphreg-elements")
# a model's own link scores, where not all that `interpret` has: CREaTor's forms of attention, EPInformer's share of the
# gene's attention, GraphReg's saliency; so, too, of the peers' variants
_SHARE = ("attention", "attention_share")
OWN = {"creator-small": ("attention", "attention_logit_minmax", "attention_log_distance",
                         "attention_logit_log_distance", "attention_distance"),
       "epinformer-small": _SHARE, "epinformer-pe-small": _SHARE, "epinformer-contact-small": _SHARE,
       "graphreg-elements": ("saliency",), "graphreg-elements-distance": ("saliency",)}  # fmt: skip
CLASSIFIERS = {"scpge-small, classes": (), "scpge-small, plain classes": ("--no-shuffled-negatives",)}
STEPS = {"creator-small": 300}  # of the preset's 1,200, for time: 1.05 CPU seconds each
SETTING = Setting()
TEST = ("chr8", "chr9")
GENE = "MYC"
UNSEEN = "without-K562"  # a model of the other three cells, by tests/benchmarks/pretrained.py


class Benched(Case):
    """The case with each gene's own profile beside the tracks of elements, and the shipped link model."""

    def __init__(self, folder: Path) -> None:
        options = {name: ["--preset", name] for name in dict.fromkeys((*MODELS, *OWN))}
        for name, steps in STEPS.items():
            options[name] += ["--steps", str(steps)]
        for name, more in CLASSIFIERS.items():
            options[name] = ["--preset", "scpge-small", "--loss", "classification", "--steps", "400", *more]
        super().__init__(folder, options)

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
        if tool != "interpret" or run.model not in OWN:
            return ()
        return ("--no-perturbation", *(("--also", "saliency") if "graphreg" in run.model else ("--more-scores",)))

    def own_scores(self, runs: Sequence[Run]) -> Path:
        """Links of a model's runs, or their mean, with the scores of `OWN` alone where it is there."""
        path, model = self.links(runs)[-1], runs[0].model
        if model not in OWN:
            return path
        cut = path.parent / "own" / path.name
        if not cut.exists():
            table, header = artifacts.read_table(path, "links")
            about = header["parameters"]
            kept = [score for score in about["scores"] if score["name"] in OWN[model]]
            others = [score["name"] for score in about["scores"] if score not in kept]
            artifacts.write_table(cut, table.drop(others), header | {"parameters": about | {"scores": kept}})
        return cut

    def unseen(self, seed: int) -> Path:
        """What is there once the model that never saw K562 is trained."""
        return self.folder / UNSEEN / f"direct-{seed}" / "history.parquet"

    def of_unseen_k562(self, seeds: Sequence[int]) -> tuple[list[Path], list[Path]]:
        """Predictions of models of the other three cells, of K562 by each seed and of all four by the mean of them, and
        expression measured in them.
        """
        store = pretrained.prepare(self)
        cells = [path for cell in pretrained.CELLS for option, path in pretrained.of_cell(store, cell)
                 if option != "--expression" for path in (option, path)]  # fmt: skip
        found: dict[str, list[Path]] = {cell: [] for cell in pretrained.CELLS}
        for seed in seeds:
            model = pretrained.trained(self, store, UNSEEN, "direct", seed, "--holdout-cells", CELL)
            place = model / "all"
            options = (*store[:4], *cells, "--threads", threads(), "--outdir", place)
            self.make(place / f"predictions.{CELL}.parquet", "predict", "--model", model, *options)
            for cell, files in found.items():
                files.append(place / f"predictions.{cell}.parquet")
        measured = [dict(pretrained.of_cell(store, cell))["--expression"] for cell in pretrained.CELLS]
        if len(seeds) == 1:
            return [files[0] for files in found.values()], measured
        mean = self.folder / UNSEEN / f"mean{'-'.join(map(str, seeds))}"
        means = {}
        for cell, files in found.items():
            words = [word for file in files for word in ("--predictions", file)]
            means[cell] = mean / f"predictions.{cell}.parquet"
            self.make(means[cell], "ensemble", *words, "--outdir", mean)
        return [*found[CELL], *means.values()], measured

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
    known = folder / f"{GENE}.bed"
    known.write_text("".join(_hits(GENE)))
    for kind, line in (("locus", f"{GENE},locus,{CELL},{known.resolve()},{GENE}"),
                       ("specific-genes", f"own-genes,specific-genes,{CELL},,"),
                       ("classes", f"expressed,classes,{CELL},,")):  # fmt: skip
        found[kind] = folder / f"{kind}.csv"
        found[kind].write_text(f"name,kind,cell,file,gene\n{line}\n")
    return found


def _hits(gene: str) -> Iterator[str]:
    """Lines of a BED of the elements that the built-in screen found for a gene."""
    screen = pl.read_csv(SCREEN, separator="\t", infer_schema=False)
    hits = screen.filter(measuredGeneSymbol=gene, Regulated="TRUE").select("chrom", "chromStart", "chromEnd").unique()
    yield from ("\t".join(row) + "\n" for row in hits.sort(pl.col("chromStart").cast(pl.Int64)).rows())


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
