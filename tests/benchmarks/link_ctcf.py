#!/usr/bin/env python3
"""CTCF motifs that face each other, on real sequence: the ten megabases of chr20 that ship with the repository.

    OMP_NUM_THREADS=1 tests/benchmarks/link_ctcf.py --folder results/ctcf

Written down before it was run. Rao et al. (2014) found nine of ten loops between CTCF motifs that face each other. So
(1) of RAD21 ChIA-PET loops with one strand of CTCF motifs (p below 1e-5, in cCREs with CTCF) at each end, how many
face each other, stand in a row, or turn away; (2) how well the evidence `ctcf_convergent` tells links that have such a
loop from those that do not, of the same distance, beside the same evidence with the strands exchanged; (3) the
screen's pairs there. The 10 Mb hold too few pairs for more.
"""

import gzip
import itertools
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import polars as pl
from real_case import ASSETS, CELL, FOUR, ROOT, Case

from crexpress.links import evidence, inputs
from crexpress.links.scene import CTCF, Links, Scene

CHR20 = ROOT / "assets" / "chr20"
END, REACH, P_VALUE = 10_000_000, 500_000, 1e-5  # of the sequence, bp; bp from the TSS
FAR = (20_000, 50_000, 100_000, 200_000, REACH)  # bp: links that are compared with each other
ANCHOR = 5_000  # bp about a loop's end in which its motifs are looked for


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(path_type=Path), required=True)
def main(folder: Path) -> None:
    """Print the figures."""
    scene = prepared(Case(folder, {}))
    print(f"{len(scene.elements):,} elements, {len(scene.genes)} genes")
    print(ends_of_loops(scene))
    print(links_with_loops(scene))
    print(of_screen(scene))


def prepared(case: Case) -> Scene:
    """chr20's first 10 Mb with the cCREs of the genome-wide case, CTCF's motif, tracks and RAD21 loops."""
    ccres, motif = case.folder / "ccres.bed", case.folder / "ctcf.meme"
    case.folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(ASSETS / "cCRE_like.shared.hg38.bed.gz", "rt") as file:
        inside = [line for line in file if line.startswith("chr20\t") and int(line.split("\t")[2]) < END]
    ccres.write_text("".join(inside))
    start, *motifs = next(CHR20.glob("*.meme")).read_text().split("MOTIF ")
    [own] = [text for text in motifs if text.startswith("CTCF.")]
    motif.write_text(f"{start}MOTIF {own}")
    fasta = next(CHR20.glob("*.fa.gz"))
    genes = case.make(
        *(case.folder / "genes.parquet", "merge-ccres", "--ccres", ccres, "--gtf", next(CHR20.glob("*.gtf.gz"))),
        *("--method", "none", "--chrom-sizes", f"{fasta}.fai", "--outdir", case.folder),
    )
    elements = case.folder / "elements.parquet"
    signals, hits = case.folder / f"signals.{CELL}.safetensors", case.folder / "motif_hits.parquet"
    tracks = [word for name in FOUR for word in ("--track", f"{name.lower()}={ASSETS}/{CELL}.{name}.peaks.hg38.bw")]
    case.make(signals, "extract-signals", "--elements", elements, "--cell", CELL, *tracks, "--output", signals)
    of_motif = ("--motifs", motif, "--p-value", P_VALUE, "--outdir", case.folder)
    case.make(hits, "score-motifs", "--elements", elements, "--fasta", fasta, *of_motif)
    contacts = case.folder / "contacts.npz"
    loops = ("--cell", CELL, "--loops", next(CHR20.glob("*RAD21*")), "--output", contacts)
    case.make(contacts, "build-loops", "--elements", elements, *loops)
    store = inputs.Store.open(elements, genes)
    return store.scenes([signals], [], [contacts], [], [], hits)[CELL]


def ends_of_loops(scene: Scene) -> str:
    """Which way motifs face at the two ends of loops."""
    assert scene.sites is not None
    own = scene.sites & (scene.tracks[CTCF] > 0)
    table = pl.read_csv(next(CHR20.glob("*RAD21*")), separator="\t", has_header=False, columns=[0, 1, 2, 3])
    found = {"face each other": 0, "in a row": 0, "turn away": 0}
    total = 0
    for chrom, start, end, other in table.iter_rows():
        low, high = (int(place) for place in other.split(",")[0].split(":")[1].split("-"))
        if chrom != "chr20" or low <= start:
            continue  # each loop stands twice
        total += 1
        strands = []
        for first, last in ((start, end), (low, high)):
            near = (scene.middle >= first - ANCHOR) & (scene.middle <= last + ANCHOR)
            strands.append(tuple(own[:, near].any(axis=1)))
        if all(sum(one) == 1 for one in strands):
            faces = {((True, False), (False, True)): "face each other", ((False, True), (True, False)): "turn away"}
            found[faces.get((strands[0], strands[1]), "in a row")] += 1
    told = ", ".join(f"{number} {name}" for name, number in found.items())
    return f"{total} loops, {sum(found.values())} with one strand of motifs at each end: {told}"


def links_with_loops(scene: Scene) -> str:
    """auROC of the evidence for links with a loop, mean over groups of like distance, weighted by links with one."""
    assert scene.sites is not None
    ccres = np.flatnonzero((scene.elements["class"] != "TSS").to_numpy())
    gene, element = (part.ravel() for part in np.meshgrid(np.arange(len(scene.genes)), ccres, indexing="ij"))
    near = np.abs(scene.middle[element] - scene.tss[gene]) <= REACH
    links = Links(scene, "chr20", gene[near], element[near])
    exchanged = replace(links, scene=replace(scene, sites=scene.sites[::-1]), kept={})
    [loop, facing] = (piece.of(links) for piece in evidence.find(["loop", "ctcf_convergent"]))
    [away] = (piece.of(exchanged) for piece in evidence.find(["ctcf_convergent"]))
    has = loop > 0
    told = []
    for name, values in (("facing", facing), ("strands exchanged", away)):
        parts = []
        for low, high in itertools.pairwise(FAR):
            here = (links.apart >= low) & (links.apart < high)
            parts.append((auroc(values[here], has[here]), has[here].sum()))
        mean = np.average([part[0] for part in parts], weights=[part[1] for part in parts])
        told.append(f"{name} {mean:.3f} ({', '.join(f'{part[0]:.3f}' for part in parts)})")
    far = links.apart >= FAR[0]
    with_any = (facing > 0)[far]
    shares = [has[far][with_any].mean(), has[far][~with_any].mean()]
    return (
        f"{far.sum():,} links beyond {FAR[0] // 1000} kb, {has[far].sum()} with a loop; auROC {'; '.join(told)}; "
        f"a loop in {shares[0]:.2%} of those with facing motifs ({with_any.sum():,}), {shares[1]:.2%} of the others"
    )


def auroc(values: np.ndarray, positive: np.ndarray) -> float:
    """Share of pairs of a positive and another that are in order, ties a half."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(values[positive], values[~positive]).statistic / positive.sum() / (~positive).sum())


def of_screen(scene: Scene) -> str:
    """The screen's pairs there, by whether motifs face each other about them."""
    import k562_links

    store = inputs.Store(scene.elements, {}, scene.genes, {}, Path())
    pairs = k562_links.pairs_of(store, next(CHR20.glob("EPC*")))
    known = k562_links.tested(scene, pairs, ["ctcf_convergent"])
    facing = known.table[known.best, 0] > 0
    regulated = known.regulated[known.best]
    return (
        f"screen: {facing.sum()} of {len(facing)} pairs have facing motifs about them, "
        f"{(facing & regulated).sum()} of the {regulated.sum()} regulated"
    )


if __name__ == "__main__":
    main()
