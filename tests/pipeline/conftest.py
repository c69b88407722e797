"""Each module of pipeline tests shares a launch folder."""

import shutil

import pytest

from launching import Pipeline


@pytest.fixture(scope="module")
def pipeline(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """One launch folder a test module, so that its tests share what is cached; by the PARSER it names."""
    return Pipeline(tmp_path_factory.mktemp("launch"), getattr(request.module, "PARSER", "v1"))


@pytest.fixture
def multiqc(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """MultiQC, or a stand-in for it where it is not installed."""
    if not shutil.which("multiqc"):
        folder = pipeline.folder / "stand-in"
        folder.mkdir(exist_ok=True)
        (folder / "multiqc").write_text(
            "#!/bin/bash\nset -eu\n[[ $1 != --version ]] || { echo multiqc, version 0; exit; }\n"
            "printf '%s\\n' \"$@\" >words.txt\nwhile [[ $1 != --outdir ]]; do shift; done\n"
            "[[ -d $2 ]]\nmkdir $2/multiqc_report_data\necho *mqc* >$2/multiqc_report.html\n"
        )
        (folder / "multiqc").chmod(0o755)
        monkeypatch.setitem(pipeline.environment, "PATH", f"{folder}:{pipeline.environment['PATH']}")
