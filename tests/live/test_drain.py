"""SIGTERM and SIGHUP: probes are told, streams finish or end honestly, and a reload loses nothing."""

import contextlib
import json
import os
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


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_no_request_is_lost_when_the_server_reloads(worker_class: str, upstream: Server, tmp_path: Path) -> None:
    with serving(upstream, tmp_path, worker_class, graceful=30) as server:
        long = Reading(Stream(server, ask(chunks=20, chunk_delay=0.1)))
        assert wait_until(lambda: bool(long.events))
        answers: list[int | str] = []
        over = threading.Event()

        def call() -> None:
            while not over.is_set():
                try:
                    answers.append(chat(server, ask()).status)
                except OSError as error:
                    answers.append(repr(error))

        callers = [threading.Thread(target=call) for _ in range(4)]
        for caller in callers:
            caller.start()
        os.kill(server.process.pid, signal.SIGHUP)
        time.sleep(1.5)
        over.set()
        for caller in callers:
            caller.join(20)
        long.join(20)
        assert len(answers) > 20 and set(answers) == {200}
        assert long.events[-1] == "[DONE]"
