"""Attention and perturbation beyond the standard scores: against naive recomputation on the tiny case."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from crexpress.apply import cell_model
from crexpress.core import artifacts
from crexpress.data.shuffling import shuffle_codes
from crexpress.interpret.attention import rollout
from crexpress.interpret.together import Together
from tiny_case import TinyCase
from tools import run, train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tiny: TinyCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    done = train(tiny, folder, "--preset", "scpge-small", "--sequence", tiny.sequence, "--steps", 20, "--layers", 2)
    assert done.exit_code == 0, done.output
    return folder


def given(tiny: TinyCase, model: Path, **instead: Any) -> list[Any]:
    files = {"signals": tiny.signals("A"), "sequence": tiny.sequence} | instead
    words: list[Any] = ["--model", model, "--elements", tiny.elements, "--genes", tiny.genes, "--threads", 1]
    return words + [word for name, path in files.items() for word in (f"--{name}", path)]


def load(tiny: TinyCase, model: Path) -> cell_model.CellModel:
    return cell_model.load(
        model, elements=tiny.elements, genes=tiny.genes, signals=[tiny.signals("A")], expression=[],
        sequence=tiny.sequence, motifs=None, contacts=[], profiles=[], device="cpu", precision="float32",
    )  # fmt: skip


def changed(path: Path, out: Path, edit: Any) -> Path:
    """A copy of an array artefact, its tensors changed."""
    header, tensors = artifacts.open_arrays(path, path.name.split(".")[0])
    artifacts.write_arrays(out, {name: edit(name, np.array(part)) for name, part in tensors.items()}, header)
    return out


@pytest.fixture(scope="module")
def links(tiny: TinyCase, model: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("links")
    more = ("--more-scores", "--also", "rollout,shuffled,tracks", "--outdir", folder)
    done = run("interpret", *given(tiny, model), *more)
    assert done.exit_code == 0, done.output
    table, header = artifacts.read_table(folder / "links.A.parquet", "links")
    names = [score["name"] for score in header["parameters"]["scores"]]
    assert names[-4:] == [
        "attention_rollout",
        "perturbation_shuffled",
        "perturbation_of_dnase",
        "perturbation_of_h3k27ac",
    ]
    return table


def predicted(tiny: TinyCase, model: Path, folder: Path, **instead: Any) -> pl.Series:
    done = run("predict", *given(tiny, model, **instead), "--outdir", folder)
    assert done.exit_code == 0, done.output
    return artifacts.read_table(folder / "predictions.A.parquet", "predictions")[0]["predicted"]


def strongest(links: pl.DataFrame, score: str) -> dict[str, Any]:
    return links.sort(pl.col(score).abs(), descending=True).row(0, named=True)


def gene_row(tiny: TinyCase, gene: str) -> int:
    return artifacts.read_table(tiny.genes, "genes")[0]["gene_id"].to_list().index(gene)


def test_without_perturbation_links_have_attention_and_what_is_asked_for(
    tiny: TinyCase, model: Path, links: pl.DataFrame, tmp_path: Path
) -> None:
    words = ("--no-perturbation", "--more-scores", "--also", "saliency", "--top", 1, "--outdir", tmp_path)
    done = run("interpret", *given(tiny, model), *words)
    assert done.exit_code == 0, done.output
    table, header = artifacts.read_table(tmp_path / "links.A.parquet", "links")
    names = [score["name"] for score in header["parameters"]["scores"]]
    assert names == table.columns[table.columns.index("attention") :]
    assert not [name for name in names if "perturbation" in name]
    assert {"attention_share", "attention_logit", "saliency"} <= set(names)
    assert table["attention"].to_list() == links["attention"].to_list()
    best = table.filter(gene_id="G7").sort("attention", descending=True).row(0, named=True)
    shown = pl.read_csv(tmp_path / "links.A.bedpe.gz", separator="\t", has_header=False, comment_prefix="#")
    assert len(shown) == table["gene_id"].n_unique()
    assert f"{best['element_id']}" in gzip.decompress((tmp_path / "links.A.bedpe.gz").read_bytes()).decode()
    active = run(
        "find-active", "--links", tmp_path / "links.A.parquet", "--elements", tiny.elements, "--outdir", tmp_path
    )
    assert active.exit_code == 65
    assert "has no perturbation; give links that interpret made with --perturbation" in active.output


def test_one_track_is_silenced_alone(tiny: TinyCase, model: Path, links: pl.DataFrame, tmp_path: Path) -> None:
    link = strongest(links, "perturbation_of_dnase")
    row = gene_row(tiny, link["gene_id"])

    def silence(name: str, track: np.ndarray) -> np.ndarray:
        track[link["element"]] = 0 if name == "dnase" else track[link["element"]]
        return track

    less = changed(tiny.signals("A"), tmp_path / "signals.A.safetensors", silence)
    fall = predicted(tiny, model, tmp_path)[row] - predicted(tiny, model, tmp_path, signals=less)[row]
    assert link["perturbation_of_dnase"] == pytest.approx(fall, abs=1e-5)
    assert abs(fall) > 1e-3


def test_shuffling_keeps_an_elements_composition(
    tiny: TinyCase, model: Path, links: pl.DataFrame, tmp_path: Path
) -> None:
    link = strongest(links, "perturbation_shuffled")
    at, row = link["element"], gene_row(tiny, link["gene_id"])

    def shuffle(name: str, codes: np.ndarray) -> np.ndarray:
        before = np.bincount(codes[at])
        codes[at] = shuffle_codes(torch.from_numpy(codes[at : at + 1]), torch.tensor([at])).numpy()
        assert (np.bincount(codes[at]) == before).all()
        return codes

    other = changed(tiny.sequence, tmp_path / "sequence.safetensors", shuffle)
    fall = predicted(tiny, model, tmp_path)[row] - predicted(tiny, model, tmp_path, sequence=other)[row]
    assert link["perturbation_shuffled"] == pytest.approx(fall, abs=1e-5)
    assert abs(fall) > 1e-5


def test_the_ratio_is_the_papers(tiny: TinyCase, model: Path, links: pl.DataFrame, tmp_path: Path) -> None:
    whole = predicted(tiny, model, tmp_path)
    genes = artifacts.read_table(tiny.genes, "genes")[0]["gene_id"]
    table = links.join(pl.DataFrame({"gene_id": genes, "whole": whole}), on="gene_id", maintain_order="left")
    ratio = table["perturbation"].abs() / table["whole"].clip(0.01)
    assert table["perturbation_ratio"].to_numpy() == pytest.approx(ratio.to_numpy(), rel=1e-4)


def test_rollout_multiplies_the_layers() -> None:
    torch.manual_seed(0)
    attention = torch.rand(2, 3, 4, 5, 5).softmax(-1)
    for gene in range(2):
        product = np.eye(5)
        for layer in attention[gene].mean(1).numpy():
            product = (layer + np.eye(5)) / 2 @ product
        assert rollout(attention)[gene].numpy() == pytest.approx(product[2], abs=1e-6)


def test_rollout_is_that_of_the_model(tiny: TinyCase, model: Path, links: pl.DataFrame) -> None:
    loaded = load(tiny, model)
    row = 7
    batch = loaded.store.batch(np.zeros(1, np.int64), np.array([row]))
    with torch.no_grad():
        found = loaded.model(batch)
        own = links.filter(pl.col("gene_id") == loaded.store.genes["gene_id"][row])
    at = [loaded.store.index[row].tolist().index(element) for element in own["element"]]
    # of two layers: half of the last layer's row goes through the first, whose gene row `attention` shows
    first, last = found.attention[0].mean(1)
    assert (own["attention_rollout"].to_numpy() <= 1).all()
    through_gene = (0.25 * last[2] * first + 0.25 * first + 0.25 * last)[at].numpy()
    assert (own["attention_rollout"].to_numpy() >= through_gene - 1e-6).all()


def test_a_group_of_one_is_the_standard_perturbation(tiny: TinyCase, model: Path, links: pl.DataFrame) -> None:
    loaded = load(tiny, model)
    together = Together(loaded.model, loaded.store, 0, 100)
    row = 11
    index = loaded.store.index[row].numpy()
    own = links.filter(pl.col("gene_id") == loaded.store.genes["gene_id"][row])
    groups = index == own["element"].to_numpy()[:, None]
    assert together.falls(row, groups) == pytest.approx(own["perturbation"].to_numpy(), abs=1e-5)
    pairs = together.pairs([row], 3)
    assert len(pairs) == 3
    alone = dict(own.select("element_id", "perturbation").iter_rows())
    for pair in pairs.iter_rows(named=True):
        assert pair["perturbation_a"] == pytest.approx(alone[pair["element_a"]], abs=1e-5)
        both = own["element_id"].is_in([pair["element_a"], pair["element_b"]]).to_numpy()
        fall = together.falls(row, groups[both].any(0, keepdims=True))[0]
        assert pair["perturbation_both"] == pytest.approx(fall, abs=1e-6)
        total = pair["perturbation_a"] + pair["perturbation_b"] + pair["epistasis"]
        assert total == pytest.approx(fall, abs=1e-6)
    windows = together.windows([row], [1, 10**9])
    assert windows["elements"].to_list() == [0, len(own)]
    assert windows["perturbation"][0] == pytest.approx(0, abs=1e-6)
    everything = together.falls(row, groups.any(0, keepdims=True))[0]
    assert windows["perturbation"][1] == pytest.approx(everything, abs=1e-6)
    assert windows["sum_of_single"][1] == pytest.approx(own["perturbation"].sum(), abs=1e-4)


def test_silence_together_writes_tables(tiny: TinyCase, model: Path, tmp_path: Path) -> None:
    more = ("--ask-genes", "NAME3,G9", "--windows", "5000,50000", "--pairs", 2, "--outdir", tmp_path)
    done = run("silence-together", *given(tiny, model), *more)
    assert done.exit_code == 0, done.output
    windows = pl.read_csv(tmp_path / "windows.A.tsv", separator="\t")
    assert windows.select("gene_name", "window").rows() == [
        (name, width) for name in ("NAME3", "NAME9") for width in (5000, 50000)
    ]
    assert len(pl.read_csv(tmp_path / "pairs.A.tsv", separator="\t")) == 2


def test_maps_are_read_by_numpy_and_cooler(tiny: TinyCase, model: Path, tmp_path: Path) -> None:
    import cooler

    done = run("map-attention", *given(tiny, model), "--ask-genes", "NAME7", "--cool", "--outdir", tmp_path)
    assert done.exit_code == 0, done.output
    found = np.load(tmp_path / "attention.A.NAME7.npz")
    loaded = load(tiny, model)
    row = gene_row(tiny, "G7")
    with torch.no_grad():
        own = loaded.model(loaded.store.batch(np.zeros(1, np.int64), np.array([row]))).attention.mean((1, 2))[0]
    index = loaded.store.index[row].numpy()
    at = found["element"].tolist().index(loaded.store.genes["element"][row])
    expected = [float(own[index.tolist().index(element)]) for element in found["element"]]
    assert found["probability"][at] == pytest.approx(expected, abs=1e-6)
    assert (np.diff(found["start"]) >= 0).all()
    matrix = cooler.Cooler(str(tmp_path / "attention.A.NAME7.cool"))
    assert matrix.binsize == 10_000
    logit = found["logit"]
    scaled = (logit - np.nanmin(logit)) / (np.nanmax(logit) - np.nanmin(logit))
    assert matrix.pixels()[:]["count"].sum() == pytest.approx(np.nansum(scaled), rel=1e-5)
    assert set(matrix.bins()[:]["chrom"]) == {"chr1", "chr2", "chr3"}


def test_a_region_is_the_mean_over_its_genes(tiny: TinyCase, model: Path, tmp_path: Path) -> None:
    genes = artifacts.read_table(tiny.genes, "genes")[0].filter(pl.col("chrom") == "chr2")["tss"].sort()
    region = f"chr2:{genes[4]}-{genes[6] + 1}"
    done = run("map-attention", *given(tiny, model), "--region", region, "--outdir", tmp_path)
    assert done.exit_code == 0, done.output
    [path] = tmp_path.glob("attention.A.chr2_*.npz")
    found = np.load(path)
    assert found["genes"].max() <= 3
    assert (np.isnan(found["probability"]) == (found["genes"] == 0)).all()
    assert artifacts.read_sparse(path, "attention_map").header["cell"] == "A"


@pytest.mark.parametrize(
    ("tool", "options", "message"),
    [
        ("map-attention", ("--ask-genes", "NOBODY"), "there is no gene NOBODY; give its symbol, or its id"),
        (
            "map-attention",
            ("--region", "chr9"),
            "--region chr9 holds the TSS of no gene; chromosomes with genes: chr1, chr2, chr3",
        ),
        ("map-attention", ("--region", "chr1,chr2"), "give one region"),
        ("map-attention", ("--region", ""), "--region '': give one region, as chr20:7000000-10000000"),
        ("map-attention", ("--ask-genes", ""), "'' names no gene and no element; give names, comma-separated, or a"),
        ("silence-together", ("--ask-genes", ""), "'' names no gene and no element; give names, comma-separated, or"),
        ("attribute", ("--ask-genes", ""), "'' names no gene and no element; give names"),
        ("mutate-elements", ("--ask-elements", ""), "'' names no gene and no element; give names"),
        ("silence-together", ("--ask-genes", "A,B"), "2 of the genes asked for cannot be taken"),
        (
            "interpret",
            ("--also", "magic"),
            "no kind of scores 'magic'; choose from rollout, shuffled, tracks, saliency",
        ),
    ],
)
def test_what_cannot_be_looked_at_is_said(
    tiny: TinyCase, model: Path, tmp_path: Path, tool: str, options: tuple[str, ...], message: str
) -> None:
    done = run(tool, *given(tiny, model), *options, "--outdir", tmp_path / "out")
    assert done.exit_code == 65, done.output
    assert message in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "say what to map: genes by --ask-genes MYC,GATA1, or --region chr20:7000000-10000000"),
        (("--ask-genes", "NAME7", "--region", "chr1"), "--ask-genes and --region are two kinds of maps; leave out one"),
    ],
)
def test_a_map_is_of_genes_or_of_a_region(
    tiny: TinyCase, model: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    done = run("map-attention", *given(tiny, model), *options, "--outdir", tmp_path)
    assert done.exit_code == 2
    assert message in done.output


def test_a_model_without_sequence_has_none_to_shuffle(tiny: TinyCase, tmp_path: Path) -> None:
    done = train(tiny, tmp_path / "model", "--preset", "scpge-small", "--steps", 2, "--layers", 1)
    assert done.exit_code == 0, done.output
    words = ["--model", tmp_path / "model", "--elements", tiny.elements, "--genes", tiny.genes]
    words += ["--signals", tiny.signals("A"), "--outdir", tmp_path / "out"]
    done = run("interpret", *words, "--also", "shuffled")
    assert done.exit_code == 65
    assert "reads neither sequence nor motifs" in done.output
