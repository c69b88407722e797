#!/usr/bin/env python3
"""CREaTor's two questions of attention between elements (Fig. 3c and 3f), of models of the real case K562.

    tests/benchmarks/attention_pairs.py --folder results/benchmarks --models creator-small --seeds 1,2,3 \\
        --domains Rao2014-TAD-K562.hg19.bedpe.gz --chain hg38ToHg19.over.chain --write docs/benchmarks.md

CTCF sites at both ends of one domain against pairs across, in maps of the test chromosomes; and direction: of two
elements that the built-in screen found for one gene, does the one with the larger effect attend to the other more than
the other to it, beside pairs of like distance within 2 Mb of the gene? Maps are of the mean of the seeds. The models
are those of benchmark_tables.py, in the same folder, and must be there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import benchmark_case
import click
import numpy as np
import polars as pl
from benchmark_case import SETTING, TEST, Benched
from marked_page import put
from real_case import CELL, SCREEN, Run

from crexpress.apply import cell_model
from crexpress.apply.cell_model import CellModel
from crexpress.apply.predict import encode
from crexpress.core import artifacts, bootstrap, builds
from crexpress.core.errors import InputError
from crexpress.core.intervals import overlapping
from crexpress.evaluate.benchmarks.base import Entry, World
from crexpress.evaluate.benchmarks.domains import read_domains
from crexpress.interpret import element_pairs
from crexpress.interpret.attention import AttentionMap, attention_map
from crexpress.interpret.matrix_files import bound

MARKS = ("<!-- attention: made by attention_pairs.py -->", "<!-- end of attention -->")
AROUND = 2_000_000  # bp about a TSS whose genes are mapped with it
REGION = 20_000_000  # bp of a map, which grows with its square
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Seeds(NamedTuple):
    """A model's seeds, and the vectors of elements that each makes."""

    loaded: list[CellModel]
    vectors: list[object]

    def map(self, genes: np.ndarray) -> AttentionMap:
        """The mean of their maps of some genes."""
        maps = [attention_map(one.model, one.store, 0, genes, vectors=vectors)
                for one, vectors in zip(self.loaded, self.vectors, strict=True)]  # fmt: skip
        mean = np.mean([one.probability for one in maps], axis=0)
        return maps[0]._replace(probability=mean)


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("results/benchmarks"))
@click.option("--models", default="creator-small,scpge-small,crexpress-small")
@click.option("--seeds", default="1,2,3")
@click.option("--domains", type=_FILE, required=True, help="Domains of K562, hg19 with --chain.")
@click.option("--chain", type=_FILE, help="hg38ToHg19.over.chain, read backwards.")
@click.option("--write", type=_FILE, help="Put the tables between its markers.")
def main(folder: Path, models: str, seeds: str, domains: Path, chain: Path | None, write: Path | None) -> None:
    """Ask both, and put the two tables together."""
    case = Benched(folder.resolve())
    known = lifted(case, domains, chain)
    hits = screened(case)
    flank, directed = [], []
    for model in models.split(","):
        found = asked(case, [Run(SETTING, model, int(seed)) for seed in seeds.split(",")])
        flank += [f"| {model} | {row} |" for row in ctcf(found, known)]
        directed += [f"| {model} | {row} |" for row in directions(found, hits)]
        click.echo("\n".join((flank[-1], directed[-1])), err=True)
    heads = (
        ("pairs of CTCF sites", "pairs", "log2 over like distance, median (quartiles)", "less than one domain's"),
        ("genes", "genes and pairs", "the stronger to the weaker, log2 less like pairs", "p below .05"),
    )
    tables = []
    for head, rows in zip(heads, (flank, directed), strict=True):
        line = f"| model | {' | '.join(head)} |"
        tables.append("\n".join([line, "|---" * (len(head) + 1) + "|", *rows]))
    text = "\n\n".join(tables)
    if write:
        put(write, text, MARKS)
    else:
        click.echo(text)


def lifted(case: Benched, domains: Path, chain: Path | None) -> pl.DataFrame:
    """The domains on the case's build."""
    sheets = benchmark_case.sheets(case.folder / "sheets", None, None, domains, chain)
    (row,) = pl.read_csv(sheets["domains"], infer_schema=False).iter_rows(named=True)
    store = case.store(SETTING.tss)
    (elements, header), (genes, _) = artifacts.read_elements_and_genes(store["elements"], store["genes"])
    lengths = {name: length for name, length in header["parameters"]["chromosomes"] if length}
    world = World(genes=genes, elements=elements, build=builds.of_header(header), lengths=lengths)
    options = {"chain": row["chain"]} if row["chain"] else {}
    return read_domains(Entry("domains", "domains", CELL, Path(row["file"]), options), world)[0]


def asked(case: Benched, runs: list[Run]) -> Seeds:
    """Models of these runs, with the elements' vectors."""
    store = case.store(SETTING.tss)
    given = {"elements": store["elements"], "genes": store["genes"], "signals": [store["signals"]],
             "contacts": [store["contacts"]], "profiles": [store["profiles"]], "expression": []}  # fmt: skip
    loaded = [cell_model.load(case.place(run) / "model", device="cpu", precision="float32", **given)
              for run in runs]  # fmt: skip
    return Seeds(loaded, [encode(one.model, one.store, 0, one.precision) for one in loaded])


def ctcf(found: Seeds, domains: pl.DataFrame) -> Iterator[str]:
    """Rows of the first table, of the test chromosomes together."""
    one, parts = found.loaded[0], []
    genes, elements = one.store.genes, one.store.elements
    own = genes.with_row_index("gene").filter(pl.col("chrom").is_in(TEST))
    for _, part in own.group_by("chrom", pl.col("tss") // REGION, maintain_order=True):
        mapped = found.map(part["gene"].to_numpy().astype(np.int64))
        parts.append(element_pairs.classed(mapped, elements, bound(one, 0, mapped.elements), domains))
    for row in element_pairs.compared(pl.concat(parts)).iter_rows(named=True):
        above = f"{row['above_50']:+.2f} ({row['above_25']:+.2f}, {row['above_75']:+.2f})"
        less = "" if row["less"] is None else f"{row['less']:+.2f} [{row['less_low']:+.2f}, {row['less_high']:+.2f}]"
        yield f"{row['class']} | {row['pairs']:,} | {above} | {less}"


def screened(case: Benched) -> pl.DataFrame:
    """Elements that the screen found for a gene (gene_id, element, effect; the strongest of an element), of genes with
    two or more.
    """
    store = case.store(SETTING.tss)
    (elements, _), (genes, _) = artifacts.read_elements_and_genes(store["elements"], store["genes"])
    screen = pl.read_csv(SCREEN, separator="\t", infer_schema=False).filter(Regulated="TRUE")
    places = screen.select("chrom", start=pl.col("chromStart").cast(pl.Int64), end=pl.col("chromEnd").cast(pl.Int64))
    extents = elements.select("chrom", start="ccre_start", end="ccre_end")
    pair, element = overlapping(places, extents)
    effect = screen["EffectSize"].cast(pl.Float64, strict=False)
    hits = pl.DataFrame({"name": screen["measuredGeneSymbol"].gather(pair), "effect": effect.gather(pair)})
    hits = hits.hstack(elements.select("element_id", "class")[element]).drop_nulls("effect")
    hits = hits.filter(pl.col("class") != "TSS").group_by("name", "element_id").agg(pl.col("effect").min())
    rows = genes.with_row_index("gene").filter(pl.col("gene_name").is_unique()).select("gene", name="gene_name")
    hits = hits.join(rows, on="name").filter(pl.len().over("gene") > 1)
    return hits.sort("gene", "effect", "element_id")


def directions(found: Seeds, hits: pl.DataFrame) -> Iterator[str]:
    """Rows of the second table: of all genes, and of those of the test chromosomes."""
    one, rows = found.loaded[0], []
    genes, elements = one.store.genes, one.store.elements
    for (gene,), own in hits.group_by("gene", maintain_order=True):
        chrom, tss = genes["chrom"][gene], genes["tss"][gene]
        near = (genes["chrom"] == chrom) & ((genes["tss"] - tss).abs() <= AROUND)
        mapped = found.map(np.flatnonzero(near.to_numpy()))
        for first, effect in own.select("element_id", "effect").rows():  # the strongest first
            for second in own.filter(pl.col("effect") > effect)["element_id"]:
                try:
                    (row,) = element_pairs.direction(mapped, elements, first, second).iter_rows(named=True)
                except InputError:  # no gene sees both, or too few others are as far apart
                    continue
                rows.append((gene, chrom in TEST, row["log2_ratio"] - row["others_median"], row["p"]))
    table = pl.DataFrame(rows, ["gene", "test", "toward", "p"], orient="row")
    for name, part in (("all", table), ("of chr8 and chr9", table.filter("test"))):
        if part.is_empty():
            continue
        gene = part["gene"].rank("dense").to_numpy().astype(np.int64) - 1
        counts = bootstrap.draw(int(gene.max()) + 1, 1_000, seed=1)
        sums, number = (np.bincount(gene, of) for of in (part["toward"].to_numpy(), None))
        mean = (counts @ sums) / (counts @ number)
        low, high = bootstrap.interval(mean)
        of, less = f"{part['gene'].n_unique()}, {len(part)}", f"{mean[0]:+.3f} [{low:+.3f}, {high:+.3f}]"
        yield f"{name} | {of} | {less} | {(part['p'] < 0.05).sum()}"


if __name__ == "__main__":
    main()
