"""Embeddings and what clusters have in common: by hand, by scanpy's reader, and seeded."""

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from scipy import sparse, stats

import crexpress as cx
from crexpress.core.errors import InputError
from crexpress.formats import gmt
from crexpress.interpret import apart, clusters, embedding
from crexpress.interpret.extras import needed
from tiny_case import TinyCase
from tools import inputs, run, train

PACKAGE = Path(__file__).parents[3] / "python/crexpress"


def test_classes_and_tracks_by_cluster() -> None:
    elements = pl.DataFrame(
        {
            "cluster": ["0", "0", "0", "1", "1"],
            "class": ["dELS", "dELS", "PLS", "dELS", "CTCF-only"],
            "dnase": [4.0, 2.0, 9.0, 1.0, 2.0],
            "ctcf": [0.0, 1.0, 2.0, 0.0, 0.0],
        }
    )
    found = clusters.composition(elements)
    assert found.rows() == [
        ("0", "PLS", 1, pytest.approx(1 / 3)), ("0", "dELS", 2, pytest.approx(2 / 3)),
        ("1", "CTCF-only", 1, 0.5), ("1", "dELS", 1, 0.5),
    ]  # fmt: skip
    changes = clusters.track_changes(elements, ["dnase", "ctcf"])
    row = {(r["cluster"], r["class"], r["track"]): r for r in changes.iter_rows(named=True)}
    assert row["0", "all", "dnase"]["fold_change"] == pytest.approx(5 / 1.5)
    assert row["0", "dELS", "dnase"]["fold_change"] == pytest.approx(3.0)
    assert row["0", "all", "ctcf"]["fold_change"] is None  # the others have none
    assert row["1", "all", "ctcf"]["fold_change"] == 0
    assert ("0", "PLS", "dnase") not in row  # no other cluster has the class


def test_expression_is_that_of_genes_nearby_each_once() -> None:
    elements = pl.DataFrame(
        {
            "chrom": ["1", "1", "1", "2"],
            "start": [900, 5_000, 50_000, 1_000],
            "cluster": list("0011"),
            "class": ["a"] * 4,
        }
    ).with_columns(end=pl.col("start") + 200)
    genes = pl.DataFrame(
        {
            "gene_id": list("ABCD"), "chrom": ["1", "1", "1", "2"], "tss": [1_000, 15_100, 15_101, 1_000],
            "observed": [1.0, 3.0, 100.0, None],
        }
    )  # fmt: skip
    found = clusters.expression_nearby(elements, genes)
    assert found.select("cluster", "class", "genes", "mean", "median").rows() == [
        ("0", "a", 2, 2.0, 2.0), ("0", "all", 2, 2.0, 2.0)
    ]  # fmt: skip


def test_enrichment_is_the_hypergeometric_test(tmp_path: Path) -> None:
    genes = pl.DataFrame(
        {
            "gene_id": [f"ENSG{i:011d}.3" for i in range(100)],
            "gene_name": [f"N{i}" for i in range(100)],
            "cluster": ["0"] * 60 + ["1"] * 40,
        }
    )
    path = tmp_path / "sets.gmt"
    names = "\t".join(f"N{i}" for i in range(0, 20))
    path.write_text(f"LOW\thttp://x\t{names}\tUNKNOWN\nSMALL\tx\tN1\tN2\n\n")
    sets = gmt.read(path)
    assert len(sets["LOW"]) == 21
    found = clusters.enrichment(genes, sets)
    assert found.select("cluster", "set", "genes", "set_size", "expected").rows() == [("0", "LOW", 20, 20, 12.0)]
    p = stats.fisher_exact([[20, 40], [0, 40]], alternative="greater").pvalue
    assert found["p"][0] == pytest.approx(p)
    assert found["q"][0] == pytest.approx(min(1, 2 * p))
    by_id = clusters.enrichment(genes, {"LOW": [f"ENSG{i:011d}" for i in range(20)]})
    assert by_id["p"][0] == pytest.approx(p)
    with pytest.raises(InputError, match=r"no set holds 5 to 2,000 of the run's genes \(0 of 1 names are known\)"):
        clusters.enrichment(genes, {"LOW": ["Gata1"]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A\tx\n", "line 1: a set of a GMT file is a name, a description and genes"),
        ("A\tx\tB\nA\tx\tC\n", "line 2: the set A is given twice"),
        ("# nothing\n", "is empty"),
    ],
)
def test_a_bad_gmt_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.gmt"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        gmt.read(path)


@pytest.mark.slow
def test_leiden_finds_planted_groups_and_repeats() -> None:
    rng = np.random.default_rng(0)
    group = rng.permutation(np.repeat([0, 1, 2], [60, 40, 20]))
    first, second = np.triu_indices(120, 1)
    near = rng.random(len(first)) < np.where(group[first] == group[second], 0.4, 0.02)
    weights = rng.uniform(0.5, 1, near.sum())
    graph = sparse.coo_matrix((weights, (first[near], second[near])), (120, 120))
    found = embedding.leiden(graph, 1.0, 3)
    assert (found == group).all()
    assert (embedding.leiden(graph, 1.0, 3) == found).all()
    assert embedding.leiden(graph, 0.0, 3).max() == 0


@pytest.mark.slow
def test_clusters_are_as_good_as_scanpys_own_and_igraph_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    import igraph
    import scanpy

    rng = np.random.default_rng(2)
    points = rng.normal(size=(300, 20)) + 3 * rng.normal(size=(5, 20))[rng.integers(0, 5, 300)]
    found = embedding.annotated(points, pl.DataFrame({"id": [f"E{number}" for number in range(300)]}), "id")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "igraph", None)  # importing it fails
        embedding.cluster(found, embedding.Settings(resolution=1.0))
    mine = found.obs["cluster"].astype(int).to_list()
    scanpy.tl.leiden(found, flavor="igraph", n_iterations=2, directed=False, random_state=1)
    graph = igraph.Graph.Weighted_Adjacency(found.obsp["connectivities"], mode="undirected")
    theirs = graph.modularity(found.obs["leiden"].astype(int).to_list(), weights="weight")
    assert graph.modularity(mine, weights="weight") > theirs - 0.005


def test_no_code_of_ours_imports_what_is_under_the_gpl() -> None:
    """But the scripts that run in processes of their own; TF-MoDISco-lite imports leidenalg."""
    own = [path for path in [*PACKAGE.rglob("*.py"), *(PACKAGE / "bin").iterdir()] if path.is_file()]
    named = re.compile(r"^\s*(?:import|from) (?:igraph|leidenalg|modiscolite)\b|scanpy\.tl\.(?:leiden|louvain)", re.M)
    found = {path.name for path in own if named.search(path.read_text())}
    assert found == {"leiden_script.py", "modisco_script.py"}
    for name in found:
        assert "crexpress" not in (PACKAGE / "interpret" / name).read_text()


@pytest.mark.parametrize(("library", "script"), [("igraph", "leiden_script.py"), ("modiscolite", "modisco_script.py")])
def test_without_a_library_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: str, script: str
) -> None:
    (tmp_path / f"{library}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{library}'\")\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(InputError, match=f"needs {library}, which is not installed"), needed(library):
        apart.run(script, {})


@pytest.mark.parametrize("asks", ["raise MemoryError", "import numpy; numpy.empty(2**50)"])
def test_a_script_that_lacks_memory_is_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asks: str) -> None:
    (tmp_path / "igraph.py").write_text(f"{asks}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MemoryError):
        apart.run("leiden_script.py", {})


@pytest.mark.slow
def test_a_file_beside_a_script_or_in_the_working_folder_stands_for_no_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copy(Path(apart.__file__).with_name("leiden_script.py"), tmp_path)
    for name in ("igraph", "numpy", "random"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not the library')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(apart, "__file__", str(tmp_path / "apart.py"))
    ends = {"first": np.array([0, 1, 3]), "second": np.array([1, 2, 4]), "weights": np.ones(3)}
    made = apart.run("leiden_script.py", ends | {"points": 5, "resolution": 0.5, "seed": 1})
    assert made["cluster"].tolist() == [0, 0, 0, 1, 1]


@pytest.mark.slow
@pytest.mark.slow
def test_groups_that_no_edge_joins_repeat() -> None:
    """SciPy's ARPACK, by which UMAP places them where it is left to itself, draws vectors that no seed reaches."""
    anndata = pytest.importorskip("anndata")
    rng = np.random.default_rng(3)
    centres = 50 * np.eye(12, 16)[np.arange(1200) % 12]
    points = (centres + rng.normal(size=(1200, 16))).astype(np.float32)
    points[:, 9:] = 0  # and dead units
    places = []
    for _ in range(2):
        found = anndata.AnnData(points.copy())
        embedding.cluster(found, embedding.Settings(neighbours=10, resolution=0.1))
        places.append([found.obsm[name].tobytes() for name in ("X_pca", "X_umap")])
    assert places[0] == places[1]


def test_more_points_than_scanpy_takes_exactly_by_itself_are_clustered() -> None:
    """From 8,192 points on its own choice is pynndescent, whose matrices of today it cannot read; 20,000 is ours."""
    rng = np.random.default_rng(1)
    group = np.arange(8_200) % 3
    vectors = (20 * np.eye(3, 6)[group] + rng.normal(size=(len(group), 6))).astype(np.float32)
    found = embedding.annotated(vectors, pl.DataFrame({"id": [str(number) for number in range(len(group))]}), "id")
    embedding.cluster(found, embedding.Settings(neighbours=4, resolution=0.01))
    assert set(zip(group, found.obs["cluster"], strict=True)) == set(
        zip(range(3), found.obs["cluster"][:3], strict=True)
    )
    assert len(set(found.obs["cluster"])) == 3
    nearest = found.obsp["distances"][0]
    assert nearest.indices[nearest.data.argmin()] == 1 + np.square(vectors[1:] - vectors[0]).sum(1).argmin()


@pytest.mark.slow
def test_embeddings_open_in_scanpy_and_repeat(tiny: TinyCase, tmp_path: Path) -> None:
    import scanpy

    done = train(tiny, tmp_path / "model", "--preset", "scpge-small", "--layers", 1, "--steps", 60)
    assert done.exit_code == 0, done.output
    words = ["--model", tmp_path / "model", *inputs(tiny, "A"), "--most", 200, "--threads", 1]
    for folder in ("first", "again"):
        done = run("embed", *words, "--outdir", tmp_path / folder)
        assert done.exit_code == 0, done.output
    first, again = (scanpy.read_h5ad(tmp_path / folder / "elements.A.h5ad") for folder in ("first", "again"))
    assert first.n_obs == 200
    assert {"class", "distance_to_tss", "cell", "dnase", "h3k27ac", "cluster"} <= set(first.obs.columns)
    assert first.obs["cluster"].equals(again.obs["cluster"])
    assert np.array_equal(first.obsm["X_umap"], again.obsm["X_umap"])
    genes = scanpy.read_h5ad(tmp_path / "first" / "genes.A.h5ad")
    for path in (tiny.elements, tiny.genes, tiny.signals("A"), tiny.expression("A")):
        (tmp_path / path.name).symlink_to(path)
    model, study = cx.load_model(tmp_path / "model"), cx.open(tmp_path)
    own = cx.clusters(model, study, "A", most=200)
    assert own.elements.obs["cluster"].astype(str).to_list() == first.obs["cluster"].astype(str).to_list()
    assert own.tables["cluster_classes"]["elements"].sum() == 200
    head = model.head
    with torch.no_grad():  # what is embedded is what the head makes expression of
        made = head(torch.from_numpy(genes.X)).mean(-1).numpy()
    assert made == pytest.approx(genes.obs["predicted"].to_numpy(), abs=1e-5)
    table = pl.read_csv(tmp_path / "first" / "cluster_classes.A.tsv", separator="\t")
    assert table["elements"].sum() == 200
    nearest = pl.read_csv(tmp_path / "first" / "element_clusters.A.tsv", separator="\t")["distance_to_tss"]
    assert nearest.min() >= 0
