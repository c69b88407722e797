"""An input that is written over while a tool reads it: no output of two states, whatever its length."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from crexpress import cli
from crexpress.core import files


@click.command()
@click.option("--table", type=cli.INPUT_FILE)
@click.option("--lists", type=(str, cli.INPUT_FILE), multiple=True)
@click.option("--output", type=cli.OUTPUT_FILE)
def placeholder() -> None:
    """Gives `copying` its options."""


def copy(then: str, tmp_path: Path) -> Result:
    """Run a tool that reads two files, after which `then` happens to the second, and writes what it read."""
    source, other = tmp_path / "a.txt", tmp_path / "b.txt"
    source.write_text("1\n")
    other.write_text("2\n")

    def copying(table: Path, lists: list[tuple[str, Path]], output: Path) -> None:
        text = table.read_text() + lists[0][1].read_text()
        if then == "written over":
            other.write_text("3\n")
        elif then == "replaced":
            other.rename(tmp_path / "old")
            other.write_text("2\n")
        elif then == "gone":
            other.unlink()
        for _ in range(2):  # the second time over a file that was noted where it is an input too
            with files.replacing(output) as temporary:
                temporary.write_text(text)

    copying.__click_params__ = list(reversed(placeholder.params))  # type: ignore[attr-defined]
    command = cli.tool("copying")(copying)
    output = source if then == "its own input" else tmp_path / "out.txt"
    return CliRunner().invoke(command, ["--table", str(source), "--lists", "x", str(other), "--output", str(output)])


@pytest.mark.parametrize("then", ["written over", "replaced"])
def test_what_was_read_of_a_file_that_changed_is_not_kept(then: str, tmp_path: Path) -> None:
    result = copy(then, tmp_path)
    assert (result.exit_code, "b.txt was changed while it was read" in result.output) == (65, True), result.output
    assert not (tmp_path / "out.txt").exists()
    assert not list(tmp_path.glob(".*"))


def test_what_a_tool_has_read_may_change_when_it_has_ended(tmp_path: Path) -> None:
    assert copy("nothing", tmp_path).exit_code == 0
    (tmp_path / "b.txt").write_text("4\n")
    with files.replacing(tmp_path / "later.txt") as temporary:
        temporary.write_text("5\n")


@pytest.mark.parametrize("then", ["nothing", "gone", "its own input"])
def test_files_that_stay_are_no_reason_to_stop(then: str, tmp_path: Path) -> None:
    result = copy(then, tmp_path)
    assert result.exit_code == 0, result.output
    assert (tmp_path / ("a.txt" if then == "its own input" else "out.txt")).read_text() == "1\n2\n"
