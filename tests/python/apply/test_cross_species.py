"""A model of one simulated species predicts another that shares only the regulatory grammar."""

from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
from click.testing import CliRunner

from crexpress.core import artifacts

BIN = Path(__file__).parents[3] / "bin"
TRACKS = ("dnase", "h3k4me3", "h3k27ac", "ctcf")


def tool(name: str, *arguments: object) -> str:
    result = CliRunner().invoke(run_path(str(BIN / name))["main"], [str(argument) for argument in arguments])
    assert result.exit_code == 0, f"{name}: {result.output}"
    return result.output


def prepared(folder: Path, cells: list[str], *options: object) -> list[object]:
    """Simulate a species and prepare its store; the options by which tools read it."""
    tool("simulate", "--outdir", folder, "--cells", 3, "--chromosomes", 3, "--genes", 300, *options)
    made = folder / "store"
    tool("merge-ccres", "--ccres", folder / "ccres.bed.gz", "--gtf", folder / "genes.gtf.gz",
         "--fasta", folder / "genome.fa.gz", "--outdir", made)  # fmt: skip
    elements, genes = made / "elements.parquet", made / "genes.parquet"
    tool("score-motifs", "--elements", elements, "--fasta", folder / "genome.fa.gz", "--motifs",
         folder / "motifs.meme", "--threads", 1, "--outdir", made)  # fmt: skip
    for cell in cells:
        tracks = [part for track in TRACKS for part in ("--track", f"{track}={folder / cell / track}.bigWig")]
        tool("extract-signals", "--elements", elements, "--cell", cell, *tracks, "--output",
             made / f"signals.{cell}.safetensors")  # fmt: skip
        tool("quantify-expression", "--genes", genes, "--cell", cell, "--rna",
             folder / cell / "rna.1.genes.results.gz", "--outdir", made)  # fmt: skip
    return ["--elements", elements, "--genes", genes, "--motifs", made / "motifs.safetensors"]


def observed(folder: Path, cell: str) -> np.ndarray:
    return artifacts.read_table(folder / f"store/expression.{cell}.parquet", "expression")[0]["expression"].to_numpy()


@pytest.mark.slow
def test_a_model_of_one_species_predicts_another(tmp_path: Path) -> None:
    human, mouse = tmp_path / "human", tmp_path / "mouse"
    trained_on = ["cell1", "cell2"]
    store = prepared(human, trained_on, "--seed", 5)
    for cell in trained_on:
        store += ["--signals", human / f"store/signals.{cell}.safetensors"]
        store += ["--expression", human / f"store/expression.{cell}.parquet"]
    tool("train", *store, "--val", "chr2", "--test", "chr3", "--neighbours", 16, "--steps", 150, "--batch-size", 32,
         "--validate-every", 50, "--device", "cpu", "--threads", 1, "--outdir", tmp_path / "model")  # fmt: skip

    other = prepared(mouse, ["mouse1"], "--seed", 6, "--species", "mouse", "--motifs", human / "motifs.meme")
    signals = mouse / "store/signals.mouse1.safetensors"
    said = tool("predict", "--model", tmp_path / "model", *other, "--signals", signals,
                "--val", "chr2", "--test", "chr3", "--outdir", tmp_path)  # fmt: skip
    assert "14 of the model's 14 motifs found by their factor" in said
    table, header = artifacts.read_table(tmp_path / "predictions.mouse1.parquet", "predictions")
    assert header["parameters"]["same_genome"] is False
    assert set(table["split"]) == {"train", "val", "test"}
    truth = observed(mouse, "mouse1")
    r = np.corrcoef(table["predicted"], truth)[0, 1]
    shuffled = [np.corrcoef(np.random.default_rng(s).permutation(table["predicted"]), truth)[0, 1] for s in range(200)]
    print(f"cross-species r {r:.3f}; of shuffled genes at most {max(shuffled):.3f}")
    assert r > 0.4
    assert r > max(shuffled) + 0.2
    assert table["predicted"].is_finite().all()
