"""Metrics against independent definitions, the field's rules for perturbation screens, and what is refused."""

import gzip
import itertools
from pathlib import Path
from runpy import run_path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from crexpress.baselines.known_cells import MEAN_OVER_CELLS
from crexpress.core import artifacts, bootstrap, methods, ranking
from crexpress.core.errors import InputError
from crexpress.evaluate import cells, expression, links, metrics
from crexpress.formats import screen_files
from crexpress.links import closed_forms
from crexpress.prepare import screening
from sketches import write_store

ROOT = Path(__file__).parents[3]
SCREEN = ROOT / "assets" / "k562" / "EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz"


# --- bootstrap ---


def test_draws_are_samples_with_replacement():
    counts = bootstrap.draw(50, 200, seed=3)
    assert counts.shape == (201, 50)
    assert (counts[0] == 1).all()
    assert (counts.sum(axis=1) == 50).all()
    assert (counts == 0).mean() == pytest.approx(np.exp(-1), abs=0.02)
    np.testing.assert_array_equal(counts, bootstrap.draw(50, 200, seed=3))
    assert (counts[1:] != bootstrap.draw(50, 200, seed=4)[1:]).any()


def test_interval_covers_the_mean_of_a_normal_sample():
    sample = np.random.default_rng(0).normal(10, 1, 400)
    low, high = bootstrap.interval(bootstrap.draw(400, 1000, 1) @ sample / 400)
    assert low < sample.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * sample.std() / 20, rel=0.15)
    assert np.isnan(bootstrap.interval(np.ones(1))).all()


# --- ranking ---


def ranked_pairs(seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    positive = generator.random(300) < 0.2
    score = generator.normal(size=300) + positive
    if ties:
        score = np.where(generator.random(300) < 0.3, -np.inf, score.round())
    return score, positive


def field_auprc(score: np.ndarray, positive: np.ndarray) -> float:
    """auPRC as CRISPR_comparison computes it, threshold by threshold."""
    points = []
    for threshold in sorted(set(score), reverse=True)[:-1]:
        called = score >= threshold
        points.append((positive[called].sum() / positive.sum(), positive[called].mean()))
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(points))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_measures_equal_their_definitions(seed, ties):
    score, positive = ranked_pairs(seed, ties)
    measured = ranking.measures(score, positive, np.ones((1, 300)))
    finite = np.where(np.isfinite(score), score, -1e9)
    assert measured["average_precision"][0] == pytest.approx(average_precision_score(positive, finite))
    assert measured["auroc"][0] == pytest.approx(roc_auc_score(positive, finite))
    assert measured["auprc"][0] == pytest.approx(field_auprc(score, positive))
    recalls = [(positive[score >= t].sum() / positive.sum(), positive[score >= t].mean()) for t in set(score)]
    smallest = min(recall for recall, _ in recalls if recall >= 0.7)
    assert measured["precision_at_70_recall"][0] == pytest.approx(max(p for r, p in recalls if r == smallest))


@pytest.mark.parametrize("ties", [False, True])
def test_a_resample_is_measured_as_the_data_it_stands_for(ties):
    score, positive = ranked_pairs(5, ties)
    counts = bootstrap.draw(300, 300, seed=1)  # more than one chunk
    measured = ranking.measures(score, positive, counts)
    for row in (1, 2, 299):
        times = counts[row].astype(int)
        again = np.where(np.isfinite(score), score, -1e9).repeat(times)
        assert measured["average_precision"][row] == pytest.approx(
            average_precision_score(positive.repeat(times), again)
        )
        assert measured["auroc"][row] == pytest.approx(roc_auc_score(positive.repeat(times), again))


def test_curve_ends_at_full_recall_and_prevalence_for_a_useless_score():
    recall, precision = ranking.curve(np.zeros(10), np.arange(10) < 3)
    assert recall.tolist() == [1.0]
    assert precision.tolist() == [0.3]


# --- expression ---

N_GENES = 400
SPLIT = np.array(["train"] * 200 + ["val"] * 50 + ["test"] * 150)


def make_cell(
    name: str, seen: bool, observed: np.ndarray, models: list[str], **predicted: np.ndarray
) -> cells.ScoredCell:
    named = {k.replace("_", " "): v for k, v in predicted.items()}
    about = {k: method(k) if k in models else baseline(k) for k in named}
    return cells.ScoredCell(name, seen, "log10(1 + TPM)", observed, observed / np.log10(2), models, named, about)


def method(preset: str, **about: object) -> methods.Method:
    return methods.of_predictions({"preset": preset, **about})


def baseline(name: str, saw: str = methods.TRACKS) -> methods.Method:
    return methods.Method(name.replace(" ", "_"), name, methods.BASELINE, saw=saw)


def lookup(rows: list[metrics.Metric], **wanted: str) -> list[metrics.Metric]:
    return [row for row in rows if all(getattr(row, key) == value for key, value in wanted.items())]


@pytest.fixture
def noisy() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    observed = generator.gamma(2, 0.5, N_GENES)
    return observed, observed + generator.normal(0, 0.2, N_GENES), observed + generator.normal(0, 0.6, N_GENES)


def test_accuracy_equals_scipy_and_differences_are_paired(noisy):
    observed, good, poor = noisy
    observed[5] = np.nan
    cell = make_cell("A", True, observed, ["net"], net=good, ridge=poor, train_mean=np.full(N_GENES, 0.7))
    rows = list(expression.accuracy({"A": cell}, SPLIT, 200, 1))
    test = slice(250, None)
    figures = {m: lookup(rows, method="net", subset="test", metric=m)[0] for m in ("pearson", "spearman", "mae")}
    assert figures["pearson"].value == pytest.approx(np.corrcoef(good[test], observed[test])[0, 1])
    assert figures["spearman"].value == pytest.approx(spearmanr(good[test], observed[test]).statistic)
    assert figures["mae"].value == pytest.approx(np.abs(good - observed)[test].mean())
    assert all(figure.low < figure.value < figure.high and figure.n == 150 for figure in figures.values())
    assert lookup(rows, method="net", subset="train", metric="mae")[0].n == 199
    assert not lookup(rows, method="train mean", metric="pearson")  # a constant has no correlation
    difference = lookup(rows, method="net", subset="test", metric="pearson_difference")[0]
    ridge = lookup(rows, method="ridge", subset="test", metric="pearson")[0]
    assert difference.value == pytest.approx(figures["pearson"].value - ridge.value)
    assert difference.baseline == "ridge"
    assert difference.low > 0
    assert difference.high - difference.low < (ridge.high - ridge.low) + (
        figures["pearson"].high - figures["pearson"].low
    )
    assert {row.subset for row in rows} == {"all", "train", "val", "test"}


def test_interval_is_that_of_resampled_genes(noisy):
    observed, good, _ = noisy
    rows = list(expression.accuracy({"A": make_cell("A", True, observed, ["net"], net=good)}, SPLIT, 100, 7))
    figure = lookup(rows, subset="test", metric="pearson")[0]
    resampled = []
    for times in bootstrap.draw(150, 100, 7)[1:].astype(int):
        resampled.append(np.corrcoef(good[250:].repeat(times), observed[250:].repeat(times))[0, 1])
    assert (figure.low, figure.high) == pytest.approx(np.percentile(resampled, [2.5, 97.5]))


def test_figures_that_are_not_defined_have_no_row():
    context = metrics.Context("links", "A", True, "all pairs")
    rows = [context.metric("x", "auprc", np.array([value, 1.0, 2.0]), 3) for value in (np.nan, np.inf, 0.5)]
    table = metrics.table(rows)
    assert table["value"].to_list() == [0.5]
    assert table["low"].to_list() == [None]  # two resamples make no interval


def test_classifiers_rank_expressed_above_silent_genes_and_are_no_levels(noisy):
    observed, close, far = noisy
    cell = make_cell("A", True, observed, ["net"], net=close)
    probability = 1 / (1 + np.exp(-far))
    probability[7] = np.nan
    tpm = 10**observed - 1
    thresholds = {"expressed_above": 15.0, "silent_below": 1.0}
    cell.add(Path("p"), "judge", method("judge"), probability, thresholds)
    with pytest.raises(InputError, match="calls other genes expressed"):
        cell.add(Path("p"), "other", method("other"), probability, thresholds | {"silent_below": 2.0})
    rows = list(expression.classification({"A": cell}, SPLIT, 50, 1))
    kept = ((tpm > 15) | (tpm < 1)) & (SPLIT == "test") & np.isfinite(probability)
    assert kept.sum() < (SPLIT == "test").sum()
    for metric, function in (("auroc", roc_auc_score), ("average_precision", average_precision_score)):
        (row,) = lookup(rows, method="judge", metric=metric, subset="test")
        assert row.value == pytest.approx(function(tpm[kept] > 15, probability[kept]))
        assert row.n == kept.sum()
        assert row.low < row.value < row.high
    assert {row.method for row in rows} == {"judge", "net"}
    assert {row.method for row in expression.accuracy({"A": cell}, SPLIT, 0, 1)} == {"net"}
    cell.classes = None
    assert not list(expression.classification({"A": cell}, SPLIT, 0, 1))


def test_change_is_of_genes_that_differ_fourfold_on_test_chromosomes(noisy):
    old, good, _ = noisy
    shift = np.where(np.arange(N_GENES) % 3 == 0, 0.61, 0.59)  # fourfold is 0.602 in log10
    old, new = old + 1, old + 1 + shift * np.where(np.arange(N_GENES) % 2, 1, -1)
    known = make_cell("A", True, old, ["net"], net=good)
    unseen = make_cell("B", False, new, ["net"], net=good + (new - old) * 0.5, copy_of_A=old)
    unseen.methods["copy of A"] = baseline("copy of A", methods.CELLS)
    rows = list(expression.change({"A": known, "B": unseen}, SPLIT, 100, 1))
    changed = lookup(rows, subset="changed genes", method="net", metric="pearson_change")[0]
    assert changed.n == (shift[250:] == 0.61).sum()
    assert (changed.cell, changed.reference, changed.cell_seen) == ("B", "A", False)
    assert changed.value == pytest.approx(1)
    assert lookup(rows, subset="test", method="net", metric="pearson_change")[0].n == 150
    assert lookup(rows, method="copy of A", metric="pearson_level")
    assert not lookup(rows, method="copy of A", metric="pearson_change")
    assert {row.reference for row in rows} == {"A"}


def test_change_from_the_mean_of_two_known_cells(noisy):
    a, b, c = noisy
    cells = {
        name: make_cell(name, name != "C", values, ["net"], net=values)
        for name, values in zip("ABC", (a, b, c), strict=True)
    }
    rows = list(expression.change(cells, SPLIT, 50, 1))
    assert {row.reference for row in rows} == {"A", "B", MEAN_OVER_CELLS}
    row = lookup(rows, reference=MEAN_OVER_CELLS, subset="test", metric="mae_change")[0]
    assert row.value == pytest.approx(0)


def test_who_knows_the_other_cells_is_held_to_the_change_from_what_they_express(noisy):
    a, b, new = noisy
    cells = {"A": make_cell("A", True, a, ["net"], net=a + 9), "B": make_cell("B", True, b, ["net"], net=b - 9)}
    predicted = {"net": new, "net (anchored)": (a + b) / 2 + 0.3 * (new - (a + b) / 2), MEAN_OVER_CELLS: (a + b) / 2}
    cells["C"] = make_cell("C", False, new, ["net", "net (anchored)"])
    cells["C"].predicted |= predicted | {"copy of A": a}
    cells["C"].methods = {"net": method("net"), "net (anchored)": method("net", mode="anchored")}
    cells["C"].methods |= {name: baseline(name, methods.CELLS) for name in ("copy of A", MEAN_OVER_CELLS)}
    rows = lookup(list(expression.change(cells, SPLIT, 20, 1)), subset="test", reference=MEAN_OVER_CELLS)
    of = {row.method: row.value for row in rows if row.metric == "pearson_change"}
    assert of["net (anchored)"] == pytest.approx(1)  # though it has no prediction in A and B
    assert of["net"] == pytest.approx(1)  # its own mean over A and B
    assert of["copy of A"] == pytest.approx(np.corrcoef((a - b)[250:], (new - (a + b) / 2)[250:])[0, 1])
    assert MEAN_OVER_CELLS not in of  # predicts no change


def test_correlation_across_cells_ignores_differences_between_genes(noisy):
    level = noisy[0] * 10
    generator = np.random.default_rng(1)
    effects = generator.normal(size=(3, N_GENES))
    cells = {
        name: make_cell(name, True, level + effect, ["net", "flat"], net=effect * 0.5 - level, flat=level)
        for name, effect in zip("ABC", effects, strict=True)
    }
    rows = list(expression.across_cells(cells, SPLIT, 50, 1))
    assert lookup(rows, method="net", subset="test")[0].value == pytest.approx(1)
    assert not lookup(rows, method="flat")  # the same in every cell: says nothing
    assert not list(expression.across_cells(dict(list(cells.items())[:2]), SPLIT, 50, 1))


# --- perturbation screens ---

GENES = pl.DataFrame(
    {
        "gene_id": ["ENSG01.3", "ENSG02.1"],
        "gene_name": ["ABC", "DEF"],
        "chrom": ["chr1", "chr1"],
        "tss": [1_000, 90_000],
        "element": np.array([5, 5], np.int32),
    }
)
ELEMENTS = pl.DataFrame(
    {
        "chrom": ["chr1"] * 6,
        "ccre_start": [1_100, 5_000, 5_300, 20_000, 60_000, 1_000],
        "ccre_end": [1_300, 5_200, 5_400, 20_300, 60_200, 1_001],
        "class": ["PLS", "dELS", "dELS", "dELS", "dELS", "TSS"],
    }
).with_columns(start=pl.col("ccre_start"), end=pl.col("ccre_end"))
HEADER = (
    "chrom chromStart chromEnd measuredGeneSymbol measuredGeneEnsemblId startTSS ValidConnection CellType Regulated"
)


CHROMS = ("chr1", "chr2")


def screen_file(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "screen.tsv"
    path.write_text("\n".join("\t".join(row.split()) for row in (header, *rows)) + "\n")
    return path


def read_pairs(folder: Path, *rows: str, header: str = HEADER) -> pl.DataFrame:
    return screening.pairs(screen_files.read(screen_file(folder, *rows, header=header), CHROMS).pairs, GENES)


def scored(
    path: Path, *tables: links.Links, only: str | None = None, elements: pl.DataFrame | None = None
) -> list[links.Screen]:
    """Every cell of the screen with the scores of these links tables."""
    elements = ELEMENTS if elements is None else elements
    found = links.screening("screen", path, elements, GENES, tables, only)
    return list(links.screens(found, elements, GENES, tables, {}))


def test_pairs_that_do_not_count_are_left_out(tmp_path):
    pairs = read_pairs(
        tmp_path,
        "chr1 5000 5500 ABC ENSG01 1000 TRUE K562 TRUE",
        "chr1 5100 5500 ABC ENSG01 1000 overlaps_promoter K562 TRUE",
        "chr1 5200 5500 ABC ENSG01 1000 TRUE K562 NA",
        "chr1 5300 5500 ABC ENSG01 1000 NA K562 TRUE",
        "chr1 5400 5500 ABC ENSG01 1000 true K562 false",
    )
    assert pairs["chromStart"].to_list() == [5000, 5400]
    assert pairs["Regulated"].to_list() == [True, False]


def test_genes_match_by_id_without_version_then_by_symbol_and_unknown_ones_stay(tmp_path):
    pairs = read_pairs(
        tmp_path,
        "chr1 5000 5500 OLD ENSG01.9 1000 TRUE K562 TRUE",
        "chr1 5000 5500 DEF ENSG99 NA TRUE K562 TRUE",
        "chr1 5000 5500 XYZ ENSG98 7000 TRUE K562 FALSE",
        "chr1 5000 5500 XYZ NA NA TRUE K562 FALSE",
    )
    assert pairs["gene_id"].to_list() == ["ENSG01.3", "ENSG02.1", None, None]
    assert pairs["distance"].to_list() == [4250, 84750, 1750, None]


def test_a_stored_distance_goes_before_any_other(tmp_path):
    header = HEADER + " distanceToTSS"
    pairs = read_pairs(tmp_path, "chr1 5000 5500 ABC ENSG01 1000 TRUE K562 TRUE -77", header=header)
    assert pairs["distance"].to_list() == [77]


def test_scpge_layout_is_read(tmp_path):
    path = tmp_path / "Integration.bed"
    path.write_text("chr\tstart\tend\tclass\tGene\tGene TSS\tCell type\tSignificant\n"
                    "chr1\t5000\t5500\tpromoter\tABC\t1000\tK562\tTRUE\n")  # fmt: skip
    pairs = screening.pairs(screen_files.read(path, CHROMS).pairs, GENES)
    assert pairs.select("gene_id", "distance", "Regulated").row(0) == ("ENSG01.3", 4250, True)


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (HEADER.replace("chromEnd", "stop"), "chr1 1 2 A E 1 TRUE K TRUE", "no column chromEnd; needed are chrom,"),
        ("chrom chromStart chromEnd Regulated", "chr1 1 2 TRUE", "measuredGeneEnsemblId or measuredGeneSymbol"),
        (HEADER, "chr1 1 2 A E 1 TRUE K maybe", r"no line that can be scored: Regulated is neither .*: 1 line \(2\)"),
        (HEADER.replace("startTSS", "chrom"), "chr1 1 2 A E 1 TRUE K TRUE", "line 1: the column 'chrom' stands twice"),
        (
            HEADER,
            "chr7 1 9 A E 1 TRUE K TRUE",
            "shares no chromosome with the other input: it has chr7, the other chr1",
        ),
    ],
)
def test_unusable_screens_are_refused(tmp_path, header, row, message):
    with pytest.raises(InputError, match=message):
        screen_files.read(screen_file(tmp_path, row, header=header), CHROMS)


GOOD = "chr1 5000 5500 ABC ENSG01 1000 TRUE K562 TRUE"
UNUSABLE = {  # a line, and why it is left out
    "chr1 5500 5500 ABC ENSG01 1000 TRUE HeLa TRUE": "no interval (chromStart must be before chromEnd)",
    "chr1 -5 5500 ABC ENSG01 1000 TRUE K562 TRUE": "no interval (chromStart must be before chromEnd)",
    "chr1 5000 5e9.1 ABC ENSG01 1000 TRUE K562 TRUE": "chromEnd is no number",
    "chr1 5000 5500 ABC ENSG01 inf TRUE K562 TRUE": "startTSS is no number",
    "chr1 5000 5500 ABC ENSG01 1000 TRUE K562 maybe": "Regulated is neither TRUE nor FALSE",
    "chr1 5000 5500 ABC ENSG01 1000 TRUE NA TRUE": "CellType is empty",
    "chr1 5000 5500 NA . 1000 TRUE K562 TRUE": "no gene is named",
    "NA 5000 5500 ABC ENSG01 1000 TRUE K562 TRUE": "chrom is empty",
    "chr77 5000 5500 ABC ENSG01 1000 TRUE K562 TRUE": "on a chromosome that this run does not have (chr77)",
    "chr1 5000 5500 ABC ENSG01 1000 TRUE K562": "another number of fields than the header (9)",
}


def test_a_line_that_cannot_be_used_is_left_out_and_listed_and_the_rest_is_scored(tmp_path):
    rows = [row for bad in UNUSABLE for row in (bad, GOOD)]
    table = screen_files.read(screen_file(tmp_path, *rows, "chr1 5000 5500 ABC ENSG01 1000 TRUE K562 NA"), CHROMS)
    assert table.pairs["line"].to_list() == list(range(3, 2 * len(UNUSABLE) + 2, 2))
    expected = {screen_files.NO_VERDICT: [2 * len(UNUSABLE) + 2]}
    for number, reason in enumerate(UNUSABLE.values()):
        expected.setdefault(reason, []).append(2 * number + 2)
    assert table.left_out == expected
    table = make_links([ATTENTION], gene_id=["ENSG01.3"], element=[1], attention=[1.0])
    found = links.screening("s", tmp_path / "screen.tsv", ELEMENTS, GENES, [table], None)
    (said,) = found.warnings
    assert said.startswith(f"s: {len(UNUSABLE)} of {2 * len(UNUSABLE) + 1} lines cannot be used and are left out: ")
    assert "no interval (chromStart must be before chromEnd): 2 lines (2, 4)" in said
    assert screen_files.NO_VERDICT not in said  # the field's rule, no fault
    assert found.facts()["left_out_by_rule"] == [f"{screen_files.NO_VERDICT}: 1 line (22)"]
    assert len(found.cells["K562"]) == len(UNUSABLE)


def test_many_lines_left_out_name_the_first():
    assert screen_files.told({"odd": list(range(2, 2002))}) == ["odd: 2,000 lines (2, 3, 4, 5, 6, ...)"]


def test_chromosomes_are_spelt_as_in_the_run(tmp_path, capsys):
    path = screen_file(tmp_path, GOOD.removeprefix("chr"))
    assert screen_files.read(path, CHROMS).pairs["chrom"].to_list() == ["chr1"]
    assert "chromosome names respelt (1 -> chr1" in capsys.readouterr().err
    assert screen_files.read(screen_file(tmp_path, GOOD), ["1", "2"]).pairs["chrom"].to_list() == ["1"]


def test_a_cut_off_screen_is_refused(tmp_path):
    path = tmp_path / "cut.tsv.gz"
    path.write_bytes(gzip.compress(screen_file(tmp_path, "chr1 1 2 A E 1 TRUE K TRUE").read_bytes())[:-12])
    with pytest.raises(InputError, match=r"cut\.tsv\.gz is cut off or damaged"):
        screen_files.read(path, CHROMS)


def test_touching_counts_and_promoter_elements_do_not(tmp_path):
    pairs = read_pairs(
        tmp_path,
        "chr1 900 1400 DEF ENSG02 90000 TRUE K562 TRUE",  # only an element on the TSS of ABC, and its TSS window
        "chr1 5200 5299 ABC ENSG01 1000 TRUE K562 TRUE",  # touches the second element, one base from the third
        "chr1 5200 5300 ABC ENSG01 1000 TRUE K562 TRUE",
        "chr2 5000 5500 ABC ENSG01 1000 TRUE K562 TRUE",
        "chr1 4000 70000 ABC ENSG01 1000 TRUE K562 TRUE",
    )
    pair, element = screening.overlaps(pairs, ELEMENTS, GENES)
    found = [sorted(element[pair == row].tolist()) for row in range(len(pairs))]
    assert found == [[], [1], [1, 2], [], [1, 2, 3, 4]]


def test_the_promoter_interval_is_half_open(tmp_path):
    pairs = read_pairs(tmp_path, "chr1 400 1900 DEF ENSG02 90000 TRUE K562 TRUE")
    starts, ends = [1_249, 1_250, 500, 500], [1_400, 1_400, 750, 751]  # the interval of ABC is [750, 1250)
    elements = pl.DataFrame({"chrom": "chr1", "ccre_start": starts, "ccre_end": ends, "class": "dELS"})
    assert sorted(screening.overlaps(pairs, elements, GENES)[1]) == [1, 2]


def test_overlaps_equal_all_against_all():
    generator = np.random.default_rng(0)
    start = generator.integers(10_000, 50_000, 200)
    elements = pl.DataFrame(
        {
            "chrom": generator.choice(["chr1", "chr2"], 200),
            "ccre_start": start,
            "ccre_end": start + generator.integers(1, 3000, 200),
        }
    ).with_columns(pl.lit("dELS").alias("class"))
    start = generator.integers(10_000, 50_000, 60)
    tested = pl.DataFrame(
        {
            "chrom": generator.choice(["chr1", "chr2", "chr3"], 60),
            "chromStart": start,
            "chromEnd": start + generator.integers(1, 3000, 60),
        }
    )
    pair, element = screening.overlaps(tested, elements, GENES)
    expected = {
        (i, j)
        for i, (chrom, low, high) in enumerate(tested.iter_rows())
        for j, (other, left, right, _) in enumerate(elements.iter_rows())
        if chrom == other and low <= right and left <= high
    }
    assert set(zip(pair.tolist(), element.tolist(), strict=True)) == expected
    assert len(pair) == len(expected)


def test_closed_forms_by_hand(tmp_path):
    header = HEADER + " DHS.RPM H3K27ac.RPM.expandedRegion"
    pairs = read_pairs(
        tmp_path,
        "chr1 5000 5500 ABC ENSG01 1250 TRUE K562 TRUE 4 9",
        "chr1 40000 40500 ABC ENSG01 1250 TRUE K562 FALSE 1 NA",
        header=header,
    )
    activity = {"dnase": np.array([0, 4.0, 0, 0, 0, 0]), "h3k27ac": np.array([0, 9.0, 2, 0, 0, 0])}
    forms = closed_forms.closed_forms(pairs, screening.overlaps(pairs, ELEMENTS, GENES), ELEMENTS, GENES, activity)
    assert forms["distance"].tolist() == [-4000, -39000]
    assert forms["activity/distance"].tolist() == [3 / 4000, 0]  # mean of 6 and 0
    assert forms["H3K27ac/distance"].tolist() == [5.5 / 4000, 0]
    assert forms["activity/distance (screen's read counts)"].tolist() == [6 / 4000, 0]
    near = 6 / 4100  # the only active element, 4,100 bp from the TSS; one of none is 4,350 bp away
    assert forms["ABC"] == pytest.approx([3 / 4000 / near, 0])
    without = closed_forms.closed_forms(
        pairs.drop("DHS.RPM"), screening.overlaps(pairs, ELEMENTS, GENES), ELEMENTS, GENES, {}
    )
    assert list(without) == ["distance"]


@pytest.mark.parametrize(("transform", "stored"), [("log10p1", np.log10([1, 4])), ("log1p", np.log([1, 4])),
                                                  ("arcsinh", np.arcsinh([0, 3])), ("none", [0, 3]),
                                                  ("quantile:1234abcd", np.log10([1, 4]))])  # fmt: skip
def test_activity_is_the_mean_on_the_linear_scale(transform, stored):
    signal = np.array([stored], np.float16)
    assert closed_forms.linear_signal({"dnase": signal}, transform)["dnase"] == pytest.approx([1.5], rel=2e-3)


def make_links(scores: list[dict], **columns: list) -> links.Links:
    table = pl.DataFrame(columns, schema_overrides={"element": pl.Int32})
    own = zip(scores, methods.of_links({"scores": scores}), strict=True)
    of_column = {score["name"]: (score["label"], score["higher_is_better"], about) for score, about in own}
    return links.Links("K562", table, of_column)


ATTENTION = {"name": "attention", "label": "attention", "higher_is_better": True}
RANK = {"name": "rank", "label": "rank in gene", "higher_is_better": False}


def test_a_pair_takes_the_best_of_its_elements_and_misses_rank_last(tmp_path):
    path = screen_file(
        tmp_path,
        "chr1 5000 5500 ABC ENSG01 1000 TRUE K562 TRUE",  # two elements of ABC
        "chr1 5000 5500 DEF ENSG02 90000 TRUE K562 FALSE",  # the same elements, but only ABC's links are there
        "chr1 20000 20500 ABC ENSG01 1000 TRUE K562 FALSE",
        "chr1 60000 60500 ABC ENSG01 1000 TRUE K562 TRUE",  # linked, but without a score
        "chr1 60000 60500 XYZ ENSG99 1000 TRUE K562 FALSE",
        "chr1 20000 20500 ABC ENSG01 1000 TRUE HeLa TRUE",
    )
    table = make_links(
        [ATTENTION, RANK],
        gene_id=["ENSG01.3"] * 4,
        element=[1, 2, 3, 4],
        attention=[0.1, 0.4, 0.0, float("nan")],
        rank=[5.0, 2.0, 9.0, None],
    )
    (screen,) = scored(path, table)
    assert screen.scores["attention"].tolist() == [0.4, -np.inf, 0, -np.inf, -np.inf]
    assert screen.scores["rank in gene"].tolist() == [-2, -np.inf, -9, -np.inf, -np.inf]
    assert list(screen.scores) == ["attention", "rank in gene", "distance"]
    rows, curves = links.evaluate(screen, True, 20, 1)
    assert lookup(rows, method="attention", subset="all pairs", metric="coverage")[0].value == pytest.approx(0.4)
    assert lookup(rows, method="attention", metric="coverage_positives")[0].value == pytest.approx(0.5)
    assert lookup(rows, method="all", subset="all pairs", metric="unknown_genes")[0].value == 1
    assert lookup(rows, method="all", subset="all pairs", metric="prevalence")[0].value == pytest.approx(0.4)
    precision = lookup(rows, method="attention", subset="all pairs", metric="average_precision")[0]
    assert precision.value == pytest.approx((1 + 2 / 5) / 2)
    assert precision.n == 5
    covered = lookup(rows, method="attention", subset="covered pairs", metric="average_precision")[0]
    assert (covered.value, covered.n) == (pytest.approx(1), 2)
    assert not curves  # two positives


def test_a_screen_of_other_cells_is_told_and_only_where_no_other_can_be_scored_refused(tmp_path):
    path = screen_file(tmp_path, GOOD)
    table = make_links([ATTENTION], gene_id=["ENSG01.3"], element=[1], attention=[1.0])
    other = links.screening("s", path, ELEMENTS, GENES, [table], "HeLa")
    assert not other.cells
    assert "s: no pair to score in HeLa; its cells are K562" in other.warnings[0]
    with pytest.raises(InputError, match=r"no screen can be scored\. s: no pair to score in HeLa; its cells are K562"):
        screening.require_one([other])
    screening.require_one([other, links.screening("s", path, ELEMENTS, GENES, [table], None)])
    screening.require_one([])
    with pytest.raises(InputError, match="two links tables of K562 hold a score 'attention'"):
        scored(path, table, table)


def test_a_screen_without_cells_is_taken_for_the_only_one_and_that_is_said(tmp_path):
    path = screen_file(tmp_path, GOOD.replace(" K562", ""), header=HEADER.replace(" CellType", ""))
    table = make_links([ATTENTION], gene_id=["ENSG01.3"], element=[1], attention=[1.0])
    for only in (None, "K562"):
        found = links.screening("s", path, ELEMENTS, GENES, [table], only)
        assert found.warnings == ["s: the screen names no cell (no column CellType); it is taken for one of K562."]
        assert found.facts()["assumed_cell"] == "K562"
        (screen,) = links.screens(found, ELEMENTS, GENES, [table], {})
        assert screen.scores["attention"].tolist() == [1]
    with pytest.raises(InputError, match=r"no column CellType; name its cell \(HeLa, K562\) with --crispr-cell"):
        links.screening("s", path, ELEMENTS, GENES, [table, table._replace(cell="HeLa")], None)


def test_a_screen_of_another_build_or_species_is_not_scored_at_chance(tmp_path):
    table = make_links([ATTENTION], gene_id=["ENSG01.3"], element=[1], attention=[1.0])
    path = screen_file(tmp_path, GOOD.replace("5000 5500", "35000 35500"))
    found = links.screening("s", path, ELEMENTS, GENES, [table], None)
    assert not found.cells
    (said,) = found.warnings
    assert said == (
        "s, K562: none of the 1 tested pairs overlaps a cCRE; the screen has chr1:35,000-35,500, the cCREs "
        "chr1:1,100-1,300; is it of the same genome build?"
    )
    path = screen_file(tmp_path, GOOD.replace("ABC ENSG01", "Abc ENSMUSG01"))
    (said,) = links.screening("s", path, ELEMENTS, GENES, [table], None).warnings
    assert "names a gene of this run; the screen has ENSMUSG01, the annotation ENSG01.3 ABC, ENSG02.1 DEF" in said
    far = GOOD.replace("5000 5500", "35000 35500")
    found = links.screening("s", screen_file(tmp_path, GOOD, far, far), ELEMENTS, GENES, [table], None)
    assert list(found.cells) == ["K562"]
    assert found.warnings[0].startswith("s, K562: only 33% of the 3 tested pairs overlap a cCRE; ")
    assert not links.screening("s", screen_file(tmp_path, GOOD, far), ELEMENTS, GENES, [table], None).warnings


def test_groups_and_curves_by_distance():
    generator = np.random.default_rng(0)
    distance = generator.integers(0, 200_000, 400).astype(float)
    positive = generator.random(400) < np.exp(-distance / 50_000)
    pairs = pl.DataFrame(
        {"gene": generator.choice(list("abcdefgh"), 400), "gene_id": "x", "distance": distance, "Regulated": positive}
    )
    about = {"distance": methods.closed_form("distance")}
    screen = links.Screen("K562", "screen", pairs, {"distance": -distance}, {}, about)
    rows, curves = links.evaluate(screen, None, 50, 1)
    sizes = {row.subset: row.n for row in lookup(rows, metric="prevalence")}
    groups = ["<10 kb", "10-50 kb", "50-100 kb", ">100 kb"]
    assert list(sizes) == ["all pairs", *groups]
    assert sum(sizes[group] for group in groups) == 400
    assert sizes["10-50 kb"] == ((distance >= 10_000) & (distance < 50_000)).sum()
    by_gene = lookup(rows, subset="all pairs", metric="average_precision")[0]
    by_pairs = lookup(rows, subset="all pairs", metric="average_precision_by_pairs")[0]
    assert by_gene.value == by_pairs.value
    assert by_gene.low < by_gene.value < by_gene.high
    drawn = bootstrap.draw(8, 50, 1)[:, [list("abcdefgh").index(gene) for gene in pairs["gene"]]]
    expected = bootstrap.interval(ranking.measures(-distance, positive, drawn)["average_precision"])
    assert (by_gene.low, by_gene.high) == pytest.approx(expected)
    everything = pl.concat(curves).filter(pl.col("subset") == "all pairs")
    assert everything["recall"][-1] == 1
    assert everything["recall"].is_sorted()
    assert len(everything) == positive.sum()


def test_k562_screen_reaches_the_published_figures():
    """Figures of design/peers.md, measured there with the field's own code."""
    chroms = [f"chr{name}" for name in (*range(1, 23), "X")]
    everywhere = pl.DataFrame({"chrom": chroms, "ccre_start": 0, "ccre_end": 300_000_000, "class": "dELS"})
    gene = {"gene_id": ["ENSG00000116198"], "gene_name": ["CEP104"], "chrom": ["chr1"], "tss": [3_857_213]}
    found = screening.screen("K562", SCREEN, pl.DataFrame(gene), chroms, ["K562"])
    assert not found.warnings
    (screen,) = links.screens(found, everywhere, pl.DataFrame(gene), [], {})
    positive = screen.pairs["Regulated"].to_numpy()
    assert (len(positive), positive.sum()) == (10_356, 471)
    once = np.ones((1, len(positive)))
    distance = ranking.measures(screen.scores["distance"], positive, once)
    counts = ranking.measures(screen.scores["activity/distance (screen's read counts)"], positive, once)
    assert distance["auprc"][0] == pytest.approx(0.4359, abs=5e-5)
    assert distance["precision_at_70_recall"][0] == pytest.approx(0.3158, abs=5e-5)
    assert counts["auprc"][0] == pytest.approx(0.5263, abs=5e-5)
    assert counts["precision_at_70_recall"][0] == pytest.approx(0.4204, abs=5e-5)


# --- the tool ---


def run_tool(*arguments: str) -> "object":
    return CliRunner().invoke(run_path(str(ROOT / "bin" / "evaluate"))["main"], list(arguments))


@pytest.fixture
def inputs(tmp_path, monkeypatch, noisy) -> list[str]:
    """A gene set of two cells, one not seen, with predictions, a baseline, links and a screen."""
    monkeypatch.chdir(tmp_path)
    genes = pl.DataFrame(
        {
            "gene_id": [f"ENSG{i:03d}" for i in range(N_GENES)],
            "gene_name": [f"N{i}" for i in range(N_GENES)],
            "chrom": "chr1",
            "tss": 100_000 + 10_000 * np.arange(N_GENES),
        }
    )
    elements = pl.DataFrame(
        {"chrom": "chr1", "ccre_start": genes["tss"] + 4_000, "ccre_end": genes["tss"] + 4_300, "class": "dELS"}
    )
    digests = write_store(tmp_path, elements, genes)

    def write(name: str, kind: str, frame: pl.DataFrame, **header: object) -> str:
        artifacts.write_table(name, frame, artifacts.make_header(kind, "test", **digests, **header))
        return name

    options = ["--elements", "elements.parquet", "--genes", "genes.parquet", "--resamples", "50"]
    generator = np.random.default_rng(2)
    for cell, seen, values in (("A", True, noisy[0]), ("B", False, noisy[0] + generator.normal(0, 0.5, N_GENES) ** 2)):
        frame = genes.select("gene_id").with_columns(value=10**values - 1, expression=values)
        name = write(
            f"expression.{cell}.parquet", "expression", frame, cell=cell, units={"expression": "log10(1 + TPM)"}
        )
        frame = genes.with_columns(split=SPLIT, predicted=values + generator.normal(0, 0.3, N_GENES))
        parameters = {"cell_seen": seen, "preset": "net", "mode": "direct"}
        first = write(f"predictions.{cell}.parquet", "predictions", frame, cell=cell, parameters=parameters)
        frame = genes.select("gene_id").with_columns(method=pl.lit("copy of A"), predicted=noisy[0])
        copy = {"method": "copy of A", "score": "copy", "saw": "other cells", "cells": ["A"]}
        parameters = {"methods": [copy]}
        second = write(f"baselines.{cell}.parquet", "baselines", frame, cell=cell, parameters=parameters)
        options += ["--expression", name, "--predictions", first, "--baselines", second]
    frame = genes.select(
        *("gene_id", "chrom", "tss"),
        start=pl.col("tss") + 4_000,
        end=pl.col("tss") + 4_300,
        element=pl.int_range(N_GENES, dtype=pl.Int32),
        distance=pl.lit(4_150),
        attention=pl.Series(generator.random(N_GENES).astype(np.float32)),
    )
    write("links.A.parquet", "links", frame, cell="A", parameters={"scores": [ATTENTION]})
    Path("screen.tsv").write_text(
        "chrom\tchromStart\tchromEnd\tmeasuredGeneSymbol\tstartTSS\tCellType\tRegulated\n"
        + "".join(f"chr1\t{t + 4000}\t{t + 4500}\tN{i}\t{t}\tA\t{i % 3 == 0}\n" for i, t in enumerate(genes["tss"]))
    )
    return [*options, "--links", "links.A.parquet"]


def test_tool_writes_finite_metrics_and_curves_and_the_same_bytes_twice(inputs):
    for folder in ("one", "two"):
        result = run_tool(*inputs, "--crispr", "planted=screen.tsv", "--outdir", folder)
        assert result.exit_code == 0, result.output
    for name in ("metrics.parquet", "curves.parquet"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()
    table, header = artifacts.read_table("one/metrics.parquet", "metrics")
    assert set(table.filter(kind="model", section="expression")["method"]) == {"net"}
    assert header["parameters"]["units"] == {"A": "log10(1 + TPM)", "B": "log10(1 + TPM)"}
    assert set(table["section"]) == {"expression", "change", "links"}
    assert table["value"].is_finite().all()
    assert table["value"].null_count() == 0
    assert set(table.filter(pl.col("section") == "links")["reference"]) == {"planted"}
    curves, _ = artifacts.read_table("one/curves.parquet", "curves")
    assert set(curves["method"]) == {"attention", "distance"}
    assert "A: pearson" in result.output
    assert "A, planted: average precision" in result.output


@pytest.mark.parametrize(
    ("model", "baselines", "names"),
    [
        ({"training_cells": ["A"]}, {"training_cells": ["A"]}, {"copy of A", "trees"}),
        ({}, {"training_cells": ["B"]}, {"copy of A", "trees"}),  # it does not say
        ({"training_cells": ["K"]}, {"training_cells": ["B"]}, {"copy of A", "trees (trained on this cell)"}),
        ({"training_cells": ["K"]}, {"training_cells": ["A", "B"]}, {"copy of A", "trees (trained on A and B)"}),
        ({"training_cells": ["B"], "same_genome": False}, {"training_cells": ["B"]},
         {"copy of A", "trees (trained on this cell)"}),
        ({"training_cells": ["A"]}, {"training_cells": ["A"], "val": "", "test": "chr1:0-200000"}, set()),
    ],
)  # fmt: skip
def test_baselines_are_named_for_the_cells_they_saw_where_the_model_saw_others(inputs, model, baselines, names):
    """Of a saved model's new cell: a baseline that saw it is no match; one that saw test genes is none at all."""
    for cell in "AB":
        for kind, about in (("predictions", model), ("baselines", baselines)):
            frame, header = artifacts.read_table(f"{kind}.{cell}.parquet", kind)
            if kind == "baselines":
                frame = pl.concat([frame, frame.with_columns(method=pl.lit("trees"))])
                header["parameters"]["methods"].append({"method": "trees", "score": "trees", "saw": "tracks"})
            header["parameters"] |= about
            artifacts.write_table(f"{kind}.{cell}.parquet", frame, header)
    result = run_tool(*inputs, "--outdir", "out")
    assert result.exit_code == 0, result.output
    table, header = artifacts.read_table("out/metrics.parquet", "metrics")
    assert set(table.filter(cell="B", section="expression")["method"]) == {"net", *names}
    assert header["parameters"]["baselines_left_out"] == ([] if names else ["A", "B"])
    assert ("B" in header["parameters"]["baselines_trained_on"]) == any("(" in name for name in names)


def test_every_kind_of_benchmark_beside_the_usual_figures(inputs):
    """Of the run's links and predictions; one that cannot be scored is told and costs the others nothing."""
    rows = [f"chr1\t{100_000 * i}\t{100_000 * (i + 1)}" for i in range(1, 40)]
    Path("domains.bed").write_text("\n".join(rows) + "\n")
    Path("known.bed").write_text("chr1\t1104000\t1104300\nchr1\t1124000\t1124100\n")
    Path("genes.txt").write_text("\n".join(f"N{i}" for i in range(0, N_GENES, 5)) + "\n")
    loops = [
        f"chr1\t{t + 4_000}\t{t + 4_200}\tchr1\t{t + 30_000}\t{t + 30_001}\t.\t9"
        for t in range(100_000, 900_000, 10_000)
    ]
    Path("loops.bedpe").write_text("\n".join(loops) + "\n")
    Path("b.csv").write_text(
        "name,kind,cell,file,gene,build\nscreen,crispr,A,screen.tsv,,\nold,crispr,A,screen.tsv,,hg19\n"
        "tads,domains,A,domains.bed,,\nmine,locus,A,known.bed,N102,\nown,specific-genes,B,genes.txt,,\n"
        "loops,contacts,A,loops.bedpe,,\non,classes,A,,,\n"
    )
    result = run_tool(*inputs, "--benchmarks", "b.csv", "--benchmark-resamples", "30", "--outdir", "out")
    assert result.exit_code == 0, result.output
    table, header = artifacts.read_table("out/metrics.parquet", "metrics")
    assert {"expression", "change", "benchmark"} == set(table["section"])
    facts = header["parameters"]["benchmarks"]
    assert list(facts) == ["screen", "old", "tads", "mine", "own", "loops", "on"]
    assert [name for name, fact in facts.items() if "refused" in fact] == []  # the run's chromosomes tell no build
    assert any("attention: 100.0% of pairs covered" in note for note in facts["screen"]["notes"])
    assert set(table.filter(section="benchmark")["reference"]) == set(facts)
    assert {"net", "copy of A"} <= set(table.filter(reference="own")["method"])
    comparison = pl.read_csv("out/benchmarks.tsv", separator="\t", infer_schema_length=None)
    assert set(comparison["benchmark"]) == set(facts) - {"tads"}  # links of 4 kb cross no bin of 10 kb
    locus = pl.read_csv("out/locus.mine.tsv", separator="\t")
    assert locus["known"].sum() == 2
    assert "attention" in pl.read_csv("out/tads.insulation.tsv", separator="\t")["method"].to_list()
    Path("b.csv").write_text("name,kind,cell,file\nx,crispr,B,screen.tsv\n")
    result = run_tool(*inputs, "--benchmarks", "b.csv", "--outdir", "out")
    assert result.exit_code == 0, result.output  # other figures are there
    assert "Warning: x is left out: screen.tsv has no pair of B; its cells are A" in result.output
    told = artifacts.read_header("out/metrics.parquet")["parameters"]["benchmarks"]["x"]["refused"]
    assert told == "screen.tsv has no pair of B; its cells are A"
    store = ["--elements", "elements.parquet", "--genes", "genes.parquet", "--links", "links.A.parquet"]
    result = run_tool(*store, "--benchmarks", "b.csv", "--outdir", "out")
    assert result.exit_code == 65
    assert "no benchmark can be scored. screen.tsv has no pair of B; its cells are A" in result.output


def test_tool_without_a_screen_writes_no_curves(inputs):
    assert run_tool(*inputs, "--outdir", "out").exit_code == 0
    assert not Path("out/curves.parquet").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--predictions", "predictions.A.parquet"], "holds a second prediction of A by net"),
        (["--crispr", "nowhere.tsv"], "there is no file nowhere.tsv"),
        (["--crispr", "screen.tsv", "--crispr", "screen.tsv"], "'screen' is given twice"),
        (["--crispr", "shifted.tsv"], "shifted.tsv: the TSSs of 100% of its genes lie more than 5 kb from this run's"),
    ],
)
def test_tool_refuses_with_one_message(inputs, change, message):
    pl.read_csv("screen.tsv", separator="\t").with_columns(
        pl.col("chromStart", "chromEnd", "startTSS") + 60_000  # as between hg19 and hg38
    ).write_csv("shifted.tsv", separator="\t")
    result = run_tool(*inputs, *change)
    assert result.exit_code == 65
    assert message in result.output
    assert not Path("metrics.parquet").exists()


def test_tool_refuses_other_genes_and_nothing_to_do(inputs):
    frame, header = artifacts.read_table("links.A.parquet", "links")
    artifacts.write_table("links.A.parquet", frame, header | {"genes": "other"})
    assert "made for different genes" in run_tool(*inputs).output
    assert "nothing to evaluate" in run_tool(*inputs[:4]).output
