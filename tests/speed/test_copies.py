"""How often a long body is in memory while its answer is waited for: as it came, and parsed."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import orjson
import pytest
from gunicorn.http.body import Body, LengthReader
from gunicorn.http.unreader import IterUnreader

from tests.speed.test_hot_path import FakeResponse, FakeTransport, ask, make_app

_PICTURE = "data:image/png;base64," + "QUJD" * 500_000


class Weighing(FakeTransport):
    """Notes what is in memory when a request is sent, and what of it arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.live = 0
        self.sent: Any = None

    def send(self, request: Any, clocks: Any, client: Any = None) -> FakeResponse:
        self.live = tracemalloc.get_traced_memory()[0]
        self.sent = orjson.loads(bytes(request.body))
        return super().send(request, clocks, client)


@pytest.fixture
def traced() -> Any:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def test_a_picture_is_in_memory_twice_when_it_is_sent_on(tmp_path: Path, traced: None) -> None:
    transport = Weighing()
    app = make_app(tmp_path, transport)
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": _PICTURE}}]
    fields = {"model": "fast", "messages": [{"role": "user", "content": parts}], "temperature": 0.7}
    body = json.dumps(fields).encode()
    ask(app, body)
    blocks = [body[start : start + 65536] for start in range(0, len(body), 65536)]
    before = tracemalloc.get_traced_memory()[0]
    ask(app, body, Body(LengthReader(IterUnreader(blocks), len(body))))
    assert transport.sent == {**fields, "model": "gpt-4o-mini"}
    assert (transport.live - before) / len(body) < 2.1
