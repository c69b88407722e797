"""Motifs of active elements: planted ones are found and others are not, beside elements like the active ones."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import link_case
from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.formats.meme import Motif, MotifSet
from crexpress.interpret import active_list
from crexpress.interpret.de_novo import as_meme, discover, patterns_table, read_meme_chip
from crexpress.interpret.motif_enrichment import enrichment, families, scan
from crexpress.prepare.elements import TSS
from motif_case import make_set
from tiny_case import TinyCase
from tools import run


def sharp(seed: int, width: int = 10) -> np.ndarray:
    rng = np.random.default_rng(seed)
    matrix = np.full((width, 4), 0.02)
    matrix[np.arange(width), rng.integers(0, 4, width)] = 0.94
    return matrix


MOTIFS = MotifSet(
    [Motif(f"M{number}", f"TF{number}", sharp(number), 100.0) for number in range(6)]
    + [Motif("M0.again", "TF0B", np.vstack([sharp(0)[1:], [[0.25] * 4]]), 100.0)],
    np.full(4, 0.25),
)


def sequences(count: int, planted: tuple[int, ...], seed: int) -> np.ndarray:
    """Random windows of 200 bp; half of them have a site of each planted motif."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (count, 200)).astype(np.uint8)
    for place, number in enumerate(planted):
        rows = rng.random(count) < 0.5
        codes[rows, 20 + 40 * place : 30 + 40 * place] = sharp(number).argmax(1)
    return codes


@pytest.mark.slow
def test_planted_motifs_are_found_and_others_are_not() -> None:
    for test in ("fisher", "rank"):
        table = enrichment(sequences(300, (0, 3), 1), sequences(900, (5,), 2), MOTIFS, 1e-4, test)
        found = table.filter(pl.col(f"q_{test}") < 0.05)["motif"].to_list()
        assert set(found) == {"M0", "M0.again", "M3"}
        row = table.row(by_predicate=pl.col("motif") == "M5", named=True)
        assert row["auc"] < 0.5
        assert row["odds_ratio"] < 1
    assert (
        table.filter(pl.col("motif") == "M0")["family"][0] == table.filter(pl.col("motif") == "M0.again")["family"][0]
    )
    assert table["family"].n_unique() == 6


def test_a_match_is_what_score_motifs_lists(tmp_path: Path) -> None:
    """Against the finder, which looks at every place."""
    from crexpress.prepare.motif_scores import hit_finder, score

    codes = sequences(40, (0, 1), 3)
    _, has = scan(codes, MOTIFS, 1e-4)
    listed = np.zeros_like(has)
    out = {"scores": np.empty(has.shape, np.float16), "mean": np.empty(7, np.float32), "sd": np.empty(7, np.float32)}

    def keep(hits: object) -> None:
        listed[hits.element, hits.motif] = True  # type: ignore[attr-defined]

    score(codes, MOTIFS, "log-odds", np.ones(40, bool), out, finder=hit_finder(MOTIFS, 1e-4), report=keep)
    np.testing.assert_array_equal(has, listed)


def test_partners_are_of_the_same_class_gc_content_and_distance() -> None:
    rng = np.random.default_rng(0)
    count = 4000
    start = np.sort(rng.integers(0, 10**7, count))
    kinds = rng.choice(["pELS", "dELS"], count)
    elements = pl.DataFrame({"chrom": ["a"] * count, "start": start, "end": start + 200, "class": kinds})
    genes = pl.DataFrame({"chrom": ["a"] * 40, "tss": np.sort(rng.integers(0, 10**7, 40))})
    gc = rng.uniform(0.3, 0.7, count)
    distance = active_list.nearest_tss(elements, genes)
    likely = (gc > 0.5) * (distance < 60_000) * (kinds == "dELS") * 0.3 + 0.01
    active = np.flatnonzero(rng.random(count) < likely)
    first, second = active_list.matched(active, np.arange(count), elements, genes, gc, 5, 1)
    assert len(second) % len(first) == 0
    assert not np.isin(second, active).any()
    assert len(np.unique(second)) == len(second)
    assert abs(gc[first].mean() - gc[second].mean()) < 0.01
    assert abs((kinds[first] == "dELS").mean() - (kinds[second] == "dELS").mean()) < 1e-9
    near = distance < 50_000
    assert abs(near[first].mean() - near[second].mean()) < 1e-9
    naive = np.abs(distance[:50, None] - np.abs(start[:50, None] + 100 - genes["tss"].to_numpy()).min(1)[:, None])
    assert (naive == 0).all()


@pytest.mark.slow
def test_patterns_of_contributions_are_matched_to_their_motifs(tmp_path: Path) -> None:
    """Two motifs planted, whose bases contribute; noise elsewhere."""
    rng = np.random.default_rng(0)
    count, width = 160, 300
    codes = rng.integers(0, 4, (count, width))
    weight = rng.normal(0, 0.01, (count, width, 4))
    for number, low in ((0, 40), (3, 180)):
        for row, place in enumerate(low + rng.integers(0, 80, count)):
            codes[row, place : place + 10] = sharp(number).argmax(1)
            weight[row, place : place + 10] += sharp(number) - 0.25
    bases = np.eye(4, dtype=np.float32)[codes]
    patterns = discover(bases, weight.astype(np.float32), tmp_path / "found.h5", window=width, seed=1)
    table = patterns_table(patterns, MOTIFS)
    assert set(table["factor"]) == {"TF0", "TF3"}
    assert {"".join("ACGT"[base] for base in sharp(number).argmax(1)) for number in (0, 3)} == set(table["consensus"])
    assert (table["p"] < 1e-4).all()
    (tmp_path / "found.meme").write_text(as_meme(patterns))
    from crexpress.formats.meme import read_meme

    assert read_meme(tmp_path / "found.meme").names == table["pattern"].to_list()


@pytest.mark.slow
def test_what_meme_chip_found_is_read_back(tmp_path: Path) -> None:
    patterns = [("MEME-1", "activates", 50, sharp(2))]
    (tmp_path / "combined.meme").write_text(as_meme(patterns))
    columns = [
        "MOTIF_INDEX",
        "SEED_MOTIF",
        "MOTIF_SOURCE",
        "MOTIF_ID",
        "ALT_ID",
        "CONSENSUS",
        "WIDTH",
        "SITES",
        "E-VALUE",
    ]
    rows = [
        ["1", "1", "MEME", "MEME-1", "", "ACGT", "10", "50", "1.2e-30"],
        ["2", "2", "CENTRIMO", "X", "", "A", "9", "3", "1"],
    ]
    (tmp_path / "summary.tsv").write_text(
        "\n".join("\t".join(row) for row in [columns, *rows]) + "\n\n# made by MEME-ChIP\n"
    )
    table = read_meme_chip(tmp_path, MOTIFS)
    assert table["factor"].to_list() == ["TF2", None]
    assert table["e_value"][0] == pytest.approx(1.2e-30)
    (tmp_path / "summary.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(InputError, match="lacks the columns of MEME-ChIP's summary"):
        read_meme_chip(tmp_path, MOTIFS)


@pytest.mark.slow
def test_the_tool_takes_lists_beds_and_links(tiny: TinyCase, tmp_path: Path) -> None:
    meme = tmp_path / "motifs.meme"
    meme.write_text(as_meme([(f"M{n}.X", "", 50, sharp(n, 8)) for n in range(3)]))
    elements = pl.read_parquet(tiny.elements)
    (tmp_path / "list.txt").write_text("\n".join(f"E{n}" for n in range(0, 120, 3)) + "\n")
    own = elements.filter(pl.col("class") != TSS).gather_every(3).head(40)
    own.select("chrom", "ccre_start", "ccre_end").write_csv(tmp_path / "list.bed", separator="\t", include_header=False)
    (tmp_path / "blanks.bed").write_text((tmp_path / "list.bed").read_text().replace("\t", " "))
    own.select("element_id").write_parquet(tmp_path / "list.parquet")
    given = ["--elements", tiny.elements, "--genes", tiny.genes, "--sequence", tiny.sequence, "--motif-file", meme,
             "--expression", tiny.expression("A"), "--partners", 2]  # fmt: skip
    tables = []
    for name in ("list.txt", "list.bed", "blanks.bed", "list.parquet"):
        done = run("find-motifs", *given, "--active", tmp_path / name, "--outdir", tmp_path / "out")
        assert done.exit_code == 0, done.output
        tables.append(artifacts.read_table(tmp_path / "out" / "enriched_motifs.parquet", "enriched_motifs")[0])
    assert all(tables[0].equals(table) for table in tables[1:])
    text = (tmp_path / "out" / "active.fa").read_text().splitlines()
    codes = artifacts.open_arrays(tiny.sequence, "sequence").tensors["codes"]
    row = elements["element_id"].to_list().index(text[0].split()[0][1:])
    assert text[1] == "".join("ACGTN"[base] for base in codes[row])
    done = run("find-motifs", *given)
    assert done.exit_code == 65
    assert "say which elements are active" in done.output


def test_half_of_the_elements_are_left_to_compare_with(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    case = link_case.make()
    link_case.write(case, tmp_path)
    links, elements = tmp_path / "links.K.parquet", case["world"].elements
    every = case["links"]["element"].n_unique()
    active, pool = active_list.strongest_elements(links, elements, "perturbation", None)
    assert (len(active), len(pool)) == (every // 2, every)
    assert f"lists {every} elements; the stronger half, {every // 2}, counts as active" in caplog.text
    best = case["links"].group_by("element").agg(pl.max("perturbation"))
    weakest = best.filter(pl.col("element").is_in(active.tolist()))["perturbation"].min()
    assert (best["perturbation"] > weakest).sum() < every // 2
    assert active_list.strongest_elements(links, elements, "perturbation", every)[0].tolist() == active.tolist()
    caplog.clear()
    assert len(active_list.strongest_elements(links, elements, "perturbation", 10)[0]) == 10
    assert not caplog.text


def test_families_of_unlike_motifs_are_their_own() -> None:
    motif_set = make_set(widths=(7, 12, 13, 25))
    assert len(set(families(motif_set, np.linspace(0, 1, 4)))) == 4
