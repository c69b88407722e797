"""Domains (TADs) in link scores (CREaTor, Fig. 3): do links keep to one domain?

Scores are min-max scaled within each gene and summed in bins of 10 kb, gene bin by element bin: a map as of contacts.
The insulation score of a bin sums the 3 x 3 bins that lie across it, one bin off the diagonal; it dips at a boundary.
The papers' map also has what elements give each other; a table of links has the genes' rows alone, so that sums rise
where genes gather, as they do at boundaries. `insulation_dip_of_links` is that alone, the dip of a score of 1 for every
link, and `insulation_dip_per_link` is without it, the dip of the mean score of the links that cross.

Closed forms stand beside, of each gene with as many of its nearest elements as the small presets see.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from crexpress.core import bootstrap, groups, methods
from crexpress.core.errors import InputError
from crexpress.evaluate.benchmarks import same_build
from crexpress.evaluate.benchmarks.base import SECTION, Entry, Found, World
from crexpress.evaluate.benchmarks.predictors import closed_links
from crexpress.evaluate.metrics import Context, Metric
from crexpress.formats import places
from crexpress.links.published import Linkset

BIN, HALF, REACH = 10_000, 3, 50  # bp; bins on a side of a boundary that are summed; bins around it in a profile
NEAREST = 100  # elements of a gene that closed forms are scored with
_FLANK = (20, 50)  # bins from a boundary that it is compared with
_BANDS = ((20_000, 50_000), (50_000, 100_000), (100_000, 200_000), (200_000, 500_000))  # bp: links of like distance


def score(entry: Entry, world: World) -> Found:
    """Dip of the insulation score at boundaries beside shuffled ones, and links inside a domain against across, of like
    distance; the profiles as a table. Options: `build`, `chain` as of screens.
    """
    if entry.file is None or world.genes is None:
        raise InputError(f"{entry.name}: domains are scored with a file of them and --genes; give both")
    domains, notes = read_domains(entry, world)
    cell = entry.cell or next(iter(world.cells()), None)
    boundaries = domain_boundaries(domains)
    rows: list[Metric] = []
    profiles = []
    at = {"boundary": boundaries, "shuffled": shuffled(boundaries, world.seed)}
    own = [links for links in world.links if links.cell in (None, cell)]
    if world.elements is not None and cell in world.cells():
        own.append(closed_links(entry.name, str(cell), world, NEAREST))
    for links in own:
        number: dict[bytes, dict[str, np.ndarray]] = {}  # of scores of the same links it is the same
        for column, one in links.scores.items():
            scaled = per_gene(links, column, one.sign, world.genes)
            about = {one.label: one.method}
            context = Context(SECTION, str(cell), None, "boundaries", entry.name, about)
            which = links.table[column].is_null().to_numpy().tobytes()
            if which not in number:
                each = scaled.with_columns(score=pl.lit(1.0))
                number[which] = {name: insulation(each, bins) for name, bins in at.items()}
            found, profile = _insulation(scaled, at, number[which], context, one.label, world)
            rows += found
            profiles.append(profile)
            rows += _inside(
                scaled, domains, Context(SECTION, str(cell), None, "links", entry.name, about), one.label, world
            )
    if not rows:
        raise InputError(f"{entry.name}: there are no links of {cell} to score; give --links or published scores")
    rows.append(
        Context(SECTION, str(cell), None, "boundaries", entry.name).metric(
            methods.EVERYTHING, "boundaries", len(boundaries), len(boundaries)
        )
    )
    return Found(
        rows,
        [],
        [*notes, f"{len(domains):,} domains, {len(boundaries):,} boundaries"],
        {f"{entry.name}.insulation": pl.concat(profiles)},
    )


def read_domains(entry: Entry, world: World) -> tuple[pl.DataFrame, list[str]]:
    """Domains (chrom, start, end), each once, of a BED or a table whose first three columns they are."""
    assert entry.file is not None
    assert world.genes is not None
    frame = places.read(entry.file, "domain")
    build = same_build.said(entry, world)
    if build is None and world.build:
        raise same_build.unknown(entry, world, "domains are too wide to show it")
    frame, notes = same_build.lifted(frame, entry, "domains")
    frame = places.respelt(frame, world.genes["chrom"].unique(), entry.file)
    same_build.require_within(entry, frame, world)
    return frame, notes


def domain_boundaries(domains: pl.DataFrame) -> pl.DataFrame:
    """Bins in which a domain starts or ends (chrom, bin), each once."""
    ends = [domains.select("chrom", (pl.col(side) // BIN).alias("bin")) for side in ("start", "end")]
    return pl.concat(ends).unique(maintain_order=True).sort("chrom", "bin")


def per_gene(links: Linkset, column: str, sign: int, genes: pl.DataFrame) -> pl.DataFrame:
    """Links as (chrom, tss, place, score): places of TSS and element middle, the score min-max scaled in its gene."""
    table = links.table.select(
        "chrom",
        "key",
        ((pl.col("start") + pl.col("end")) // 2).alias("place"),
        (sign * pl.col(column).cast(pl.Float64)).alias("score"),
    )
    table = table.drop_nulls().join(genes.select(key="gene_id", tss="tss"), on="key")
    low, high = pl.col("score").min().over("key"), pl.col("score").max().over("key")
    return table.with_columns(
        pl.when(high > low).then((pl.col("score") - low) / (high - low)).otherwise(0).alias("score")
    )


def insulation(links: pl.DataFrame, boundaries: pl.DataFrame) -> np.ndarray:
    """Insulation score around each boundary, float64 [boundaries, 2 REACH + 1]: what crosses each bin, 3 by 3."""
    binned = links.select(
        "chrom",
        (pl.min_horizontal("tss", "place") // BIN).alias("a"),
        (pl.max_horizontal("tss", "place") // BIN).alias("b"),
        "score",
    )
    near = binned.filter(pl.col("b") - pl.col("a") >= 2, pl.col("b") - pl.col("a") <= 2 * HALF)
    crossed = near.group_by("chrom", "a", "b").agg(groups.total(pl.col("score")))
    result = np.zeros((len(boundaries), 2 * REACH + 1))
    for (chrom,), part in crossed.group_by("chrom"):
        at = np.flatnonzero((boundaries["chrom"] == chrom).to_numpy())
        if not len(at):
            continue
        a, b, value = part["a"].to_numpy(), part["b"].to_numpy(), part["score"].to_numpy()
        total = np.zeros(max(int(b.max()), int(boundaries["bin"].to_numpy()[at].max())) + REACH + HALF + 2)
        for before in range(1, HALF + 1):  # the bin that is crossed lies `before` bins after a, and at most 3 before b
            middle = a + before
            inside = (b - middle >= 1) & (b - middle <= HALF)
            np.add.at(total, middle[inside], value[inside])
        wanted = boundaries["bin"].to_numpy()[at][:, None] + np.arange(-REACH, REACH + 1)
        result[at] = np.where((wanted >= 0) & (wanted < len(total)), total[np.clip(wanted, 0, len(total) - 1)], 0)
    return result


def shuffled(boundaries: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Boundaries moved by 1 to 10 Mb to either side."""
    generator = np.random.default_rng(seed)
    shift = generator.integers(2 * REACH, 20 * REACH, len(boundaries)) * generator.choice([-1, 1], len(boundaries))
    return boundaries.with_columns((pl.col("bin") + pl.Series(shift)).clip(lower_bound=REACH))


def _insulation(
    links: pl.DataFrame,
    at: Mapping[str, pl.DataFrame],
    number: Mapping[str, np.ndarray],
    context: Context,
    label: str,
    world: World,
) -> tuple[list[Metric], pl.DataFrame]:
    """1 - boundary / flanks, at domain boundaries and at shuffled ones, and the difference with p: of the sums, of the
    `number` of links, and of what a link has on average; mean profiles of the sums.
    """
    n = len(at["boundary"])
    counts = bootstrap.draw(n, min(world.resamples, 2_000), world.seed).astype(np.float64)
    offset = np.arange(-REACH, REACH + 1)
    flank = (np.abs(offset) >= _FLANK[0]) & (np.abs(offset) <= _FLANK[1])
    profiles = {name: insulation(links, bins) for name, bins in at.items()}

    def ratio(around: np.ndarray) -> np.ndarray:
        ratios: np.ndarray = counts @ around[:, REACH] / (counts @ around[:, flank].mean(1))
        return ratios

    rows: list[Metric] = []
    with np.errstate(invalid="ignore", divide="ignore"):
        sums = {name: ratio(around) for name, around in profiles.items()}
        of_links = {name: ratio(around) for name, around in number.items()}
        per_link = {name: sums[name] / of_links[name] for name in sums}
    for end, of in (("", sums), ("_of_links", of_links), ("_per_link", per_link)):
        difference = of["shuffled"] - of["boundary"]
        rows.append(context.metric(label, f"insulation_dip{end}", 1 - of["boundary"], n))
        rows.append(context.metric(label, f"insulation_dip{end}_shuffled", 1 - of["shuffled"], n))
        rows.append(context.metric(label, f"insulation_dip{end}_difference", difference, n))
        rows.append(context.metric(label, f"insulation_dip{end}_difference_p", bootstrap.p_value(difference), n))
    means = {name: values.mean(0) for name, values in profiles.items()}
    return rows, pl.DataFrame({"method": label, "offset_bp": offset * BIN, **means})


def _inside(links: pl.DataFrame, domains: pl.DataFrame, context: Context, label: str, world: World) -> list[Metric]:
    """log2 of the mean score of links inside one domain over that of links that leave it, of like distance."""
    ends = {str(chrom): np.sort(part["start"].to_numpy()) for (chrom,), part in domains.group_by("chrom")}
    apart = (links["tss"] - links["place"]).abs().to_numpy()
    ends_of = links.select("tss", "place").to_numpy()
    low, high = ends_of.min(axis=1), ends_of.max(axis=1)
    same = np.zeros(len(links), bool)
    for chrom, part in links.with_row_index("row").group_by("chrom"):
        own = domains.filter(pl.col("chrom") == chrom[0])
        if own.is_empty() or str(chrom[0]) not in ends:
            continue
        rows = part["row"].to_numpy()
        starts, stops = own["start"].to_numpy(), own["end"].to_numpy()
        for first in range(0, len(rows), 50_000):
            some = rows[first : first + 50_000]
            same[some] = _in_one(low[some], high[some], starts, stops)
    result = []
    gene = links["key"].rank("dense").to_numpy().astype(np.int64) - 1
    score = links["score"].to_numpy()
    counts = bootstrap.draw(int(gene.max(initial=0)) + 1, min(world.resamples, 500), world.seed)
    for near, far in _BANDS:
        band = (apart >= near) & (apart < far)
        sums = []
        for chosen in (band & same, band & ~same):
            value = np.bincount(gene[chosen], score[chosen], counts.shape[1])
            sums.append((counts @ value, counts @ np.bincount(gene[chosen], minlength=counts.shape[1])))
        if sums[0][1][0] < 100 or sums[1][1][0] < 100:
            continue
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.log2((sums[0][0] / sums[0][1]) / (sums[1][0] / sums[1][1]))
        result.append(
            context.metric(
                label,
                f"log2_inside_over_across_{near // 1000}_{far // 1000}kb",
                ratio,
                int(sums[0][1][0] + sums[1][1][0]),
            )
        )
    return result


def _in_one(low: np.ndarray, high: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Whether some domain holds both ends: of the domains that start before `low`, does one stop behind `high`."""
    order = np.argsort(starts, kind="stable")
    furthest = np.maximum.accumulate(stops[order])
    at = np.searchsorted(starts[order], low, "right") - 1
    held: np.ndarray = (at >= 0) & (furthest[np.maximum(at, 0)] > high)
    return held
