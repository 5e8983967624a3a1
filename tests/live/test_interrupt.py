"""Ctrl-C ends the gateway at once, whatever still runs, and without a traceback."""

import signal
from pathlib import Path

import pytest

from tests.live.http import Stream
from tests.live.servers import WORKER_CLASSES, gateway


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_interrupt_ends_the_server_when_a_stream_is_running(worker_class: str, tmp_path: Path) -> None:
    with gateway(None, tmp_path, worker_class=worker_class) as server:
        endless = {
            "model": "demo",
            "messages": [{"role": "user", "content": "hi"}],
            "mock": {"chunks": 300, "chunk_delay": 1},
        }
        stream = Stream(server, endless)
        assert next(iter(stream)).startswith("{")
        server.process.send_signal(signal.SIGINT)
        # The stream alone would go on for five minutes.
        assert server.process.wait(60) == 0
        assert "Traceback" not in server.output()
        stream.close()
