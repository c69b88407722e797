"""combine-links: what is added to a links table, that a screen's own chromosome never counts, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from crexpress.core import artifacts
from crexpress.evaluate import crispr
from crexpress.links import combine, tracks_evidence
from crexpress.links.closed_forms import closed_forms
from crexpress.prepare.elements import TSS
from sketches import write_store
from sklearn.metrics import average_precision_score
from tools import run

CHROMS, GENES, ELEMENTS, SPACING, WINDOW = ("chr1", "chr2", "chr3"), 12, 120, 7_000, 60_000
Case = dict[str, Any]


@pytest.fixture(scope="module")
def case() -> Case:
    """Elements every 7 kb on three chromosomes, genes among them, tracks, links of the four nearest elements."""
    generator = np.random.default_rng(0)
    middle = np.concatenate([SPACING * np.arange(1, ELEMENTS + 1)] * len(CHROMS))
    tss = np.concatenate([np.sort(generator.integers(100_000, 740_000, GENES)) for _ in CHROMS])
    chrom = np.repeat(CHROMS, ELEMENTS)
    elements = pl.DataFrame(
        {
            "element_id": [f"E{i}" for i in range(len(middle) + len(tss))],
            "chrom": [*chrom, *np.repeat(CHROMS, GENES)],
            "start": np.append(middle, tss) - 300,
            "end": np.append(middle, tss) + 300,
            "ccre_start": np.append(middle - 150, tss),
            "ccre_end": np.append(middle + 150, tss),
            "class": ["dELS"] * len(middle) + [TSS] * len(tss),
        }
    )
    genes = pl.DataFrame(
        {
            "gene_id": [f"G{i}" for i in range(len(tss))],
            "gene_name": [f"NAME{i}" for i in range(len(tss))],
            "chrom": np.repeat(CHROMS, GENES).tolist(),
            "tss": tss,
            "element": len(middle) + np.arange(len(tss), dtype=np.int32),
        }
    )
    tracks = {name: generator.gamma(1, 5, len(elements)) for name in ("ctcf", "dnase", "h3k27ac")}
    world = combine.World(elements, genes, tracks, np.sqrt(tracks["dnase"] * tracks["h3k27ac"]))
    links = combine.widen(_links(elements, genes, generator), genes, elements, 0)
    return {"world": world, "links": links}


def _links(elements: pl.DataFrame, genes: pl.DataFrame, generator: np.random.Generator) -> pl.DataFrame:
    near = genes.join(elements.with_row_index("row").filter(pl.col("class") != TSS), on="chrom").with_columns(
        ((pl.col("start") + pl.col("end")) // 2 - pl.col("tss")).alias("distance")
    )
    near = near.filter(pl.col("distance").abs().rank("ordinal").over("gene_id") <= 4)
    return near.select(
        *("gene_id", "gene_name", pl.col("row").cast(pl.Int32).alias("element"), "element_id", "class", "chrom"),
        *(pl.col("ccre_start").alias("start"), pl.col("ccre_end").alias("end"), "tss", "distance"),
        pl.Series("attention", generator.random(len(near)).astype(np.float32)),
        pl.Series("perturbation", generator.normal(size=len(near)).astype(np.float32)),
    )


def screen(case: Case, path: Path, flip: str = "") -> Path:
    """Every element within 30 kb of a gene, regulated where activity/distance is high, on chromosome `flip` low."""
    world = case["world"]
    rows = combine.widen(case["links"], world.genes, world.elements, WINDOW)
    strength = world.activity[rows["element"].to_numpy()] / np.maximum(rows["distance"].abs().to_numpy(), 7_000)
    regulated = (strength > np.quantile(strength, 0.8)) ^ (rows["chrom"].to_numpy() == flip)
    rows.select(
        *("chrom", pl.col("start").alias("chromStart"), pl.col("end").alias("chromEnd")),
        *(pl.col("gene_id").alias("measuredGeneEnsemblId"), pl.lit("K").alias("CellType")),
        pl.Series("Regulated", regulated).cast(pl.String).str.to_uppercase(),
    ).write_csv(path, separator="\t")
    return path


def scores(case: Case, path: Path | None, window: int = WINDOW) -> pl.DataFrame:
    known = combine.learn(case["links"], case["world"], window, "K", "screen", path) if path else None
    return pl.concat(combine.combine(case["links"], case["world"], window, known))


def test_a_window_adds_what_the_model_does_not_see_and_keeps_the_rest(case):
    world, links = case["world"], case["links"]
    wide = combine.widen(links, world.genes, world.elements, WINDOW)
    expected = {
        (gene, element)
        for gene, tss in enumerate(world.genes["tss"])
        for element in range(len(CHROMS) * ELEMENTS)
        if world.elements["chrom"][element] == world.genes["chrom"][gene]
        and abs(SPACING * (element % ELEMENTS + 1) - tss) <= WINDOW // 2
    } | {(int(gene[1:]), element) for gene, element in links.select("gene_id", "element").iter_rows()}
    assert {(int(gene[1:]), element) for gene, element in wide.select("gene_id", "element").iter_rows()} == expected
    assert len(wide) == len(expected)
    kept = wide.join(links, on=["gene_id", "element"], how="semi")
    assert kept.equals(links)
    added = wide.join(links, on=["gene_id", "element"], how="anti")
    assert added.select("attention", "perturbation").sum().row(0) == (0, 0)
    assert not wide.null_count().sum_horizontal().sum()


def test_abc_is_the_closed_form_of_evaluate(case, tmp_path):
    world = case["world"]
    wide = scores(case, None)
    pairs = crispr.pairs(crispr.read(screen(case, tmp_path / "screen.tsv"), CHROMS).pairs, world.genes)
    overlap = crispr.overlaps(pairs, world.elements, world.genes)
    closed = closed_forms(pairs, overlap, world.elements, world.genes, world.tracks)["ABC"]
    pair, element = overlap
    keys = pl.DataFrame({"gene_id": pairs["gene_id"].gather(pair), "element": element.astype(np.int32)})
    ours = keys.join(wide, on=["gene_id", "element"], how="left", maintain_order="left")["abc"].to_numpy()
    assert len(pair) > 250
    np.testing.assert_allclose(ours, closed[pair], rtol=1e-5)


def test_products_are_geometric_means_and_zero_for_repression(case):
    wide = scores(case, None, window=0)
    effect = wide["perturbation"].clip(0)
    for name, first, second in (
        ("attention_perturbation", wide["attention"], effect),
        ("attention_abc", wide["attention"], wide["abc"]),
        ("perturbation_abc", effect, wide["abc"]),
        ("learned_contact_abc", wide["learned_contact"], wide["abc"]),
    ):
        np.testing.assert_allclose(wide[name] ** 2, first * second, rtol=1e-5)
    assert (wide.filter(pl.col("perturbation") < 0)["perturbation_abc"] == 0).all()


def test_learned_activity_is_what_perturbation_takes_for_each_unit_of_contact(case):
    """By hand, link by link; a window lets elements score for genes that do not see them."""
    links, activity = case["links"], {}
    for [element], own in links.group_by("element"):
        contact = [1 / max(abs(far), 1000) for far in own["distance"]]
        activity[element] = sum(max(effect, 0) for effect in own["perturbation"]) / sum(contact)
    for window in (0, WINDOW):
        wide = scores(case, None, window)
        for _, own in wide.group_by("gene_id"):
            reached = [
                activity.get(element, 0) / max(abs(far), 1000)
                for element, far in own.select("element", "distance").iter_rows()
            ]
            np.testing.assert_allclose(own["learned_contact"], np.array(reached) / (sum(reached) or 1), rtol=1e-5)
    unseen = wide.join(links, on=["gene_id", "element"], how="anti")
    assert (unseen["learned_contact"] > 0).sum() > 10
    assert (unseen["perturbation_abc"] == 0).all()


def test_genes_between_are_counted_by_hand(case):
    world, links = case["world"], case["links"]
    found = np.expm1(
        tracks_evidence.tracks_evidence(links, world.genes, world.tracks, np.ones(len(links)))["TSSs between"]
    )
    for row, number in zip(links.iter_rows(named=True), found.round(), strict=True):
        low, high = sorted((row["tss"], row["tss"] + row["distance"]))
        same = world.genes.filter(pl.col("chrom") == row["chrom"])["tss"].to_list()
        assert number == sum(low < other < high for other in same)
    assert found.max() >= 1


def test_a_fit_finds_what_regulates_and_never_sees_the_chromosome_that_it_scores(case, tmp_path):
    plain = scores(case, screen(case, tmp_path / "screen.tsv"))
    world = case["world"]
    strength = world.activity[plain["element"].to_numpy()] / np.maximum(plain["distance"].abs().to_numpy(), 7_000)
    regulated = strength > np.quantile(strength, 0.8)
    assert average_precision_score(regulated, plain["fitted_tracks"]) > 0.9
    assert average_precision_score(regulated, plain["distance"].abs() * -1) < 0.7
    flipped = scores(case, screen(case, tmp_path / "flipped.tsv", flip="chr2"))
    there = (plain["chrom"] == "chr2").to_numpy()
    for name in ("fitted", "fitted_tracks"):
        before, after = plain[name].to_numpy(), flipped[name].to_numpy()
        np.testing.assert_array_equal(before[there], after[there])
        assert np.abs(before - after)[~there].max() > 0.1


def write(case: Case, folder: Path, cell: str = "K", tracks: tuple[str, ...] = ("dnase", "h3k27ac")) -> list[Any]:
    """The case as files; options of combine-links for them."""
    world = case["world"]
    digests = write_store(folder, world.elements, world.genes)
    parameters = {"scores": [{"name": "attention", "label": "attention", "higher_is_better": True}], "window": 0}
    header = artifacts.make_header("links", "test", **digests, cell="K", parameters=parameters)
    artifacts.write_table(folder / "links.K.parquet", case["links"], header)
    about = {"tracks": list(tracks), "bin_size": 600, "transform": "none"}
    header = artifacts.make_header("signals", "test", **digests, cell=cell, parameters=about)
    signals = {name: world.tracks[name][:, None].astype(np.float16) for name in tracks}
    artifacts.write_arrays(folder / "signals.K.safetensors", signals, header)
    named = ("elements.parquet", "genes.parquet", "signals.K.safetensors", "links.K.parquet")
    return [word for name in named for word in (f"--{name.split('.')[0]}", folder / name)]


def test_the_tool_writes_a_links_table_that_says_what_it_was_fitted_to(case, tmp_path):
    options = [*write(case, tmp_path), "--window", WINDOW, "--crispr", f"S={screen(case, tmp_path / 's.tsv')}"]
    result = run("combine-links", *options, "--outdir", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    table, header = artifacts.read_table(tmp_path / "out" / "links.K.parquet", "links")
    assert (header["cell"], header["parameters"]["window"]) == ("K", WINDOW)
    names = [score["name"] for score in header["parameters"]["scores"]]
    assert names == ["attention", *(s["name"] for s in combine.SCORES), "fitted", "fitted_tracks"]
    assert not table.select(names).null_count().sum_horizontal().sum()
    fitted = header["parameters"]["fitted"]
    assert fitted["screen"] == "S"
    assert 10 < fitted["positives"] < fitted["pairs"]
    assert fitted["coefficients"].keys() > {"distance", "ABC", "dnase of the promoter", "attention"}
    again = run("combine-links", *options, "--outdir", tmp_path / "again")
    assert again.exit_code == 0
    files = [folder / "links.K.parquet" for folder in (tmp_path / "out", tmp_path / "again")]
    assert files[0].read_bytes() == files[1].read_bytes()
    refused = run("combine-links", "--links", files[0], *options[:-6], "--outdir", tmp_path / "third")
    assert (refused.exit_code, "combined scores already" in refused.stderr) == (65, True)


def test_a_fit_to_a_screen_without_cells_says_what_it_takes_it_for(case, tmp_path):
    path = screen(case, tmp_path / "s.tsv")
    table = pl.read_csv(path, separator="\t", infer_schema=False)
    table.drop("CellType").write_csv(path, separator="\t")
    options = [*write(case, tmp_path), "--window", WINDOW, "--outdir", tmp_path / "out", "--crispr", path]
    result = run("combine-links", *options)
    assert result.exit_code == 0, result.stderr
    assert "s: the screen names no cell (no column CellType); it is taken for one of K." in result.stderr
    table.with_columns(CellType=pl.lit("other")).write_csv(path, separator="\t")
    result = run("combine-links", *options)
    assert (result.exit_code, "no pair to score in K; its cells are other" in result.stderr) == (65, True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": "other"}, "is of other, the links are of K"),
        ({"tracks": ("dnase", "ctcf")}, "that needs h3k27ac and dnase or atac, not only dnase, ctcf"),
        ({"options": ["--tracks", "dnase,h3k27ac,h3k9ac"]}, "has no track h3k9ac; it has dnase, h3k27ac"),
        ({"options": ["--tracks", "dnase"]}, "not only dnase"),
    ],
)
def test_what_has_no_abc_is_refused(case, tmp_path, change, message):
    options = change.pop("options", [])
    result = run("combine-links", *write(case, tmp_path, **change), *options, "--outdir", tmp_path / "out")
    assert (result.exit_code, message in result.stderr) == (65, True), result.stderr
    assert not (tmp_path / "out").exists()


def test_a_screen_that_cannot_hold_out_a_chromosome_is_refused(case, tmp_path):
    path = screen(case, tmp_path / "s.tsv")
    whole = pl.read_csv(path, separator="\t", infer_schema=False)
    whole.filter(pl.col("chrom") == "chr1").write_csv(path, separator="\t")
    result = run("combine-links", *write(case, tmp_path), "--crispr", path, "--outdir", tmp_path / "out")
    assert result.exit_code == 65
    assert "on 1 chromosomes; a fit needs 10, on two or more" in result.stderr
    result = run("combine-links", *write(case, tmp_path), "--outdir", tmp_path)
    assert (result.exit_code, "would be replaced" in result.stderr) == (65, True)


def test_links_without_a_models_scores_are_refused(case, tmp_path):
    options = write(case, tmp_path)
    path = next(Path(word) for word in options if "links" in Path(word).name and Path(word).exists())
    table, header = artifacts.read_table(path, "links")
    artifacts.write_table(path, table.drop("perturbation"), header)
    result = run("combine-links", *options, "--outdir", tmp_path / "out")
    assert result.exit_code == 65
    assert "links.K.parquet has no perturbation; give what interpret or ensemble wrote" in result.stderr
