"""Commands of the pages and of the README: what they name exists and takes these values; the small ones are run.

Above 300 lines: every page is taken apart in the same way.
"""

import gzip
import json
import re
import shlex
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from runpy import run_path
from typing import Any

import click
import polars as pl
import pyBigWig
import pytest
from jsonschema import Draft202012Validator

import link_case
from pages import PAGES, ROOT, commands
from report_case import Run
from tiny_case import TinyCase
from tools import TOOLS, run, train

NEXTFLOW = {"-profile", "-resume", "-c", "-params-file", "-work-dir"}  # its own, with one dash
TAKES_NONE = {"-resume"}
OTHERS = {  # options in running text that are not ours
    "--gpus", "--device", "--nv", "--nproc-per-node", "--user", "--no-deps",
    "--input", "--show_hidden", "--plaintext_email", "--max_multiqc_email_size",
    "--multiqc_title", "--multiqc_config", "--multiqc_logo",  # nf-core's
    "--all",  # of --help alone
}  # fmt: skip


@cache
def parameters() -> dict[str, dict[str, Any]]:
    groups = json.loads((ROOT / "nextflow_schema.json").read_text())["$defs"]
    return {name: about for group in groups.values() for name, about in group["properties"].items()}


@cache
def tool(name: str) -> click.Command:
    command: click.Command = run_path(str(ROOT / "bin" / name))["main"]
    return command


def wrong_of_nextflow(words: list[str]) -> list[str]:
    """What is wrong with a line, by nextflow_schema.json and the profiles; `...` stands for what a reader has."""
    profiles = re.findall(r"^    (\w+) \{", (ROOT / "nextflow.config").read_text().split("profiles {")[1], re.MULTILINE)
    wrong = [] if words[2:3] == ["."] else [f"runs {words[2:3]}, not the folder"]
    rest = words[3:]
    while rest:
        word = rest.pop(0)
        if word == "...":
            continue
        own, name = word.startswith("-") and not word.startswith("--"), word.removeprefix("--")
        about = parameters().get(name, {})
        if own and word not in NEXTFLOW:
            wrong.append(f"{word} is no option of Nextflow")
        elif not own and not about:
            wrong.append(f"{word} is no parameter")
        alone = word in TAKES_NONE or "boolean" in about.get("type", "")
        value = None if alone or not rest or rest[0].startswith("-") else rest.pop(0)
        if value is None and not alone and rest:
            wrong.append(f"{word} has no value")
        elif word == "-profile":
            wrong += [f"no profile {one}" for one in str(value).split(",") if one not in [*profiles, "INSTITUTION"]]
        elif value not in (None, "...") and not own:
            typed = json.loads(value) if about.get("type") in ("integer", "number") else value
            schema = {key: kind for key, kind in about.items() if key != "schema"}
            wrong += [f"{word}: {fault.message}" for fault in Draft202012Validator(schema).iter_errors(typed)]
    return wrong


def wrong_of_tool(words: list[str]) -> list[str]:
    """What a tool's own parser says of a line; files need not be there, and `...` stands for what a reader has."""
    command = tool(words[0])
    open_ended = any(mark in word for word in words for mark in ("...", "$", "<"))
    words = [re.sub(r"[<>|]$", "", word) for word in words[1:] if word not in ("...", ">", "|")]
    context = click.Context(command)
    if any("$" in word for word in words):  # the shell makes words of it: names alone can be told
        known = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
        own = words[: words.index("--")] if "--" in words else words
        return [word for word in own if re.match(r"--[a-z]", word) and word not in known]
    try:
        given, _, _ = command.make_parser(context).parse_args(list(words))
    except click.UsageError as error:
        return [error.format_message()]
    wrong = []
    for parameter in command.params:
        value = given.get(parameter.name)
        if value is None:
            if parameter.required and not open_ended:
                wrong.append(f"{parameter.opts[0]} is needed")
        elif not isinstance(parameter.type, click.Path):
            try:
                parameter.type_cast_value(context, value)
            except click.UsageError as error:
                if "does not exist" not in error.format_message():
                    wrong.append(error.format_message())
    return wrong


def wrong_of_make(words: list[str]) -> list[str]:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return [f"make {word}" for word in words[1:] if "=" not in word and word not in targets]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_one_that_its_program_takes(page: Path) -> None:
    told = {"nextflow": wrong_of_nextflow, "make": wrong_of_make}
    found = [(" ".join(words), told.get(words[0], wrong_of_tool)(words)) for words in commands(page)]
    assert [(line, wrong) for line, wrong in found if wrong] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nextflow run . --presett scpge", "--presett is no parameter"),
        ("nextflow run . --transform quantiles", "'quantiles' is not one of"),
        ("nextflow run . --width wide -profile gpus", "no profile gpus"),
        ("nextflow run . -resum", "-resum is no option"),
        ("nextflow run . --gtf --ccres x.bed", "--gtf has no value"),
        ("make tests", "make tests"),
        ("train --study x --stepz 3", "No such option"),
        ("train --study x --steps many", "not a valid integer"),
        ("report --outdir x --top", "No such option"),
        ("compare --metrics", "requires an argument"),
    ],
)
def test_a_wrong_command_would_be_seen(line: str, said: str) -> None:
    words = line.replace("--width wide ", "").split()
    told = {"nextflow": wrong_of_nextflow, "make": wrong_of_make}
    assert said in " ".join(told.get(words[0], wrong_of_tool)(words))


def test_every_option_in_running_text_exists() -> None:
    ours = {f"--{name}" for name in parameters()} | OTHERS
    ours |= {
        name for name in TOOLS for name in [opt for of in tool(name).params for opt in [*of.opts, *of.secondary_opts]]
    }
    unknown = set()
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        for span in re.findall(r"`([^`\n]+)`", text):
            if not span.startswith("--") and span.split()[0] not in {*TOOLS, "nextflow"}:
                continue  # another program's
            unknown |= {(page.name, word) for word in re.findall(r"(?<![\w-])--[a-z][\w-]*", span) if word not in ours}
    assert unknown == set()


def test_the_pages_have_commands_to_test() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 40


SMALL = {  # of the tutorial's demo, in the tiny study
    "results/demo": "results", "K562": "A", "HeLa-S3": "C", "GATA1": "NAME7", "chr16": "chr2", "chr8,chr9": "chr3",
    "steps=200, validate_every=50": "steps=8, validate_every=4", "neighbours=20": "neighbours=4",
}  # fmt: skip


def test_the_notebook_is_that_of_the_page() -> None:
    page = ROOT / "docs" / "tutorial-python.md"
    made = subprocess.run([sys.executable, ROOT / ".ci/notebook", page], capture_output=True, text=True, check=True)
    assert made.stdout == page.with_suffix(".ipynb").read_text(), "run `make docs`"


@pytest.mark.slow
def test_the_notebook_runs(tiny: TinyCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tutorial 3, cell by cell, with the names and the size of the tiny study."""
    (tmp_path / "results").mkdir()
    for path in [tiny.elements, tiny.genes, *map(tiny.signals, "ABC"), *map(tiny.expression, "ABC")]:
        (tmp_path / "results" / path.name).symlink_to(path)
    done = train(tiny, tmp_path / "results" / "model", "--steps", 10, "--layers", 1)
    assert done.exit_code == 0, done.output
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((ROOT / "docs" / "tutorial-python.ipynb").read_text())
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(code) >= 7
    names: dict[str, Any] = {}
    for block in code:
        for demo, small in SMALL.items():
            block = block.replace(demo, small)
        exec(compile(block, "docs/tutorial-python.ipynb", "exec"), names)
    assert set(names["metrics"]["cell"]) == {"C"}
    assert (tmp_path / "tuned" / "config.json").exists()
    assert "mean-signal" in list(names["ENCODERS"])
    names["ENCODERS"]._registered.pop("mean-signal")  # other tests know the shipped ones alone


def line_of(page: str, start: str) -> list[str]:
    """A command of a page, as words after its name; the cells of the small cases have short names."""
    text = (ROOT / "docs" / page).read_text()
    rewritten = re.sub(r"\\\n\s*", " ", text)
    lines = [line.strip() for line in rewritten.splitlines() if line.strip().startswith(start)]
    assert lines, f"{page} has no line {start}"
    return shlex.split(lines[0].replace("K562", "K"))


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A launch folder with the results of a run that ranked links in cell K, and a screen of that cell."""
    case, folder = link_case.make(), tmp_path / "results"
    folder.mkdir()
    link_case.write(case, folder)
    for part, name in (("reference", "elements"), ("reference", "genes"), ("scored", "links.K")):
        (folder / part).mkdir(exist_ok=True)
        (folder / f"{name}.parquet").rename(folder / part / f"{name}.parquet")
    with gzip.open(tmp_path / "screen.tsv.gz", "wt") as stream:
        stream.write(link_case.screen(case, tmp_path / "screen.tsv").read_text())
    screen = pl.read_csv(tmp_path / "screen.tsv", separator="\t")
    places = {"chrom": "chrom", "chromStart": "start", "chromEnd": "end", "measuredGeneEnsemblId": "gene"}
    scored = screen.select(places.keys()).rename(places).with_columns(score=pl.Series(range(len(screen))))
    scored.write_csv(tmp_path / "any.tsv", separator="\t")
    abc = {"chrom": "chr", "gene": "TargetGene", "score": "ABC.Score"}
    scored.rename(abc).write_csv(tmp_path / "EnhancerPredictions.tsv", separator="\t")
    enformer = scored.rename({"gene": "symbol", "score": "grad"})
    enformer.write_csv(tmp_path / "enformer.tsv", separator="\t")
    (tmp_path / "enformer").mkdir()
    scored.write_csv(tmp_path / "enformer" / "enformer.links.tsv", separator="\t")
    (tmp_path / "benchmarks.csv").write_text("name,kind,cell,file\nscreen,crispr,K,screen.tsv\n")
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize(
    ("page", "start", "made"),
    [
        ("howto.md", "evaluate --study", "evaluation/metrics.parquet"),
        ("howto.md", "export-links", "more-links/links.K.bedpe.gz"),
        ("usage.md", "evaluate --predictions", "metrics.parquet"),
        ("usage.md", "evaluate --published abc", "metrics.parquet"),
        ("usage.md", "evaluate --published table:enformer.tsv", "metrics.parquet"),
        ("usage.md", "evaluate --study results --published table:enformer/", "metrics.parquet"),
    ],
)
def test_the_small_commands_of_the_pages_run(
    results: Path, monkeypatch: pytest.MonkeyPatch, page: str, start: str, made: str
) -> None:
    if start == "export-links":
        monkeypatch.chdir(results)  # its paths are those of a results folder
    words = line_of(page, start)
    done = run(*words)
    assert done.exit_code == 0, done.output
    assert Path(made).stat().st_size > 0


@pytest.mark.slow
def test_a_new_cell_by_hand_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """cells.md, "Without any training", line by line, on the simulated case: its signals are called peaks
    here, and known cells stand beside the new one for the anchored model.
    """
    test = ROOT / "assets" / "test"
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.chdir(tmp_path)
    for name, file in (("GRCh38-cCREs.bed.gz", "ccres.bed.gz"), ("gencode.v29.annotation.gtf.gz", "genes.gtf.gz")):
        Path(name).symlink_to(test / file)
    lengths = [line.split("\t")[:2] for line in (test / "genome.fa.gz.fai").read_text().splitlines()]
    Path("hg38.chrom.sizes").write_text("".join(f"{name}\t{length}\n" for name, length in lengths))
    for assay, name in (("dnase", "DNase.narrowPeak"), ("h3k27ac", "H3K27ac.broadPeak")):
        with (
            pyBigWig.open(str(test / "cell5" / f"{assay}.bigWig")) as signal,
            gzip.open(f"MINE.{name}.gz", "wt") as out,
        ):
            for chrom in signal.chroms():
                for at, (start, end, value) in enumerate(signal.intervals(chrom) or ()):
                    peak = [chrom, start, end, f"p{at}", 0, ".", value, -1, -1, *([0] if "narrow" in name else [])]
                    out.write("\t".join(map(str, peak)) + "\n")
    lines = [words for words in commands(ROOT / "docs" / "cells.md") if words[0] in TOOLS]
    assert [words[0] for words in lines] == [
        *("merge-ccres", "extract-signals", "predict", "interpret", "score-links", "predict", "match-quantiles"),
    ]
    for number, words in enumerate(lines):
        if number == 5:  # the known cells, as the sentence above the line says
            for cell, own in (("K562", test / "cell1"), ("NHEK", test / "cell2")):
                where = ["--genes", "genes.parquet", "--cell", cell]
                tracks = ["--track", f"dnase={own / 'dnase.bigWig'}", "--track", f"h3k27ac={own / 'h3k27ac.bigWig'}"]
                assert run("extract-signals", "--elements", "elements.parquet", *where, *tracks).exit_code == 0
                assert run("quantify-expression", *where, "--rna", own / "rna.1.genes.results.gz").exit_code == 0
        done = run(*words)
        assert done.exit_code == 0, (words, done.output)
    assert {"predictions.MINE.parquet", "links.MINE.parquet", "scored", "matched"} <= {
        path.name for path in tmp_path.iterdir()
    }
    assert Path("scored/links.MINE.parquet").is_file()
    assert Path("matched/signals.MINE.safetensors").is_file()


@pytest.mark.parametrize("program", ["pandas", "polars"])
def test_the_tables_are_read_as_tutorial_1_says(results: Path, program: str) -> None:
    lines = re.findall(
        rf"^    (links = {program}.*?) +#", (ROOT / "docs" / "tutorial-demo.md").read_text(), re.MULTILINE
    )
    assert len(lines) == 1
    names: dict[str, Any] = {program: import_module(program)}
    exec(lines[0].replace("results/demo", str(results)).replace("K562", "K"), names)
    assert {"gene_name", "element_id", "distance"} <= set(names["links"].columns)
    assert len(names["links"]) > 100


def test_the_samplesheets_of_readme_and_tutorial_are_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = re.compile(r"^    (cell,assay,file.*?)\n\n", re.DOTALL | re.MULTILINE)
    pages = (ROOT / "README.md", ROOT / "docs" / "tutorial-cells.md")
    blocks = [block for page in pages for block in sheet.findall(page.read_text())]
    assert len(blocks) >= 3
    for number, block in enumerate(blocks):
        rows = [line.strip() for line in block.splitlines()]
        folder = tmp_path / str(number)
        for row in rows[1:]:
            file = folder / row.split(",")[2]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"is there")
        (folder / "cells.csv").write_text("\n".join(rows) + "\n")
        monkeypatch.chdir(folder)
        only_applied = [] if any(",rna," in row for row in rows) else ["--no-training"]
        done = run(*line_of("tutorial-cells.md", "check-samplesheet"), *only_applied)
        assert done.exit_code == 0, done.output
        roles = pl.read_csv("checked.csv")
        assert set(roles["cell"]) == {row.split(",")[0] for row in rows[1:]}


@pytest.mark.slow
def test_the_report_of_a_study_draws_the_genes_asked_for(
    tiny: TinyCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tutorial 2, step 5."""
    study = tmp_path / "results" / "liver"
    study.mkdir(parents=True)
    Run(tiny, study)
    for path in (tiny.elements, tiny.genes, tiny.expression("A"), tiny.expression("B")):
        (study / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    words = [word.replace("GATA1,MYC", "NAME7,G94") for word in line_of("tutorial-cells.md", "plot-locus")]
    done = run(*words)
    assert done.exit_code == 0, done.output
    figures = tmp_path / "figures-of-genes"
    drawn = {path.name for path in figures.iterdir()}
    kinds = ("svg", "png", "pdf", "txt")
    assert {f"locus.{name}.A.{kind}" for name in ("NAME7", "NAME94") for kind in kinds} == drawn
    assert "NAME7" in (figures / "locus.NAME7.A.svg").read_text()  # text is text
