"""A gene's profile: its values against a naive recomputation, base by base, and what elements have of it."""

import numpy as np
import polars as pl
import pyBigWig
import pytest

from alignments import write_bam
from bigwigs import peaks, write_bigwig
from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.prepare import profile_bins, profiles
from crexpress.prepare.elements import element_digest
from crexpress.prepare.genes import gene_digest
from sketches import write_elements, write_genes
from tools import run

LENGTHS = {"chr1": 60_000, "chr2": 5_000}
EDGES = (-3_000, -700, -100, 0, 150, 900, 4_000)
GENES = pl.DataFrame(
    {
        "gene_id": ["near the start", "minus", "near the end", "of a BED", "elsewhere"],
        "gene_name": ["a", "b", "c", "d", "e"],
        "chrom": ["chr1", "chr1", "chr1", "chr1", "chr2"],
        "start": [500, 20_000, 58_000, 40_000, 100],
        "end": [9_000, 31_001, 59_900, 40_001, 2_001],
        "strand": ["+", "-", "+", "+", "-"],
        "tss": [500, 30_700, 59_000, 40_000, 2_000],
        "element": [0, 1, 2, 3, 4],
    }
)
PLACES = [("chr1", 400), ("chr1", 30_600), ("chr1", 58_900), ("chr1", 39_900), ("chr2", 1_900)]
CCRES = [("chr1", place) for place in (-50, 700, 1_400, 3_333, 20_123, 30_300, 30_601, 33_650, 40_090, 59_850)]
STARTS = PLACES + CCRES + [("chr2", 1_100)]
ELEMENTS = pl.DataFrame(
    {"chrom": [chrom for chrom, _ in STARTS], "start": [start for _, start in STARTS]}
).with_columns(end=pl.col("start") + 200)
ELEMENTS = ELEMENTS.with_columns(
    element_id=pl.lit("e"),
    ccre_start=pl.col("start"),
    ccre_end=pl.col("end"),
    **{"class": pl.Series(["TSS"] * 5 + ["dELS"] * 11)},
)


def random_bigwig(path, seed):
    return write_bigwig(path, LENGTHS, peaks(seed, LENGTHS, 400))


def write_case(folder, genes=GENES, lengths=LENGTHS):
    digest = write_elements(folder / "elements.parquet", ELEMENTS, width=200, chromosomes=list(lengths.items()))
    write_genes(folder / "genes.parquet", genes, digest)


def extract(folder, *tracks, **options):
    more = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    given = ["--elements", folder / "elements.parquet", "--genes", folder / "genes.parquet", "--cell", "X", *more]
    edges = ",".join(map(str, EDGES))
    return run("extract-signals", *given, *[part for track in tracks for part in ("--track", track)],
               f"--profile-edges={edges}", "--output", folder / "signals.X.safetensors")  # fmt: skip


def bases_of(files, chrom, join):
    """Every base of a chromosome, float64, replicates joined."""
    found = []
    for file in files:
        with pyBigWig.open(str(file)) as track:
            found.append(np.nan_to_num(track.values(chrom, 0, LENGTHS[chrom], numpy=True).astype(float)))
    return join(found)


def naive(files, silent=None, join=lambda found: np.mean(found, axis=0)):
    """Profiles [genes, columns] from every base, one gene and base at a time; `silent` is an element row taken out."""
    result = np.full((len(GENES), len(EDGES)), np.nan)
    for number, gene in enumerate(GENES.iter_rows(named=True)):
        signal = np.log10(1 + bases_of(files, gene["chrom"], join))
        if silent is not None and ELEMENTS["chrom"][silent] == gene["chrom"]:
            signal[max(ELEMENTS["start"][silent], 0) : ELEMENTS["end"][silent]] = 0
        sign = 1 if gene["strand"] == "+" else -1
        for column in range(len(EDGES) - 1):
            places = gene["tss"] + sign * np.arange(EDGES[column], EDGES[column + 1])
            places = places[(places >= 0) & (places < LENGTHS[gene["chrom"]])]
            result[number, column] = signal[places].mean() if len(places) else np.nan
        low, high = (gene["tss"], gene["end"]) if sign > 0 else (gene["start"], gene["tss"] + 1)
        if gene["end"] - gene["start"] > 1:
            result[number, -1] = signal[low:high].mean()
    return result


@pytest.mark.parametrize("few", [10**9, 0])  # by records, and base by base
def test_profiles_are_the_means_of_the_transformed_bases(tmp_path, monkeypatch, few):
    monkeypatch.setattr(profiles, "_SMALL", few)
    monkeypatch.setattr(profiles, "_BLOCK", 1_777)
    write_case(tmp_path)
    file = random_bigwig(tmp_path / "1.bw", 1)
    done = extract(tmp_path, f"dnase={file}")
    assert done.exit_code == 0, done.output
    header, found = artifacts.open_arrays(tmp_path / "profiles.X.safetensors", "profiles")
    assert (header["elements"], header["genes"], header["cell"]) == (element_digest(ELEMENTS), gene_digest(GENES), "X")
    assert (header["parameters"]["edges"], header["parameters"]["transform"]) == (list(EDGES), "log10p1")
    expected = naive([file])
    assert np.isnan(expected[0, 0])  # outside the chromosome
    assert np.isfinite(expected[0, 1])  # cut at its start
    assert np.isnan(expected[3, -1])  # a TSS of a BED has no body
    np.testing.assert_allclose(found["dnase"], expected, rtol=1e-5, atol=1e-6)
    assert "1 of them without a body" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("replicates", "join"), [("mean", np.mean), ("max", np.max), ("sum", np.sum)], ids=["mean", "max", "sum"]
)
def test_replicates_are_combined_before_the_transform(tmp_path, replicates, join):
    write_case(tmp_path)
    files = [random_bigwig(tmp_path / f"{seed}.bw", seed) for seed in (1, 2)]
    assert extract(tmp_path, *(f"dnase={file}" for file in files), replicates=replicates).exit_code == 0
    found = artifacts.open_arrays(tmp_path / "profiles.X.safetensors", "profiles").tensors["dnase"]
    expected = naive(files, join=lambda found: join(found, axis=0))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", ["fragments.tsv", "reads.bam"])
def test_reads_are_profiled_as_their_coverage(tmp_path, form):
    write_case(tmp_path)
    rng = np.random.default_rng(6)
    places = {chrom: np.sort(rng.integers(0, length - 300, length // 50)) for chrom, length in LENGTHS.items()}
    sizes = {chrom: rng.integers(40, 300, len(starts)) for chrom, starts in places.items()}
    reads = {chrom: [*zip(starts.tolist(), sizes[chrom].tolist(), strict=True)] for chrom, starts in places.items()}
    if form == "fragments.tsv":
        lines = [f"{chrom}\t{at}\t{at + size}\tcell\t1\n" for chrom, own in reads.items() for at, size in own]
        (tmp_path / form).write_text("".join(lines))
    else:
        single = {chrom: [(at, size, 0, 0, 0) for at, size in own] for chrom, own in reads.items()}
        write_bam(tmp_path / form, single, LENGTHS)
    depth = {chrom: np.zeros(length) for chrom, length in LENGTHS.items()}
    for chrom, own in reads.items():
        for at, size in own:
            depth[chrom][at : at + size] += 1e6 / sum(map(len, reads.values()))
    bases = {chrom: [(at, at + 1, value) for at, value in enumerate(values)] for chrom, values in depth.items()}
    coverage = write_bigwig(tmp_path / "coverage.bw", LENGTHS, bases)
    done = extract(tmp_path, f"dnase={tmp_path / form}")
    assert done.exit_code == 0, done.output
    found = artifacts.open_arrays(tmp_path / "profiles.X.safetensors", "profiles").tensors["dnase"]
    np.testing.assert_allclose(found, naive([coverage]), rtol=1e-5, atol=1e-6)


def test_an_element_can_be_taken_out_exactly(tmp_path):
    write_case(tmp_path)
    file = random_bigwig(tmp_path / "1.bw", 4)
    assert extract(tmp_path, f"dnase={file}").exit_code == 0
    tensors = artifacts.open_arrays(tmp_path / "profiles.X.safetensors", "profiles").tensors
    shared = profile_bins.overlaps(GENES, ELEMENTS, EDGES)
    assert set(shared.element) <= set(range(5, 16)), "TSS windows are no elements of their own"
    whole = naive([file])
    for element in range(5, 16):
        without = tensors["dnase"].astype(float)
        rows = shared.element == element
        np.subtract.at(without, (shared.gene[rows], shared.column[rows]), tensors[profile_bins.SHARES + "dnase"][rows])
        expected = naive([file], silent=element)
        np.testing.assert_allclose(without, expected, rtol=1e-4, atol=1e-5)
    assert np.nanmax(np.abs(whole - expected)) > 0.01


def test_a_bin_beyond_the_chromosome_has_no_value(tmp_path):
    genes = GENES.with_columns(tss=pl.when(pl.col("gene_id") == "near the end").then(59_990).otherwise("tss"))
    write_case(tmp_path, genes)
    file = write_bigwig(tmp_path / "1.bw", LENGTHS, {"chr1": [(0, 60_000, 9)]})
    assert extract(tmp_path, f"dnase={file}").exit_code == 0
    row = artifacts.open_arrays(tmp_path / "profiles.X.safetensors", "profiles").tensors["dnase"][2]
    assert row[3] == pytest.approx(1)  # 10 bases of 150: no zeros beyond them
    assert np.isnan(row[4:6]).all()


@pytest.mark.parametrize("edges", ["1", "0,a", "0,0", "5,1"])
def test_wrong_edges_are_told(edges):
    with pytest.raises(InputError, match="--profile-edges"):
        profiles.parse_edges(edges)


def test_impossible_signal_is_refused_with_its_place(tmp_path):
    write_case(tmp_path)
    file = write_bigwig(tmp_path / "bad.bw", LENGTHS, {"chr1": [(28_000, 28_010, -2)]})
    done = extract(tmp_path, f"dnase={file}")
    assert done.exit_code == 65
    assert "bad.bw holds -2 at chr1:28000" in done.stderr
    assert not (tmp_path / "profiles.X.safetensors").exists()
