"""The simple models: what they learn from, what they must not see, and how they treat what is missing."""

from pathlib import Path
from runpy import run_path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from crexpress.baselines import known_cells, regressions
from crexpress.core import artifacts
from crexpress.core.errors import InputError
from sketches import write_store

BIN = Path(__file__).parents[3] / "bin" / "fit-baselines"
GENES, PER_GENE = 300, 4


@pytest.fixture
def store() -> tuple[pl.DataFrame, pl.DataFrame, np.ndarray]:
    """Elements (four cCREs a gene, then the TSS windows), genes on alternating strands, and their neighbours."""
    tss = 10_000 + 20_000 * np.arange(GENES)
    offsets = np.array([-5_000, -2_000, 1_000, 6_000])
    middle = np.concatenate([(tss[:, None] + offsets).ravel(), tss])
    kind = ["dELS"] * (GENES * PER_GENE) + ["TSS"] * GENES
    elements = pl.DataFrame({"chrom": "chr1", "start": middle - 300, "end": middle + 300, "class": kind}).with_columns(
        pl.col("chrom").cast(pl.String)
    )
    own = GENES * PER_GENE + np.arange(GENES)
    genes = pl.DataFrame(
        {
            "gene_id": [f"G{i}" for i in range(GENES)],
            "chrom": ["chr1"] * GENES,
            "strand": ["+", "-"] * (GENES // 2),
            "tss": tss,
            "element": own.astype(np.int32),
        }
    )
    around = np.arange(GENES * PER_GENE).reshape(GENES, PER_GENE)
    index = np.insert(around, 2, own, axis=1).astype(np.int32)
    return elements, genes, index


def make_cell(
    name: str, seed: int, elements: pl.DataFrame, index: np.ndarray, trained: bool
) -> regressions.BaselineCell:
    """Expression that is twice the promoter's signal and half of that of the third neighbour."""
    generator = np.random.default_rng(seed)
    signal = generator.random(len(elements)).astype(np.float32)
    expression = 2 * signal[index[:, 2]].astype(float) + 0.5 * signal[index[:, 3]]
    return regressions.BaselineCell(name, {"dnase": signal}, expression, trained)


def train_rows() -> np.ndarray:
    return np.arange(GENES) < 200


def test_features_run_along_the_gene(store):
    elements, genes, index = store
    signal = np.arange(len(elements), dtype=np.float32)
    table = regressions.features({"dnase": signal}, ["dnase"], elements, genes, index)
    assert table.shape == (GENES, 1 + PER_GENE * 2)
    assert table[0, :5].tolist() == [1200, 0, 1, 2, 3]
    assert table[1, :5].tolist() == [1201, 7, 6, 5, 4]  # on the minus strand upstream is to the right
    np.testing.assert_allclose(table[0, 5:], np.sign([-1, -1, 1, 1]) * np.log10([5001, 2001, 1001, 6001]), rtol=1e-6)
    np.testing.assert_allclose(table[1, 5:], np.sign([-1, -1, 1, 1]) * np.log10([6001, 1001, 2001, 5001]), rtol=1e-6)


def test_pads_and_missing_tracks_are_nan(store):
    elements, genes, index = store
    index = index.copy()
    index[0, 0] = -1
    signal = np.ones(len(elements), np.float32)
    table = regressions.features({"dnase": signal}, ["ctcf", "dnase"], elements, genes, index)
    width = 2 + PER_GENE * 3
    assert np.isnan(table[0]).nonzero()[0].tolist() == [0, 2, 3, 4, 5, 6, width - 4]
    assert np.isnan(table[1:]).sum() == (GENES - 1) * (1 + PER_GENE)


def test_elements_help_where_they_matter(store):
    elements, genes, index = store
    cell = make_cell("A", 0, elements, index, trained=True)
    predicted = regressions.predict([cell], elements, genes, index, train_rows(), seed=1)["A"]
    error = {m: np.abs(p - cell.expression)[200:].mean() for m, p in predicted.items()}
    assert set(error) == {
        "train mean",
        "ridge promoter",
        "ridge promoter + 4 elements",
        "boosted trees promoter",
        "boosted trees promoter + 4 elements",
    }
    assert np.allclose(predicted["train mean"], cell.expression[:200].mean())
    assert error["ridge promoter"] < 0.3 * error["train mean"]
    assert error["ridge promoter + 4 elements"] < error["ridge promoter"]
    assert error["boosted trees promoter + 4 elements"] < error["boosted trees promoter"]


def test_held_out_cells_and_genes_are_not_learned_from(store):
    elements, genes, index = store
    known = make_cell("A", 0, elements, index, trained=True)
    new = make_cell("B", 1, elements, index, trained=False)
    before = regressions.predict([known, new], elements, genes, index, train_rows(), seed=1)
    known.expression[200:] += 5  # genes outside the training split
    new.expression[:] = -1
    after = regressions.predict([known, new], elements, genes, index, train_rows(), seed=1)
    for cell, methods in before.items():
        for method in methods.keys() - {"copy of A"}:
            np.testing.assert_array_equal(after[cell][method], before[cell][method])
    np.testing.assert_allclose(after["B"]["copy of A"], known.expression, rtol=1e-6)


def test_copies_only_for_new_cells_and_their_mean_skips_what_is_not_measured(store):
    elements, genes, index = store
    cells = [make_cell(name, i, elements, index, trained=name != "C") for i, name in enumerate("ABC")]
    cells[0].expression[0] = np.nan
    cells[0].expression[1] = cells[1].expression[1] = np.nan
    predicted = regressions.predict(cells, elements, genes, index, train_rows(), seed=1)
    assert not any(method.startswith("copy") for method in predicted["A"])
    assert {"copy of A", "copy of B"} < set(predicted["C"])
    mean = predicted["C"][known_cells.MEAN_OVER_CELLS]
    assert mean[0] == pytest.approx(cells[1].expression[0])
    assert np.isnan(mean[1])
    assert mean[2] == pytest.approx((cells[0].expression[2] + cells[1].expression[2]) / 2)


@pytest.mark.slow
def test_a_known_cell_is_told_the_others_and_never_itself(store):
    elements, genes, index = store
    cells = [make_cell(name, i, elements, index, trained=name != "D") for i, name in enumerate("ABCD")]
    before = regressions.predict(cells, elements, genes, index, train_rows(), seed=1)
    b, c = cells[1].expression, cells[2].expression
    np.testing.assert_allclose(before["A"][known_cells.MEAN_OVER_CELLS], (b + c) / 2, rtol=1e-6)
    test = ~train_rows()
    for cell in cells:  # unseen genes
        values = before[cell.name]
        r = {
            name: np.corrcoef(values[name][test], cell.expression[test])[0, 1] for name in values if "mean" not in name
        }
        assert r[known_cells.TREES_CHANGE] > 0.9 > r[known_cells.NEAREST_CELL]
    cells[0].expression[test] += 7
    after = regressions.predict(cells, elements, genes, index, train_rows(), seed=1)
    for method in (known_cells.MEAN_OVER_CELLS, known_cells.NEAREST_CELL, known_cells.TREES_CHANGE):
        np.testing.assert_array_equal(after["A"][method], before["A"][method])


def test_the_nearest_cell_has_the_most_similar_tracks():
    one, other = np.random.default_rng(0).random((2, 500))
    signals = {
        "new": {"dnase": one, "ctcf": other},
        "like": {"dnase": one + 0.5 * other, "atac": other},
        "unlike": {"dnase": other, "ctcf": one},
        "nothing shared": {"atac": one},
        "flat": {"dnase": np.zeros(500)},
    }
    assert known_cells.nearest("new", ["unlike", "nothing shared", "like", "flat"], signals) == "like"
    assert known_cells.nearest("new", ["nothing shared", "flat"], signals) is None


def test_cell_that_lacks_a_track_is_predicted(store):
    elements, genes, index = store
    full = make_cell("A", 0, elements, index, trained=True)
    full = regressions.BaselineCell("A", full.signals | {"ctcf": full.signals["dnase"][::-1]}, full.expression, True)
    poor = make_cell("B", 1, elements, index, trained=False)
    predicted = regressions.predict([full, poor], elements, genes, index, train_rows(), seed=1)
    assert all(np.isfinite(values).all() for values in predicted["B"].values())
    r = np.corrcoef(predicted["B"]["ridge promoter"], poor.expression)[0, 1]
    assert r > 0.9


def write_cell(
    folder: Path, cell: regressions.BaselineCell, transform: str = "log10p1", **other: str
) -> tuple[Path, Path]:
    digests = {"elements": "e", "genes": "g"} | other
    tracks = {name: np.repeat(signal[:, None], 2, axis=1).astype(np.float16) for name, signal in cell.signals.items()}
    about = {"tracks": list(tracks), "bin_size": 300, "transform": transform}
    header = artifacts.make_header("signals", "test", elements=digests["elements"], cell=cell.name, parameters=about)
    signals, expression = folder / f"signals.{cell.name}.safetensors", folder / f"expression.{cell.name}.parquet"
    artifacts.write_arrays(signals, tracks, header)
    frame = pl.DataFrame({"gene_id": [f"G{i}" for i in range(GENES)], "expression": cell.expression})
    frame = frame.with_columns(value=10 ** pl.col("expression") - 1)
    header = artifacts.make_header(
        "expression", "test", **digests, cell=cell.name, units={"expression": "log10(1 + TPM)"}
    )
    artifacts.write_table(expression, frame, header)
    return signals, expression


LIKE = artifacts.Table(
    pl.DataFrame({"gene_id": [f"G{i}" for i in range(GENES)]}),
    artifacts.make_header("genes", "test", elements="e", genes="g"),
)


def test_cells_are_read_with_their_role(store, tmp_path):
    elements, _, index = store
    a = write_cell(tmp_path, make_cell("A", 0, elements, index, True))
    b = write_cell(tmp_path, make_cell("B", 1, elements, index, True))
    c = write_cell(tmp_path, make_cell("C", 2, elements, index, True))
    cells = regressions.read_cells([a[0], b[0], c[0]], [a[1], b[1]], ["B"], Path("genes.parquet"), LIKE)
    assert [(cell.name, cell.trained, cell.expression is None) for cell in cells] == [
        ("A", True, False),
        ("B", False, False),
        ("C", False, True),
    ]


def test_tracks_can_be_left_out(store, tmp_path):
    elements, _, index = store
    cell = make_cell("A", 0, elements, index, True)
    cell = regressions.BaselineCell("A", cell.signals | {"ctcf": cell.signals["dnase"][::-1]}, cell.expression, True)
    signals, expression = write_cell(tmp_path, cell)
    for tracks, expected in (([], {"dnase", "ctcf"}), (["ctcf"], {"ctcf"})):
        [read] = regressions.read_cells([signals], [expression], [], Path("genes.parquet"), LIKE, tracks)
        assert read.signals.keys() == expected
    with pytest.raises(InputError, match="no cell has the track h3k4me3"):
        regressions.read_cells([signals], [expression], [], Path("genes.parquet"), LIKE, ["ctcf", "h3k4me3"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"transform": "none"}, "A and B have different signal transforms"),
        ({"genes": "other"}, "made for different genes"),
        ({"holdout": ["X"]}, "held-out cell X has no signals; cells with signals: A, B"),
        ({"holdout": ["A", "B"]}, "no cell is left to train on"),
        ({"twice": True}, "second file of A's signals"),
    ],
)
def test_input_that_cannot_be_used_is_refused(store, tmp_path, change, message):
    elements, _, index = store
    a = write_cell(tmp_path, make_cell("A", 0, elements, index, True))
    options = {key: change[key] for key in ("transform", "genes") if key in change}
    b = write_cell(tmp_path, make_cell("B", 1, elements, index, True), **options)
    signals = [a[0], b[0], *([a[0]] if change.get("twice") else [])]
    with pytest.raises(InputError, match=message):
        regressions.read_cells(signals, [a[1], b[1]], change.get("holdout", []), Path("genes.parquet"), LIKE)


def test_nothing_to_train_on_is_refused(store):
    elements, genes, index = store
    cell = make_cell("A", 0, elements, index, trained=True)
    with pytest.raises(InputError, match="no training gene is measured in A"):
        regressions.predict([cell], elements, genes, index, np.zeros(GENES, bool), seed=1)


@pytest.mark.slow
def test_tool_writes_the_same_bytes_twice(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    elements, genes, index = store
    genes = genes.with_columns(
        chrom=pl.when(pl.int_range(pl.len()) < 200).then(pl.lit("chr1")).otherwise(pl.lit("chr2"))
    )
    elements = elements.with_columns(
        chrom=pl.Series(np.where(np.isin(np.arange(len(elements)), index[200:]), "chr2", "chr1"))
    )
    digests = write_store(tmp_path, elements, genes)
    options = ["--elements", "elements.parquet", "--genes", "genes.parquet", "--val", "chr2", "--test", "chr2"]
    for seed, name in enumerate("AB"):
        signals, expression = write_cell(tmp_path, make_cell(name, seed, elements, index, True), **digests)
        options += ["--signals", signals.name, "--expression", expression.name]
    for folder in ("one", "two"):
        arguments = [*options, "--holdout-cells", "B", "--neighbours", "4", "--outdir", folder]
        result = CliRunner().invoke(run_path(str(BIN))["main"], arguments)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "one/baselines.B.parquet").read_bytes() == (tmp_path / "two/baselines.B.parquet").read_bytes()
    table, header = artifacts.read_table(tmp_path / "one/baselines.B.parquet", "baselines")
    assert header["cell"] == "B"
    assert header["parameters"]["training_cells"] == ["A"]
    assert table.group_by("method").len()["len"].to_list() == [GENES] * 6
