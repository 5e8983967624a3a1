"""SIGTERM and SIGHUP: probes are told, streams finish or end honestly, and a reload loses nothing."""

import contextlib
import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.faults import FaultyProvider, deployment
from tests.live.http import Stream, chat, request, wait_until
from tests.live.servers import WORKER_CLASSES, Server, gateway

MESSAGES = [{"role": "user", "content": "one two three"}]


@pytest.fixture(scope="module")
def provider() -> Iterator[FaultyProvider]:
    with FaultyProvider() as running:
        yield running


@contextlib.contextmanager
def serving(
    upstream: Server, directory: Path, worker_class: str, graceful: int, stalling: dict[str, Any] | None = None
) -> Iterator[Server]:
    params = {"model": "openai/up", "api_base": f"{upstream.url}/v1", "api_key": "sk-operator"}
    models = {"up": params, "stalling": stalling or params}
    config = {"model_list": [{"model_name": name, "litellm_params": one} for name, one in models.items()]}
    environment = {"GRACEFUL_TIMEOUT": str(graceful)}
    with gateway(config, directory, worker_class=worker_class, environment=environment) as server:
        yield server


def ask(**mock: Any) -> dict[str, Any]:
    return {"model": "up", "messages": MESSAGES, "mock": mock}


class Reading(threading.Thread):
    """Reads a stream to its end in the background."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self.events: list[str] = []
        self.start()

    def run(self) -> None:
        self.events.extend(self._stream)
        self._stream.close()


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_streams_finish_and_probes_are_told_when_the_server_stops(
    worker_class: str, upstream: Server, tmp_path: Path
) -> None:
    with serving(upstream, tmp_path, worker_class, graceful=30) as server:
        readings = [Reading(Stream(server, ask(chunks=12, chunk_delay=0.1))) for _ in range(20)]
        assert wait_until(lambda: all(reading.events for reading in readings))
        os.kill(server.process.pid, signal.SIGTERM)
        assert wait_until(lambda: request(server, "GET", "/health/readiness").status == 503, 1)
        assert request(server, "GET", "/health/liveliness").status == 200
        refused = chat(server, ask())
        assert refused.status == 503 and refused.headers["retry-after"] == "1"
        for reading in readings:
            reading.join(20)
        assert [reading.events[-1] for reading in readings] == ["[DONE]"] * 20
        assert server.process.wait(20) == 0


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_stream_ends_with_an_error_when_its_time_is_over(
    worker_class: str, upstream: Server, provider: FaultyProvider, tmp_path: Path
) -> None:
    stalling = deployment(provider.port, "openai", "stall", "after")
    with serving(upstream, tmp_path, worker_class, 2, stalling) as server:
        readings = [
            Reading(Stream(server, ask(chunks=400, chunk_delay=0.1))),
            Reading(Stream(server, {"model": "stalling", "messages": MESSAGES})),
        ]
        assert wait_until(lambda: all(reading.events for reading in readings))
        os.kill(server.process.pid, signal.SIGTERM)
        for reading in readings:
            reading.join(10)
            assert "stopped" in json.loads(reading.events[-1])["error"]["message"], reading.events[-1]
            assert "[DONE]" not in reading.events
        assert server.process.wait(20) == 0


class Callers:
    """Clients that call without a pause; `answers` are the statuses, or what went wrong."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._over = threading.Event()
        self.answers: list[int | str] = []
        self._threads = [threading.Thread(target=self._call) for _ in range(4)]

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(20)

    def _call(self) -> None:
        while not self._over.is_set():
            try:
                self.answers.append(chat(self._server, ask()).status)
            except OSError as error:
                self.answers.append(repr(error))


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_no_request_is_lost_when_the_server_reloads(worker_class: str, upstream: Server, tmp_path: Path) -> None:
    with serving(upstream, tmp_path, worker_class, graceful=30) as server:
        long = Reading(Stream(server, ask(chunks=20, chunk_delay=0.1)))
        assert wait_until(lambda: bool(long.events))
        with Callers(server) as callers:
            os.kill(server.process.pid, signal.SIGHUP)
            assert wait_until(lambda: "Configuration 1 is served." in server.output(), 20)
            time.sleep(1.0)
        long.join(20)
        assert len(callers.answers) > 20 and set(callers.answers) == {200}
        assert long.events[-1] == "[DONE]"


def test_no_request_is_lost_when_a_new_release_takes_over(upstream: Server, tmp_path: Path) -> None:
    def successor() -> int | None:
        running = re.findall(r"\[(\d+)\] \[INFO\] Patchbay serves", server.output())
        return int(running[1]) if len(running) > 1 else None

    with serving(upstream, tmp_path, "gevent", graceful=30) as server:
        long = Reading(Stream(server, ask(chunks=30, chunk_delay=0.1)))
        assert wait_until(lambda: bool(long.events))
        with Callers(server) as callers:
            os.kill(server.process.pid, signal.SIGUSR2)
            assert wait_until(lambda: server.output().count("Booting worker") == 2, 20)
            taken_over = successor()
            assert taken_over is not None
            os.kill(server.process.pid, signal.SIGTERM)
            long.join(20)
        try:
            assert server.process.wait(20) == 0
            assert set(callers.answers) == {200}
            assert long.events[-1] == "[DONE]"
            assert chat(server, ask()).status == 200
        finally:
            os.kill(taken_over, signal.SIGTERM)
