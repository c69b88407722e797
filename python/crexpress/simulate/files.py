"""Writes a simulated world in the formats that laboratories and consortia use, as real files of each kind."""

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pybigtools
import pysam

from crexpress.core.artifacts import replacing_folder
from crexpress.simulate import screen
from crexpress.simulate.world import BIN, BOUNDARY_FACTOR, REACH, World

STEP, BUMP = 50, 800  # bp: resolution of the tracks, and the width of an element's bump
DEPTH = 20  # reads a step at the summit of an element of activity 1
SHAPES = {  # of a track's bump about the element: distance of its summits from the midpoint, their width (bp)
    "dnase": (0, 70),
    "h3k27ac": (200, 90),
    "h3k4me3": (150, 110),
    "ctcf": (0, 50),
}


README = """\
# A simulated genome with a known answer

Made by `{command}`; the same command gives the same bytes.

| file | what |
|---|---|
| samplesheet.csv | every file of every cell, relative to this folder |
| genome.fa.gz (.fai, .gzi) | {bases:.1f} Mb on {chromosomes} chromosomes; repeats are soft-masked |
| genes.gtf.gz | {genes} protein-coding genes |
| ccres.bed.gz | {elements} elements in SCREEN's six columns |
| motifs.meme | motifs of the factors; {factors} act in some of the cells, {boundary} binds boundaries |
| CELL/*.bigWig | read counts in 50-bp steps: dnase, h3k27ac, h3k4me3, ctcf |
| CELL/rna.N.genes.results.gz | two replicates in RSEM's table |
| CELL/loops.longrange.gz | loops of 5-kb bins with their -log10 q |
| crispr.tsv.gz | a perturbation screen in {first}, with noise and missed links |
| truth.tsv.gz | every pair within {reach} kb in {first} and {last}, with its true effect, same columns |

Which elements are active in a cell follows from the factors that the cell has; expression is promoter strength
x (promoter activity + sum over enhancers of activity x contact). Contact falls as 1/distance, is cut tenfold by
each boundary between, and raised sixfold by a loop. `Regulated` in the truth: losing the element takes at least
a tenth of the expression.

Meant split: `--val {val} --test {test} --holdout-cells {last}`.
"""


def write(world: World, folder: Path, rng: np.random.Generator, command: str) -> None:
    """Write the whole input set to `folder`; the same world and generator state give the same bytes.

    `command` is what the README names as its maker. The set is complete where its samplesheet.csv is, and nothing
    is left in `folder` when writing fails or is interrupted.
    """
    with replacing_folder(folder, last="samplesheet.csv") as temporary:
        _write(world, temporary, rng, command)


def _write(world: World, folder: Path, rng: np.random.Generator, command: str) -> None:
    _genome(world, folder / "genome.fa.gz", rng)
    _motifs(world, folder / "motifs.meme")
    names = _gene_names(world)
    _annotation(world, names, folder / "genes.gtf.gz", rng)
    _ccres(world, folder / "ccres.bed.gz")
    rows = ["cell,assay,file,replicate,column"]
    for index, cell in enumerate(world.cells):
        (folder / cell).mkdir()
        files = _tracks(world, index, folder / cell, rng)
        files += _expression(world, names, index, folder / cell, rng)
        files += _loops(world, folder / cell, rng)
        rows += [f"{cell},{assay},{cell}/{name},{replicate}," for assay, name, replicate in files]
    (folder / "samplesheet.csv").write_text("\n".join(rows) + "\n")
    _table(folder / "crispr.tsv.gz", screen.observe(world, names, rng))
    _table(folder / "truth.tsv.gz", screen.truth(world, names))
    *_, val, test = world.lengths
    readme = README.format(
        command=command,
        bases=sum(world.lengths.values()) / 1e6,
        chromosomes=len(world.lengths),
        genes=len(world.genes),
        elements=len(world.elements),
        factors=_symbol(world, "TF*"),
        boundary=_symbol(world, "CTCF"),
        first=world.cells[0],
        last=world.cells[-1],
        reach=REACH // 1000,
        val=val,
        test=test,
    )
    (folder / "README.md").write_text(readme)


def _compressed(path: Path, text: str) -> None:
    """Gzip without date or name, so that the same text gives the same bytes."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(text.encode())


def _table(path: Path, frame: pl.DataFrame, header: bool = True) -> None:
    _compressed(path, frame.write_csv(separator="\t", include_header=header))


def _genome(world: World, path: Path, rng: np.random.Generator) -> None:
    """Bgzipped FASTA with its indexes: repeats in lower case, in the elements unique sequence with motif sites."""
    repeat = rng.integers(0, 4, 3000)
    elements = world.elements.with_row_index("row")
    lines = []
    for chrom, length in world.lengths.items():
        codes = np.resize(repeat, length)
        mutated = rng.random(length) < 0.002
        codes[mutated] = rng.integers(0, 4, mutated.sum())
        codes[:2000] = 4  # a telomere of N
        here = elements.filter(pl.col("chrom") == chrom)
        ends = np.zeros(length, np.int64)
        ends[here["start"].to_numpy() - 100] += 1
        ends[here["end"].to_numpy() + 100] -= 1
        unique = np.cumsum(ends) > 0
        codes[unique] = rng.integers(0, 4, unique.sum())
        _plant(codes, here, world, rng)
        letters = np.frombuffer(b"ACGTN", np.uint8)[codes]
        letters[~unique & (codes < 4)] += 32  # repeats are soft-masked
        text = letters.tobytes().decode()
        lines.append(f">{chrom}\n" + "\n".join(text[at : at + 60] for at in range(0, length, 60)) + "\n")
    with pysam.BGZFile(str(path), "w", None) as file:
        file.write("".join(lines).encode())
    pysam.faidx(str(path))


def _plant(codes: np.ndarray, here: pl.DataFrame, world: World, rng: np.random.Generator) -> None:
    """Write the motif sites of a chromosome's elements into its codes, each in its own slot of an element."""
    sites = world.sites[here["row"].to_numpy()]
    slot = np.cumsum(sites, 1) - sites  # sites of earlier factors come first
    middle = ((here["start"] + here["end"]) // 2).to_numpy()
    for factor, matrix in enumerate(world.motifs):
        ladder = matrix.cumsum(1)
        for copy in range(int(sites[:, factor].max(initial=0))):
            chosen = sites[:, factor] > copy
            at = middle[chosen] - 60 + 20 * (slot[chosen, factor] + copy)
            drawn = (rng.random((chosen.sum(), len(matrix), 1)) > ladder[None, :, :3]).sum(2)
            reverse = rng.random(len(at)) < 0.5
            drawn[reverse] = 3 - drawn[reverse, ::-1]
            codes[at[:, None] + np.arange(len(matrix))] = drawn


def _motif_names(world: World) -> list[str]:
    names = [f"TF{number:02d}" for number in range(1, len(world.motifs) + 1)]
    names[BOUNDARY_FACTOR] = "CTCF"
    return [_symbol(world, name) for name in names]


def _symbol(world: World, name: str) -> str:
    """A symbol as its species writes it: GENE1 of a human is Gene1 of a mouse."""
    return name if world.species == "human" else name.capitalize()


def _motifs(world: World, path: Path) -> None:
    """Motifs in MEME's minimal format."""
    lines = ["MEME version 5", "", "ALPHABET= ACGT", "", "strands: + -", ""]
    lines += ["Background letter frequencies", "A 0.25 C 0.25 G 0.25 T 0.25", ""]
    for name, matrix in zip(_motif_names(world), world.motifs, strict=True):
        lines += [
            f"MOTIF {name}.{'SIM' if world.species == 'human' else 'MUS'}",
            f"letter-probability matrix: alength= 4 w= {len(matrix)} nsites= 500",
        ]
        lines += ["\t".join(f"{value:.6f}" for value in row) for row in matrix]
        lines.append("")
    path.write_text("\n".join(lines))


def _gene_names(world: World) -> pl.DataFrame:
    """gene_id (with version) and gene_name of every gene; the genes of factors are named as their motifs."""
    motif_names = _motif_names(world)
    names = [
        motif_names[factor] if factor >= 0 else _symbol(world, f"GENE{number}")
        for number, factor in enumerate(world.genes["factor"], 1)
    ]
    ids = [f"SIMG{number:011d}.{1 + number % 3}" for number in range(1, len(names) + 1)]
    return pl.DataFrame({"gene_id": ids, "gene_name": names})


def _annotation(world: World, names: pl.DataFrame, path: Path, rng: np.random.Generator) -> None:
    """GENCODE-like GTF: transcripts start at the main TSS, but in a fifth of the genes one starts upstream."""
    length = np.array([world.lengths[chrom] for chrom in world.genes["chrom"]])
    tss, forward = world.genes["tss"].to_numpy(), (world.genes["strand"] == "+").to_numpy()
    sign = np.where(forward, 1, -1)
    end = np.clip(tss + sign * rng.integers(2000, 8001, len(tss)), 0, length - 1)
    upstream = np.clip(tss - sign * rng.integers(400, 1200, len(tss)), 0, length - 1)
    alternative = rng.random(len(tss)) < 0.2
    lines = ["##description: simulated genes", "##provider: crexpress simulate", "##format: gtf"]
    for gene, (gene_id, name) in enumerate(names.iter_rows()):
        starts = [tss[gene], tss[gene]] + [upstream[gene]] * bool(alternative[gene])
        spans = [("gene", 0, [*starts, end[gene]])]
        for number, start in enumerate(starts, 1):
            spans += [(kind, number, [start, end[gene]]) for kind in ("transcript", "exon")]
        for kind, number, ends in spans:
            transcript = f' transcript_id "SIMT{gene_id[4:15]}.{number}";' if number else ""
            fields = (world.genes["chrom"][gene], "SIM", kind, min(ends) + 1, max(ends) + 1)
            lines.append(
                "\t".join(map(str, fields)) + f"\t.\t{world.genes['strand'][gene]}\t.\t"
                f'gene_id "{gene_id}";{transcript} gene_type "protein_coding"; gene_name "{name}";'
            )
    _compressed(path, "\n".join(lines) + "\n")


def _ccres(world: World, path: Path) -> None:
    """cCREs in SCREEN's six columns, with its classes: PLS, pELS (within 2 kb of a TSS), dELS, CTCF-only."""
    near = world.pairs.filter(pl.col("distance") <= 2000)["element"].unique()
    label = (
        pl.when(pl.col("kind") == "promoter")
        .then(pl.lit("PLS"))
        .when(pl.col("kind") == "boundary")
        .then(pl.lit("CTCF-only,CTCF-bound"))
        .when(pl.col("row").is_in(near.to_list()))
        .then(pl.lit("pELS"))
        .otherwise(pl.lit("dELS"))
    )
    number = (pl.col("row") + 1).cast(pl.String).str.zfill(7)
    table = world.elements.with_row_index("row").select(
        "chrom", "start", "end", accession="SIMD" + number, ccre="SIME" + number, label=label
    )
    _table(path, table, header=False)


def _heights(world: World, cell: int) -> dict[str, np.ndarray]:
    """Summit of every track at every element, in units of activity."""
    kinds = world.elements["kind"].to_numpy()
    openness, activity = world.openness[:, cell], world.activity[:, cell]
    initiation = np.zeros(len(kinds))
    initiation[world.genes["promoter"].to_numpy()] = world.strength
    return {
        "dnase": np.where(kinds == "promoter", openness * (0.5 + initiation), openness),
        "h3k27ac": np.where(kinds == "promoter", activity * (0.3 + 0.7 * initiation), activity),
        "h3k4me3": 2 * openness * initiation + 0.03 * activity,
        "ctcf": np.where(kinds == "boundary", 2 * openness, 0.03 * openness),
    }


def _tracks(world: World, cell: int, folder: Path, rng: np.random.Generator) -> list[tuple[str, str, int]]:
    """One bigWig a track: read counts in 50-bp steps, at a depth of the cell's own."""
    middle = ((world.elements["start"] + world.elements["end"]) // 2).to_numpy()
    offsets = np.arange(-BUMP // 2, BUMP // 2, STEP)
    start = middle[:, None] // STEP * STEP + offsets
    chroms = world.elements["chrom"].to_numpy()
    files = []
    for track, height in _heights(world, cell).items():
        summit, width = SHAPES[track]
        distance = np.abs(start + STEP / 2 - middle[:, None]) - summit
        expected = height[:, None] * np.exp(-0.5 * (distance / width) ** 2)
        expected *= rng.lognormal(0, 0.2, (len(middle), 1))
        count = rng.poisson(DEPTH * rng.uniform(0.7, 1.4) * expected + 0.03)
        element, step = np.nonzero(count)
        at, reads = start[element, step], count[element, step].astype(float)
        intervals = zip(chroms[element].tolist(), at.tolist(), (at + STEP).tolist(), reads.tolist(), strict=True)

        name = f"{track}.bigWig"
        with _temporary(folder):
            pybigtools.open(str(folder / name), "w").write(world.lengths, intervals)
        files.append((track, name, 1))
    return files


@contextmanager
def _temporary(folder: Path) -> Iterator[None]:
    """Let a library in Rust keep its temporary files in `folder`: in a TMPDIR that cannot be written pybigtools raises
    nothing, and writes another bigWig."""
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        del os.environ["TMPDIR"]
        if before is not None:
            os.environ["TMPDIR"] = before


def _expression(
    world: World, names: pl.DataFrame, cell: int, folder: Path, rng: np.random.Generator
) -> list[tuple[str, str, int]]:
    """Two replicates of RSEM's gene table."""
    files = []
    length = 1000 + 10 * (np.arange(len(names)) * 37 % 300)
    for replicate in (1, 2):
        tpm = (world.expression[:, cell] * rng.lognormal(0, 0.1, len(names))).round(2)
        name = f"rna.{replicate}.genes.results.gz"
        table = names.select(
            "gene_id",
            pl.col("gene_id").str.replace(r"SIMG(\d+)\..*", "SIMT$1.1,SIMT$1.2").alias("transcript_id(s)"),
            length=pl.Series(length.astype(float)),
            effective_length=pl.Series(length - 150.0),
            expected_count=pl.Series((tpm * length / 100).round(0)),
            TPM=pl.Series(tpm),
            FPKM=pl.Series((tpm * 0.8).round(2)),
        )
        _table(folder / name, table)
        files.append(("rna", name, replicate))
    return files


def _loops(world: World, folder: Path, rng: np.random.Generator) -> list[tuple[str, str, int]]:
    """Loops in WashU's longrange form: each twice, the strength (-log10 q) after the other end."""
    seen = world.loops.filter(pl.Series(rng.random(len(world.loops)) < 0.9))
    strength = pl.Series("strength", rng.gamma(3, 4, len(seen)).round(2))
    ends = [
        seen.select("chrom", one=one, other=other).with_columns(strength)
        for one, other in (("first", "second"), ("second", "first"))
    ]
    both = pl.concat(ends).sort("chrom", "one", "other")
    other = pl.col("other")
    table = both.select(
        "chrom",
        start=pl.col("one") * BIN,
        end=(pl.col("one") + 1) * BIN,
        other=pl.format("{}:{}-{},{}", "chrom", other * BIN, (other + 1) * BIN, "strength"),
    )
    name = "loops.longrange.gz"
    _table(folder / name, table, header=False)
    return [("loops", name, 1)]
