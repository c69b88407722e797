"""The run's own messages: how it ended, to a hook and by mail; MultiQC's page; parameters that are not defaults."""

import itertools
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from PIL import Image

from launching import Pipeline

pytestmark = pytest.mark.pipeline


@contextmanager
def hook(code: int) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """An address that takes JSON and answers with a code, and what it was told."""
    told: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(code)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/secret", told
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def mailbox() -> Iterator[tuple[int, list[str]]]:
    """A port that takes mail, and its lines."""
    lines: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rw", newline="\r\n") as text:
            text.write("220 here\r\n")
            text.flush()
            inside = False
            for line in text:
                lines.append(line.rstrip())
                inside = inside and lines[-1] != "."
                if not inside:
                    start = lines[-1].upper() == "DATA"
                    text.write("354 go on\r\n" if start else "250 ok\r\n")
                    text.flush()
                    inside = start

    Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], lines
    finally:
        listener.close()


def test_the_end_of_a_run_is_told_to_a_hook_and_by_mail_and_the_address_of_the_hook_to_nobody(
    pipeline: Pipeline,
) -> None:
    with hook(200) as (address, told), mailbox() as (port, lines):
        smtp = f"mail.smtp.host = '127.0.0.1'\nmail.smtp.port = {port}\nmail.from = 'run@here'\n"
        (pipeline.folder / "mail.config").write_text(smtp)
        wrong = ["-profile", "test", "--hook_url", address, "--email_on_fail", "me@here", "--holdout_cells", "cell9"]
        output = pipeline.run("-c", "mail.config", *wrong, "--outdir", "out", code=1)
    assert len(told) == 1
    assert told[0]["success"] is False
    assert "has failed" in str(told[0]["text"])
    assert any("me@here" in line for line in lines)
    assert any(line.startswith("Subject: crexpress") and "has failed" in line for line in lines)
    assert "Parameters that differ from their defaults:" in output
    assert "  holdout_cells          cell9" in output
    assert "  seed " not in output  # a default
    assert address not in output
    written = [path.read_text() for path in (pipeline.folder / "out/pipeline_info").glob("*.json")]
    assert written
    assert all(address not in text for text in written)


def test_a_mail_of_a_run_that_ended_well_has_its_summary_and_its_pages_below_a_size(pipeline: Pipeline) -> None:
    """As text and as a page, with the report attached; as text alone and without what is large, where that is asked."""
    made = {"report.html": "<p>page</p>" * 200, "summary.txt": "r 0.84 < 0.9\n", "multiqc/multiqc_report.html": "mqc"}
    (pipeline.folder / "mail.nf").write_text(
        "include { tell_of_end } from './project/subworkflows/notify'\n"
        "workflow {\n    main:\n    channel.of(1)\n"
        "    workflow.onComplete = { tell_of_end(params + [outdir: 'told', email: 'me@here'], '') }\n}\n"
    )
    for name, text in made.items():
        path = pipeline.folder / "told" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def sent(*words: str) -> Message:
        with mailbox() as (port, lines):
            smtp = f"mail.smtp.host = '127.0.0.1'\nmail.smtp.port = {port}\nmail.from = 'run@here'\n"
            (pipeline.folder / "mail.config").write_text(f"{smtp}manifest.name = 'me/mine'\n")
            output = pipeline.nextflow("-c", "mail.config", "run", "mail.nf", *words)
        assert "could not be sent" not in output, output
        start, end = lines.index("DATA"), lines.index(".")
        return message_from_string("\n".join(lines[start + 1 : end]))

    def parts(message: Message) -> dict[str, str]:
        leaves = [part for part in message.walk() if not part.is_multipart()]
        return {
            part.get_filename() or part.get_content_type(): part.get_payload(decode=True).decode() for part in leaves
        }

    whole = parts(sent("--max_multiqc_email_size", "25.MB"))
    assert {"report.html", "multiqc_report.html", "text/plain", "text/html"} == whole.keys()
    assert whole["report.html"] == made["report.html"]
    assert "r 0.84 < 0.9" in whole["text/plain"]
    assert "r 0.84 &lt; 0.9" in whole["text/html"]
    small = parts(sent("--max_multiqc_email_size", "1.KB", "--plaintext_email", "true"))
    assert {"multiqc_report.html", "text/plain"} == small.keys()
    assert "r 0.84 < 0.9" in small["text/plain"]


def test_a_run_that_ends_well_says_so_and_a_hook_that_does_not_answer_is_a_warning(pipeline: Pipeline) -> None:
    with hook(500) as (address, told):
        output = pipeline.run("-profile", "test", "-preview", "--hook_url", address, "--outdir", "out")
    assert [one["success"] for one in told] == [True]
    assert "WARN: --hook_url: the message could not be sent (the address answers 500)" in output
    assert "Done: a preview, in which no task has run" in output
    assert "Done: open" not in output  # no page is there


def test_training_says_at_the_terminal_how_far_it_is(pipeline: Pipeline) -> None:
    """The last line that counts something, once each; a task that is done at once says nothing."""
    (pipeline.folder / "long.nf").write_text(
        "include { show_progress } from './project/subworkflows/notify'\n"
        "process TRAIN {\n    tag 'small'\n    output:\n    path 'a'\n    script:\n"
        "    '''\n    echo 'a note on 3 cells' >&2\n"
        "    echo 'step 50/100: training loss 0.5; 6 s left' >&2\n    sleep 6\n"
        "    echo 'step 100/100: training loss 0.4' >&2\n    echo 'model: kept' >&2\n    touch a\n    '''\n}\n"
        "process SHORT {\n    input:\n    path a\n    script:\n    'echo tracks: 4/4 >&2; sleep 6'\n}\n"
        "workflow {\n    show_progress()\n    SHORT(TRAIN())\n}\n"
    )
    output = pipeline.nextflow("run", "long.nf", "-work-dir", "work-long")
    said = [line for line in output.splitlines() if line.startswith("TRAIN (small): ")]
    assert [line.split(";")[0] for line in said] == [
        "TRAIN (small): step 50/100: training loss 0.5",
        "TRAIN (small): step 100/100: training loss 0.4",
    ]
    log = Path(said[0].rpartition("its log: ")[2])
    assert "step 100/100" in log.read_text()
    assert "4/4" not in output


def test_a_run_that_is_stopped_says_so_and_goes_on(pipeline: Pipeline) -> None:
    """Ctrl-C: nothing is to be fixed, and the tasks that were done are not done again."""
    (pipeline.folder / "stopped.nf").write_text(
        "include { tell_of_end } from './project/subworkflows/notify'\n"
        "process FIRST {\n    output:\n    path 'a'\n    script:\n    'touch a'\n}\n"
        "process SECOND {\n    input:\n    path a\n    script:\n"
        "    \"[[ -e '${workflow.launchDir}/quick-now' ]] || { touch '${workflow.launchDir}/began'; sleep 120; }\"\n}\n"
        "workflow {\n    main:\n    SECOND(FIRST())\n"
        "    workflow.onComplete = { tell_of_end([outdir: 'out'], '') }\n}\n"
    )
    (pipeline.folder / "named.config").write_text("manifest.name = 'me/mine'\n")
    words = ["-c", "named.config", "run", "stopped.nf", "-work-dir", "work-stopped"]
    process = pipeline.start(*words)
    while process.poll() is None and not (pipeline.folder / "began").exists():
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate()
    assert process.returncode != 0
    assert "Stopped: -resume goes on from there" in output, output
    assert "Failed" not in output
    (pipeline.folder / "quick-now").touch()
    again = pipeline.nextflow(*words, "-resume")
    assert "Cached process > FIRST" in again


@pytest.mark.usefixtures("multiqc")
def test_multiqc_gets_figures_parameters_and_versions(pipeline: Pipeline) -> None:
    figures = {"id": "figures", "plot_type": "table", "data": {"cell1": {"r": 0.5}}}
    (pipeline.folder / "figures_mqc.json").write_text(json.dumps(figures))
    found = {"crexpress": "0.1.0", "python": "3.11.2", "packages": {"torch": "2.13.0+cpu"}}
    (pipeline.folder / "setup.json").write_text(json.dumps(found))
    (pipeline.folder / "own config.yml").write_text("report_comment: ours\n")
    Image.new("RGB", (40, 40), "red").save(pipeline.folder / "our logo.png")
    (pipeline.folder / "multiqc.nf").write_text(
        "include { MULTIQC ; multiqc_parameters ; multiqc_software } from './project/modules/multiqc'\n"
        "workflow {\n"
        "    point = [name: 'all', folder: 'points/all/']\n"
        "    parameters = multiqc_parameters([steps: 3, crispr: \"a=<b>&'c'.tsv\", window: null])\n"
        "    config = file('project/assets/multiqc_config.yml')\n"
        "    MULTIQC([point, file('figures_mqc.json')], [config, file('own config.yml')], [file('our logo.png')],\n"
        "        \"the lab's\", parameters, multiqc_software(file('setup.json')))\n"
        "}\n"
    )
    pipeline.nextflow("run", "multiqc.nf", "-work-dir", "work-multiqc")
    (page,) = pipeline.folder.glob("work-multiqc/*/*/points/all/multiqc/multiqc_report.html")
    folder = page.parents[3]
    given = json.loads((folder / "parameters_mqc.json").read_text())
    assert given["id"] in (pipeline.project / "assets/multiqc_config.yml").read_text()
    assert "<dt>steps</dt><dd><samp>3</samp></dd>" in given["data"]
    assert "a=&lt;b>&amp;'c'.tsv" in given["data"]
    assert "window" not in given["data"]
    software = yaml.safe_load((folder / "software_mqc_versions.yml").read_text())
    assert software["Packages"] == found["packages"]
    assert software["Workflow"]["crexpress"] == "0.1.0"
    if (folder / "words.txt").exists():  # of the stand-in
        words = (folder / "words.txt").read_text().splitlines()
        told = {name: [b for a, b in itertools.pairwise(words) if a == name] for name in words}
        assert told["--config"] == ["config1/multiqc_config.yml", "config2/own config.yml"]
        assert told["--title"] == ["the lab's"]
        assert (folder / json.loads(told["--cl-config"][0])["custom_logo"]).is_file()
    else:
        text = page.read_text()
        assert "the lab's" in text.replace("&#39;", "'")
        assert "ours" in text
        assert "data:image/png;base64" in text
