"""A study folder: found by headers, aligned once, and what --study gives a tool is what its options give."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import link_case
from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.data.study import open_study
from sketches import write_store
from tiny_case import TinyCase
from tools import inputs, run


@pytest.fixture
def folder(tiny: TinyCase, tmp_path: Path) -> Path:
    """The tiny case's files under names that say nothing, in a folder each, beside files of others."""
    study = tmp_path / "study"
    files = [tiny.elements, tiny.genes, *map(tiny.signals, "ABC"), *map(tiny.expression, "AB")]
    for number, path in enumerate(files):
        (study / f"{number}").mkdir(parents=True)
        (study / f"{number}" / f"file{number}").symlink_to(path)
    (study / "notes.txt").write_text("not an artefact\n")
    pl.DataFrame({"a": [1]}).write_parquet(study / "other.parquet")
    np.savez(study / "other.npz", a=np.zeros(3))
    (study / ".hidden").mkdir()
    shutil.copy(tiny.signals("A"), study / ".hidden" / "signals")
    return study


def test_a_folder_is_read_by_headers_alone(tiny: TinyCase, folder: Path) -> None:
    study = open_study(folder)
    assert study.cells["cell"].to_list() == ["A", "B", "C"]
    assert study.cells["tracks"].to_list() == [["dnase", "h3k27ac"]] * 3
    assert study.cells["expression"].to_list() == [True, True, False]
    assert study.genes.equals(pl.read_parquet(tiny.genes))
    assert [path.resolve() for path in study.paths("signals", ["B", "C"])] == [tiny.signals("B"), tiny.signals("C")]
    assert study.path("motifs") is None
    assert (study.gene("G3"), study.gene("NAME7"), study.element("E11"), study.element(4)) == (3, 7, 11, 4)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda study: study.require("motifs"), "holds no file of motifs; make it first"),
        (lambda study: study.require("expression", "C"), "holds no file of expression of C"),
        (lambda study: study.path("signals"), "holds 3 files of signals"),
        (lambda study: study.paths("signals", "K562"), "holds nothing of the cell K562; it holds A, B, C"),
        (lambda study: study.gene("MYC"), "has no gene MYC"),
        (lambda study: study.element("E99999"), "has no single element E99999"),
        (lambda study: study.element(10**6), "has no single element 1000000"),
    ],
)
def test_what_is_not_there_is_named(folder: Path, ask, says: str) -> None:
    with pytest.raises(InputError, match=says):
        ask(open_study(folder))


def test_of_several_tables_that_with_the_columns_is_taken(tiny: TinyCase, folder: Path) -> None:
    """As in results, which have links of closed forms beside the network's."""
    _, found = artifacts.read_table(tiny.expression("A"), "expression")
    own = {"kind": "model", "model": True, "form": "plain", "higher_is_better": True}
    for name, score in (("own", "attention"), ("other", "abc")):
        parameters = {"scores": [{"name": score, "label": score, **own}], "neighbours": 1, "window": 0}
        header = artifacts.make_header("links", "test", elements=found["elements"], genes=found["genes"], cell="A",
                                       parameters=parameters)  # fmt: skip
        artifacts.write_table(folder / name, pl.DataFrame({"gene_id": ["G1"], score: [0.5]}), header)
    study = open_study(folder)
    assert study.path("links", "A", ["attention"]) == folder / "own"
    for columns in ([], ["perturbation"]):  # not asked for any, or for one that none has
        with pytest.raises(InputError, match="holds 2 files of links"):
            study.path("links", "A", columns)


def test_files_of_other_elements_are_refused_at_once(folder: Path, tmp_path: Path) -> None:
    elements = pl.DataFrame({"chrom": ["chr1"] * 3, "start": [1000, 3000, 5000]})
    write_store(folder, elements, pl.DataFrame({"gene_id": ["X"], "chrom": ["chr1"], "tss": [2000]}))
    with pytest.raises(InputError, match="were made for different elements"):
        open_study(folder)


def test_a_cell_that_comes_twice_is_refused_when_it_is_asked_for(tiny: TinyCase, folder: Path) -> None:
    shutil.copy(tiny.signals("A"), folder / "again")
    study = open_study(folder)
    with pytest.raises(InputError, match="two files of signals of A"):
        study.paths("signals")
    assert len(study.paths("expression")) == 2


def test_a_file_made_of_another_stands_for_it(tiny: TinyCase, folder: Path) -> None:
    signals, matched = [str(tiny.signals(cell)) for cell in "ABC"], folder / "matched"
    given = [word for path in signals for word in ("--signals", path)]
    result = run("match-quantiles", *given, "--reference", signals[0], "--outdir", matched)
    assert result.exit_code == 0, result.output
    assert open_study(folder).paths("signals") == [matched / f"signals.{cell}.safetensors" for cell in "ABC"]


def test_links_of_a_tool_that_is_gone_still_stand_for_those_they_hold(tmp_path: Path) -> None:
    """combine-links wrote combined/links.CELL.parquet: the same links with more scores. score-links has others."""
    case = link_case.make()
    link_case.write(case, tmp_path)
    own, digests = tmp_path / "links.K.parquet", artifacts.require_header(tmp_path / "genes.parquet")
    for folder, scores in (("combined", ("attention", "abc")), ("scored", ("probability",))):
        about = {"scores": [{"name": name, "label": name, "higher_is_better": True} for name in scores], "window": 0}
        aligned = {"elements": digests["elements"], "genes": digests["genes"], "cell": "K", "sources": [own]}
        header = artifacts.make_header("links", folder, parameters=about, **aligned)
        table = case["links"].with_columns(pl.lit(0.5, pl.Float32).alias(scores[-1]))
        artifacts.write_table(tmp_path / folder / "links.K.parquet", table, header)
        behind = [] if folder == "combined" else [own]
        assert open_study(tmp_path).paths("links") == [tmp_path / folder / "links.K.parquet", *behind][::-1]
        shutil.rmtree(tmp_path / folder)


def test_damage_and_empty_folders_are_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no crexpress artefact"):
        open_study(tmp_path / "empty")
    with pytest.raises(InputError, match="there is no folder"):
        open_study(tmp_path / "nowhere")
    (folder / "broken").write_bytes(b"PAR1" + b"x" * 50)
    with pytest.raises(InputError, match="broken is not a readable parquet table"):
        open_study(folder)


@pytest.mark.slow
def test_a_tool_gets_from_a_study_what_its_options_name(tiny: TinyCase, folder: Path, tmp_path: Path) -> None:
    split = ["--val", "chr2", "--test", "chr3"]
    named = run("fit-baselines", *inputs(tiny, "A", "B"), *split, "--outdir", tmp_path / "named")
    found = run("fit-baselines", "--study", folder, "--cells", "A,B", *split, "--outdir", tmp_path / "found")
    assert named.exit_code == found.exit_code == 0, named.output + found.output
    for cell in "AB":
        one, other = (
            artifacts.read_table(tmp_path / place / f"baselines.{cell}.parquet", "baselines")[0]
            for place in ("named", "found")
        )
        assert one.equals(other)
    # an option goes before the study, and brings no cell of which it says nothing
    mixed = run(
        "fit-baselines", "--study", folder, "--signals", tiny.signals("A"), *split, "--outdir", tmp_path / "mixed"
    )
    assert mixed.exit_code == 0, mixed.output
    assert [path.name for path in (tmp_path / "mixed").iterdir()] == ["baselines.A.parquet"]


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ([], 2, "Missing option '--elements'"),
        (["--cells", "A"], 2, "--cells chooses cells of --study"),
        (["--study", "STUDY", "--cells", "C"], 65, "holds no file of expression of C; make it first, or give"),
        (["--study", "STUDY", "--cells", "Q"], 65, "holds nothing of the cell Q"),
    ],
)
def test_what_a_tool_misses_is_said(folder: Path, options: list[str], code: int, says: str) -> None:
    result = run("fit-baselines", *[str(folder) if word == "STUDY" else word for word in options])
    assert (result.exit_code, says in result.output) == (code, True), result.output


READERS = [
    *("build-loops", "ensemble", "evaluate", "extract-signals", "fit-baselines", "interpret"),
    *("match-quantiles", "predict", "quantify-expression", "report", "score-motifs", "train"),
]


@pytest.mark.parametrize("tool", READERS)
def test_every_tool_that_reads_artefacts_takes_a_study(tool: str) -> None:
    assert "--study DIRECTORY" in run(tool, "--help").output
