"""What `make setup` makes, and what a task's machine says of itself."""

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tools import run

ROOT = Path(__file__).parents[3]
IMAGE = "sha256:" + "1a" * 32


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_nextflow_of_the_setup_asks_for_no_update_and_may_fetch_plugins(tmp_path: Path) -> None:
    """NXF_OFFLINE would keep the one of s3:// and AWS Batch from coming. Maven, pip and Java are scripts here."""
    installer = tmp_path / ".ci/install-nextflow"
    script(installer, "")
    installer.write_text((ROOT / ".ci/install-nextflow").read_text())
    script(tmp_path / "launcher", "env")
    script(tmp_path / ".venv/bin/pip", f"cp {tmp_path}/launcher {tmp_path}/.venv/bin/nextflow")
    script(tmp_path / "java/bin/java", "echo 'openjdk version \"21.0.1\"' >&2")
    script(tmp_path / "path/mvn", f"echo jar >{tmp_path}/.venv/share/nextflow/nextflow-25.04.4-one.jar")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NXF_")}
    environment = clean | {"NXF_JAVA_HOME": f"{tmp_path}/java", "PATH": f"{tmp_path}/path:/usr/bin:/bin"}
    subprocess.run(["bash", installer], env=environment, check=True)

    def variables(**own: str) -> dict[str, str]:
        command = [tmp_path / ".venv/bin/nextflow"]
        text = subprocess.run(command, env=environment | own, capture_output=True, text=True, check=True).stdout
        return dict(line.split("=", 1) for line in text.splitlines() if line.startswith("NXF_"))

    found = variables()
    assert "NXF_OFFLINE" not in found
    assert found["NXF_DISABLE_CHECK_LATEST"] == "true"
    assert found["NXF_BIN"].endswith("nextflow-25.04.4-one.jar")
    assert variables(NXF_OFFLINE="true", NXF_DISABLE_CHECK_LATEST="false").items() >= {
        ("NXF_OFFLINE", "true"),
        ("NXF_DISABLE_CHECK_LATEST", "false"),
    }


SETTINGS = """:env:.default-timeout='180'
:env:.index-url='https://mirror.of.env/simple'
global.cert='/etc/bundle.crt'
global.extra-index-url='\\nhttps://one/simple\\nhttps://two/simple'
global.find-links='\\n/wheels/one\\n/wheels/two'
global.index-url='https://mirror.of.file/simple'
install.index-url='https://mirror.of.install/simple'"""


@pytest.mark.parametrize("fails", [False, True])
def test_packages_come_by_uv_with_the_settings_of_pip_and_by_pip_where_uv_fails(tmp_path: Path, fails: bool) -> None:
    """pip and uv are scripts here; uv itself reads none of pip's settings."""
    asked = tmp_path / "asked"
    script(tmp_path / "settings", "")
    (tmp_path / "settings").write_text(SETTINGS)
    script(
        tmp_path / "bin/pip", f'[ "$1" = config ] && cat {tmp_path}/settings && exit; echo "pip $*" >>{asked}; exit 0'
    )
    script(tmp_path / "bin/uv", f'echo "uv $*" >>{asked}; env >{tmp_path}/env; exit {int(fails)}')
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "SSL_"))}
    command = [sys.executable, ROOT / ".ci/install-packages", tmp_path, "--constraint", "lock", "--editable", ".[test]"]
    done = subprocess.run(command, env=clean | {"UV_INDEX": "https://own/simple"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    own = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert own["UV_DEFAULT_INDEX"] == "https://mirror.of.env/simple"  # pip's environment goes before its files
    assert own["UV_INDEX"] == "https://own/simple"  # uv's own variables go before pip's
    assert (own["SSL_CERT_FILE"], own["UV_HTTP_TIMEOUT"]) == ("/etc/bundle.crt", "180")
    bring, install, *rest = asked.read_text().splitlines()
    assert bring.startswith("pip install --quiet uv==")
    assert install == f"uv pip install --quiet --python {tmp_path}/bin/python --constraint lock --editable .[test]"
    assert rest == (["pip install --quiet --constraint lock --editable .[test]"] if fails else [])
    assert ("pip does it now" in done.stderr) is fails


def test_every_package_of_the_lock_has_its_hashes() -> None:
    """`.ci/lock-hashes` writes them."""
    version = r"(?m)^([\w.-]+)==([^\s;\\]+)"
    lock = re.findall(version, (ROOT / "requirements.lock").read_text())
    hashes = re.findall(
        version + r".*((?:\n +--hash=sha256:[0-9a-f]{64}.*)+)", (ROOT / "requirements.hashes").read_text()
    )
    assert len(lock) > 100
    assert {(name.lower().replace("_", "-"), number) for name, number in lock} == {
        (name.lower().replace("_", "-"), number) for name, number, _ in hashes
    }


def test_images_stand_on_one_base_that_its_digest_names(tmp_path: Path) -> None:
    """The engine is a script here: what containers/build asks of it, and what Apptainer is told."""
    base = r"(?:docker\.io/library/)?(python@sha256:[0-9a-f]{64})"
    files = [(ROOT / "containers" / name).read_text() for name in ("Dockerfile", "apptainer.def")]
    named = re.findall(rf"(?m)^(?:ARG BASE| +base)={base}$", "\n".join(files))
    assert [named[0]] * 3 == named
    script(tmp_path / "engine", f'echo "$*" >>{tmp_path}/asked')
    engine = {"ENGINE": f"{tmp_path}/engine", "TORCH_INDEX": "index"}
    for own in ({}, {"BASE": "mine:1"}):
        subprocess.run(["bash", ROOT / "containers/build", "cpu"], env=os.environ | engine | own, check=True)
    asked = re.findall(r"--build-arg BASE=(\S+)", (tmp_path / "asked").read_text())
    assert asked == [f"docker.io/library/{named[0]}", "mine:1"]


class Agent(BaseHTTPRequestHandler):
    """ECS's, which tells a container of itself."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/v4/one" else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"Image": "registry/crexpress-cpu:0.1.0", "ImageID": IMAGE}).encode())

    def log_message(self, *_: object) -> None:
        pass


def test_a_task_on_aws_batch_names_the_digest_of_its_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = tmp_path / "setup.json"
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # the agent is on the machine itself
    with ThreadingHTTPServer(("127.0.0.1", 0), Agent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, image in (("one", IMAGE), ("gone", None)):
            monkeypatch.setenv("ECS_CONTAINER_METADATA_URI_V4", f"http://127.0.0.1:{server.server_port}/v4/{name}")
            run("check-setup", "--device", "cpu", "--output", found)
            assert json.loads(found.read_text())["image"] == image
        server.shutdown()
    monkeypatch.delenv("ECS_CONTAINER_METADATA_URI_V4")
    run("check-setup", "--device", "cpu", "--output", found)
    assert json.loads(found.read_text())["image"] is None
