"""The simulated biology: elements with motifs, factors of cells, activity, contacts, expression.

Nothing here knows of files. All arrays are aligned to `elements`, `genes` and `pairs` of the World.
"""

import itertools
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

MIN_GAP, MEAN_GAP = (
    1300,
    2700,
)  # bp between element midpoints: wider than any merge rule and any signal's bump
BIN = 5000  # bp, resolution of loops
REACH = 45_000  # bp, farthest pair that can touch
LINK = 0.10  # a true link changes its gene's expression by at least this fraction
UBIQUITOUS, LINEAGE = 3, 10  # factors that every cell has, and those that two cells share
BOUNDARY_FACTOR = UBIQUITOUS + LINEAGE  # binds boundaries in every cell, regulates nothing
FACTORS = BOUNDARY_FACTOR + 1
KINDS = ("promoter", "enhancer", "open", "silent", "boundary")


Species = Literal["human", "mouse"]


class Sizes(NamedTuple):
    """How much to invent; `distal` is the number of elements a gene beside its promoter."""

    cells: int = 5
    chromosomes: int = 6
    genes: int = 900
    distal: float = 2.7


class World(NamedTuple):
    """The whole truth.

    species: how symbols are written, TF01 (human) or Tf01 (mouse).
    elements: chrom, start, end, kind. genes: chrom, tss (0-based), strand, promoter (its element), factor
    (number of the factor it encodes, or -1). motifs: position weight matrices, each [width, 4].
    sites [elements, factors] counts motif sites; factors [factors, cells] is each factor's level;
    openness, activity [elements, cells] are what accessibility and acetylation follow; strength [genes] is
    the promoter's; expression [genes, cells] in TPM. pairs: gene, element, distance (bp, unsigned), contact,
    looped; effect [pairs, cells] is the fraction of expression lost without the element (0 or negative).
    """

    species: Species
    cells: list[str]
    lengths: dict[str, int]
    elements: pl.DataFrame
    genes: pl.DataFrame
    motifs: list[np.ndarray]
    sites: np.ndarray
    factors: np.ndarray
    openness: np.ndarray
    activity: np.ndarray
    strength: np.ndarray
    expression: np.ndarray
    pairs: pl.DataFrame
    effect: np.ndarray
    loops: pl.DataFrame


def invent(
    sizes: Sizes, rng: np.random.Generator, species: Species = "human", motifs: list[np.ndarray] | None = None
) -> World:
    """Draw a world; given the `motifs` of another, one of the same grammar.

    Sites of the same factors then mean the same; sequence, places of genes and elements, and which cell has which
    factor are drawn anew.

    Expression is promoter strength x (promoter activity + sum over elements of activity x contact), with
    log-normal noise; contact falls as 1/distance, is cut at boundaries and lifted by loops.
    """
    cells = [f"{'cell' if species == 'human' else species}{number}" for number in range(1, sizes.cells + 1)]
    elements, genes, lengths = _place(sizes, rng)
    kinds = elements["kind"].to_numpy()
    promoter = genes["promoter"].to_numpy()

    factors = _factors(sizes.cells, rng)
    sites, housekeeping = _sites(kinds, promoter, rng)
    occupancy = sites @ factors
    openness = occupancy / (occupancy + 0.5) * rng.lognormal(0, 0.2, occupancy.shape)
    potency = rng.lognormal(0, 0.5, (len(kinds), 1))
    activity = openness * potency * np.isin(kinds, ["promoter", "enhancer"])[:, None]

    strength = rng.lognormal(0, 0.5, len(genes))
    basal = activity[promoter] * np.where(housekeeping, 1.0, 0.4)[:, None] + 0.02
    pairs, loops = _touch(elements, genes, rng)
    pull = activity[pairs["element"]] * pairs["contact"].to_numpy()[:, None]
    pull *= (kinds[pairs["element"]] == "enhancer")[:, None]
    total = basal.copy()
    np.add.at(total, pairs["gene"].to_numpy(), pull)
    expression = 10 * strength[:, None] * total * rng.lognormal(0, 0.2, total.shape)
    coding = genes["factor"].to_numpy()
    expression[coding >= 0] = 40 * factors[coding[coding >= 0]]
    effect = -pull / total[pairs["gene"]]
    effect[coding[pairs["gene"]] >= 0] = 0  # a factor's own level is given, not made by elements
    return World(
        species,
        cells,
        lengths,
        elements,
        genes,
        motifs or _motifs(len(factors), rng),
        sites,
        factors,
        openness,
        activity,
        strength,
        expression,
        pairs,
        effect,
        loops,
    )


def _place(sizes: Sizes, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, int]]:
    """Elements along chromosomes; a share of them are promoters, each with its gene."""
    total = round(sizes.genes * (1 + sizes.distal))
    chrom = np.sort(np.arange(total) % sizes.chromosomes)
    middle = np.round(MIN_GAP + rng.exponential(MEAN_GAP - MIN_GAP, total)).astype(np.int64).cumsum()
    first = np.searchsorted(chrom, np.arange(sizes.chromosomes))
    middle -= (middle[first] - 10_000)[chrom]
    last = middle[np.append(first[1:], total) - 1]
    names = np.array([f"chr{number}" for number in range(1, sizes.chromosomes + 1)])
    lengths = dict(zip(names.tolist(), ((last // 1000 + 15) * 1000).tolist(), strict=True))

    kind = rng.choice(KINDS[1:], total, p=[0.66, 0.12, 0.14, 0.08])
    promoter = np.sort(rng.choice(total, sizes.genes, replace=False))
    kind[promoter] = "promoter"
    half = rng.integers(100, 176, total)
    elements = pl.DataFrame({"chrom": names[chrom], "start": middle - half, "end": middle + half, "kind": kind})
    sign = rng.choice([1, -1], sizes.genes)
    factor = np.full(sizes.genes, -1)
    regulators = UBIQUITOUS + LINEAGE + 1
    factor[np.sort(rng.choice(sizes.genes, regulators, replace=False))] = np.arange(regulators)
    genes = pl.DataFrame(
        {
            "chrom": names[chrom[promoter]],
            "tss": middle[promoter] + sign * rng.integers(20, 100, sizes.genes),
            "strand": np.where(sign > 0, "+", "-"),
            "promoter": promoter,
            "factor": factor,
        }
    )
    return elements, genes, lengths


def _factors(cells: int, rng: np.random.Generator) -> np.ndarray:
    """Level of every factor in every cell: [factors, cells], about 1 where it has it, else 0.01."""
    partners = list(itertools.combinations(range(cells), 2))
    partners = [partners[index] for index in rng.permutation(len(partners))]
    has = np.ones((UBIQUITOUS + LINEAGE + 1, cells), bool)
    for number in range(LINEAGE):
        has[UBIQUITOUS + number] = np.isin(np.arange(cells), partners[number % len(partners)])
    return np.where(has, rng.lognormal(0, 0.2, has.shape), 0.01)


def _sites(kinds: np.ndarray, promoter: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Motif sites of every element, [elements, factors], and which genes are housekeeping."""
    count = len(kinds)
    lineage = np.zeros((count, LINEAGE), np.int64)
    domain = np.cumsum(kinds == "boundary")
    shared = rng.integers(0, LINEAGE, domain[-1] + 1)[domain]  # elements of a domain tend to answer together
    for chance in (1.0, 0.3):  # one or two lineage factors, one or two sites each
        drawn = rng.random(count) < chance
        factor = np.where(rng.random(count) < 0.6, shared, rng.integers(0, LINEAGE, count))
        lineage[drawn, factor[drawn]] += rng.integers(1, 3, count)[drawn]
    ubiquitous = rng.multinomial(2, np.full(UBIQUITOUS, 1 / UBIQUITOUS), count)
    housekeeping = rng.random(len(promoter)) < 0.25
    always = np.zeros(count, bool)
    always[promoter[housekeeping]] = True
    lineage[always | np.isin(kinds, ["silent", "boundary"])] = 0
    ubiquitous[~always & (kinds != "boundary")] = 0
    bound = (kinds == "boundary").astype(np.int64)[:, None]
    return np.hstack([ubiquitous, lineage, bound]), housekeeping


def _touch(elements: pl.DataFrame, genes: pl.DataFrame, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs of a gene and an element within reach, with their contact; and the loops between bins."""
    middle = ((elements["start"] + elements["end"]) // 2).to_numpy()
    chrom, gene_chrom = elements["chrom"].to_numpy(), genes["chrom"].to_numpy()
    tss, promoter, kinds = genes["tss"].to_numpy(), genes["promoter"].to_numpy(), elements["kind"].to_numpy()
    # each chromosome far from the next, so that one sorted search serves all
    shift = 10**9 * np.unique(chrom, return_inverse=True)[1]
    gene_shift = shift[promoter]
    low = np.searchsorted(middle + shift, tss + gene_shift - REACH)
    high = np.searchsorted(middle + shift, tss + gene_shift + REACH)
    count = high - low
    gene = np.repeat(np.arange(len(genes)), count)
    element = np.arange(len(gene)) + np.repeat(low - np.cumsum(count) + count, count)
    gene, element = gene[element != promoter[gene]], element[element != promoter[gene]]
    distance = np.abs(middle[element] - tss[gene])

    # loops join a promoter's bin to a far enhancer's, boundaries to each other, and some bins for no reason
    far = (distance > 3 * BIN) & (kinds[element] == "enhancer")
    chosen = far & (rng.random(len(gene)) < 0.06)
    walls = np.flatnonzero(kinds == "boundary")
    same = chrom[walls[:-1]] == chrom[walls[1:]]
    stray = rng.choice(len(gene), int(0.3 * chosen.sum()), replace=False)
    ends = [(element[chosen], promoter[gene[chosen]]), (element[stray], promoter[gene[stray]])]
    ends.append((walls[:-1][same], walls[1:][same]))
    bins = np.concatenate([np.sort(np.stack([middle[a] // BIN, middle[b] // BIN], 1), 1) for a, b in ends])
    loops = pl.DataFrame(
        {"chrom": chrom[np.concatenate([a for a, _ in ends])], "first": bins[:, 0], "second": bins[:, 1]}
    )
    loops = loops.filter(pl.col("second") > pl.col("first") + 1).unique().sort("chrom", "first", "second")

    pairs = pl.DataFrame({"gene": gene, "element": element, "distance": distance, "chrom": gene_chrom[gene]})
    one, other = middle[element] // BIN, middle[promoter[gene]] // BIN
    pairs = pairs.with_columns(first=np.minimum(one, other), second=np.maximum(one, other))
    pairs = pairs.join(
        loops.with_columns(looped=True), on=["chrom", "first", "second"], how="left", maintain_order="left"
    )
    looped = pairs["looped"].fill_null(False).to_numpy()
    passed = np.concatenate([[0], np.cumsum(kinds == "boundary")])
    own = promoter[gene]
    crossed = passed[np.maximum(element, own)] - passed[np.minimum(element, own) + 1]
    contact = 4000 / np.maximum(distance, 2000) * np.where(looped, 6.0, 0.1 ** np.minimum(crossed, 3))
    return pairs.select("gene", "element", "distance", contact=contact, looped=looped), loops


def _motifs(factors: int, rng: np.random.Generator) -> list[np.ndarray]:
    """One position probability matrix [width, 4] a factor: sharp columns, some loose; rows sum to 1."""
    matrices = []
    for number in range(factors):
        width = 14 if number == BOUNDARY_FACTOR else int(rng.integers(9, 13))
        sharp = rng.choice([0.96, 0.75], width, p=[0.8, 0.2])
        matrix = np.repeat((1 - sharp)[:, None] / 3, 4, 1)
        matrix[np.arange(width), rng.integers(0, 4, width)] = sharp
        matrices.append(matrix.round(4) / matrix.round(4).sum(1, keepdims=True))
    return matrices
