"""A launch in the checkout itself, as in the first one that a new user does."""

import shutil
import subprocess
from pathlib import Path

import pytest

from launching import ROOT, Pipeline, tasks

pytestmark = pytest.mark.pipeline
PARSER = "v2"  # of Nextflow: stricter, a start in half the time


class Checkout(Pipeline):
    """The repository as git keeps it, links as links, with what is not committed yet; launched in its own folder."""

    def _copy_code(self) -> None:
        listed = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        for name in subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0"):
            source = ROOT / name
            if name and (source.exists() or source.is_symlink()):
                (self.project / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, self.project / name, follow_symlinks=False)
        self.folder = self.project


def test_a_checkout_is_launched_where_it_lies(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    assert (checkout.project / "python/crexpress/bin").resolve() == checkout.project / "bin"
    # past the listing of the code and the check that tasks find the same, as far as the first fault
    output = checkout.run("-profile", "test", "-stub-run", "--holdout_cells", "cell9", code=1)
    assert tasks(output) == ["MAKE_PLAN"]
    assert "cell9" in output
    assert "exit status" not in output  # the fault alone
