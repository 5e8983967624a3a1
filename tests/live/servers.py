"""Real servers on loopback: the gateway under gunicorn, and the fake provider behind it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKER_CLASSES = ("gevent", "gthread")


@dataclass(frozen=True)
class Server:
    """A running server. `url` has no trailing slash."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def output(self) -> str:
        return self.log.read_text(errors="replace")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Nothing of the tester's own, such as a provider's key or a proxy, but the mode: PATCHBAY_FAST_PATH=off is plain."""
    names = ("PATH", "HOME", "LANG", "TMPDIR", "PATCHBAY_FAST_PATH")
    kept = {name: value for name, value in os.environ.items() if name in names}
    return {**kept, "PYTHONPATH": str(ROOT), **(extra or {})}


@contextlib.contextmanager
def running(
    arguments: list[str], port: int, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run `python -m proxy <arguments>` until the block ends; ready when its port answers."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "proxy", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=clean_environment(environment),
            start_new_session=True,
        )
    server = Server(port, process, log)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        _stop(process)


@contextlib.contextmanager
def gateway(
    config: Mapping[str, object] | None,
    directory: Path,
    worker_class: str = "gevent",
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
    arguments: tuple[str, ...] = (),
) -> Iterator[Server]:
    """The gateway with a configuration given as an object; None is the built-in demo."""
    port = free_port()
    given = ["serve", "--port", str(port), "--worker-class", worker_class, "--workers", str(workers), *arguments]
    if config is not None:
        path = directory / f"config-{port}.yaml"
        path.write_text(yaml.safe_dump(dict(config)))
        given += ["--config", str(path)]
    with running(given, port, directory / f"gateway-{port}.log", environment) as server:
        yield server


@contextlib.contextmanager
def mock_provider(directory: Path) -> Iterator[Server]:
    port = free_port()
    with running(["mock", "--port", str(port)], port, directory / f"mock-{port}.log") as server:
        yield server


def _wait_until_ready(server: Server, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise AssertionError(f"the server ended with {server.process.returncode}:\n{server.output()}")
        try:
            with urllib.request.urlopen(server.url + "/livez", timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not answer within {seconds} s:\n{server.output()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    # To the parent alone, as an operator does: it tells its workers in its own order.
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
