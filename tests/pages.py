"""The commands that stand on the pages of docs/ and in the README, as words."""

import re
import shlex
from pathlib import Path

from tools import TOOLS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(page: Path) -> list[list[str]]:
    """Indented or fenced lines of a page that call Nextflow, make or a tool of ours, as words."""
    text = re.sub(r"\\\n\s*", " ", page.read_text())
    text = re.sub(r"\$\([^()]*\)", "$WORDS", text)  # what the shell writes there
    lines = re.findall(r"^    +(\S.*)$", text, re.MULTILINE)
    for block in re.findall(r"```(?:bash|sh)?\n(.*?)```", text, re.DOTALL):
        lines += [line.strip() for line in block.splitlines()]
    found = []
    for line in lines:
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        words = words[: words.index("&&")] if "&&" in words else words
        if words[:1] == ["crexpress"] and words[1:2] != ["doctor"]:
            words = words[1:]
        if words[:2] == ["nextflow", "run"] or (words and words[0] in {*TOOLS, "make"}):
            found.append(words)
    return found


OTHERS = ("git", "python", "torchrun", "sed", "aws", "docker", "podman", "apptainer", "containers/build", "export")


def of_other_programs(page: Path) -> list[str]:
    """Indented lines of a page that call another program than Nextflow, make and our tools."""
    text = re.sub(r"\\\n\s*", " ", page.read_text())
    lines = re.findall(r"^    +(\S.*)$", text, re.MULTILINE)
    return [line for line in lines if line.split()[0] in OTHERS and not line.startswith("export PATH")]
