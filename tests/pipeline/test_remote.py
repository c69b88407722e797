"""Files by address: the ENCODE case, with every host replaced by one on this machine that makes up the files."""

import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from crexpress.formats import samplesheet
from launching import ROOT, Pipeline, tasks

pytestmark = pytest.mark.pipeline
PARSER = "v2"  # of Nextflow: stricter, a start in half the time

CELLS = ("GM12878", "K562")


class Echo(BaseHTTPRequestHandler):
    """Every file holds its own path, but one whose name begins with "no" is not there, nor is it given where "mine".

    Of one that begins with "half" no more than that ever comes, of one that begins with "silent" nothing.
    """

    ended = threading.Event()

    def do_HEAD(self) -> None:
        name = self.path.split("/")[-1]
        if name.startswith("silent"):
            self.ended.wait()
        self.send_response(404 if name.startswith("no") else 403 if name.startswith("mine") else 200)
        self.send_header("Content-Length", str(len(self.path)))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        if self.path.split("/")[-1].startswith("half"):
            self.wfile.write(self.path.encode()[: len(self.path) // 2])
            self.wfile.flush()
            self.ended.wait()
        else:
            self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[str]:
    """Address of the server."""
    Echo.ended.clear()  # set by the test before
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        Echo.ended.set()
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


def test_addresses_that_cannot_be_fetched_are_told_before_the_start(pipeline: Pipeline, host: str) -> None:
    with socket.socket() as free:  # a port that nothing listens at, once it is closed
        free.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{free.getsockname()[1]}"
    sheet = pipeline.folder / "cells.csv"
    bad = ("rna,1", f"{host}nothing.tsv"), ("rna,2", f"{host}mine.tsv"), ("rna,3", f"http://{closed}/a.tsv")
    rows = [("dnase,1", f"{host}good.bw"), *bad, ("loops,1", "http://nowhere.invalid/a.bedpe")]
    lines = [f"K,{assay},{file},{number}\n" for kind, file in rows for assay, number in [kind.split(",")]]
    sheet.write_text("cell,assay,file,replicate\n" + "".join(lines))
    test = ROOT / "assets/test"
    own = ["--samplesheet", sheet, "--tracks", "dnase", "--outdir", "out", "--gtf", test / "genes.gtf.gz"]
    own += ["--ccres", test / "ccres.bed.gz", "--fasta", test / "genome.fa.gz"]
    output = pipeline.run("-stub-run", *own, code=1)
    title = f"{sheet} names addresses that cannot be fetched:"
    assert title in output, output
    told = [line.strip() for line in output.split(title)[1].splitlines()[1:5]]
    assert told == [
        f"{closed}: cannot be reached, or refuses the connection (1 file)",
        "nowhere.invalid: no host of this name is found (1 file)",
        f"row 3 (K, rna): {host}nothing.tsv: its host has no such file (404)",
        f"row 4 (K, rna): {host}mine.tsv: its host does not give it to this machine (403)",
    ]
    assert "good.bw" not in output
    assert "no network" not in output  # one host answers
    assert tasks(output) == ["MAKE_PLAN"]

    lines = [f"K,dnase,http://{closed}/a.bw,1\n", f"K,rna,http://{closed}/a.tsv,1\n"]
    sheet.write_text("cell,assay,file,replicate\n" + "".join(lines))
    output = pipeline.run("-stub-run", *own, code=1)
    assert f"{closed}: cannot be reached, or refuses the connection (2 files)" in output
    assert "if this machine reaches no network, download the files" in output


def test_a_host_that_stops_in_the_middle_of_a_file_ends_the_run(pipeline: Pipeline, host: str) -> None:
    """After a minute without a byte, three times; here after a second. One that never answers is told at the start."""
    addresses = pipeline.project / "subworkflows/addresses/main.nf"
    whole = addresses.read_text()
    assert "'60000'" in whole
    addresses.write_text(whole.replace("'60000'", "'1000'"))
    try:
        chosen = ["-profile", "test", "-stub-run", "--outdir", "out"]
        output = pipeline.run(*chosen, "--gtf", f"{host}half.gtf", code=1)
        silent = pipeline.run(*chosen, "--gtf", f"{host}silent.gtf", code=1)
    finally:
        addresses.write_text(whole)
    assert f"Can't stage file {host}half.gtf -- reason: Read timed out" in output
    assert f"--gtf: there is no file {host}silent.gtf, or it cannot be reached" in silent
    assert not tasks(silent)
