"""What interpretation finds on the simulated case, whose answer is known: planted bases and destroyed sites.

    python tests/benchmarks/interpretation.py FOLDER SEED MODEL

FOLDER holds artefacts of assets/test (or another `simulate --seed SEED`) as docs/tools.md makes them, and its input set
as sim/. MODEL reads motif scores or sequence. Prints, for each cell of the model's training: auROC of bases of planted
sites of factors that the cell has; the share of destroyed sites that lower (where the cell has the factor) or leave
alone (where it has not) the gene most affected by their element.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from crexpress.core import artifacts
from crexpress.formats.genome_files import open_fasta
from crexpress.simulate import Sizes, invent

FACTOR = 0.5  # level from which a cell has a factor; 0.01 where not
EFFECT = 0.05  # share of expression that the element gives, at least: then something can be lowered
FELT = 1e-4  # log10(1 + TPM): what is less is no effect


def planted(world: object) -> pl.DataFrame:
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


def tool(name: str, *options: object) -> None:
    subprocess.run([name, *map(str, options)], check=True, capture_output=True)


def given(folder: Path, model: Path, cell: str) -> list[object]:
    options: list[object] = ["--model", model, "--threads", 1]
    for kind in ("elements.parquet", "genes.parquet", "sequence.safetensors", "motifs.safetensors"):
        options += [f"--{kind.partition('.')[0]}", folder / kind]
    options += [
        "--signals",
        folder / f"signals.{cell}.safetensors",
        "--expression",
        folder / f"expression.{cell}.parquet",
    ]
    return [*options, "--profiles", folder / f"profiles.{cell}.safetensors"]


def bases(
    folder: Path, model: Path, cell: str, out: Path, sites: pl.DataFrame, has: np.ndarray, top: int
) -> tuple[float, float]:
    """auROC of bases of planted sites of factors that the cell has, among all bases of the `top` links' cCREs."""
    meme = folder / "sim" / "motifs.meme"
    tool("interpret", *given(folder, model, cell), "--outdir", out)
    tool("attribute", *given(folder, model, cell), "--links", out / f"links.{cell}.parquet", "--top", top,
         "--motif-file", meme, "--logos", 0, "--outdir", out)  # fmt: skip
    links, _ = artifacts.read_table(out / f"attributed.{cell}.parquet", "attributed")
    arrays = artifacts.open_arrays(out / f"contributions.{cell}.safetensors", "contribution_arrays").tensors
    value = np.zeros(1)
    if "bases" in arrays:
        value = (arrays["bases"] * arrays["hypothetical"]).sum(1)
    if "motif_bases" in arrays:
        value = value + arrays["motif_bases"]
    active = sites.filter(pl.Series(has[sites["factor"].to_numpy()]))
    truth, again, inside = (np.zeros(value.shape, bool) for _ in range(3))
    active = active.with_columns(copies=pl.len().over("element", "factor"))
    for row, link in enumerate(links.iter_rows(named=True)):
        first, width = link["window"], value.shape[1]
        here = (pl.col("chrom") == link["chrom"]) & (pl.col("start") < first + width) & (pl.col("end") > first)
        for start, end, copies in active.filter(here)["start", "end", "copies"].iter_rows():
            bases = slice(max(start - first, 0), end - first)
            truth[row, bases], again[row, bases] = True, copies > 1
        inside[row, max(link["start"] - first, 0) : link["end"] - first] = True
    print(f"  {cell}: median error of completeness {links['error'].median():.2%}, steps up to {links['steps'].max()}")
    single = inside & ~again
    return tuple(float(roc_auc_score(truth[part], value[part])) for part in (inside, single))


def destroyed(
    folder: Path, model: Path, cell: str, out: Path, world: object, sites: pl.DataFrame, number: int, count: int
) -> tuple[float, float, int, int]:
    """Shares of destroyed sites that lower their gene (the cell has the factor), and leave it alone (it has not)."""
    rng = np.random.default_rng(1)
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
    with open_fasta(folder / "sim" / "genome.fa.gz") as file:
        for row, (chrom, start, end) in enumerate(chosen["chrom", "start", "end"].iter_rows()):
            there = file.fetch(chrom, start, end).upper()
            lines.append(f"{chrom}\t{start + 1}\tv{row}\t{there}\t{there.translate(other)}\t.\t.\t.")
    (out / "destroyed.vcf").write_text("\n".join(lines) + "\n")
    tool("score-variants", *given(folder, model, cell), "--variants", out / "destroyed.vcf", "--fasta",
         folder / "sim" / "genome.fa.gz", "--motif-file", folder / "sim" / "motifs.meme", "--outdir", out)  # fmt: skip
    found, _ = artifacts.read_table(out / f"variants.{cell}.parquet", "variants")
    genes = artifacts.read_table(folder / "genes.parquet", "genes")[0]
    name = {int(number): gene for gene, number in zip(genes["gene_id"], _numbers(genes), strict=True)}
    gene = [name.get(number, "") for number in chosen["gene"]]
    variant = [f"v{row}" for row in range(len(chosen))]
    wanted = pl.DataFrame({"name": variant, "gene_id": gene, "has": has[chosen["factor"].to_numpy()]})
    both = wanted.join(found.select("name", "gene_id", "effect"), on=["name", "gene_id"])
    with_it, without = both.filter("has")["effect"], both.filter(~pl.col("has"))["effect"]
    return float((with_it < -FELT).mean()), float((without >= -FELT).mean()), len(with_it), len(without)


def _numbers(genes: pl.DataFrame) -> list[int]:
    """Number in the world of each gene: its id counts them (files._gene_names)."""
    return [int(gene[4:15]) - 1 for gene in genes["gene_id"]]


def main() -> None:
    folder, seed, model = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    sizes = Sizes(genes=int(sys.argv[4])) if len(sys.argv) > 4 else Sizes()
    cells = sys.argv[5].split(",") if len(sys.argv) > 5 else ["cell1", "cell2", "cell3", "cell4"]
    world = invent(sizes, np.random.default_rng(seed))
    sites = planted(world)
    out = folder / f"found.{model.name}"
    for cell in cells:
        number = world.cells.index(cell)
        area = bases(folder, model, cell, out, sites, world.factors[:, number] > FACTOR, 300)
        lower, left, n, m = destroyed(folder, model, cell, out, world, sites, number, 200)
        print(
            f"{model.name} {cell}: auROC of planted bases {area[0]:.3f} (of a factor's one site in its element "
            f"{area[1]:.3f}); destroyed sites lower their gene in {lower:.1%} of {n}, without the factor left alone in "
            f"{left:.1%} of {m}",
            flush=True,
        )


if __name__ == "__main__":
    main()
