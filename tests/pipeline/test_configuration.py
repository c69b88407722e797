"""What can be known of the pipeline without running a task."""

import json
import re
import subprocess

import pytest
from launching import ROOT, Pipeline

pytestmark = pytest.mark.pipeline

CASES = ["k562", "test", "chr20", "test_full", "test_full_mouse"]
SINGLE = ["standard", *CASES, "docker", "podman", "apptainer", "singularity", "conda"]
MACHINES = ["gpu", "slurm", "awsbatch"]
TOGETHER = [
    "k562,docker,gpu",
    "test,podman",
    "test,apptainer,gpu",
    "test_full,slurm,gpu",
    "test,awsbatch",
    "k562,awsbatch,gpu",
]


@pytest.fixture(scope="module")
def schema() -> dict:
    return json.loads((ROOT / "nextflow_schema.json").read_text())


def flat_config(pipeline: Pipeline, profile: str) -> dict[str, str]:
    text = pipeline.nextflow("config", pipeline.project, "-profile", profile, "-o", "flat")
    return dict(re.findall(r"^([^ ]+) = (.*)$", text, re.MULTILINE))


def test_linter_has_nothing_to_say(pipeline: Pipeline) -> None:
    output = pipeline.nextflow(
        "lint", *(pipeline.project / part for part in ("main.nf", "modules", "subworkflows", "conf"))
    )
    assert "had no errors" in output
    assert not re.search(r"\b(Warn|Error)\b", output), output


@pytest.mark.parametrize("profile", SINGLE + MACHINES + TOGETHER)
def test_every_profile_resolves_and_keeps_what_tasks_ask_for(pipeline: Pipeline, profile: str) -> None:
    config = flat_config(pipeline, profile)
    gpu = "process.'withLabel:process_gpu'."
    # a selector in a profile would replace these
    assert {f"{gpu}cpus", f"{gpu}memory", f"{gpu}time", f"{gpu}accelerator", f"{gpu}containerOptions"} <= config.keys()
    assert config[f"{gpu}maxForks"] == "1"
    assert config["params.use_gpu"] == ("true" if "gpu" in profile.split(",") else "false")
    for engine in ("docker", "podman", "apptainer", "singularity", "conda"):
        assert config.get(f"{engine}.enabled", "false") == ("true" if engine in profile.split(",") else "false")


def test_parameters_and_schema_agree(pipeline: Pipeline, schema: dict) -> None:
    properties = {name: value for group in schema["$defs"].values() for name, value in group["properties"].items()}
    config = {
        name.removeprefix("params."): value.strip("'")
        for name, value in flat_config(pipeline, "standard").items()
        if name.startswith("params.")
    }
    assert config == {name: json.dumps(value.get("default")).strip('"') for name, value in properties.items()}
    assert all(value.get("description") for value in properties.values())
    assert {ref["$ref"].split("/")[-1] for ref in schema["allOf"]} == set(schema["$defs"])


def test_the_list_of_parameters_is_current() -> None:
    made = subprocess.run([ROOT / ".ci/parameters-table"], capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/parameters.md").read_text() == made, "run `make docs`"
