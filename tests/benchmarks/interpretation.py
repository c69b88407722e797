"""What interpretation finds on the simulated case, whose answer is known: factors, bases, and destroyed sites.

    python tests/benchmarks/interpretation.py FOLDER --seeds 1,2,3 [--cells cell1,cell2] [--tops 200,400,800]
        [--models motifs-alone,crexpress-small]

For each seed FOLDER/SEED gets what `simulate --seed SEED` makes, its artefacts, and the models asked for, trained where
they are not there yet: `crexpress-small` with motifs (all channels open in every cell) and tracks, as `-profile test`
has it; `motifs-alone`, `scpge-small` with nothing but the motif channels of each cell's expressed factors, which knows
of sequence alone; `motifs-open`, the same with all channels open; `told` and `told-400`, the first (200 and 400
steps), told which factors each cell expresses; and `bases`, a smaller one that reads the bases, too.
Prints, for each cell:

- factors: of those planted in elements and active in the cell, how many `find-motifs` finds at q < .05 among the first
  model's strongest elements, and how many others (chosen among `--tops` on one seed, for the others to confirm);
- bases: auROC of the bases of planted sites of active factors by the contributions, among all bases of the model's 300
  strongest links' cCREs, and for factors with one site in their element; beside it a control that knows no model: each
  open channel's score itself, one weight for all, shared among the bases alike;
- destroyed sites: how many lower the gene that their element drives most where the cell has the factor, and where it
  has not; beside them, as many bases elsewhere in the same elements, changed alike: what chance does.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).parents[1]))
from crexpress.core import artifacts
from crexpress.formats.genome_files import open_fasta
from crexpress.interpret.edited import read_motifs
from crexpress.interpret.motif_bases import MotifBases
from crexpress.models.folder import load_model
from crexpress.simulate import Sizes, World, invent
from crexpress.simulate.world import BOUNDARY_FACTOR
from crexpress.training.presets import presets
from tools import run

TRAINED = ("cell1", "cell2", "cell3", "cell4")
WHOLE = "crexpress-small"
FACTOR = 0.5  # level from which a cell has a factor; 0.01 where not
EFFECT = 0.05  # share of expression that the element gives, at least: then something can be lowered
FELT = 1e-4  # log10(1 + TPM): what is less is no effect
FREE = 75  # bp beyond an element's middle where no site was planted, and its cCRE goes on
CHANCE = 0.05  # share of changes elsewhere in the elements that lower a gene by as much as what counts as lowered


def tool(name: str, *options: Any) -> str:
    done = run(name, *options)
    assert done.exit_code == 0, f"{name}: {done.output}"
    return done.output


def prepare(folder: Path, seed: int) -> Path:
    """Artefacts of the input set of a seed; the folder that holds them, the set in sim/."""
    sim = folder / "sim"
    if not (folder / "profiles.cell4.safetensors").is_file():
        tool("simulate", "--seed", seed, "--outdir", sim)
        tool("merge-ccres", "--ccres", sim / "ccres.bed.gz", "--gtf", sim / "genes.gtf.gz", "--outdir", folder)
        both = ["--elements", folder / "elements.parquet", "--outdir", folder]
        tool("score-motifs", *both, "--fasta", sim / "genome.fa.gz", "--motifs", sim / "motifs.meme")
        genes = ["--genes", folder / "genes.parquet"]
        for cell in TRAINED:
            rna = [part for number in (1, 2) for part in ("--rna", sim / cell / f"rna.{number}.genes.results.gz")]
            tool("quantify-expression", *genes, "--cell", cell, *rna, "--outdir", folder)
            tracks = [f"{name}={sim / cell / name}.bigWig" for name in ("dnase", "h3k27ac", "h3k4me3", "ctcf")]
            given = [part for track in tracks for part in ("--track", track)]
            output = folder / f"signals.{cell}.safetensors"
            tool("extract-signals", *both[:2], *genes, "--cell", cell, *given, "--output", output)
    return folder


def given(folder: Path, cells: tuple[str, ...], sequence: bool = True) -> list[Any]:
    """Options for the artefacts of some cells."""
    kinds = ["elements.parquet", "genes.parquet", "motifs.safetensors"] + ["sequence.safetensors"] * sequence
    options: list[Any] = ["--threads", 1]
    for kind in kinds:
        options += [f"--{kind.partition('.')[0]}", folder / kind]
    for cell in cells:
        for kind in ("signals.{}.safetensors", "profiles.{}.safetensors", "expression.{}.parquet"):
            options += [f"--{kind.partition('.')[0]}", folder / kind.format(cell)]
    return options


def trained(folder: Path, name: str, *settings: Any) -> Path:
    """A model of FOLDER, made where it is not there yet."""
    model = folder / name
    if not (model / "model.safetensors").is_file():
        begin = time.process_time()
        said = tool("train", *given(folder, TRAINED), *settings, "--val", "chr5", "--test", "chr6", "--outdir", model)
        print(f"  {name}: {said.strip().splitlines()[-1]}; {time.process_time() - begin:.0f} CPU s", flush=True)
    return model


def planted(world: World) -> pl.DataFrame:
    """Every planted site: element (of the world), factor, chrom, start, end."""
    sites = world.sites
    slot = np.cumsum(sites, 1) - sites
    middle = ((world.elements["start"] + world.elements["end"]) // 2).to_numpy()
    rows = []
    for element, factor in zip(*np.nonzero(sites), strict=True):
        for copy in range(sites[element, factor]):
            start = int(middle[element] - 60 + 20 * (slot[element, factor] + copy))
            end = start + len(world.motifs[factor])
            rows.append((int(element), int(factor), world.elements["chrom"][int(element)], start, end))
    return pl.DataFrame(rows, schema=["element", "factor", "chrom", "start", "end"], orient="row")


def factors(folder: Path, model: Path, cell: str, has: np.ndarray, names: list[str], tops: list[int]) -> list[str]:
    """For each number of active elements: active factors found of all, and those found that are not active."""
    out = folder / f"found.{model.name}"
    tool("interpret", "--model", model, *given(folder, (cell,)), "--outdir", out)
    active = {name for number, name in enumerate(names) if has[number] and number != BOUNDARY_FACTOR}
    said = []
    for top in tops:
        place = out / f"motifs.{cell}.{top}"
        store = [part for kind in ("elements.parquet", "genes.parquet", "sequence.safetensors")
                 for part in (f"--{kind.partition('.')[0]}", folder / kind)]  # fmt: skip
        tool("find-motifs", *store, "--links", out / f"links.{cell}.parquet", "--top", top,
             "--motif-file", folder / "sim/motifs.meme", "--outdir", place)  # fmt: skip
        table = artifacts.read_table(place / "enriched_motifs.parquet", "enriched_motifs")[0]
        found = set(table.filter(pl.col("q_fisher") < 0.05)["factor"])
        missed, others = sorted(active - found), sorted(found - active)
        said.append(
            f"top {top}: {len(found & active)} of {len(active)} (missed {', '.join(missed) or 'none'}), {len(others)} "
            f"others ({', '.join(others) or 'none'})"
        )
    return said


def bases(
    folder: Path, model: Path, cell: str, out: Path, sites: pl.DataFrame, has: np.ndarray, top: int
) -> dict[str, float]:
    """auROC of bases of planted sites of factors that the cell has, among all bases of the `top` links' cCREs: by all
    that the model reads of them, without the sites of factors that have several in their element, and, of a model
    that reads bases, by its contributions of these alone.
    """
    tool("interpret", "--model", model, *given(folder, (cell,)), "--outdir", out)
    tool("attribute", "--model", model, *given(folder, (cell,)), "--links", out / f"links.{cell}.parquet",
         "--top", top, "--motif-file", folder / "sim/motifs.meme", "--logos", 0, "--outdir", out)  # fmt: skip
    links, _ = artifacts.read_table(out / f"attributed.{cell}.parquet", "attributed")
    arrays = artifacts.open_arrays(out / f"contributions.{cell}.safetensors", "contribution_arrays").tensors
    value = arrays["motif_bases"]
    own = (arrays["bases"] * arrays["hypothetical"]).sum(1) if "bases" in arrays else None
    value = value if own is None else value + own
    active = sites.filter(pl.Series(has[sites["factor"].to_numpy()]))
    truth, again, inside = (np.zeros(value.shape, bool) for _ in range(3))
    active = active.with_columns(copies=pl.len().over("element", "factor"))
    for row, link in enumerate(links.iter_rows(named=True)):
        first, width = link["window"], value.shape[1]
        here = (pl.col("chrom") == link["chrom"]) & (pl.col("start") < first + width) & (pl.col("end") > first)
        for start, end, copies in active.filter(here)["start", "end", "copies"].iter_rows():
            under = slice(max(start - first, 0), end - first)
            truth[row, under], again[row, under] = True, copies > 1
        inside[row, max(link["start"] - first, 0) : link["end"] - first] = True
    print(f"  {cell}: median error of completeness {links['error'].median():.2%}, steps up to {links['steps'].max()}")
    scores = read_motifs(load_model(model), folder / "sim/motifs.meme", folder / "motifs.safetensors")
    assert scores is not None
    element = links["element"].to_numpy()
    seen = artifacts.open_arrays(folder / "motifs.safetensors", "motifs").tensors["scores"][element][:, scores.columns]
    elements = artifacts.read_table(folder / "elements.parquet", "elements")[1]["elements"]
    weighed_alike = MotifBases(scores, folder / "sequence.safetensors", elements).of(
        element, np.asarray(seen, np.float64) * (arrays["motifs"] != 0).any(0)
    )
    areas = {
        "all": (inside, value),
        "control, one weight for all open channels": (inside, weighed_alike),
        "of a factor's one site in its element": (inside & ~again, value),
    }
    if own is not None:
        areas["by the bases' own contributions"] = (inside, own)
    return {name: float(roc_auc_score(truth[part], values[part])) for name, (part, values) in areas.items()}


def destroyed(
    folder: Path, model: Path, cell: str, out: Path, world: World, sites: pl.DataFrame, count: int
) -> pl.DataFrame:
    """Effects on its gene of destroying a site: columns `has` (the factor), `effect`, and `control`, the effect of as
    many other bases of the element changed alike.
    """
    rng = np.random.default_rng(1)
    number = world.cells.index(cell)
    has = world.factors[:, number] > FACTOR
    pairs = world.pairs.with_columns(effect=pl.Series(world.effect[:, number]))
    strongest = pairs.sort("effect").group_by("element", maintain_order=True).first().filter(pl.col("effect") < -EFFECT)
    single = sites.filter(pl.len().over("element", "factor") == 1).join(
        strongest.select("element", "gene"), on="element"
    )
    parts = []
    for wanted in (True, False):
        some = single.filter(pl.Series(has[single["factor"].to_numpy()] == wanted))
        parts.append(some.sample(min(count, len(some)), seed=int(rng.integers(1000))))
    chosen = pl.concat(parts)
    lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    other = str.maketrans("ACGT", "CATG")
    middle = ((world.elements["start"] + world.elements["end"]) // 2)[chosen["element"]]
    with open_fasta(folder / "sim/genome.fa.gz") as file:
        for row, (chrom, start, end) in enumerate(chosen["chrom", "start", "end"].iter_rows()):
            for kind, first in (("site", start), ("control", middle[row] + FREE)):
                there = file.fetch(chrom, first, first + end - start).upper()
                lines.append(f"{chrom}\t{first + 1}\t{kind}{row}\t{there}\t{there.translate(other)}\t.\t.\t.")
    (out / "destroyed.vcf").write_text("\n".join(lines) + "\n")
    tool("score-variants", "--model", model, *given(folder, (cell,)), "--variants",
         out / "destroyed.vcf", "--fasta", folder / "sim/genome.fa.gz", "--motif-file", folder / "sim/motifs.meme",
         "--outdir", out)  # fmt: skip
    found, _ = artifacts.read_table(out / f"variants.{cell}.parquet", "variants")
    genes = artifacts.read_table(folder / "genes.parquet", "genes")[0]
    name = {int(gene[4:15]) - 1: gene for gene in genes["gene_id"]}  # an id counts the world's genes
    wanted = pl.DataFrame({kind: [f"{kind}{row}" for row in range(len(chosen))] for kind in ("site", "control")})
    wanted = wanted.with_columns(
        gene_id=pl.Series([name.get(number, "") for number in chosen["gene"]]),
        has=pl.Series(has[chosen["factor"].to_numpy()]),
    )
    effects = found.select("name", "gene_id", "effect")
    both = wanted.join(effects, left_on=["site", "gene_id"], right_on=["name", "gene_id"])
    both = both.join(effects, left_on=["control", "gene_id"], right_on=["name", "gene_id"], suffix="_control")
    return both.select("has", "effect", control="effect_control")


def told(effects: pl.DataFrame) -> str:
    """How many sites lower their gene, by the cell having the factor: by more than FELT, and than most controls do."""
    chance = float(effects["control"].quantile(CHANCE) or 0)
    parts = []
    for has, what in ((True, "with the factor"), (False, "without")):
        own = effects.filter(has=has)
        parts.append(
            f"{what} ({len(own)} sites) {(own['effect'] < -FELT).mean():.1%} lower their gene, "
            f"{(own['effect'] < chance).mean():.1%} by more than chance, median {own['effect'].median():.4f}"
        )
    lower = (effects["control"] < -FELT).mean()
    return "; ".join([*parts, f"controls {lower:.1%}, their {CHANCE:.0%} quantile {chance:.4f}"])


def measure(folder: Path, seed: int, cells: list[str], tops: list[int], wanted: list[str]) -> None:
    world = invent(Sizes(), np.random.default_rng(seed))
    sites = planted(world)
    prepare(folder, seed)
    alone = ("--preset", "scpge-small", "--inputs", "motifs", "--neighbours", 32, "--steps", 400, "--expressed-factors")
    whole = ("--preset", WHOLE, "--inputs", "motifs,tracks", "--neighbours", 16)
    settings = {
        WHOLE: (*whole, "--steps", 200),
        "told": (*whole, "--steps", 200, "--expressed-factors", 8),
        "told-400": (*whole, "--steps", 400, "--expressed-factors", 8),
        "motifs-alone": (*alone, 8),
        "motifs-open": (*alone, 0),
        "bases": ("--preset", _base_reader(folder), "--inputs", "sequence,motifs", "--expressed-factors", 8),
    }
    models = [trained(folder, name, *settings[name]) for name in wanted]
    names = [name.upper() for name in _names(folder)]
    for cell in cells:
        has = world.factors[:, world.cells.index(cell)] > FACTOR
        for model in models:
            for said in factors(folder, model, cell, has, names, tops) if model.name == WHOLE else []:
                print(f"seed {seed} {cell}: factors, {said}", flush=True)
            out = folder / f"found.{model.name}"
            areas = bases(folder, model, cell, out, sites, has, 300)
            print(f"seed {seed} {cell} {model.name}: auROC of planted bases", end=" ")
            print(", ".join(f"{area:.3f} ({name})" for name, area in areas.items()), flush=True)
            effects = destroyed(folder, model, cell, out, world, sites, 200)
            print(f"seed {seed} {cell} {model.name}: destroyed sites, {told(effects)}", flush=True)


def _base_reader(folder: Path) -> Path:
    """The preset of a model that reads bases: scpge-small with an eighth of its channels, fewer elements and steps."""
    preset = presets()["scpge-small"]
    preset["model"] |= {"neighbours": 8, "channels": 16, "sequence_kernel": 15, "dropout_encoder": 0.0}
    preset["training"] |= {"steps": 200, "batch_size": 32, "learning_rate": 0.004, "warmup": 0.1, "averaging": 0.98,
                           "validate_every": 200}  # fmt: skip
    path = folder / "base-reader.json"
    path.write_text(json.dumps(preset))
    return path


def _names(folder: Path) -> list[str]:
    """Factors in the world's order, which is that of its motif file."""
    return list(artifacts.open_arrays(folder / "motifs.safetensors", "motifs").header["parameters"]["factors"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--cells", default="cell1,cell2")
    parser.add_argument("--tops", default="1600")
    parser.add_argument("--models", default=f"{WHOLE},motifs-alone,motifs-open,told,told-400,bases")
    options = parser.parse_args()
    for seed in options.seeds.split(","):
        tops = [int(top) for top in options.tops.split(",")]
        measure(options.folder / seed, int(seed), options.cells.split(","), tops, options.models.split(","))


if __name__ == "__main__":
    main()
