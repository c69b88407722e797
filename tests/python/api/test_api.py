"""`import crexpress as cx`: the examples of docs/api.md run, and say what the tools say."""

import gzip
import re
import shutil
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import crexpress as cx
from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.interpret.de_novo import as_meme
from tiny_case import TinyCase
from tools import run, train

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def place(tiny: TinyCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with results (the tiny case, a model of it) and a screen of cell A."""
    folder = tmp_path_factory.mktemp("api")
    (folder / "results").mkdir()
    files = [tiny.elements, tiny.genes, tiny.sequence, *map(tiny.signals, "ABC"), *map(tiny.expression, "ABC")]
    for path in files:
        (folder / "results" / path.name).symlink_to(path)
    small = ["--sequence", tiny.sequence, "--steps", 20, "--layers", 1]
    result = train(tiny, folder / "results" / "model", *small)
    assert result.exit_code == 0, result.output
    elements, genes = pl.read_parquet(tiny.elements), pl.read_parquet(tiny.genes)
    pairs = []
    for number in range(0, 120, 2):
        gene = genes.row(number, named=True)
        near = elements.filter((pl.col("chrom") == gene["chrom"]) & (pl.col("class") != "TSS"))
        row = near.sort((pl.col("start") - gene["tss"]).abs()).row(1, named=True)
        pairs.append((row["chrom"], row["ccre_start"], row["ccre_end"], gene["gene_name"], number % 3 == 0, "A"))
    names = ["chrom", "chromStart", "chromEnd", "measuredGeneSymbol", "Regulated", "CellType"]
    screen = pl.DataFrame(pairs, schema=names, orient="row").with_columns(pl.col("Regulated").cast(pl.String))
    text = screen.with_columns(pl.col("Regulated").str.to_uppercase()).write_csv(separator="\t")
    (folder / "screen.tsv.gz").write_bytes(gzip.compress(text.encode()))
    sites = [(f"M{number}", "", 50, np.eye(4)[np.random.default_rng(number).integers(0, 4, 6)]) for number in range(3)]
    (folder / "known.meme").write_text(as_meme(sites))
    return folder


@pytest.fixture(scope="module")
def said(place: Path) -> dict[str, Any]:
    """What is left when all examples of docs/api.md have run, in their order."""
    names: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)
    assert len(blocks) == 24
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for block in blocks:
            exec(compile(block, "docs/api.md", "exec"), names)
    return names


def test_the_page_is_that_of_the_docstrings(capsys: pytest.CaptureFixture[str]) -> None:
    run_path(str(ROOT / ".ci" / "api-page"))
    assert capsys.readouterr().out == (ROOT / "docs" / "api.md").read_text()


@pytest.mark.slow
def test_examples_run_and_agree_with_the_tools(said: dict[str, Any], place: Path, tmp_path: Path) -> None:
    study = ["--study", place / "results", "--cells", "A"]
    for tool in ("predict", "interpret"):
        result = run(tool, "--model", place / "results" / "model", *study, "--outdir", tmp_path)
        assert result.exit_code == 0, result.output
    predicted, header = artifacts.read_table(tmp_path / "predictions.A.parquet", "predictions")
    own, own_header = artifacts.read_table(place / "predictions" / "predictions.A.parquet", "predictions")
    assert own.equals(predicted)
    assert own_header["parameters"] == header["parameters"]
    links, _ = artifacts.read_table(tmp_path / "links.A.parquet", "links")
    keys = ["gene_id", "element"]
    both = said["links"].table.join(links, on=keys, suffix="_of_tool")
    assert len(both) == len(links)
    for score in ("attention", "perturbation"):
        assert both[score].equals(both[f"{score}_of_tool"].alias(score))
    assert "attention_minmax" not in said["links"].table.columns
    metrics = said["metrics"]
    assert {"attention", "perturbation", "ABC of the element", "distance"} <= set(metrics["method"])


@pytest.mark.slow
def test_readings_are_those_of_the_tools(said: dict[str, Any], place: Path, tmp_path: Path) -> None:
    """Of links and predictions; those that ask the model are held against it by the tests of their rooms."""
    files, links = place / "results", place / "links"
    said["links"].write(links)
    cx.predict(said["model"], said["study"], "A").write(links)
    given = ["--study", files, "--links", links / "links.A.parquet", "--cells", "A", "--outdir", tmp_path]
    more: dict[str, list[Any]] = {
        "find-active": ["--k", 3, "--resamples", 100],
        "classify-genes": ["--predictions", links / "predictions.A.parquet", "--split", "all", "--resamples", 100],
        "find-motifs": ["--motif-file", place / "known.meme"],
        "export-links": ["--formats", "bedpe", "--top", 3],
    }
    for tool, options in more.items():
        result = run(tool, *given, *options)
        assert result.exit_code == 0, f"{tool}: {result.output}"
    active = cx.active(said["links"], k=3, resamples=100)
    assert active.links.equals(artifacts.read_table(tmp_path / "active.A.parquet", "active")[0])
    assert active.links["active"].any()
    categories = artifacts.read_table(tmp_path / "categories.A.parquet", "categories")[0]
    assert said["found"].genes.equals(categories)
    motifs = [place / "motifs", tmp_path]
    first, second = (artifacts.read_table(part / "enriched_motifs.parquet", "enriched_motifs")[0] for part in motifs)
    assert first.equals(second.drop("expression", strict=False).select(first.columns))
    lines = [gzip.decompress((part / "links.A.bedpe.gz").read_bytes()) for part in (place / "exported", tmp_path)]
    assert lines[0] == lines[1]


@pytest.mark.slow
def test_attention_vectors_and_the_dataset_are_the_models(said: dict[str, Any]) -> None:
    study, model, attention = said["study"], said["model"], said["attention"]
    total = attention.group_by("layer", "head").agg(pl.col("attention").sum())
    np.testing.assert_allclose(total["attention"], 1, atol=1e-5)
    links = said["links"].table.filter(pl.col("gene_name") == "NAME7").select("element_id", mean="attention")
    mean = attention.group_by("element_id").agg(pl.col("attention").mean()).join(links, on="element_id")
    assert len(mean) == len(links)
    np.testing.assert_allclose(mean["attention"], mean["mean"], atol=1e-6)
    embeddings = said["embeddings"]
    assert embeddings.vectors.shape == (len(embeddings.elements), model.token_width)
    of_genes = said["of_genes"]
    with torch.no_grad():
        made = model.head(torch.from_numpy(of_genes.vectors)).mean(-1).numpy()
    assert made == pytest.approx(of_genes.genes["predicted"].to_numpy(), abs=1e-5)
    assert of_genes.anndata().obs_names.tolist() == of_genes.genes["gene_id"].to_list()
    genes = said["genes"]
    assert {genes.store.genes["chrom"][int(row)] for row in genes.gene} == {"chr1"}
    example = genes[5]
    store = study.store(model, "A")
    theirs = store.batch(np.zeros(1, np.int64), genes.gene[5:6])
    torch.testing.assert_close(example.signals[2], theirs.features.signals[theirs.token[0, 2]])
    assert float(example.target) == store.cells[0].expression[genes.gene[5]]


@pytest.mark.slow
def test_a_model_is_a_module_that_predicts_arrays_and_bases(said: dict[str, Any]) -> None:
    study, model = said["study"], said["model"]
    batch = study.batch(model, "A", ["NAME3", "NAME7"])
    arrays = batch._replace(
        features=type(batch.features)(*(part.numpy() for part in batch.features)),
        token=batch.token.numpy(),
        present=batch.present.numpy(),
        distance=batch.distance.numpy().astype(np.float64),
    )
    with torch.no_grad():
        whole = model(batch).expression
        torch.testing.assert_close(model(arrays).expression, whole)
        table = cx.predict(model, study, "A").table.filter(pl.col("gene_name").is_in(["NAME3", "NAME7"]))
        np.testing.assert_allclose(table["predicted"], whole, atol=1e-5)
        view = said["view"]
        torch.testing.assert_close(view(view.reference.repeat(3, 1, 1)), whole[1].repeat(3), atol=1e-5, rtol=1e-5)
        other = view.reference.roll(100, 2)
        moved = batch.features.codes.clone()
        moved[batch.token[1, view.column]] = moved[batch.token[1, view.column]].roll(100)
        changed = model(batch._replace(features=batch.features._replace(codes=moved))).expression[1]
        torch.testing.assert_close(view(other)[0], changed, atol=1e-5, rtol=1e-5)
    assert float(said["gradient"].abs().sum()) > 0


@pytest.mark.slow
def test_a_tuned_model_is_another_and_tools_read_it(said: dict[str, Any], place: Path, tmp_path: Path) -> None:
    tuned = cx.load_model(place / "tuned")
    assert tuned.about["cells"] == ["A", "B", "C"]
    before = cx.load_model(place / "results" / "model").state_dict()
    assert any(not torch.equal(weights, before[name]) for name, weights in tuned.state_dict().items())
    assert said["tuned"].history["step"].to_list() == [4, 8]
    with torch.no_grad():
        batch = said["study"].batch(tuned, "C", "NAME7")
        torch.testing.assert_close(tuned(batch).expression, said["tuned"].model(batch).expression)
    study = ["--study", place / "results", "--cells", "C"]
    result = run("predict", "--model", place / "tuned", *study, "--outdir", tmp_path)
    assert result.exit_code == 0, result.output
    assert artifacts.read_table(tmp_path / "predictions.C.parquet", "predictions")[1]["parameters"]["cell_seen"]


@pytest.mark.slow
def test_rooms_stay_modules_though_they_can_be_called(said: dict[str, Any]) -> None:
    from crexpress.links import closed_forms

    assert all(callable(room) for room in (cx.links, cx.evaluate.crispr, cx.evaluate.expression))
    assert callable(cx.evaluate.expression.accuracy)  # what the rooms hold is still theirs
    assert callable(closed_forms.closed_forms)
    with pytest.raises(InputError, match="there is no link score 'atention'; choose from attention"):
        cx.links(said["model"], said["study"], "A", scores=["atention"])
    with pytest.raises(AttributeError, match="no attribute 'predicts'"):
        _ = cx.predicts


@pytest.mark.slow
def test_tools_go_from_training_to_the_report_by_a_study_alone(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(place / "results", folder)
    study, screen = ["--study", folder], ["--crispr", f"s={place / 'screen.tsv.gz'}"]
    short = ["--neighbours", 4, "--steps", 3, "--batch-size", 16, "--val", "chr2", "--test", "chr3", "--seed", 2]
    steps: list[tuple[str, list[Any]]] = [
        ("predict", ["--cells", "A,C", "--outdir", folder / "a"]),
        ("interpret", ["--cells", "A", "--outdir", folder / "b"]),
        ("evaluate", [*screen, "--resamples", 20, "--outdir", folder / "d"]),
        ("report", [*screen, "--outdir", tmp_path / "report"]),
        ("train", ["--cells", "A,B", *short, "--outdir", folder / "other"]),
    ]
    for tool, options in steps:
        result = run(tool, *study, *options)
        assert result.exit_code == 0, f"{tool}: {result.output}"
    metrics = pl.read_parquet(folder / "d" / "metrics.parquet")
    assert {"A", "C"} <= set(metrics["cell"])
    assert {"ABC", "perturbation"} <= set(metrics["method"])
    page = (tmp_path / "report" / "report.html").read_text()
    assert "One locus" in page
    two = run("predict", *study, "--outdir", tmp_path)
    assert (two.exit_code, "holds 2 files of model" in two.output) == (65, True)
