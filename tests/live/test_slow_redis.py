"""A Redis that takes its time, or says nothing, between a live gateway and its shared state."""

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.http import chat, request, wait_until
from tests.live.servers import Server, gateway

MESSAGES = [{"role": "user", "content": "hello"}]


class Wire:
    """A way to Redis on which every block may take `delay` seconds; None lets nothing through."""

    def __init__(self, target: int) -> None:
        self.delay: float | None = 0.0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError), source, sink:
            while block := source.recv(65536):
                while self.delay is None:
                    time.sleep(0.01)
                time.sleep(self.delay)
                sink.sendall(block)


@pytest.fixture
def wire(redis_server: tuple[int, "subprocess.Popen[bytes]"]) -> Iterator[Wire]:
    found = Wire(redis_server[0])
    yield found
    found.delay = 0.0
    found.close()


def config(upstream: Server, wire: Wire) -> dict[str, Any]:
    params = {"model": "openai/up", "api_base": f"{upstream.url}/v1", "api_key": "sk-operator", "rpm": 1000}
    return {
        "model_list": [{"model_name": "m", "litellm_params": params}],
        "router_settings": {"redis_url": f"redis://127.0.0.1:{wire.port}/0"},
        "litellm_settings": {"callbacks": ["prometheus"]},
    }


def store(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = request(server, "GET", "/router/state").json()["state"]
    return found


def ask(server: Server) -> float:
    """Milliseconds that the gateway itself took."""
    answer = chat(server, {"model": "m", "messages": MESSAGES})
    assert answer.status == 200
    return float(answer.headers["x-litellm-overhead-duration-ms"])


@pytest.mark.parametrize("delay", [None, 0.5, 0.02])
def test_redis_is_left_alone_and_nothing_fails_when_it_is_slow(
    upstream: Server, wire: Wire, tmp_path: Path, delay: float | None
) -> None:
    with gateway(config(upstream, wire), tmp_path) as server:
        ask(server)
        assert (store(server)["failures"], store(server)["resting"]) == (0, False)
        before = [ask(server) for _ in range(5)]
        wire.delay = delay
        during = [ask(server) for _ in range(20)]
        print(f"delay {delay}: own milliseconds before {before}, then {during}")
        assert (store(server)["failures"], store(server)["resting"]) == (1, True)
        assert wait_until(lambda: b"patchbay_redis_failures 1.0" in request(server, "GET", "/metrics").body)
