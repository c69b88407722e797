"""Artefacts that were damaged, or made by somebody else: a tool works, or says so in one sentence; never a traceback.

CREXPRESS_FUZZ=1000 tries so many mutations of every artefact, instead of a few.

Above 300 lines: one table of artefacts and of the tools that open them, which every test here damages.
"""

import json
import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pybigtools
import pytest
from click.testing import Result
from safetensors.torch import load_file, save_file

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.prepare import cage
from tiny_case import TinyCase
from tools import run, train

TRIES = int(os.environ.get("CREXPRESS_FUZZ", "4"))  # mutations of each artefact
Case = dict[str, Path]


@pytest.fixture(scope="module")
def case(tiny: TinyCase, loops: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """One artefact of every kind, made by the tools."""
    folder = tmp_path_factory.mktemp("whole")
    more = ["--motifs", tiny.motifs, "--sequence", tiny.sequence, "--steps", 2, "--validate-every", 1]
    assert train(tiny, folder / "model", *more).exit_code == 0
    paths = {
        "elements": tiny.elements,
        "genes": tiny.genes,
        "signals": tiny.signals("A"),
        "expression": tiny.expression("A"),
        "sequence": tiny.sequence,
        "motifs": tiny.motifs,
        "contacts": loops,
        "config": folder / "model/config.json",
        "weights": folder / "model/model.safetensors",
        "history": folder / "model/history.parquet",
    }
    assert predict(paths, folder).exit_code == 0
    assert interpret(paths, folder).exit_code == 0
    assert baselines(paths, folder).exit_code == 0
    assert match(paths, folder).exit_code == 0
    paths |= {kind: folder / f"{kind}.A.parquet" for kind in ("predictions", "links", "baselines")}
    paths["quantiles"] = folder / "quantiles.npz"
    assert evaluate(paths, folder).exit_code == 0
    paths["metrics"] = folder / "metrics.parquet"
    return paths


def given(case: Case, *kinds: str) -> list[Any]:
    return [word for kind in kinds for word in (f"--{kind}", case[kind])]


def apply(tool: str, case: Case, out: Path, *options: Any) -> Result:
    """A tool that applies the model, which has to lie in one folder."""
    model = out / "applied"
    model.mkdir(exist_ok=True)
    for kind, name in (("config", "config.json"), ("weights", "model.safetensors")):
        shutil.copyfile(case[kind], model / name)
    store = given(case, "elements", "genes", "signals", "sequence", "motifs")
    return run(tool, "--model", model, *store, "--threads", 1, *options, "--outdir", out)


def predict(case: Case, out: Path) -> Result:
    return apply("predict", case, out)


def interpret(case: Case, out: Path) -> Result:
    return apply("interpret", case, out)


def baselines(case: Case, out: Path) -> Result:
    split = ["--val", "chr2", "--test", "chr3", "--neighbours", 2, "--threads", 1]
    return run("fit-baselines", *given(case, "elements", "genes", "signals", "expression"), *split, "--outdir", out)


def match(case: Case, out: Path) -> Result:
    reference = case.get("quantiles", case["signals"])
    return run("match-quantiles", *given(case, "signals"), "--reference", reference, "--outdir", out)


def evaluate(case: Case, out: Path) -> Result:
    kinds = ("elements", "genes", "predictions", "expression", "baselines", "links", "signals")
    return run("evaluate", *given(case, *kinds), "--resamples", 2, "--outdir", out)


def report(case: Case, out: Path) -> Result:
    model = out / "shown"
    model.mkdir(exist_ok=True)
    for kind, name in (("config", "config.json"), ("history", "history.parquet")):
        shutil.copyfile(case[kind], model / name)
    kinds = ("genes", "elements", "metrics", "predictions", "expression", "links", "signals", "contacts")
    return run("report", *given(case, *kinds), "--model", model, "--outdir", out)


def ensemble(case: Case, out: Path) -> Result:
    return run("ensemble", *given(case, "predictions", "predictions", "links", "links"), "--outdir", out)


def score(case: Case, out: Path) -> Result:
    kinds = ("links", "elements", "genes", "signals", "expression")
    return run("score-links", *given(case, *kinds), "--link-model", "activity", "--window", 50_000, "--outdir", out)


def extract(case: Case, out: Path) -> Result:
    bigwig = out / "a.bw"
    values = ((name, 0, 400_000, 1.0) for name in ("chr1", "chr2", "chr3"))
    pybigtools.open(str(bigwig), "w").write(dict.fromkeys(("chr1", "chr2", "chr3"), 500_000), values)
    return run("extract-signals", *given(case, "elements"), "--cell", "A", "--track", f"dnase={bigwig}",
               "--output", out / "signals.A.safetensors")  # fmt: skip


READERS: dict[str, tuple[Callable[[Case, Path], Result], ...]] = {
    "elements": (predict, baselines, evaluate, extract),
    "genes": (predict, baselines, evaluate),
    "signals": (predict, baselines, match, score),
    "expression": (baselines, evaluate, score),
    "sequence": (predict,),
    "motifs": (predict,),
    "contacts": (report,),
    "quantiles": (match,),
    "config": (predict, interpret),
    "weights": (predict, interpret),
    "history": (report,),
    "predictions": (evaluate, ensemble),
    "links": (evaluate, ensemble, score),
    "baselines": (evaluate,),
    "metrics": (report,),
}


def header_span(content: bytes) -> tuple[int, int]:
    """Where the header of an artefact lies; the whole of a file in which it is compressed."""
    if content.startswith(b"PAR1"):
        return len(content) - 8 - int.from_bytes(content[-8:-4], "little"), len(content)
    if content.startswith(b"{"):
        return 0, len(content)
    return (0, len(content)) if content.startswith(b"PK") else (0, 8 + int.from_bytes(content[:8], "little"))


def mutated(content: bytes, rng: random.Random) -> bytes:
    """One flipped bit, a cut, a swap of two stretches, another number or word in the header."""
    low, high = header_span(content)
    place, data = rng.randrange(low, high), bytearray(content)
    how = rng.randrange(5)
    if how == 0:
        data[place] ^= 1 << rng.randrange(8)
    elif how == 1:
        return content[: rng.randrange(len(content))]
    elif how == 2:
        other = rng.randrange(low, high)
        data[place : place + 8], data[other : other + 8] = data[other : other + 8], data[place : place + 8]
    elif how == 3:
        data[rng.randrange(len(content))] ^= 255
    else:
        words = (b"null", b"-1", b"NaN", b"1e999", b'"../x"', b"[]", b"{}", b"9" * 30, b"true", b'"\\ud800"')
        start = content.find(b":", place, high)
        word = rng.choice(words)
        if start > 0:
            data[start + 1 : start + 1 + len(word)] = word
    return bytes(data)


def check(tool: Callable[[Case, Path], Result], case: Case, out: Path) -> Result:
    """Run a tool in a folder of its own: it works and writes no NaN, or says one thing and ends with 65."""
    out.mkdir(parents=True)
    result = tool(case, out)  # an exception is raised here, as the traceback that a user would see
    beside = {path.name for path in out.parent.iterdir()} - {out.name, "broken"}
    assert not beside, f"written outside --outdir: {beside}"
    if result.exit_code == 0:
        for path in out.glob("*.parquet"):
            floats = pl.read_parquet(path).select(pl.selectors.float())
            assert all(column.is_finite().all() for column in floats), path
    else:
        assert result.exit_code == 65, result.output
        assert result.stderr.count("Error: ") == 1
        assert len(result.stderr) < 4_000
    return result


@pytest.mark.parametrize("kind", READERS)
def test_damage_is_one_sentence(case: Case, tmp_path: Path, kind: str) -> None:
    content, refused = case[kind].read_bytes(), 0
    tries = TRIES // 2 if report in READERS[kind] else TRIES  # it draws for a second
    for number in range(tries):
        rng = random.Random(f"{kind} {number}")
        broken = tmp_path / str(number) / "broken" / case[kind].name
        broken.parent.mkdir(parents=True)
        broken.write_bytes(mutated(content, rng))
        tool = READERS[kind][number % len(READERS[kind])]
        refused += check(tool, case | {kind: broken}, tmp_path / str(number) / "out").exit_code == 65
        shutil.rmtree(tmp_path / str(number))
    assert refused  # else nothing was tried


def rewritten(case: Case, kind: str, path: Path, change: Callable[[dict[str, Any]], None]) -> Case:
    """The case with one artefact of which the header is changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "quantiles":
        header, arrays = artifacts.read_sparse(case[kind], kind)
        change(header)
        artifacts.write_sparse(path, arrays, header)
    elif case[kind].suffix == ".safetensors":
        header, arrays = artifacts.open_arrays(case[kind], kind)
        change(header)
        artifacts.write_arrays(path, arrays, header)
    else:
        frame, header = artifacts.read_table(case[kind], kind)
        change(header)
        artifacts.write_table(path, frame, header)
    return case | {kind: path}


@pytest.mark.parametrize(
    ("tool", "kind"),
    [
        (predict, "signals"),
        (interpret, "signals"),
        (baselines, "signals"),
        (match, "signals"),
        (ensemble, "predictions"),
        (ensemble, "links"),
        (score, "links"),
        (evaluate, "expression"),
        (report, "links"),
    ],
)
@pytest.mark.parametrize("name", ["../x", ""])
def test_a_cell_that_names_another_place_is_refused(
    case: Case, tmp_path: Path, tool: Callable[[Case, Path], Result], kind: str, name: str
) -> None:
    changed = rewritten(case, kind, tmp_path / "broken" / case[kind].name, lambda header: header.update(cell=name))
    result = check(tool, changed, tmp_path / "out")
    assert (result.exit_code, "cell: it cannot name a file" in result.stderr) == (65, True)


@pytest.mark.parametrize("tool", [predict, interpret])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(
    case: Case, tmp_path: Path, tool: Callable[[Case, Path], Result], value: float
) -> None:
    weights = load_file(case["weights"])
    name = next(name for name in weights if name.startswith("head") and weights[name].is_floating_point())
    weights[name].view(-1)[0] = value
    broken = tmp_path / "broken" / "model.safetensors"
    broken.parent.mkdir()
    save_file(weights, broken)
    result = check(tool, case | {"weights": broken}, tmp_path / "out")
    assert f"model.safetensors holds NaN or infinity (in {name})" in result.stderr


def test_predictions_that_overflow_are_refused(case: Case, tmp_path: Path) -> None:
    weights = load_file(case["weights"])
    for name in weights:
        if name.startswith("head") and weights[name].is_floating_point():
            weights[name].fill_(3e38)
    broken = tmp_path / "broken" / "model.safetensors"
    broken.parent.mkdir()
    save_file(weights, broken)
    assert "predicts NaN or infinity" in check(predict, case | {"weights": broken}, tmp_path / "out").stderr


def test_elements_that_were_moved_are_refused(case: Case, tmp_path: Path) -> None:
    frame, header = artifacts.read_table(case["elements"], "elements")
    path = tmp_path / "elements.parquet"
    artifacts.write_table(path, frame.reverse(), header)
    with pytest.raises(InputError, match="its rows are not those of its digest"):
        artifacts.read_table(path, "elements")


def test_genes_in_another_order_are_refused(case: Case, tmp_path: Path) -> None:
    frame, header = artifacts.read_table(case["expression"], "expression")
    path = tmp_path / "broken" / "expression.A.parquet"
    artifacts.write_table(path, frame.reverse(), header)
    result = check(baselines, case | {"expression": path}, tmp_path / "out")
    assert "does not list the genes" in result.stderr


def test_a_tensor_with_anothers_bytes_is_refused(case: Case, tmp_path: Path) -> None:
    content = case["signals"].read_bytes()
    length = int.from_bytes(content[:8], "little")
    entries = json.loads(content[8 : 8 + length])
    entries["h3k27ac"]["data_offsets"] = entries["dnase"]["data_offsets"]
    path = tmp_path / "signals.A.safetensors"
    path.write_bytes(content[:8] + json.dumps(entries).encode().ljust(length) + content[8 + length :])
    with pytest.raises(InputError, match="the bytes of h3k27ac are not where they should be"):
        artifacts.open_arrays(path, "signals")


@pytest.mark.parametrize("change", [{"layers": 100_000}, {"width_model": 2**20}, {"channels": "many"}, {"heads": 0}])
def test_settings_that_no_weights_fit_are_refused_before_they_take_memory(
    case: Case, tmp_path: Path, change: dict[str, object]
) -> None:
    config = json.loads(case["config"].read_text())
    config["model"] |= change
    broken = tmp_path / "broken" / "config.json"
    broken.parent.mkdir()
    broken.write_text(json.dumps(config))
    assert check(predict, case | {"config": broken}, tmp_path / "out").exit_code == 65


def test_a_damaged_bigwig_is_named_with_the_place(case: Case, tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    """Whatever byte is damaged; some make the library panic, which is no Exception and prints a report of its own."""
    path = tmp_path / "a.bw"
    rng = np.random.default_rng(0)
    values = (
        (name, at, at + 50, float(rng.gamma(1))) for name in ("chr1", "chr2", "chr3") for at in range(0, 400_000, 50)
    )
    pybigtools.open(str(path), "w").write(dict.fromkeys(("chr1", "chr2", "chr3"), 500_000), values)
    content, messages = path.read_bytes(), list[str]()
    genes = artifacts.read_table(case["genes"], "genes")[0]
    for number in range(max(20, TRIES)):
        data = bytearray(content)
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        command = [*given(case, "elements"), "--cell", "A", "--track", f"dnase={path}"]
        result = run("extract-signals", *command, "--output", tmp_path / f"{number}.safetensors")
        assert result.exit_code in (0, 65), result.output
        if result.exit_code:
            assert str(path) in result.stderr
            messages.append(result.stderr)
        with suppress(InputError):  # and no other
            cage.at_genes(genes, path, "+")
    assert any("cannot be read at chr" in message and "fetch it again" in message for message in messages)
    assert any("its bytes contradict each other" in message for message in messages)  # the library panicked
    assert "panicked" not in capfd.readouterr().err
