"""The whole graph of tasks, without their work."""

import itertools
import json
import re
import shutil
import time
from importlib.metadata import version

import pytest

from launching import CELLS, REPORTS, ROOT, Pipeline, tasks

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def first(pipeline: Pipeline) -> str:
    """What the first run said, which others resume."""
    return pipeline.run("-profile", "test", "-stub-run", "--outdir", "out", *REPORTS)


def test_stub_run_covers_the_graph_and_resumes_from_its_cache(pipeline: Pipeline, first: str) -> None:
    once = ["MAKE_PLAN", "CHECK_FILES", "MERGE_CCRES (600 bp)", "SCORE_MOTIFS (600 bp)"]
    once += ["FIT_BASELINES (--val chr5 --test chr6 cell5)", "EVALUATE (crexpress-small)", "REPORT (crexpress-small)"]
    each = [
        f"{name} ({cell})"
        for name in ("EXTRACT_SIGNALS", "QUANTIFY_EXPRESSION", "BUILD_LOOPS", "PREDICT")
        for cell in CELLS
    ]
    ranked = [f"{name} ({cell})" for name in ("INTERPRET", "SCORE_LINKS") for cell in ("cell1", "cell5")]
    expected = sorted([*once, *each, "TRAIN (crexpress-small)", *ranked])
    assert tasks(first) == expected

    info = pipeline.folder / "out/pipeline_info"
    dated = {"execution_timeline_DATE.html", "execution_report_DATE.html", "execution_trace_DATE.txt"}
    names = {re.sub(r"_\d{4}-\d\d-\d\d_\d\d-\d\d\.", "_DATE.", path.name) for path in info.iterdir()}
    assert {*dated, "pipeline_dag_DATE.html", "versions.yml", "params.json"} <= names
    manifest = json.loads((info / "manifest.json").read_text())
    sources = manifest["inputs"]
    assert {"genome.fa.gz", "dnase.bigWig", "samplesheet.csv", "truth.tsv.gz"} <= {source["file"] for source in sources}
    assert all(len(source["sha256"]) == 64 for source in sources)
    assert json.loads((info / "params.json").read_text()) == manifest["parameters"]
    assert manifest["parameters"]["steps"] == 400
    assert manifest["versions"]["MERGE_CCRES"].startswith("merge-ccres (crexpress)")
    assert manifest["setups"]["TOOLKIT:CHECK_SETUP"]["packages"]["torch"] == version("torch")

    again = pipeline.run("-profile", "test", "-stub-run", "--outdir", "out", "-resume")
    assert tasks(again, "Cached") == expected
    assert not tasks(again)


@pytest.mark.usefixtures("first")
def test_a_run_describes_its_folder_as_a_research_object(pipeline: Pipeline) -> None:
    """Held against the profile by its validator by hand: it needs the network."""
    out = pipeline.folder / "out"
    crate = json.loads((out / "ro-crate-metadata.json").read_text())["@graph"]
    known = {entity["@id"]: entity for entity in crate}
    assert len(known) == len(crate)
    root = known["./"]
    run = known[root["mentions"]["@id"]]
    here = {path.name + "/" * path.is_dir() for path in out.iterdir()} - {"ro-crate-metadata.json"}
    assert {part["@id"] for part in root["hasPart"]} == here
    assert {"report.html", "predictions/", "pipeline_info/"} <= {part["@id"] for part in run["result"]} <= here
    given = {known[one["@id"]]["name"]: known[one["@id"]] for one in run["object"]}  # fails for one that is not there
    manifest = json.loads((out / "pipeline_info/manifest.json").read_text())
    sums = {source["file"]: source["sha256"] for source in manifest["inputs"]}
    assert given["genome.fa.gz"]["identifier"] == f"sha256:{sums['genome.fa.gz']}"
    assert given["steps"]["value"] == 400
    assert "outdir" not in given
    assert known[run["instrument"]["@id"]]["softwareVersion"].startswith("0.1.0")


WITH_A_MODEL = [
    *("MAKE_PLAN", "CHECK_FILES", "TRAIN (crexpress-small)"),
    *(f"PREDICT ({cell})" for cell in CELLS),
    *(f"{name} ({cell})" for name in ("INTERPRET", "SCORE_LINKS") for cell in ("cell1", "cell5")),
    *("FIT_BASELINES (--val chr5 --test chr6 cell5)", "EVALUATE (crexpress-small)", "REPORT (crexpress-small)"),
]


EXPLAINED = [
    f"{name} ({cell})"
    for name in (
        "ATTRIBUTE",
        "CLASSIFY_GENES",
        "EMBED",
        "FIND_ACTIVE",
        "FIND_MOTIFS",
        "MAP_ATTENTION",
        "MUTATE_ELEMENTS",
        "SCORE_VARIANTS",
        "SILENCE_TOGETHER",
    )
    for cell in ("cell1", "cell5")
]


def change(pipeline: Pipeline, module: str) -> None:
    with (pipeline.project / "python/crexpress" / module).open("a") as code:
        code.write("\n# a comment\n")  # the code stays what it is, its digest does not


def test_changed_code_runs_again_what_it_can_touch_and_nothing_else(pipeline: Pipeline, first: str) -> None:
    """Which tool uses which folder: tests/python/cli/test_code_of_tools.py."""
    arguments = ("-profile", "test", "-stub-run", "--outdir", "out", "-resume")
    change(pipeline, "models/heads.py")  # nothing of the preparation uses models
    assert tasks(pipeline.run(*arguments)) == sorted(WITH_A_MODEL)
    # what is switched on adds its own tasks, and re-runs those that read what it makes
    words = "contributions,motifs,variants,attention,active,categories,embeddings,mutations,together"
    explain = ("--explain", words, "--genes", "GENE1", "--variants", str(ROOT / "assets/test/ccres.bed.gz"))
    change(pipeline, "report/plots.py")
    more = pipeline.run(*arguments, "--complexity", *explain)
    asked = ["CHECK_FILES", "PLOT_LOCUS (crexpress-small)"]
    read_again = [*asked, "MEASURE_COMPLEXITY", "REPORT (crexpress-small)"]
    assert tasks(more) == sorted([*EXPLAINED, *read_again])


def test_every_process_is_called_whatever_is_switched_on() -> None:
    """A call in an `if` would change the number of every `eval` output below it, and so the keys of those tasks."""
    files = [ROOT / "main.nf", *ROOT.glob("subworkflows/*/main.nf")]
    calls = [call for path in files for call in re.findall(r"^( *)([A-Z_]{3,})\(", path.read_text(), re.MULTILINE)]
    assert len(calls) > 20
    assert [name for blanks, name in calls if len(blanks) > 4] == ["CHECK_GPU"]  # has no `eval` output


def test_a_script_that_several_include_includes_none() -> None:
    """Nextflow compiles it anew for each of them, with all below it: a start took twice as long; v2 refuses it."""
    included = {}
    for path in (ROOT / "main.nf", *ROOT.glob("subworkflows/*/main.nf"), *ROOT.glob("modules/*/main.nf")):
        for name in set(re.findall(r"^include .* from '(.+)'", path.read_text(), re.MULTILINE)):
            included.setdefault((path.parent / name).resolve(), []).append(path)
    shared = [folder for folder, paths in included.items() if len(paths) > 1]
    assert len(shared) > 5
    assert not [folder for folder in shared if "\ninclude {" in (folder / "main.nf").read_text()]


def test_the_pipeline_reads_on_one_screen() -> None:
    assert len((ROOT / "main.nf").read_text().splitlines()) <= 60
    for path in ROOT.rglob("*.nf"):
        if ".venv" not in path.parts:
            assert max(map(len, path.read_text().splitlines())) <= 120, path


def test_tasks_that_find_other_code_stop_the_run(pipeline: Pipeline) -> None:
    own = pipeline.environment["PYTHONPATH"]
    other = pipeline.folder / "other"
    shutil.copytree(own, other)
    (other / "crexpress/cli/__init__.py").write_text((other / "crexpress/cli/__init__.py").read_text() + "\n# older\n")
    pipeline.environment["PYTHONPATH"] = str(other)
    try:
        output = pipeline.run("-profile", "test", "-stub-run", "--outdir", "other-code", code=1)
    finally:
        pipeline.environment["PYTHONPATH"] = own
    assert "tasks find other code than this pipeline's" in output
    assert not tasks(output)


def test_a_gpu_that_is_not_there_is_said_before_any_training(pipeline: Pipeline) -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine may have a GPU")
    begin = time.monotonic()
    output = pipeline.run("-profile", "test,gpu", "--local_tools", "-stub-run", "--outdir", "no-gpu", code=1)
    assert "PyTorch finds no usable GPU: check the driver with nvidia-smi" in output
    assert "docker --gpus all, apptainer --nv" in output
    assert not [name for name in tasks(output) if name.startswith("TRAIN")]
    assert time.monotonic() - begin < 120  # seconds on a machine that is not busy
    output = pipeline.run("-profile", "test,podman", "--device", "cuda", "-stub-run", "--outdir", "no-gpu", code=1)
    assert "--device cuda needs -profile gpu as well" in output


def test_expression_that_may_be_seen_tells_the_factors_of_a_cell(pipeline: Pipeline) -> None:
    pipeline.run("-profile", "test", "-stub-run", "--expressed_factors", "3", "-work-dir", "factors", "--outdir", "f")
    outputs = (pipeline.folder / "factors").glob("*/*/predictions/*.parquet")
    folders = {file.parents[1] for file in outputs if not file.is_symlink()}  # links are the inputs of later tasks
    given = {path.name for folder in folders for path in folder.glob("study/*/expression.*.parquet")}
    assert len(folders) == len(CELLS)
    assert given == {f"expression.cell{number}.parquet" for number in (1, 2, 3, 4)}  # cell5 is held out


def test_without_a_genome_there_is_no_motif_step_and_what_is_not_read_is_said_once(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(pipeline.environment, "NXF_SYNTAX_PARSER", "v2")  # which later Nextflow has by default
    output = pipeline.run("-profile", "k562", "-stub-run", "--tracks", "dnase,h3k27ac", "--outdir", "k562")
    assert output.count("No --fasta") == 1
    assert output.count("Not in --tracks and so not read: ctcf, h3k4me3.") == 1
    assert not [name for name in tasks(output) if "SCORE_MOTIFS" in name]
    assert "INTERPRET (HeLa-S3)" not in tasks(output)


def test_the_report_gets_all_screens_by_their_names(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = pipeline.folder / "words"
    tools.mkdir()
    (tools / "report").write_text(
        "#!/bin/bash\n[[ $1 != --version ]] || { echo report 0; exit; }\nprintf '%s\\n' \"$@\" >words.txt\n"
        "mkdir p p/figures p/tables\ntouch p/report.html p/summary.txt p/a_mqc.json\n"
    )
    (tools / "report").chmod(0o755)
    monkeypatch.setitem(pipeline.environment, "PATH", f"{tools}:{pipeline.environment['PATH']}")
    for name in ("one.tsv", "two.tsv", "genes.parquet"):
        (pipeline.folder / name).touch()
    (pipeline.folder / "model").mkdir()
    (pipeline.folder / "report.nf").write_text(
        "include { REPORT } from './project/modules/report'\n"
        "include { named_files } from './project/subworkflows/files'\n"
        "include { flags } from './project/subworkflows/shell'\n"
        "workflow {\n"
        "    def screens = named_files('mine=one.tsv,two.tsv')\n"
        "    def point = [name: 'all', folder: 'p/']\n"
        "    REPORT([point, [file('model')], [file('genes.parquet')]], screens.keySet().toList(),\n"
        "        screens.values().toList(), flags([explain: 'active, motifs'], [], [explained: 'explain']), 'digest')\n"
        "}\n"
    )
    pipeline.nextflow("run", "report.nf", "-work-dir", "work-report")
    (words,) = (path.read_text().splitlines() for path in pipeline.folder.glob("work-report/*/*/words.txt"))
    given = [value for option, value in itertools.pairwise(words) if option == "--crispr"]
    assert [re.sub("=.*/", "=", value) for value in given] == ["mine=one.tsv", "two=two.tsv"]
    assert words[words.index("--explained") + 1] == "active, motifs"


@pytest.mark.usefixtures("multiqc")
def test_signals_are_matched_across_cells_where_that_is_asked_for(pipeline: Pipeline) -> None:
    quantile = ("--transform", "quantile")  # and MultiQC by itself, as it is on PATH
    output = pipeline.run("-profile", "test", "-stub-run", *quantile, "--outdir", "matched")
    assert "MULTIQC (crexpress-small)" in tasks(output)
    assert (pipeline.folder / "matched/multiqc/multiqc_report.html").is_file()
    assert [name for name in tasks(output) if "QUANTILES" in name] == ["MATCH_QUANTILES (40 bp bins)"]
    assert len([name for name in tasks(output) if name.startswith("PREDICT")]) == len(CELLS)
    assert {path.name for path in (pipeline.folder / "matched/cells/matched").iterdir()} == {
        "quantiles.npz",
        *(f"{kind}.{cell}.safetensors" for kind in ("signals", "profiles") for cell in CELLS),
    }


ASK = """
include { ASK_MODEL as TOY ; ASK_STUDY as TALLY } from './project/modules/ask'
workflow {
    def own = [label: 'seed1', cell: "it's", folder: 'points/a b/seed1/']
    def study = ['elements.parquet', "signals.it's.safetensors"].collect { name -> file(name, glob: false) }
    TOY('toy', [own, file('its model'), study], ['variants'], file('list of.txt'), "--top '5'", 'digest')
    TALLY('toy', [[name: 'a b', folder: ''], study], [], [], '', 'digest')
}
"""


TOY = """#!/bin/sh
[ "$1" = --version ] && echo "toy 1" && exit
for word; do last=$word; done
mkdir -p "$last" && printf '%s\\n' "$@" >"$last/answer.txt"
"""


def test_a_tool_without_a_module_is_asked_about_models_and_studies(pipeline: Pipeline) -> None:
    """It gets files as options, also the user's own, and its results lie in a folder of its name."""
    (pipeline.folder / "quick/toy").write_text(TOY)
    (pipeline.folder / "quick/toy").chmod(0o755)
    (pipeline.folder / "ask.nf").write_text(ASK)
    (pipeline.folder / "its model").mkdir()
    for name in ("its model/config.json", "elements.parquet", "signals.it's.safetensors", "list of.txt"):
        (pipeline.folder / name).touch()
    config = pipeline.project / "nextflow.config"
    pipeline.nextflow("run", "ask.nf", "-c", config, "-work-dir", "work-ask", "--outdir", "asked")
    study = ["--elements", "study/1/elements.parquet", "--signals", "study/2/signals.it's.safetensors"]
    said = (pipeline.folder / "asked/points/a b/seed1/toy/answer.txt").read_text().splitlines()
    more = ["--variants", "files1/list of.txt", "--model", "trained/its model", "--top", "5"]
    assert said == [*study, *more, "--outdir", "points/a b/seed1/toy"]
    said = (pipeline.folder / "asked/toy/answer.txt").read_text().splitlines()
    assert said == [*study, "--outdir", "toy"]
