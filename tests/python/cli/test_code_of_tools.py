"""The folders that each tool is said to use (subworkflows/toolkit) are those that its code imports."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "python/crexpress"
TABLE = (ROOT / "subworkflows/toolkit/main.nf").read_text().partition("def uses()")[2].partition("]")[0]
USES = {tool: parts.split() for tool, parts in re.findall(r"'([\w-]+)': '([^']*)'", TABLE)}


def written(node: ast.JoinedStr, texts: dict[str, str]) -> str:
    """f"{_HERE}.loci:PART", an entry of a registry, with the texts of its module put in."""
    parts = [part.value.id if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name) else part
             for part in node.values]  # fmt: skip
    return "".join(texts.get(part, "") if isinstance(part, str) else str(getattr(part, "value", "")) for part in parts)


@cache
def imported(path: Path) -> list[Path]:
    """Modules of the library that a file imports or names as an entry of a registry, with the packages around them."""
    found, tree = [], ast.parse(path.read_text())
    texts = {
        node.targets[0].id: str(node.value.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: name the package in whole"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.JoinedStr) and ":" in (entry := written(node, texts)):
            names = [entry.partition(":")[0]]
        elif isinstance(node, ast.Constant) and re.match(r"crexpress\.(?!api:)[\w.]+:", str(node.value)):
            # an entry of core.registry; the API is for users of the library, and no tool (below)
            names = [str(node.value).partition(":")[0]]
        for parts in (name.split(".") for name in names if name.startswith("crexpress.")):
            stems = [ROOT.joinpath("python", *parts[: length + 1]) for length in range(1, len(parts))]
            found += [path for stem in stems for path in (stem.with_suffix(".py"), stem / "__init__.py")]
    return [path for path in found if path.is_file()]


def reached(tool: str) -> set[Path]:
    """All code that a tool can reach, itself included."""
    known: set[Path] = set()
    waiting = [ROOT / "bin" / tool]
    while waiting:
        path = waiting.pop()
        if path not in known:
            known.add(path)
            waiting += imported(path)
    return known


@pytest.mark.parametrize("tool", USES)
def test_the_folders_of_a_tool_are_those_that_it_imports(tool: str) -> None:
    """A folder too few, and -resume would serve the results of other code; one too many, and it re-runs in vain."""
    found = {path.relative_to(PACKAGE).parts[0] for path in reached(tool) - {ROOT / "bin" / tool}}
    assert len(found) > 1
    assert set(USES[tool]) == found, f"in subworkflows/toolkit write '{tool}': '{' '.join(sorted(found))}'"


def test_every_tool_of_a_module_is_listed() -> None:
    calls = "".join(path.read_text() for path in ROOT.glob("subworkflows/*/main.nf"))
    assert set(re.findall(r"tool\((?:gpu_)?code, '([\w-]+)'\)", calls)) == USES.keys()
    modules = {path.parent.name for path in ROOT.glob("modules/*/main.nf")} - {"check-setup", "multiqc", "ask"}
    assert modules <= USES.keys()  # those without one are asked by modules/ask


def test_no_tool_asks_the_package_for_what_it_imports_late() -> None:
    """Where one did, a change of that code would not re-run its tasks."""
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "bin").iterdir()]:
        for node in ast.walk(ast.parse(path.read_text())) if path.is_file() else ():
            if isinstance(node, ast.ImportFrom) and node.module == "crexpress":
                names = {alias.name for alias in node.names} - {"__version__"}
                assert all((PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file() for name in names), path
            of_api = {f"crexpress.{name}" for name in ("api", "asking", "readings")}
            asks_api = isinstance(node, ast.ImportFrom) and node.module in of_api
            assert not asks_api or path in (PACKAGE / "pl.py", PACKAGE / "readings.py"), path  # which no tool imports
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "crexpress":
                assert node.attr.startswith("__"), path
