"""Files that somebody else made: nothing in them is executed, and no size that they state is believed."""

import ast
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from bigwigs import write_bigwig
from crexpress.cli import train_options
from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.formats import genome_files
from crexpress.formats.bigwig_index import open_bigwig
from crexpress.models import load_model, released
from crexpress.pipeline import sweep
from crexpress.training import preset_file
from crexpress.training.presets import read_preset

ROOT = Path(__file__).parents[3]


class Touch:
    """What executes when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.slow
def test_no_code_of_ours_unpickles() -> None:
    """numpy and torch are told so, and yaml is the safe loader; nothing else reads objects."""
    found = []
    for path in [*(ROOT / "python/crexpress").rglob("*.py"), *(p for p in (ROOT / "bin").iterdir() if p.is_file())]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                found += [
                    f"{path}: {name}" for name in names & {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}
                ]
            elif isinstance(node, ast.Call):
                called, given = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
                safe = {"np.load": ("allow_pickle", "False"), "torch.load": ("weights_only", "True")}
                if called in safe and given.get(safe[called][0]) != safe[called][1]:
                    found.append(f"{path}: {called}")
                if called in ("yaml.load", "yaml.unsafe_load") and "Loader" not in given.get("Loader", ""):
                    found.append(f"{path}: {called}")
                if called in ("eval", "exec", "os.system") or given.get("shell") == "True":
                    found.append(f"{path}: {called}")
    assert not found


def test_a_checkpoint_executes_nothing(tmp_path: Path) -> None:
    config = read_preset("scpge-small")[0].replace(tracks=("dnase",))
    for number, save in enumerate((torch.save, lambda value, path: path.write_bytes(pickle.dumps(value)))):
        path = tmp_path / f"{number}.pth"
        save({"model_state_dict": {"fc.weight": Touch(tmp_path / "touched")}}, path)
        with pytest.raises(InputError, match=r"cannot be read|not a checkpoint that can be read safely"):
            released.read_model(path, config)
    assert not (tmp_path / "touched").exists()


def test_an_npz_executes_nothing(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", crexpress=np.array([Touch(tmp_path / "touched")], dtype=object), allow_pickle=True)
    for read in (artifacts.read_header, lambda path: artifacts.read_sparse(path, "contacts")):
        with pytest.raises(InputError):
            read(tmp_path / "a.npz")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("tag", ["!!python/object/apply:pathlib.Path.touch", "!!python/object/new:pathlib.Path"])
def test_a_sweep_executes_nothing(tmp_path: Path, tag: str) -> None:
    path = tmp_path / "sweep.yml"
    path.write_text(f"points: {{a: {tag} [{tmp_path / 'touched'}]}}\n")
    with pytest.raises(InputError, match="is no readable YAML"):
        sweep.read(path, train_options.train, sweep.Cells(["A"], ["A"], {"A": {"dnase"}}))
    assert not (tmp_path / "touched").exists()


def test_a_size_in_a_header_takes_no_memory(tmp_path: Path) -> None:
    head = {"dnase": {"dtype": "F16", "shape": [2**40, 15], "data_offsets": [0, 30 * 2**40]}}
    text = json.dumps({"__metadata__": {"crexpress": "{}"}, **head}).encode()
    (tmp_path / "a.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(InputError, match="the bytes of dnase are not where they should be, or cut off"):
        artifacts.open_arrays(tmp_path / "a.safetensors", "signals")
    (tmp_path / "b.safetensors").write_bytes((2**62).to_bytes(8, "little") + text)
    with pytest.raises(InputError, match="no header"):
        artifacts.open_arrays(tmp_path / "b.safetensors", "signals")
    with zipfile.ZipFile(tmp_path / "c.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(
            "row.npy",
            b"\x93NUMPY\x01\x00v\x00{'descr': '<i8', 'fortran_order': False, 'shape': (1099511627776,), }".ljust(127)
            + b"\n",
        )
    with pytest.raises(InputError, match="is not a readable npz file"):
        artifacts.read_sparse(tmp_path / "c.npz", "contacts")


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("mixer", "layers", 100_000),
        ("mixer", "width", 2**31),
        ("encoder", "channels", 10**6),
        ("head", "members", 10**5),
    ],
)
def test_settings_beyond_reason_are_refused_before_anything_is_built(
    tmp_path: Path, part: str, key: str, value: int
) -> None:
    (tmp_path / "own.json").write_text(json.dumps({part: {key: value}}))
    with pytest.raises(InputError, match=rf"{part}\.{key}: must be a whole number from . to .*found {value}"):
        preset_file.read(str(tmp_path / "own.json"))


def test_a_model_folder_is_weights_and_json(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model": {"encoder": "os:system"}}')
    (tmp_path / "model.safetensors").write_bytes(pickle.dumps(Touch(tmp_path / "touched")))
    with pytest.raises(InputError, match="encoder"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_text('{"model": {"tracks": ["dnase"]}}')
    with pytest.raises(InputError, match="does not hold the weights"):
        load_model(tmp_path)
    assert not (tmp_path / "touched").exists()


def test_a_bigwig_whose_index_asks_for_more_than_there_is(tmp_path: Path) -> None:
    """pybigtools would take the memory, or end the process (found by the fuzz)."""
    path = write_bigwig(tmp_path / "a.bw", {"chr1": 10_000}, {"chr1": [(0, 100, 1.5), (300, 400, 2.5)]})
    whole = path.read_bytes()
    index = int.from_bytes(whole[24:32], "little")
    leaf = index + 48 + 4
    assert open_bigwig(path).chroms() == {"chr1": 10_000}
    for place, size in ((leaf + 24, 8), (leaf + 16, 8), (24, 8), (52, 4)):
        path.write_bytes(whole[:place] + b"\xff" * (size - 1) + b"\x7f" + whole[place + size :])
        with pytest.raises(InputError, match=r"a\.bw is not a readable bigWig"):
            genome_files.chromosome_sizes(path)
