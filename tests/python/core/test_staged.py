"""What a task says names the user's files, and not its links to them."""

from pathlib import Path

import pytest

from crexpress.core.staged import as_given


def test_links_of_a_task_are_written_as_the_files_that_they_lead_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, task = tmp_path / "own files", tmp_path / "work/ab/1234"
    made = tmp_path / "work/cd/5678/elements.parquet"
    for folder in (own, task / "track1", task / "track2", task / "study", made.parent):
        folder.mkdir(parents=True)
    for link, file in (("track1/a", own / "a"), ("track1/a b.bed", own / "b.bed"), ("study/elements.parquet", made)):
        file.touch()
        (task / link).symlink_to(file)
    (task / "track2/copy.bed").touch()  # a cloud's tasks have copies
    (task / ".command.run").touch()
    said = "track1/a b.bed line 3, track1/a; track2/copy.bed, study/elements.parquet, /other/track1/a"
    monkeypatch.chdir(tmp_path)
    assert as_given(said) == said
    monkeypatch.chdir(task)
    assert as_given(said) == f"{own}/b.bed line 3, {own}/a; track2/copy.bed, study/elements.parquet, /other/track1/a"
