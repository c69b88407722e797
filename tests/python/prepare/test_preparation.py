"""The simulated input set goes through every preparing executable, and what comes out is what was planted."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.simulate import Sizes, World, invent, write
from tools import run

pytestmark = pytest.mark.slow


class Prepared(NamedTuple):
    world: World
    folder: Path
    genes: pl.DataFrame
    elements: pl.DataFrame


def prepare(tool: str, *options: str | Path) -> None:
    result = run(tool, *options)
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Everything that the pipeline makes before training, for the first cell of a small world."""
    folder = tmp_path_factory.mktemp("prepared")
    inputs, cell = folder / "inputs", folder / "inputs" / "cell1"
    rng = np.random.default_rng(5)
    world = invent(Sizes(cells=3, chromosomes=3, genes=60), rng)
    write(world, inputs, rng, "simulate")

    prepare("check-samplesheet", "--samplesheet", inputs / "samplesheet.csv", "--output", folder / "validated.csv")
    ccres, gtf, fasta = inputs / "ccres.bed.gz", inputs / "genes.gtf.gz", inputs / "genome.fa.gz"
    prepare("merge-ccres", "--ccres", ccres, "--gtf", gtf, "--fasta", fasta, "--outdir", folder)
    elements, genes = folder / "elements.parquet", folder / "genes.parquet"
    motifs = inputs / "motifs.meme"
    prepare("score-motifs", "--elements", elements, "--fasta", fasta, "--motifs", motifs, "--outdir", folder)
    tracks = [f"{track}={cell / track}.bigWig" for track in ("dnase", "h3k27ac", "h3k4me3", "ctcf")]
    options = [part for track in tracks for part in ("--track", track)]
    output = folder / "signals.cell1.safetensors"
    prepare("extract-signals", "--elements", elements, "--cell", "cell1", *options, "--output", output)
    tables = [part for table in sorted(cell.glob("rna.*")) for part in ("--rna", table)]
    prepare("quantify-expression", "--genes", genes, "--cell", "cell1", *tables, "--outdir", folder)
    loops, output = cell / "loops.longrange.gz", folder / "contacts.cell1.npz"
    prepare("build-loops", "--elements", elements, "--cell", "cell1", "--loops", loops, "--output", output)
    return Prepared(
        world, folder, artifacts.read_table(genes, "genes")[0], artifacts.read_table(elements, "elements")[0]
    )


def test_genes_are_found_at_their_main_tss(prepared: Prepared) -> None:
    world, genes = prepared.world, prepared.genes
    assert genes["chrom"].to_list() == world.genes["chrom"].to_list()
    assert genes["tss"].to_list() == world.genes["tss"].to_list()
    assert genes["strand"].to_list() == world.genes["strand"].to_list()


def test_every_ccre_stays_an_element_of_its_own(prepared: Prepared) -> None:
    """Elements are farther apart than the merge reaches, so the truth needs no translation."""
    ccres = prepared.elements.filter(pl.col("class") != "TSS")
    assert ccres["ccre_start"].to_list() == prepared.world.elements["start"].to_list()
    assert ccres["ccre_end"].to_list() == prepared.world.elements["end"].to_list()


def test_signals_follow_the_planted_activity(prepared: Prepared) -> None:
    tensors = artifacts.open_arrays(prepared.folder / "signals.cell1.safetensors", "signals").tensors
    enhancers = (prepared.world.elements["kind"] == "enhancer").to_numpy()
    height = tensors["h3k27ac"][: len(enhancers)][enhancers].astype(float).mean(1)
    assert np.corrcoef(height, np.log(0.02 + prepared.world.activity[enhancers, 0]))[0, 1] > 0.8


def test_motif_scores_find_the_planted_sites(prepared: Prepared) -> None:
    header, tensors = artifacts.open_arrays(prepared.folder / "motifs.safetensors", "motifs")
    sites = prepared.world.sites
    scores = tensors["scores"][: len(sites)].astype(float)
    assert len(header["parameters"]["motifs"]) == sites.shape[1]
    for factor, has in enumerate((sites > 0).T):
        above = (scores[has, factor][:, None] > scores[~has, factor]).mean()
        assert above > 0.8, f"motif {factor}"


def test_sequence_reaches_the_store_in_codes(prepared: Prepared) -> None:
    codes = artifacts.open_arrays(prepared.folder / "sequence.safetensors", "sequence").tensors["codes"]
    assert codes.shape == (len(prepared.elements), 600)
    assert codes.max() == 3  # soft-masked bases are bases


def test_expression_is_the_mean_of_the_replicates(prepared: Prepared) -> None:
    table, _ = artifacts.read_table(prepared.folder / "expression.cell1.parquet", "expression")
    replicates = [
        pl.read_csv(prepared.folder / f"inputs/cell1/rna.{number}.genes.results.gz", separator="\t")["TPM"]
        for number in (1, 2)
    ]
    assert np.allclose(table["value"], (replicates[0] + replicates[1]) / 2)


def test_contacts_are_the_loops_of_the_world(prepared: Prepared) -> None:
    header, tensors = artifacts.read_sparse(prepared.folder / "contacts.cell1.npz", "contacts")
    assert header["parameters"]["bin_size"] == 5000
    offset = dict(zip(tensors["chroms"].tolist(), tensors["offsets"].tolist(), strict=False))
    stored = set(zip(tensors["row"].tolist(), tensors["col"].tolist(), strict=True))
    rows = prepared.world.loops.iter_rows()
    planted = {(offset[chrom] + first, offset[chrom] + second) for chrom, first, second in rows}
    assert stored <= planted
    assert len(stored) > 0.8 * len(planted)
