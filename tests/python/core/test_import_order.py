"""Rooms of the library import one way only: from those that stand before them."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[3] / "python/crexpress"
ROOMS = (
    *("core", "formats", "prepare", "models", "data", "training", "baselines", "apply", "links", "interpret"),
    *("evaluate", "report", "pipeline", "simulate", "cli"),
)


def imported(path: Path) -> set[str]:
    """Rooms that a module imports from, anywhere in it, by name or as the place of something registered."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and ":" in node.value:
            names = [node.value.partition(":")[0]]
        rooms |= {name.split(".")[1] for name in names if name.startswith("crexpress.")}
    return rooms & set(ROOMS)


def test_no_room_imports_from_one_above_it() -> None:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        own = path.relative_to(PACKAGE)
        if len(own.parts) > 1:
            above = ROOMS[ROOMS.index(own.parts[0]) + 1 :]
            found |= {f"{own} -> {room}" for room in imported(path) if room in above}
    assert found == set()


def test_every_folder_is_a_room_and_a_package() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")} - {PACKAGE}
    assert {folder.relative_to(PACKAGE).parts[0] for folder in folders} == set(ROOMS)
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_no_file_is_long_without_a_reason_written_in_it() -> None:
    root = PACKAGE.parents[1]
    long = []
    files = [path for folder in ("python", "tests") for path in (root / folder).rglob("*.py")]
    for path in (*files, *(path for path in (root / "bin").iterdir() if path.is_file())):
        text = path.read_text()
        if text.count("\n") > 300 and "Above 300 lines" not in (ast.get_docstring(ast.parse(text)) or ""):
            long.append(path.name)
    assert long == []
