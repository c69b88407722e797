"""The plan: which files each cell has, who may read what, where it is published, and every fault at once."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tools import run

SHEET = """assay, cell ,file,replicate,column
dnase,A,a.bw,1,
ctcf,A,a2.bw,1,
RNA,A,a.tsv,1,TPM
loops,A,a.bedpe,1,
dnase,B,b.bw,1,
ctcf,B,b2.bw,1,
h3k9me3,B,b3.bw,1,
rna,B,b.tsv,1,
dnase,C,https://host/c.bw,1,
ctcf,C,c2.bw,1,
 CCREs ,C,c.bed,1,
"""
LEARN = ("--", "--preset", "scpge-small")


def make(folder: Path, *options: object, sheet: str = SHEET, learn: tuple[str, ...] = LEARN, grid: str = "") -> Result:
    (folder / "sheet.csv").write_text(sheet)
    (folder / "absent.txt").write_text("")
    (folder / "grid.yml").write_text(grid)
    given = ["--samplesheet", folder / "sheet.csv", "--absent", folder / "absent.txt", "--tracks", "dnase,ctcf"]
    given += ["--sweep", folder / "grid.yml"] if grid else []
    return run("make-plan", *given, "--outdir", folder, *options, *learn)


def plan(folder: Path, *options: object, **more: Any) -> dict[str, Any]:
    result = make(folder, *options, **more)
    assert result.exit_code == 0, result.output
    return json.loads((folder / "plan.json").read_text())


def test_each_cell_has_its_files_and_each_task_what_it_may_read(tmp_path: Path) -> None:
    made = plan(tmp_path, "--holdout-cells", "B", "--interpret-cells", "C")
    first, _, last = made["cells"]
    assert first == {
        "cell": "A",
        "role": "train",
        "tracks": [{"assay": "ctcf", "file": "a2.bw"}, {"assay": "dnase", "file": "a.bw"}],
        "expression": [{"assay": "rna", "file": "a.tsv", "column": "TPM"}],
        "loops": [{"file": "a.bedpe"}],
    }
    assert (last["role"], last["expression"]) == ("predict", [])
    assert made["ccres"] == ["c.bed"]  # wherever the column stands, and however the assay is spelled
    assert [table["file"] for table in made["tables"]] == ["a.tsv", "b.tsv"]
    assert made["screened"] == ["C"]
    assert made["notes"] == [
        "Not in --tracks and so not read: h3k9me3.",
        "The model reads the tracks ctcf, dnase.",
    ]
    (one,) = made["runs"]
    assert one["reads"] == {kind: ["A"] for kind in ("signals", "profiles", "expression", "contacts")}  # B is held out
    assert [task["meta"]["cell"] for task in one["tasks"]] == ["A", "B", "C"]
    assert [task["links"] for task in one["tasks"]] == [False, False, True]
    assert [task["reads"]["expression"] for task in one["tasks"]] == [[], [], []]
    scenes = {scene["meta"]["cell"]: scene for scene in made["scenes"]}  # link models read no network, nor its inputs
    assert scenes["A"]["reads"] == {"signals": ["A"], "expression": ["A"], "contacts": ["A"]}
    assert [scene["reads"]["expression"] for scene in scenes.values()] == [["A"], [], []]
    assert [scene["meta"]["held_out"] for scene in scenes.values()] == [False, True, False]
    assert [scene["links"] for scene in scenes.values()] == [False, False, True]
    assert [scene["meta"]["store"] for scene in scenes.values()] == made["stores"] * 3
    assert (one["model"], one["meta"]["mean"], one["meta"]["folder"]) == (None, None, "")
    assert made["points"] == [one["meta"]["point"]]
    assert [protocol["holdout"] for protocol in made["protocols"]] == [["B"]]
    assert (tmp_path / "runs.json").exists()
    assert (tmp_path / "samplesheet.validated.csv").exists()


def test_expression_tells_factors_only_where_it_may_be_seen(tmp_path: Path) -> None:
    (one,) = plan(tmp_path, "--holdout-cells", "B", learn=(*LEARN, "--expressed-factors", "3"))["runs"]
    assert [task["reads"]["expression"] for task in one["tasks"]] == [["A"], [], ["C"]]


def test_seeds_have_a_mean_and_missing_tracks_their_price(tmp_path: Path) -> None:
    grid = "seeds: [1, 2]\npoints:\n  a: {anchored: true, track_dropout: 0.1}\n  b: {holdout_cells: B, width: 1000}\n"
    sheet = SHEET.replace("ctcf,C,c2.bw,1,\n", "").replace("rna,B", "loops,B").replace("b.tsv,1,", "b.bedpe,1,")
    sheet += "dnase,D,d.bw,1,\nctcf,D,d2.bw,1,\nrna,D,d.tsv,1,\n"
    grid = grid.replace("holdout_cells: B", "holdout_cells: D, track_dropout: 0.1")
    made = plan(tmp_path, "--allow-missing-tracks", sheet=sheet, grid=grid)
    runs = {one["meta"]["folder"]: one for one in made["runs"]}
    assert list(runs) == [
        *("points/a/seed1/", "points/a/seed1/anchored/", "points/a/seed2/", "points/a/seed2/anchored/"),
        *("points/b/seed1/", "points/b/seed2/"),
    ]
    means = [runs[folder]["meta"]["mean"]["folder"] for folder in list(runs)[:2]]
    assert means == ["points/a/", "points/a/anchored/"]
    assert [one["meta"]["order"] for one in runs.values()] == [2, 3, 4, 5, 2, 4]
    assert not any(task["links"] for task in runs["points/a/seed1/anchored/"]["tasks"])
    (blind,) = [task["meta"] for task in runs["points/b/seed1/"]["tasks"] if "hidden" in task["meta"]]
    assert blind == {
        "cell": "D",  # measured, has all tracks, and is not trained on
        "hidden": "ctcf",
        "folder": "points/b/seed1/without.ctcf/",
        "label": "b seed1 without.ctcf",
        "order": 2.001,
        "mean": None,
    }
    assert [one["width"] for one in made["references"]] == [600, 1000]
    assert [(one["folder"], one["reference"]["width"]) for one in made["stores"]] == [
        ("", 600),
        ("width1000.bins40/", 1000),
    ]
    assert [one["folder"] for one in made["points"]] == ["points/a/", "points/b/"]


def test_a_cell_that_is_only_predicted_changes_no_run(tmp_path: Path) -> None:
    """Its `meta` is a part of a task's key: nothing would come from the cache."""
    few = plan(tmp_path)
    many = plan(tmp_path, "--interpret-cells", "D", sheet=SHEET + "dnase,D,d.bw,1,\nctcf,D,d2.bw,1,\n")
    assert [one["meta"] for one in few["runs"]] == [one["meta"] for one in many["runs"]]
    assert few["points"] == many["points"]
    tasks = [one["runs"][0]["tasks"] for one in (few, many)]
    assert [task["meta"] for task in tasks[0]] == [task["meta"] for task in tasks[1][:-1]]


def test_every_fault_comes_in_one_message(tmp_path: Path) -> None:
    sheet = SHEET.replace("ctcf,B,b2.bw,1,\n", "").replace(" CCREs ,C,c.bed,1,\n", "").replace("a2.bw,1", "a2.bw,one")
    grid = "points: {a: {layers: many}, b: {trakcs: dnase}}"
    result = make(tmp_path, "--interpret-cells", "A,X", "--crispr-cell", "a", "--seeds", "1,1", sheet=sheet, grid=grid)
    assert result.exit_code == 65
    for fault in (
        "sheet.csv has 2 faults:",
        "'one' is not a whole number above 0",
        "B has no ctcf file",
        "--interpret-cells: X is no cell of the samplesheet; it has A, B, C",
        "--crispr-cell: a is no cell of the samplesheet; it has A, B, C",
        "--ccres is missing: give a BED of cCREs, or rows with the assay ccres in the samplesheet",
        "grid.yml has 2 faults:",
        "'trakcs' is no setting",
        "--seeds: '1' is no whole number, or comes twice",
    ):
        assert result.output.count(fault) == 1, result.output
    assert not (tmp_path / "plan.json").exists()


def test_a_link_model_is_fitted_only_where_there_are_tracks(tmp_path: Path) -> None:
    fit = ("--crispr-cell", "E", "--fit-links", "mine")
    sheet = SHEET + "rna,E,e.tsv,1,\n"
    result = make(tmp_path, *fit, sheet=sheet + "h3k9me3,E,e3.bw,1,\n")
    fault = "--link-model screen:mine: the samplesheet has no tracks of E, the cell of --crispr-cell"
    assert (result.exit_code, result.output.count(fault)) == (65, 1), result.output
    made = plan(tmp_path, *fit, sheet=sheet + "dnase,E,e.bw,1,\nctcf,E,e2.bw,1,\n")
    assert [scene["meta"]["cell"] for scene in made["scenes"]] == ["A", "B", "C", "E"]


@pytest.mark.parametrize("given", ["--ccres", "rows"])
def test_ccres_come_from_a_file_or_the_sheet(tmp_path: Path, given: str) -> None:
    sheet = SHEET.replace(" CCREs ,C,c.bed,1,\n", "") if given == "--ccres" else SHEET
    made = plan(tmp_path, *["--ccres"] * (given == "--ccres"), sheet=sheet)
    assert made["ccres"] == ([] if given == "--ccres" else ["c.bed"])


def test_a_preset_that_tasks_could_not_find_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text((Path(__file__).parents[3] / "python/crexpress/models/presets/scpge-small.json").read_text())
    result = make(tmp_path, grid=f"points: {{a: {{preset: {own}}}}}")
    assert result.exit_code == 65
    mend = "name the preset 'own.json' without its folder, and give the file by --preset_files"
    assert f"point 'a': {mend}" in result.output


def saved(folder: Path, name: str, *, anchored: bool, **more: Any) -> Path:
    """A folder whose config.json is that of a model which reads dnase and ctcf."""
    model = {"width": 600, "bin_size": 40, "tracks": ["dnase", "ctcf"], "track_dropout": 0.1, "anchored": anchored}
    (folder / name).mkdir()
    (folder / name / "config.json").write_text(json.dumps({"model": model, **more}))
    return folder / name


KNOWN = "cell,assay,file,replicate\n" + "".join(
    f"{cell},{assay},{cell}.{kind},1\n"
    for cell in ("K", "L", "M", "N")
    for assay, kind in (("dnase", "bw"), ("h3k27ac", "27.bw"), ("rna", "tsv"))
)


def pretrained(folder: Path, sheet: str = SHEET) -> tuple[Result, dict[str, Any]]:
    (folder / "known.csv").write_text(KNOWN)
    direct = saved(folder, "direct", anchored=False, cells=["K", "L", "M"])
    anchored = saved(folder, "anchored", anchored=True, cells=["K", "L", "M"], anchor="given")
    models = ["--model", f"own={direct}", "--model", f"own-anchored={anchored}"]
    result = make(folder, *models, "--known-cells", folder / "known.csv", sheet=sheet)
    made = folder / "plan.json"
    return result, json.loads(made.read_text()) if made.exists() else {}


def test_tracks_that_no_saved_model_reads_are_told(tmp_path: Path) -> None:
    model = saved(tmp_path, "own", anchored=False, cells=["K"])
    tracks = ["--tracks", "dnase,ctcf,h3k9me3", "--allow-missing-tracks"]
    made = plan(tmp_path, *tracks, "--model", f"own={model}")
    assert made["notes"] == [
        "No model reads h3k9me3: expression is predicted without.",
        "The model reads the tracks dnase, ctcf.",
    ]


def test_an_anchored_model_without_known_cells_of_its_own_is_given_those_that_ship(tmp_path: Path) -> None:
    result, made = pretrained(tmp_path)
    assert result.exit_code == 0, result.output
    direct, anchored = made["runs"]
    assert (direct["model"], anchored["model"]) == ("own", "own-anchored")
    assert [one["meta"]["folder"] for one in made["runs"]] == ["", "anchored/"]  # two models of one point
    assert len(made["points"]) == 1
    known = [cell for cell in made["cells"] if cell["role"] == "known"]
    assert [cell["cell"] for cell in known] == ["K", "L", "M"]  # N is none that the model knows
    assert known[0]["tracks"] == [{"assay": "dnase", "file": "K.bw"}]  # h3k27ac is not read
    assert [task["meta"]["cell"] for task in anchored["tasks"]] == ["A", "B", "C"]
    assert anchored["tasks"][0]["reads"]["signals"] == ["A", "K", "L", "M"]
    assert anchored["tasks"][0]["reads"]["expression"] == ["K", "L", "M"]
    assert direct["tasks"][0]["reads"]["signals"] == ["A"]
    assert {table["cell"] for table in made["tables"]} == {"A", "B"}
    assert [scene["meta"]["cell"] for scene in made["scenes"]] == ["A", "B", "C"]
    assert [protocol["holdout"] for protocol in made["protocols"]] == [[]]
    assert made["notes"][-1].endswith("come with it: K, L, M.")


def test_a_known_cell_of_the_users_own_stands_for_the_one_that_ships(tmp_path: Path) -> None:
    mine = SHEET.replace(",A,", ",K,").replace(",C,", ",L,")
    result, made = pretrained(tmp_path, mine)
    assert result.exit_code == 65
    assert "predicts K as the change from two or more of K, L, M, and it has M alone" in result.output
    (tmp_path / "more").mkdir()
    result, made = pretrained(tmp_path / "more", SHEET.replace(",A,", ",K,"))
    assert result.exit_code == 0, result.output
    read = {task["meta"]["cell"]: task["reads"] for task in made["runs"][1]["tasks"]}
    assert read["K"]["expression"] == ["L", "M"]  # no part of its own anchor
    assert read["B"]["expression"] == ["K", "L", "M"]
    (tmp_path / "spelled").mkdir()
    result, made = pretrained(tmp_path / "spelled", SHEET.replace(",A,", ",k_,"))
    assert result.exit_code == 0, result.output
    assert [cell["cell"] for cell in made["cells"] if cell["role"] == "known"] == ["L", "M"]  # k_ is no news of K
