"""The benchmarks of data preparation still run, and the generated cell type is what they say it is."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
pytestmark = pytest.mark.slow


def bench(script: str, *options: str) -> str:
    done = subprocess.run([sys.executable, BENCHMARKS / script, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_rehearsal_makes_the_elements_of_its_scale(tmp_path: Path) -> None:
    output = bench("rehearse_data.py", "--scales", "0.001", "--motifs", "3", "--folder", str(tmp_path))
    assert "1,064 cCREs -> 727 elements; 19 genes on 24 chromosomes" in output
    steps = ("merge-ccres", "score-motifs", "extract-signals", "quantify-expression BAM", "build-loops", "together")
    assert all(f"\n{step} " in output for step in steps)
    assert not list(tmp_path.iterdir())  # gigabytes at full scale: nothing stays behind


def test_growth_is_shown_per_hundredth_of_the_genome(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import rehearse_data

    costs = {scale: {"train": rehearse_data.Cost(1, 2 + 30 * scale, 0, 0, 0)} for scale in (0.01, 0.1, 1.0)}
    rehearse_data.show_growth(costs)
    assert capsys.readouterr().out.splitlines()[-1].split() == ["train", "2.3", "5.0", "32.0", "0.300", "0.300"]


def test_the_encoder_benchmark_says_what_it_lacks() -> None:
    assert "give its code/encode.py" in bench("bench_encoder.py")
