"""Files by address: the ENCODE case, with every host replaced by one on this machine that makes up the files."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from crexpress.formats import samplesheet
from launching import ROOT, Pipeline, tasks

pytestmark = pytest.mark.pipeline

CELLS = ("GM12878", "K562")


class Echo(BaseHTTPRequestHandler):
    """Every file holds its own path."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.path)))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[str]:
    """Address of the server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_the_encode_case_stages_its_files_under_their_own_names(pipeline: Pipeline, host: str) -> None:
    rows = [r for r in samplesheet.read(ROOT / "assets/test_full/human.csv") if r.cell in CELLS]
    sheet = pipeline.folder / "cells.csv"
    lines = [f"{r.cell},{r.assay},{r.file.replace('https://', host)},{r.replicate}" for r in rows]
    own = pipeline.folder / "own.bed"
    own.write_text("chr1\t1\t2\n")
    lines += [f"K562,ccres,{own},1", f"GM12878,ccres,{host}portal/cell.bed,1"]  # lists of cells, here and there
    sheet.write_text("cell,assay,file,replicate\n" + "\n".join(lines) + "\n")
    addresses = re.findall(r"(\w+) = 'https://(.*)'", (ROOT / "conf/test_full.config").read_text())
    assert {name for name, _ in addresses} == {"ccres", "gtf", "fasta", "motifs"}
    given = [part for name, address in addresses for part in (f"--{name}", host + address)]

    output = pipeline.run("-profile", "test_full", "-stub-run", "--samplesheet", sheet, *given, "--outdir", "out")
    assert {f"EXTRACT_SIGNALS ({cell})" for cell in CELLS} <= set(tasks(output))
    assert {f"BUILD_LOOPS ({cell})" for cell in CELLS} <= set(tasks(output))
    manifest = json.loads((pipeline.folder / "out/pipeline_info/manifest.json").read_text())
    staged = {(entry["file"], entry["sha256"]) for entry in manifest["inputs"]}
    assert ("own.bed", hashlib.sha256(own.read_bytes()).hexdigest()) in staged
    expected = [r.file for r in rows] + [f"https://{address}" for _, address in addresses] + ["https://portal/cell.bed"]
    for address in expected:
        path = "/" + address.removeprefix("https://")
        assert (path.split("/")[-1], hashlib.sha256(path.encode()).hexdigest()) in staged
