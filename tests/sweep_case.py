"""What tests of sweeps share: a validated samplesheet, and check-sweep on it."""

import json
from pathlib import Path
from typing import Any

from click.testing import Result

from tools import run

ROOT = Path(__file__).parents[1]
SHEET = """cell,assay,file,replicate,column,role
A,dnase,a.bw,1,,train
A,ctcf,a.bw,1,,train
A,rna,a.tsv,1,,train
B,dnase,b.bw,1,,train
B,ctcf,b.bw,1,,train
B,rna,b.tsv,1,,train
C,dnase,c.bw,1,,predict
C,ctcf,c.bw,1,,predict
"""


def check(folder: Path, *arguments: object, grid: str | None = None, sheet: str = SHEET) -> Result:
    """What check-sweep says of a sweep.yml with the text `grid`, or of other options."""
    (folder / "sheet.csv").write_text(sheet)
    if grid is not None:
        (folder / "grid.yml").write_text(grid)
        arguments = ("--sweep", folder / "grid.yml", *arguments)
    given = arguments if "--" in arguments else (*arguments, "--", "--preset", "scpge-small")
    return run("check-sweep", "--samplesheet", folder / "sheet.csv", "--output", folder / "runs.json", *given)


def laid_out(folder: Path, *arguments: object, grid: str | None = None, sheet: str = SHEET) -> list[dict[str, Any]]:
    """The runs that it lays out."""
    result = check(folder, *arguments, grid=grid, sheet=sheet)
    assert result.exit_code == 0, result.output
    return json.loads((folder / "runs.json").read_text())
