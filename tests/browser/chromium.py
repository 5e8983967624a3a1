"""A headless Chromium, spoken to through a pipe in its DevTools protocol: no driver, no further package.

https://chromedevtools.github.io/devtools-protocol/. With --remote-debugging-pipe the browser reads commands from its
descriptor 3 and writes answers and events to 4, JSON ended by a zero byte.
"""

import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 30.0


def find_chromium() -> str | None:
    """CHROMIUM in the environment, or one of the usual names on the path."""
    return os.environ.get("CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """A tab. `problems` are the console's errors and warnings, and uncaught exceptions."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = commands
        self._answers = answers
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        # The loader of the document that was loaded last.
        self._loaded: str | None = None
        self.problems: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self._call("Page.setLifecycleEventsEnabled", enabled=True)

    def open(self, url: str) -> None:
        """Wait for the load of this very navigation: an event of the page before may still be on its way."""
        loader = self._call("Page.navigate", url=url)["loaderId"]
        self._wait_until(lambda: self._loaded == loader)

    def run(self, script: str) -> Any:
        """The value of an expression on the page."""
        result = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def press(self, key: str, *, loads: bool = False) -> None:
        """A key of the keyboard; `loads`: it brings another page."""
        codes = {"Tab": (9, ""), "Enter": (13, "\r")}
        loaded = self._loaded
        code, text = codes[key]
        self._call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, text=text)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)
        if loads:
            self._wait_until(lambda: self._loaded != loaded)

    def wait_for(self, script: str) -> None:
        """Until an expression on the page is true."""
        deadline = time.monotonic() + SECONDS
        while not self.run(script):
            assert time.monotonic() < deadline, f"this never became true: {script}"
            time.sleep(0.02)

    def type(self, text: str) -> None:
        self._call("Input.insertText", text=text)

    def look(self, *, dark: bool = False, width: int = 1200, scripts: bool = True) -> None:
        """How the page is looked at, from its next loading on."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self._call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            self._take(deadline)

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + SECONDS
        while True:
            answer = self._take(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def _take(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            block = os.read(self._answers, 1 << 16)
            assert block, "the browser has gone"
            self._buffer += block
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        self._note(message)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        method, facts = event.get("method"), event.get("params", {})
        if method == "Page.lifecycleEvent" and facts["name"] == "load":
            self._loaded = facts["loaderId"]
        elif method == "Log.entryAdded" and facts["entry"]["level"] in ("error", "warning"):
            self.problems.append(f"{facts['entry']['text']} {facts['entry'].get('url', '')}")
        elif method == "Runtime.exceptionThrown":
            self.problems.append(facts["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled" and facts["type"] in ("error", "warning"):
            self.problems.append(str(facts["args"]))


@contextlib.contextmanager
def running_chromium(binary: str, profile: Path) -> Iterator[Page]:
    """A browser with an empty profile that talks to nobody but the page."""
    to_browser, from_us = os.pipe()
    from_browser, to_us = os.pipe()
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --no-proxy-server --remote-debugging-pipe"
    ).split()

    def arrange() -> None:
        # Above the numbers that they are to get, so that the one does not overwrite the other.
        high = (os.dup2(to_browser, 103), os.dup2(to_us, 104))
        os.dup2(high[0], 3)
        os.dup2(high[1], 4)

    process = subprocess.Popen(
        [binary, *flags, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=False,
        preexec_fn=arrange,  # noqa: PLW1509  no thread of this process holds a lock that it would need
    )
    os.close(to_browser)
    os.close(to_us)
    try:
        yield Page(from_us, from_browser)
    finally:
        process.terminate()
        process.wait(20)
        os.close(from_us)
        os.close(from_browser)
