"""The shipped link models are what their cards, and docs/results.md, say of them."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

import link_case
from crexpress.core import artifacts, shipped
from crexpress.core.errors import InputError
from crexpress.links import card, choose, costs, evidence, inputs, model, scale, screen
from crexpress.links.model import LinkModel
from crexpress.links.read import ccre_rows, on_scale
from crexpress.links.scene import Scene
from crexpress.prepare.contacts import Contacts
from tools import run

ROOT = Path(__file__).parents[3]
K562 = ROOT / "assets/k562"
SCREEN = K562 / "EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz"
ROWS = {
    "four_tracks": "link model, four tracks",
    "four_tracks_loops": "link model, four tracks and two loop maps",
    "activity": "link model, DNase + H3K27ac",
    "access": "link model, DNase alone",
}


@pytest.fixture(scope="module")
def models() -> dict[str, LinkModel]:
    return {name: model.read(path) for name, path in shipped.LINK_MODELS.items()}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ROWS)
def test_a_card_holds_together_and_the_page_has_its_figures(models: dict[str, LinkModel], name: str) -> None:
    header, _ = artifacts.open_arrays(shipped.LINK_MODELS[name], "link_model")
    sources = {source["name"]: source["sha256"] for source in header["sources"]}
    assert sources[SCREEN.name] == sha256(SCREEN)
    assert sources[shipped.KNOWN_EXPRESSION.name] == sha256(shipped.KNOWN_EXPRESSION)
    [told] = header["parameters"]["training"]["screens"]
    assert (told["pairs"], told["regulated"]) == (10_356, 471)
    own = models[name].card
    curve = np.array(own["reliability"])
    assert curve[:, 2].sum() == told["pairs"]
    assert curve[:, 1] @ curve[:, 2] == pytest.approx(told["regulated"], abs=1)
    assert card.calibration_error(curve) == pytest.approx(own["calibration_error"], abs=2e-4)
    assert own["calibration_error"] < 0.02
    [beside] = own["beside"].values()
    assert own["assays"] == ["dnase"]
    for track, figures in own["otherwise"].items():  # a poorer track may cost more than none, and never helps
        assert figures.keys() == {scale.NOISE, scale.HALF, scale.LEVEL}
        assert (
            own["without"][track] - 0.03 < min(figures.values()) <= max(figures.values()) < own["average_precision"][0]
        )
    assert own["otherwise"].keys() == models[name].scales.keys()
    assert own["average_precision"][0] > max(of[card.ALL] for of in beside.values())
    page = (ROOT / "docs/results.md").read_text()
    [row] = re.findall(rf"^\| {re.escape(ROWS[name])} \| (\S+ \[.*) \|$", page, re.MULTILINE)
    figures = [own["average_precision"], own["auprc"], own["precision_at_70_recall"][:1]]
    figures += [[value] for group, value in own["by_distance"].items() if group != card.ALL]
    shown = [[float(value) for value in re.findall(r"\d\.\d+", cell)] for cell in row.split(" | ")]
    for ours, theirs in zip(figures, shown, strict=False):
        np.testing.assert_allclose(theirs, ours, atol=6e-4)


def test_what_a_cell_lacks_or_has_otherwise_is_said_with_what_it_costs(
    models: dict[str, LinkModel], scene: Scene
) -> None:
    """DNase alone, ATAC instead, no expression, tracks of another kind: each as measured in K562, or said not to be."""
    generator, ccres = np.random.default_rng(1), ccre_rows(scene)
    tracks = {}
    for name, grid in ((name, one.grid) for name, one in models["activity"].scales.items()):  # as in training
        tracks[name] = np.interp(generator.random(len(ccres)), np.linspace(0, 1, len(grid)), grid)
    given = {"expression": np.zeros(len(scene.genes)), "known": np.zeros((1, len(scene.genes)))}
    cell = replace(scene, tracks=tracks, assays=["dnase"], **given)
    activity, card = models["activity"], models["activity"].card

    def told(taken: LinkModel, **change: object) -> str:
        return "\n".join(choose.notes(taken, replace(cell, **change), models.values()))

    more = (
        "K lacks what other link models read (average precision in training, held out: 0.654, 0.677 with CTCF, H3K4me3 "
    )
    assert told(activity) == f"{more}(four_tracks), 0.685 with CTCF, H3K4me3, chromatin loops (four_tracks_loops))"
    alone = told(models["access"], tracks={"access": tracks["access"]})
    assert "held out: 0.599, 0.654 with H3K27ac (activity), 0.677 with CTCF, H3K27ac, H3K4me3 (four_tracks)" in alone
    assert "held out: 0.654, 0.650 without the cell's expression)" in told(activity, expression=None)
    both = told(activity, assays=["dnase", "atac"])
    assert both.startswith("K has ATAC besides, which the link model activity does not read")
    atac = told(activity, assays=["atac"])
    assert "K has ATAC, and the link model activity was fitted with DNase" in atac
    assert "at a cost that was not measured, for want of ATAC in training" in atac
    assert f"{card['without']['access']:.3f} without any)" in atac
    peaks = tracks["h3k27ac"]
    for values, shape, words in (
        (peaks + 1, scale.NOISE, "with its order blurred by noise"),
        (np.where(peaks > np.quantile(peaks, 0.9), peaks, 0), scale.HALF, "without its weaker half"),
        (1.0 * (peaks > 0), scale.LEVEL, "with its signal level"),
    ):
        said = told(activity, tracks=tracks | {"h3k27ac": values})
        figure, left_out = card["otherwise"]["h3k27ac"][shape], card["without"]["h3k27ac"]
        worth = f"held out: 0.654, {figure:.3f} {words}, {left_out:.3f} without this track); give "
        assert re.search(f"^K: H3K27ac has .*{re.escape(worth)}", said, re.MULTILINE), said
        assert "DNase has" not in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tracks", "taken", "without", "unread"),
    [
        ("access", "access", None, None),
        ("access h3k27ac h3k4me3", "activity", None, "H3K4me3"),  # .654; four tracks without CTCF have .653
        ("access ctcf h3k4me3", "four_tracks", "h3k27ac", None),
        ("access ctcf h3k27ac", "four_tracks", "h3k4me3", None),
        ("access ctcf h3k27ac h3k9ac", "four_tracks", "h3k4me3", "h3k9ac"),
        ("h3k27ac", "activity", "access", None),
        ("ctcf", "access", "access", "CTCF"),  # what two lacks cost four tracks was not measured
    ],
)
def test_the_model_that_is_expected_to_do_best_is_taken_and_what_it_does_not_read_is_said(
    models: dict[str, LinkModel], scene: Scene, tracks: str, taken: str, without: str | None, unread: str | None
) -> None:
    poorer = replace(scene, tracks={name: scene.tracks["access"] for name in tracks.split()})
    known = np.zeros((1, len(scene.genes)))
    for known_of_others in (known, None):  # all lack it: it changes no choice
        cell = replace(poorer, expression=known[0], known=known_of_others)
        paths = {shipped.LINK_MODELS[name]: one for name, one in models.items()}
        assert paths[choose.choose(paths, cell)].name == taken
    told = " ".join(choose.notes(models[taken], poorer))
    assert (f"has {unread} besides, which the link model {taken} does not read" in told) == (unread is not None)
    assert (" besides, " in told) == (unread is not None)
    card = models[taken].card
    reached = card["without"][without] if without else card["average_precision"][0]
    assert reached == max(
        one.card["average_precision"][0] if not lacks else one.card["without"][min(lacks)]
        for one in models.values()
        if len(lacks := {*one.needs} - {*tracks.split(), "activity", "expression", "known"}) < 2
    )


def test_loops_that_no_model_of_the_cells_tracks_reads_are_said(models: dict[str, LinkModel], scene: Scene) -> None:
    loops = cast(Contacts, SimpleNamespace(row=np.arange(10), col=np.arange(10) + 1, header={}, widths=None))
    cell = replace(scene, tracks={name: scene.tracks[name] for name in ("access", "h3k27ac")}, contacts=[loops])
    paths = {shipped.LINK_MODELS[name]: one for name, one in models.items()}
    taken = paths[choose.choose(paths, cell)]
    assert taken.name == "activity"
    told = choose.notes(taken, cell, models.values())
    assert "K has chromatin loops besides, which the link model activity does not read" in told
    assert any("of 70 % recall finds another share here" in note for note in told)  # as expression is missing


def test_expression_that_is_held_out_is_not_called_missing(models: dict[str, LinkModel], scene: Scene) -> None:
    cell = replace(scene, tracks={name: scene.tracks["access"] for name in models["four_tracks"].scales})
    secret, lacks, *_ = choose.notes(models["four_tracks"], replace(cell, held_out=True))
    assert secret.startswith("K's expression is held out, so that this evidence is taken as average (average precision")
    assert "0.677, 0.675 without the cell's expression)" in secret
    assert lacks.startswith("K lacks expression of other cells, which the link model four_tracks would read")
    both, *_ = choose.notes(models["four_tracks"], cell)
    assert both.startswith("K lacks the cell's expression, expression of other cells, which")
    assert f", {models['four_tracks'].card['without']['expression+known']:.3f} without both)" in both
    several, *_ = choose.notes(models["four_tracks"], replace(cell, tracks={}))
    assert "together not measured" in several
    other, *_ = choose.notes(models["four_tracks"], replace(cell, other_unit="RPKM"))
    assert other.startswith(
        "K's expression is in RPKM, and link models read TPM: it is left out, so that this evidence"
    )


def test_expression_in_another_unit_than_tpm_is_not_read_as_tpm(tmp_path: Path) -> None:
    link_case.write(link_case.make(), tmp_path)
    store = inputs.Store.open(tmp_path / "elements.parquet", tmp_path / "genes.parquet")
    signals, path = [tmp_path / "signals.K.safetensors"], tmp_path / "expression.K.parquet"
    for unit in ("TPM", "RPKM"):
        about = {"parameters": {"unit": unit, "scale": "log10"}, "units": {"expression": f"log10(1 + {unit})"}}
        digest = store.genes_header["genes"]
        header = artifacts.make_header("expression", "test", genes=digest, cell="K", **about)
        value = np.full(len(store.genes), 9.0)
        table = store.genes.select("gene_id").with_columns(value=value, expression=np.log10(1 + value))
        artifacts.write_table(path, table, header)
        [scene] = store.scenes(signals, [path], [], [], []).values()
        assert (scene.expression is None, scene.other_unit) == ((False, None) if unit == "TPM" else (True, "RPKM"))
        if unit == "TPM":
            np.testing.assert_allclose(scene.expression, 1)
    with pytest.raises(InputError, match="is in RPKM, and link models read TPM; give expression in TPM"):
        store.scenes(signals, [], [], [], [path])


@pytest.mark.slow
def test_atac_in_its_own_unit_is_scored_as_dnase_of_the_same_ranks_is(tmp_path: Path) -> None:
    case = link_case.make()
    world = case["world"]
    tracks = world.tracks | {"atac": 4 * world.tracks["dnase"]}  # another unit, exact in half precision
    case["world"] = world._replace(tracks=tracks)
    found = {}
    for access in ("dnase", "atac"):
        folder = tmp_path / access
        folder.mkdir()
        given = link_case.write(case, folder, tracks=(access, "h3k27ac"))[:6]
        held_out = ["--held-out"] * (access == "atac")
        result = run("score-links", *given, *held_out, "--window", 60_000, "--outdir", folder / "scored")
        assert result.exit_code == 0, result.stderr
        assert "(link model activity)" in result.stderr  # of all that ship
        assert ("K's expression is held out" in result.stderr) == bool(held_out)
        assert ("lacks the cell's expression" in result.stderr) != bool(held_out)  # said, and what it costs
        assert "without the cell's expression" in result.stderr
        found[access] = artifacts.read_table(folder / "scored/links.K.parquet", "links")[0]
    assert found["atac"].equals(found["dnase"])
    assert found["atac"]["probability"].n_unique() > 100


def test_of_both_assays_dnase_is_read_and_atac_is_no_track_to_choose(tmp_path: Path) -> None:
    case = link_case.make()
    world = case["world"]
    case["world"] = world._replace(tracks={**world.tracks, "atac": world.tracks["ctcf"]})
    link_case.write(case, tmp_path, tracks=("atac", "dnase", "h3k27ac"))
    store = inputs.Store.open(tmp_path / "elements.parquet", tmp_path / "genes.parquet")
    [scene] = store.scenes([tmp_path / "signals.K.safetensors"], [], [], [], []).values()
    np.testing.assert_allclose(scene.tracks["access"], world.tracks["dnase"], rtol=1e-3)
    assert scene.tracks.keys() == {"access", "h3k27ac"}
    assert inputs.choose_tracks(scene, ["dnase"]).tracks.keys() == {"access"}
    with pytest.raises(InputError, match="K has dnase and atac, and links read the first; leave one out"):
        inputs.choose_tracks(scene, ["atac"])


@pytest.mark.slow
def test_shipped_models_are_whole_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    assert len(shipped.LINK_MODELS) == 4
    for path in shipped.LINK_MODELS.values():
        assert len(model.read(path).fits) == 13
    header, arrays = artifacts.open_arrays(shipped.LINK_MODELS["access"], "link_model")
    name = next(name for name in arrays if name.endswith(".right"))
    circle = np.array(arrays[name])
    circle[circle > 0] = 0
    last = next(name for name in arrays if name.endswith(".feature"))
    damages: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        ({name: circle}, {}, "a tree has a branch that leads nowhere"),
        ({last: np.full_like(arrays[last], 900)}, {}, "a tree has a branch that leads nowhere"),
        ({"0.median": np.full_like(arrays["0.median"], np.nan)}, {}, "0.median holds NaN"),
        ({}, {"evidence": ["distance"]}, "fit|array"),
        ({}, {"evidence": ["novel"]}, "m.safetensors: there is no evidence 'novel'.* of another version"),
        ({}, {"folds": {"K562": {"chr1": 99}}}, "a fit that is not there"),
        ({}, {"card": {}}, "card"),
        ({}, {"loops": [2.0]}, "does not say which loops"),
    ]
    for changed, told, message in damages:
        damaged = header | {"parameters": header["parameters"] | told}
        artifacts.write_arrays(tmp_path / "m.safetensors", dict(arrays) | changed, damaged)
        with pytest.raises(InputError, match=message):
            model.read(tmp_path / "m.safetensors")


@pytest.mark.slow
def test_shipped_models_reach_the_figures_of_their_cards_from_the_built_in_tracks(
    models: dict[str, LinkModel], tmp_path: Path
) -> None:
    """Evidence means what it meant when they were fitted: a change would make them wrong, and nothing would say so."""
    genes, signals = tmp_path / "genes.parquet", tmp_path / "signals.K562.safetensors"
    reference = ("--gtf", K562 / "GENCODE24.protein_coding.hg38.derived.gtf.gz", "--method", "none", "--tss", "main")
    reference += ("--chrom-sizes", K562 / "GRCh38_EBV.chrom.sizes.tsv")
    reference += ("--blacklist", K562 / "GRCh38_unified_blacklist.bed", "--outdir", tmp_path)
    run("merge-ccres", "--ccres", K562 / "cCRE_like.shared.hg38.bed.gz", *reference)
    elements = tmp_path / "elements.parquet"
    names = ("DNase", "H3K27ac", "H3K4me3", "CTCF")
    tracks = [word for name in names for word in ("--track", f"{name.lower()}={K562}/K562.{name}.peaks.hg38.bw")]
    run("extract-signals", "--elements", elements, "--cell", "K562", *tracks, "--output", signals)
    table = f"{K562 / 'K562.gene_expression.GENCODE24_PC.tsv.gz'}:TPM_Roadmap"
    run(
        "quantify-expression", "--genes", genes, "--cell", "K562", "--rna", table, "--unit", "TPM", "--outdir", tmp_path
    )
    store = inputs.Store.open(elements, genes)
    given = [signals], [tmp_path / "expression.K562.parquet"], [], [], [shipped.KNOWN_EXPRESSION]
    [scene] = store.scenes(*given).values()
    pairs = screen.read_pairs("screen", SCREEN, ["K562"], store.genes, store.elements["chrom"].unique())["K562"]
    for one in models.values():
        pieces, placed = evidence.find(one.pieces), {"K562": on_scale(scene, one.scales)}
        parts = [screen.tested(placed["K562"], "screen", pairs, pieces)]
        group = {chrom: number - 1 for chrom, number in one.folds["K562"].items()}
        asked = costs.Asked(parts, placed, pieces, group, one.fits[1:])
        # the maps of loops are not part of the repository: what the card says of K562 without them
        expected = one.card["without"]["loops"] if one.loops else one.card["average_precision"][0]
        assert asked.precision(placed) == pytest.approx(expected, abs=5e-4), one.name
        if one.name == "access":
            figures = costs.figures(asked, {"K562": scene}, one.scales)
            for name in ("without", "otherwise"):
                assert figures[name].keys() == one.card[name].keys()
            assert figures["otherwise"]["access"] == pytest.approx(one.card["otherwise"]["access"], abs=5e-4)
