"""Settings that are parameters of the pipeline: its schema, defaults and list follow from the library."""

import json
import re
import subprocess
from pathlib import Path

from crexpress.pipeline.parameters import declared, renewed

ROOT = Path(__file__).parents[3]


def test_the_schema_has_the_settings_as_they_are_declared() -> None:
    schema = json.loads((ROOT / "nextflow_schema.json").read_text())
    assert renewed(schema) == schema, "run `make docs`"
    assert {"steps", "seed", "anchored"} <= set(declared())
    learning = schema["$defs"]["learning"]["properties"]
    assert learning["track_dropout"]["maximum"] == 0.9
    del learning["steps"]
    assert renewed(schema) != schema


def test_the_list_of_parameters_is_current() -> None:
    made = subprocess.run([ROOT / ".ci/parameters-table"], capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/parameters.md").read_text() == made, "run `make docs`"


def test_the_configuration_has_each_with_its_default() -> None:
    text = (ROOT / "nextflow.config").read_text()
    for name, one in declared().items():
        default = json.dumps(one.default) if one.source else "null"
        assert re.search(rf"^    {name} = {default}\b", text, re.MULTILINE), name
