"""Names and values of the user's own, whatever is in them, reach the tools whole, and no shell acts on them."""

import csv
import gzip
import itertools
import json
import re
import subprocess
from pathlib import Path

import pytest

from launching import REPORTS, ROOT, Pipeline, tasks

pytestmark = pytest.mark.pipeline

HOSTILE = (
    *("$(touch PWNED)", "`touch PWNED`", "a'; touch PWNED; '", 'b"; touch PWNED; "', "c\ntouch PWNED\n", "END"),
    *(
        "d & touch PWNED &",
        "$HOME",
        "${IFS}",
        "back\\slash\\",
        "a,b",
        " blanks  between ",
        "ünï 細胞",
        "*",
        "~",
        "#",
        "-x",
    ),
    *("!!", "[1] {x,y} (z)", "tab\there", "50%s", ""),
)
NAMES = (  # that Nextflow itself can hand on
    *("a b", "it's", 'd"q', "br[1]", "p(1)&", "`touch PWNED`", "semi;touch PWNED;", "ünï 細胞", "com,ma=x", "#h", "~t"),
    *("-dash", "back\\slash", "ex!c", "colon:x", "a^b%c@d", "pipe|<>"),
)


# options made by make-plan (with shlex) and by flags (with `options`), numbers and words of ours, and a command that
# stands in the same module and is looked at as such
MADE = {
    *("args", "settings", "run.args", "run.split", "protocol.split", "task.ext.args ?: ''", "task.cpus"),
    *("name", "tokens", "batch", "toolkit", "'sequence' in given ? '' : 'no-'", "with_faults(command)"),
}


def interpolated(script: str) -> list[str]:
    """The expressions of a script's outermost ${...}."""
    found, depth = [], 0
    for position, sign in enumerate(script):
        if sign == "{":
            if depth == 0 and script[position - 1] == "$":
                found.append(position + 1)
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                found[-1:] = [script[found[-1] : position]]
    return found


def test_modules_put_nothing_into_a_command_but_by_the_quoting_function() -> None:
    modules = sorted((ROOT / "modules").glob("*/main.nf"))
    assert len(modules) > 15
    for module in modules:
        text = module.read_text()
        scripts = re.findall(r'"""(.*?)"""', text, re.DOTALL)
        assert scripts
        for inside in interpolated("".join(scripts)):
            quoted = inside.startswith(("options(", "quote(")) or re.match(r'links \? "ensemble \$\{options\(', inside)
            assert quoted or inside in MADE, f"{module}: ${{{inside}}}"
        assert "<<" not in text, f"{module}: a heredoc ends where the user says so"
        assert "'${" not in text, f"{module}: a quote in the value would end the quotes"
        others = text.replace('eval("${name} --version")', "")  # where a tool is asked by modules/ask
        assert 'eval("' not in others, f"{module}: eval takes a fixed text; name staged files by a pattern"
    for workflow in (ROOT / "subworkflows").glob("*/main.nf"):
        assert '"""' not in workflow.read_text(), f"{workflow}: commands stand in modules"


def test_every_value_is_the_word_it_was(pipeline: Pipeline) -> None:
    (pipeline.folder / "values.json").write_text(json.dumps(HOSTILE))
    (pipeline.folder / "words.nf").write_text(
        "include { flags ; named ; options ; quote } from './project/subworkflows/shell'\n"
        "workflow {\n"
        "    def values = new groovy.json.JsonSlurper().parse(file('values.json'))\n"
        '    def run = values.withIndex().collectEntries { value, number -> ["of_${number}".toString(), value] }\n'
        "    def some = options(some: values, none: null, off: false)\n"
        "    file('words.sh').text = \"printf '%s\\\\0' ${quote(values)} ${some} \" +\n"
        "        options(on: true, pair: named(values, values)) + ' ' + flags(run, run.keySet().toList()) +\n"
        "        ' ' + options(triple: [values.take(3), values.takeRight(3)])\n"
        "}\n"
    )
    pipeline.nextflow("run", "words.nf")
    empty = pipeline.folder / "empty"
    empty.mkdir()
    said = subprocess.run(["bash", "-eu", "../words.sh"], cwd=empty, capture_output=True, check=True)
    expected = [*HOSTILE, *(word for value in HOSTILE for word in ("--some", value)), "--on"]
    expected += [word for value in HOSTILE for word in ("--pair", f"{value}={value}")]
    expected += [word for number, value in enumerate(HOSTILE) for word in (f"--of-{number}", value)]
    expected += ["--triple", *HOSTILE[:3], "--triple", *HOSTILE[-3:]]
    assert said.stdout.decode().split("\0")[:-1] == expected
    assert not list(empty.iterdir())


def record_arguments(pipeline: Pipeline) -> None:
    """Tools write down the words that they are given; training, which would take minutes, does nothing else."""
    for tool in (pipeline.folder / "quick").iterdir():
        head, start = tool.read_text().rsplit("exec ", 1)
        end = "exit 1\n" if tool.name == "train" else f"exec {start}"
        tool.write_text(f"{head}printf '%s\\0' \"$@\" >.arguments.{tool.name}\n{end}")


def given(folder: Path, tool: str) -> list[list[str]]:
    """The words that each task gave to a tool."""
    return [path.read_text().split("\0")[:-1] for path in sorted(folder.glob(f"work/*/*/.arguments.{tool}"))]


def after(words: list[str], option: str) -> list[str]:
    return [value for name, value in itertools.pairwise(words) if name == option]


@pytest.mark.slow
def test_names_and_values_of_any_kind_reach_the_tools_whole(tmp_path: Path) -> None:
    """A real run up to the training, in a folder, with files, parameters and an outdir that a shell could act on."""
    pipeline = Pipeline(tmp_path / "la un'ch [1] & (ü)")
    record_arguments(pipeline)
    data = pipeline.folder / "da;ta's #1"
    data.mkdir()
    source = ROOT / "assets/test"
    names = iter(NAMES)

    def renamed(path: Path) -> Path:
        link = data / (next(names) + "".join(path.suffixes))
        link.symlink_to(path)
        return link

    column = 'TPM, "of" $(touch PWNED) it\'s: `touch PWNED`'
    rows = []
    for cell in ("cell1", "cell2"):
        for track in ("dnase", "ctcf"):
            rows.append([cell, track, renamed(source / cell / f"{track}.bigWig"), 1, ""])
        rows.append([cell, "loops", renamed(source / cell / "loops.longrange.gz"), 1, ""])
        genes = gzip.decompress((source / cell / "rna.1.genes.results.gz").read_bytes()).decode().splitlines()
        table = data / f"{next(names)}.csv"
        with table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["gene_id", column, "other"])
            writer.writerows([line.split("\t")[0], line.split("\t")[5], 1] for line in genes[1:])
        rows.append([cell, "rna", table.relative_to(pipeline.folder), 1, column])
    sheet = pipeline.folder / "my ce'lls & more.csv"
    with sheet.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["assay", "cell", "file", "replicate", "column"], *([a, c, *r] for c, a, *r in rows)])
        writer.writerow([" CCREs ", "cell1", renamed(source / "ccres.bed.gz"), 1, ""])
    screen = renamed(source / "crispr.tsv.gz")
    files = {name: renamed(source / file) for name, file in (("gtf", "genes.gtf.gz"), ("fasta", "genome.fa.gz"))}
    files["motifs"] = renamed(source / "motifs.meme")
    (pipeline.folder / "own.json").write_text((ROOT / "python/crexpress/models/presets/scpge-small.json").read_text())
    unit = 'T$(touch PWNED)P`touch PWNED`M\'s "ü";\ntouch PWNED'
    chosen: list[str | Path] = ["--samplesheet", sheet.name, "--crispr", f"my scr'een={screen}", "--unit", unit]
    chosen += [word for name, path in files.items() for word in (f"--{name}", path)]
    chosen += ["--tracks", "dnase,ctcf", "--val", "chr5", "--test", "chr6", "--preset", "own.json"]
    chosen += ["--biotypes", "protein_coding,a'b $(touch PWNED)", "--holdout_cells", "cell2", "--inputs", "tracks"]
    output = pipeline.run(*chosen, "--outdir", "ou't [1] & `touch PWNED`", *REPORTS, code=1)

    assert "Process `LEARN:TRAIN" in output, output
    done = {name.split()[0] for name in tasks(output)}
    assert {"QUANTIFY_EXPRESSION", "EXTRACT_SIGNALS", "BUILD_LOOPS", "SCORE_MOTIFS", "TRAIN"} <= done
    (train,) = given(pipeline.folder, "train")
    assert after(train, "--preset") == ["own.json"]
    for words in given(pipeline.folder, "quantify-expression"):
        assert after(words, "--unit") == [unit]
        assert after(words, "--rna")[0].endswith(f".csv:{column}")
        assert after(words, "--gtf") == [f"gtf/{files['gtf'].name}"]
    tracks = {
        Path(word).name for words in given(pipeline.folder, "extract-signals") for word in after(words, "--track")
    }
    assert tracks == {row[2].name for row in rows if row[1] in ("dnase", "ctcf")}
    (merged,) = given(pipeline.folder, "merge-ccres")
    assert "protein_coding,a'b $(touch PWNED)" in merged
    published = pipeline.folder / "ou't [1] & `touch PWNED`"
    assert (published / "cells/expression.cell1.parquet").is_file()
    assert list((published / "pipeline_info").glob("execution_trace_*.txt"))
    assert not list(pipeline.folder.rglob("PWNED"))


def test_rows_of_a_samplesheet_are_no_commands(pipeline: Pipeline) -> None:
    files = ["END", "touch PWNED", "`touch PWNED`.bw", "x' ; touch PWNED ; '.bw", "$(touch PWNED).bw"]
    sheet = pipeline.folder / "hostile.csv"
    chosen = ("-profile", "k562", "--samplesheet", sheet, "--outdir", "out")
    rows = [f"K562,track{number},{file}\n" for number, file in enumerate(files)]
    sheet.write_text("cell,assay,file\n" + "".join(rows))
    output = pipeline.run(*chosen, code=1)
    assert "$(touch PWNED).bw, whose path has $: rename it" in output, output
    sheet.write_text("cell,assay,file\n" + "".join(rows[:-1]))
    output = pipeline.run(*chosen, code=1)
    for file in files[2:-1]:
        assert f"'{file}' does not exist" in output, output
    assert not list(pipeline.folder.rglob("PWNED"))


def test_names_that_nextflow_cannot_hand_on_are_refused_in_one_message(pipeline: Pipeline) -> None:
    for name in ("a$HOME.gtf", "br[1].bed", "br1.bed", "{x,y}.fa"):
        (pipeline.folder / name).touch()
    wrong = ["--gtf", "a$HOME.gtf", "--blacklist", "br[1].bed", "--fasta", "{x,y}.fa"]
    output = pipeline.run("-profile", "k562", *wrong, "--outdir", "out", code=1)
    assert "a$HOME.gtf, whose path has $: rename it" in output, output
    assert "{x,y}.fa, whose path has {: rename it" in output
    assert re.search(r"cannot tell \S*br\[1\].bed from \S*br1.bed", output)
    assert not tasks(output)
