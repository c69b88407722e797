"""Readers refuse what is not theirs, in one sentence that says what was found and what is needed."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts, model_config
from crexpress.core.errors import InputError

READERS = {
    ".parquet": artifacts.read_table,
    ".safetensors": artifacts.open_arrays,
    ".npz": artifacts.read_sparse,
}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """An artefact of every format, by its ending."""
    header = artifacts.make_header("things", "test")
    paths = {ending: tmp_path / f"file{ending}" for ending in READERS}
    artifacts.write_table(paths[".parquet"], pl.DataFrame({"a": range(1000)}), header)
    artifacts.write_arrays(paths[".safetensors"], {"a": np.arange(1000)}, header)
    artifacts.write_sparse(paths[".npz"], {"a": np.arange(1000)}, header)
    return paths


@pytest.mark.parametrize(("ending", "read"), READERS.items())
def test_other_formats_are_named(files: dict[str, Path], ending: str, read: Callable) -> None:
    for other in READERS.keys() - {ending}:
        with pytest.raises(InputError, match=f"file{other} is a {other} file; a {ending} file of things"):
            read(files[other], "things")


@pytest.mark.parametrize(("ending", "read"), READERS.items())
def test_other_kinds_are_named(files: dict[str, Path], ending: str, read: Callable) -> None:
    with pytest.raises(InputError, match="holds things; a file of links is needed"):
        read(files[ending], "links")


@pytest.mark.parametrize(("ending", "read"), READERS.items())
def test_empty_cut_off_and_foreign_files_are_refused(files: dict[str, Path], ending: str, read: Callable) -> None:
    path = files[ending]
    content = path.read_bytes()
    for data, message in (
        (content[: len(content) // 2], "is not a readable"),
        (b"", "is empty"),
        (b"chr1\t10\t20\n", "is no artefact"),
    ):
        path.write_bytes(data)
        with pytest.raises(InputError, match=message):
            read(path, "things")


def test_an_npz_is_the_same_whatever_release_of_python_wrote_it(files: dict[str, Path]) -> None:
    """Entries that ask for ZIP64 say that of themselves in Python 3.11.7, and do not in 3.11.2."""
    with zipfile.ZipFile(files[".npz"]) as file:
        assert {(entry.extract_version, entry.date_time[0]) for entry in file.infolist()} == {(20, 1980)}
    assert np.load(files[".npz"])["a"].tolist() == list(range(1000))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"model":'])
def test_config_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError, match="give the folder train wrote"):
        model_config.read_config(tmp_path)


def test_config_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json is not .* \(No such file or directory\); give the folder"):
        model_config.read_config(tmp_path)
