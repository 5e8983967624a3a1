"""What neighbours, full tables and small machines do to good calls: nothing."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.http import request
from tests.live.servers import ROOT, WORKER_CLASSES, Server, clean_environment, free_port, gateway

KEY = {"authorization": "Bearer sk-hard-times-key-0123456789"}
CONFIG: dict[str, Any] = {
    "model_list": [{"model_name": "m", "litellm_params": {"model": "mock/m", "mock_response": "hello"}}],
    "general_settings": {"master_key": KEY["authorization"].removeprefix("Bearer "), "send_timeout": 2},
}
CALL = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
SILENT = 2000
# What a good call may take while others misbehave; alone it takes some milliseconds.
MOST_SECONDS = 2.0


@contextlib.contextmanager
def sockets(server: Server, count: int, first: bytes = b"") -> Iterator[list[socket.socket]]:
    opened: list[socket.socket] = []
    try:
        for _ in range(count):
            opened.append(socket.create_connection(("127.0.0.1", server.port), timeout=5))
            if first:
                opened[-1].sendall(first)
        yield opened
    finally:
        for one in opened:
            one.close()


def good_calls(server: Server, count: int = 10) -> list[float]:
    """The seconds that each took; each on a connection of its own."""
    taken = []
    for _ in range(count):
        started = time.monotonic()
        answer = request(server, "POST", "/v1/chat/completions", CALL, KEY)
        assert answer.status == 200
        taken.append(time.monotonic() - started)
    return taken


@pytest.mark.parametrize(
    "first", [b"", b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"], ids=["silent", "half a head"]
)
@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_good_calls_and_probes_are_answered_beside_2000_idle_sockets(
    worker_class: str, first: bytes, tmp_path: Path
) -> None:
    with (
        gateway(CONFIG, tmp_path, worker_class) as server,
        sockets(server, SILENT, first if worker_class == "gevent" else b""),
    ):
        assert max(good_calls(server)) < MOST_SECONDS
        assert request(server, "GET", "/livez").status == 200


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_probe_is_answered_beside_64_half_heads(worker_class: str, tmp_path: Path) -> None:
    with gateway(CONFIG, tmp_path, worker_class) as server, sockets(server, 64, b"GET /livez HTTP/1.1\r\n"):
        started = time.monotonic()
        assert request(server, "GET", "/livez", timeout=30).status == 200
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_good_calls_are_answered_with_256_descriptors(worker_class: str, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    config = tmp_path / "config.yaml"
    import yaml

    config.write_text(yaml.safe_dump(CONFIG))
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", 'ulimit -n 256; exec "$@"', "sh", sys.executable, "-m", "proxy", "serve", "--config", str(config),
             "--port", str(port), "--worker-class", worker_class],
            stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, env=clean_environment(),
        )  # fmt: skip
    server = Server(port, process, log)
    try:
        wait_for(server)
        with sockets(server, 400):
            assert max(good_calls(server)) < MOST_SECONDS
        assert "256 descriptors are enough for" in server.output()
        assert "Traceback" not in server.output()
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_stop_does_not_wait_for_idle_connections_or_a_reader_that_takes_nothing(
    worker_class: str, tmp_path: Path
) -> None:
    line = f"GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: {KEY['authorization']}\r\n\r\n".encode()
    with gateway(CONFIG, tmp_path, worker_class) as server, sockets(server, 50), sockets(server, 1) as readers:
        readers[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        readers[0].settimeout(2)
        # Small answers, until neither side takes more.
        with contextlib.suppress(OSError):
            for _ in range(60_000):
                readers[0].sendall(line * 20)
        started = time.monotonic()
        server.process.terminate()
        server.process.wait(60)
        assert time.monotonic() - started < 40


def wait_for(server: Server) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if request(server, "GET", "/livez").status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(server.output())
