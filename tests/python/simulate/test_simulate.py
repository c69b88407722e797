"""simulate: real formats, same bytes for the same seed, and a truth that can be learned but not read off distance."""

import gzip
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pyBigWig
import pysam
import pytest
from sklearn.metrics import average_precision_score

from crexpress.formats import samplesheet, screen_files
from crexpress.simulate import Sizes, World, files, invent, read_motifs, write
from crexpress.simulate.world import LINK

ROOT = Path(__file__).parents[3]
SMALL = Sizes(cells=4, chromosomes=3, genes=60)


def simulated(folder: Path, seed: int = 1) -> World:
    rng = np.random.default_rng(seed)
    world = invent(SMALL, rng)
    write(world, folder, rng, "simulate")
    return world


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("simulated")
    simulated(path)
    return path


@pytest.fixture(scope="module")
def world() -> World:
    return invent(SMALL, np.random.default_rng(1))


@pytest.fixture(scope="module")
def large() -> World:
    return invent(Sizes(), np.random.default_rng(3))


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
def test_same_seed_same_bytes(folder: Path, tmp_path: Path) -> None:
    simulated(tmp_path / "again")
    simulated(tmp_path / "other", seed=2)
    assert digests(tmp_path / "again") == digests(folder)
    assert digests(tmp_path / "other") != digests(folder)


@pytest.mark.slow
def test_tool_writes_what_the_library_does(folder: Path, tmp_path: Path) -> None:
    options = ["--cells", "4", "--chromosomes", "3", "--genes", "60", "--outdir", tmp_path]
    subprocess.run([sys.executable, ROOT / "bin/simulate", *options], check=True, capture_output=True)
    found, expected = digests(tmp_path), digests(folder)
    assert found.pop("README.md") != expected.pop("README.md")  # it names the command
    assert found == expected
    assert "--val chr2 --test chr3 --holdout-cells cell4" in (tmp_path / "README.md").read_text()


@pytest.mark.slow
def test_another_species_shares_motifs_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    options = ["--cells", "4", "--chromosomes", "3", "--genes", "60", "--seed", "7", "--outdir", tmp_path / "mouse"]
    options += ["--species", "mouse", "--motifs", folder / "motifs.meme"]
    subprocess.run([sys.executable, ROOT / "bin/simulate", *options], check=True, capture_output=True)
    human, mouse = read_motifs(folder / "motifs.meme"), read_motifs(tmp_path / "mouse/motifs.meme")
    for one, other in zip(human, mouse, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
    names = (tmp_path / "mouse/motifs.meme").read_text()
    assert "MOTIF Tf01.MUS" in names
    assert "MOTIF Ctcf.MUS" in names
    assert not any(symbol in names for symbol in ("TF01", "CTCF"))
    with gzip.open(tmp_path / "mouse/genes.gtf.gz", "rt") as file:
        annotation = file.read()
    assert 'gene_name "Gene1"' in annotation
    assert 'gene_name "Tf01"' in annotation
    with (
        pysam.FastaFile(str(folder / "genome.fa.gz")) as one,
        pysam.FastaFile(str(tmp_path / "mouse/genome.fa.gz")) as two,
    ):
        assert not set(one.lengths) & set(two.lengths)
    assert (tmp_path / "mouse/mouse1/dnase.bigWig").is_file()

    (tmp_path / "other.meme").write_text("MEME version 5\n\nMOTIF A\nletter-probability matrix: w= 1\n1 0 0 0\n")
    options[-1] = tmp_path / "other.meme"
    done = subprocess.run([sys.executable, ROOT / "bin/simulate", *options], capture_output=True, text=True)
    assert done.returncode == 65
    assert "give the motifs.meme that simulate wrote" in done.stderr


def test_a_failed_run_leaves_nothing_and_keeps_what_was_there(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old/samplesheet.csv").write_text("mine")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "loops", interrupted)
    for name in ("new", "old"):
        with pytest.raises(KeyboardInterrupt):
            write(world, tmp_path / name, np.random.default_rng(1), "simulate")
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == [
        "old",
        "old/samplesheet.csv",
    ]
    assert (tmp_path / "old/samplesheet.csv").read_text() == "mine"


def test_a_second_run_takes_the_place_of_the_first(folder: Path, tmp_path: Path) -> None:
    simulated(tmp_path / "twice", seed=2)
    (tmp_path / "twice/note").write_text("kept")
    simulated(tmp_path / "twice")
    assert digests(tmp_path / "twice") == digests(folder) | {"note": hashlib.sha256(b"kept").hexdigest()}
    assert [path.name for path in tmp_path.iterdir()] == ["twice"]


def test_the_sheet_is_valid(folder: Path) -> None:
    tracks = ["dnase", "h3k27ac", "h3k4me3", "ctcf"]
    rows = samplesheet.read(folder / "samplesheet.csv", tracks=tracks, holdout_cells=["cell4"])
    assert len(rows) == 4 * (4 + 2 + 1)
    assert {row.role for row in rows if row.cell == "cell4"} == {"holdout"}


def test_genome_holds_the_planted_motifs(folder: Path, world: World) -> None:
    """The best match to its motif is near perfect in most elements that have a site, and seldom elsewhere."""
    matrix = world.motifs[0]
    best = []
    with pysam.FastaFile(str(folder / "genome.fa.gz")) as fasta:
        assert dict(zip(fasta.references, fasta.lengths, strict=True)) == world.lengths
        whole = fasta.fetch("chr1")
        assert whole[:2000] == "N" * 2000
        assert set(whole) >= set("ACGTacgtN")  # repeats are soft-masked
        for chrom, start, end, _ in world.elements.iter_rows():
            text = fasta.fetch(chrom, start, end).upper()
            codes = np.array(["ACGT".index(base) for base in text])
            windows = np.lib.stride_tricks.sliding_window_view(codes, len(matrix))
            strands = [m[np.arange(len(matrix)), windows].prod(1).max() for m in (matrix, matrix[::-1, ::-1])]
            best.append(max(strands) / matrix.max(1).prod())
    has = world.sites[:, 0] > 0
    assert has.sum() > 5
    assert np.median(np.array(best)[has]) > 20 * np.median(np.array(best)[~has])


def test_tracks_follow_activity(folder: Path, world: World) -> None:
    for cell, name in enumerate(world.cells):
        height = {}
        for track in ("dnase", "h3k27ac", "ctcf"):
            with pyBigWig.open(str(folder / name / f"{track}.bigWig")) as bigwig:
                assert bigwig.chroms() == world.lengths
                spans = world.elements.select("chrom", "start", "end").iter_rows()
                height[track] = np.array([bigwig.stats(c, s - 300, e + 300, "sum")[0] or 0 for c, s, e in spans])
        kinds = world.elements["kind"].to_numpy()
        enhancers = kinds == "enhancer"
        assert np.corrcoef(height["h3k27ac"][enhancers], world.activity[enhancers, cell])[0, 1] > 0.8
        assert np.corrcoef(height["dnase"][enhancers], world.openness[enhancers, cell])[0, 1] > 0.8
        assert height["ctcf"][kinds == "boundary"].min() > height["ctcf"][kinds == "silent"].max()
        assert height["h3k27ac"][kinds == "open"].mean() < 0.1 * height["h3k27ac"][enhancers].mean()


def test_expression_tables_hold_the_expression_of_the_world(folder: Path, world: World) -> None:
    table = pl.read_csv(folder / "cell2/rna.1.genes.results.gz", separator="\t")
    names = ["gene_id", "transcript_id(s)", "length", "effective_length", "expected_count", "TPM", "FPKM"]
    assert table.columns == names
    assert np.allclose(np.log(table["TPM"] + 0.01), np.log(world.expression[:, 1] + 0.01), atol=0.5)


def test_annotation_agrees_with_the_world(folder: Path, world: World) -> None:
    lines = gzip.decompress((folder / "genes.gtf.gz").read_bytes()).decode().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    starts = [int(row[3]) - 1 if row[6] == "+" else int(row[4]) - 1 for row in rows if row[2] == "transcript"]
    assert set(world.genes["tss"]) <= set(starts)
    assert sum(row[2] == "gene" for row in rows) == len(world.genes)


def test_loops_come_twice_with_a_strength(folder: Path) -> None:
    table = pl.read_csv(folder / "cell1/loops.longrange.gz", separator="\t", has_header=False)
    ends = {}
    for chrom, start, end, other in table.iter_rows():
        place, score = other.rsplit(",", 1)
        assert float(score) > 0
        ends[(f"{chrom}:{start}-{end}", place)] = score
    assert ends
    assert all(ends[(second, first)] == score for (first, second), score in ends.items())


def test_truth_and_screen_are_read_as_benchmarks(folder: Path, world: World) -> None:
    chroms = world.genes["chrom"].unique()
    truth, screen = (screen_files.read(folder / name, chroms).pairs for name in ("truth.tsv.gz", "crispr.tsv.gz"))
    assert truth["CellType"].unique().sort().to_list() == ["cell1", "cell4"]
    assert len(truth) == 2 * len(world.pairs)
    regulated = truth.filter(CellType="cell4")["Regulated"].to_numpy()
    assert np.array_equal(regulated, world.effect[:, 3] <= -LINK)

    both = screen.join(truth.filter(CellType="cell1"), on="name", suffix="_true")
    assert len(both) == len(screen)
    missed = both.filter(~pl.col("Regulated") & pl.col("Regulated_true"))
    found = both.filter(pl.col("Regulated") & pl.col("Regulated_true"))
    assert len(found) > len(missed) > 0  # power is limited
    effects = both.select(pl.col("EffectSize", "EffectSize_true").cast(float))
    assert 0.5 < np.corrcoef(effects.to_numpy().T)[0, 1] < 0.99


def test_an_effect_is_the_share_of_expression_that_the_element_gives(large: World) -> None:
    lost = np.zeros((len(large.genes), len(large.cells)))
    np.add.at(lost, large.pairs["gene"].to_numpy(), large.effect)
    assert lost.min() > -1
    assert large.effect.max() <= 0
    kinds = large.elements["kind"].to_numpy()[large.pairs["element"]]
    assert not large.effect[kinds != "enhancer"].any()


def test_distance_alone_is_not_the_answer(large: World) -> None:
    link = large.effect[:, 0] <= -LINK
    distance, contact = large.pairs["distance"].to_numpy(), large.pairs["contact"].to_numpy()
    activity = large.activity[large.pairs["element"], 0]
    by_distance = average_precision_score(link, -distance)
    assert 1.5 <= link.sum() / len(large.genes) <= 4
    assert by_distance > 1.5 * link.mean()  # links do decay with distance
    assert average_precision_score(link, activity / distance) > 1.5 * by_distance
    assert average_precision_score(link, activity * contact) > 2 * by_distance
    assert large.pairs["looped"].to_numpy()[link].mean() > 2 * large.pairs["looped"].mean()


def test_cells_differ_more_than_their_mean_tells(large: World) -> None:
    level = np.log10(1 + large.expression)
    assert level.var(1).mean() > 0.4 * level.var()
    for cell in range(len(large.cells)):
        mean = np.delete(level, cell, 1).mean(1)
        assert np.corrcoef(mean, level[:, cell])[0, 1] < 0.65


@pytest.mark.slow
def test_the_committed_case_is_what_the_tool_writes(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    write(invent(Sizes(), rng), tmp_path, rng, "")
    for name in ("truth.tsv.gz", "crispr.tsv.gz", "cell5/rna.2.genes.results.gz"):
        written, committed = tmp_path / name, ROOT / "assets/test" / name
        assert gzip.decompress(written.read_bytes()) == gzip.decompress(committed.read_bytes())


def test_tracks_are_the_same_where_tmpdir_cannot_be_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that wrote them once kept parts there, and without them wrote another bigWig."""
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    simulated(tmp_path / "again")
    assert digests(tmp_path / "again") == digests(folder)
