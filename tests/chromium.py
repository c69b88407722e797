"""A page in headless Chromium, spoken to over a pipe (the DevTools protocol): no driver and no port is needed."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
)


AXE = Path(__file__).parents[1] / ".venv" / "share" / "axe" / "axe.min.js"


class Page:
    """One page: what it logged, which addresses it asked for; `ask` evaluates JavaScript in it."""

    def __init__(self, read: int, write: int) -> None:
        self._in, self._out, self._rest, self._number = read, write, b"", 0
        self._session: str | None = None
        self.faults: list[str] = []
        self.requests: list[str] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                found: dict[str, Any] = answer["result"]
                return found
            self._note(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._in, 1 << 16)
            assert part, "Chromium ended"
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        return found

    def _note(self, event: dict[str, Any]) -> None:
        name, about = event.get("method"), event.get("params", {})
        if name == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif name == "Runtime.exceptionThrown":
            self.faults.append(about["exceptionDetails"].get("exception", {}).get("description", "exception"))
        elif name == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.faults.append(about["entry"]["text"])
        elif name == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning"):
            self.faults.append(str(about["args"]))

    def ask(self, script: str) -> Any:
        """The value of an expression; promises are waited for."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str, tries: int = 200) -> None:
        """Wait until an expression is true, a tenth of a second at a time."""
        pause = f"new Promise((done) => setTimeout(() => done(Boolean({script})), 100))"
        assert any(self.ask(pause) for _ in range(tries)), f"{script} did not become true"

    def open(self, path: Path, width: int = 1400, height: int = 1000, dark: bool = False, scripts: bool = True) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for part in ("Runtime", "Log", "Network", "Page"):
            self.call(f"{part}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.call("Page.navigate", url=path.resolve().as_uri())

    def print_like(self, width: int) -> None:
        """As on paper of this width, in px."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", media="print", features=[])

    def tabbed(self, times: int) -> list[str]:
        """What has the focus after each press of the tab key, beginning at the top: tag, id and first words."""
        self.ask("document.activeElement.blur(); scrollTo(0, 0)")
        found = []
        for _ in range(times):
            for kind in ("keyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
            found.append(self.ask("((one) => `${one.tagName} #${one.id} ${one.textContent.trim().slice(0, 30)}`)"
                                  "(document.activeElement)"))  # fmt: skip
        return found

    def violations(self) -> list[tuple[str, str, list[str]]]:
        """What axe-core finds, with every folded part open: rule, impact, beginnings of the elements."""
        self.ask("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        self.ask(AXE.read_text() + "; 0")
        ask = "axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations.map((one) => "
        ask += "[one.id, one.impact, one.nodes.map((node) => node.html.slice(0, 200))]))"
        found: list[tuple[str, str, list[str]]] = self.ask(ask)
        return found

    def picture(self, path: Path, whole: bool = True) -> None:
        """A screenshot as PNG, of the whole page."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def browsing(folder: Path) -> Iterator[Page]:
    """Start Chromium with `folder` for its own files; it ends with the block."""
    their_in, our_out = os.pipe()
    our_in, their_out = os.pipe()
    far_in, far_out = (fcntl.fcntl(end, fcntl.F_DUPFD, 64) for end in (their_in, their_out))  # beyond 3 and 4
    command = [BROWSER, *_FLAGS, f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank"]
    started = ["bash", "-c", f'exec "$@" 3<&{far_in} 4>&{far_out}', "bash", *command]
    with subprocess.Popen(started, pass_fds=(far_in, far_out), stderr=subprocess.DEVNULL) as process:
        for end in (their_in, their_out, far_in, far_out):
            os.close(end)
        try:
            yield Page(our_in, our_out)
        finally:
            process.terminate()
            process.wait(20)
            os.close(our_in)
            os.close(our_out)
