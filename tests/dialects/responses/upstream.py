"""A provider in place of the transport: answers by path, and a note of what was asked."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient

from app import create_app
from proxy.domain.wire import ClientWatch, Clocks, WireRequest
from proxy.providers.registry import PROVIDERS
from proxy.settings.files import Source
from proxy.settings.load import build_settings

# (request, its body) -> status and body: an object, or the text of an event stream.
Handler = Callable[[WireRequest, Any], tuple[int, Any]]


class FakeResponse:
    def __init__(self, status: int, body: Any, cut: int = 0) -> None:
        self.status = status
        is_stream = isinstance(body, str)
        self.headers = {"content-type": "text/event-stream" if is_stream else "application/json"}
        self._body = (
            body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        self._cut = cut or len(self._body) or 1

    def read(self) -> bytes:
        return self._body

    def blocks(self) -> Iterator[bytes]:
        for start in range(0, len(self._body), self._cut):
            yield self._body[start : start + self._cut]

    def close(self) -> None:
        return


class Upstream:
    """`asked` are (method, path with query, body) of each request. `cut`: the size of a stream's blocks in bytes."""

    def __init__(self, handler: Handler, cut: int = 0) -> None:
        self._handler = handler
        self._cut = cut
        self.asked: list[tuple[str, str, Any]] = []
        self.raw: list[bytes] = []

    def send(self, request: WireRequest, clocks: Clocks, client: ClientWatch | None = None) -> FakeResponse:
        raw = bytes(request.body)
        body = json.loads(raw) if raw else None
        url = urlsplit(request.url)
        self.raw.append(raw)
        self.asked.append((request.method, f"{url.netloc}{url.path}{'?' + url.query if url.query else ''}", body))
        return FakeResponse(*self._handler(request, body), self._cut)

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.asked]


def client_of(upstream: Upstream, models: Mapping[str, Mapping[str, Any]], **settings: Any) -> FlaskClient:
    """A gateway with these models, in front of the upstream."""
    model_list = [
        {"model_name": name, "litellm_params": {"api_key": "sk-test-key-for-all", **params}}
        for name, params in models.items()
    ]
    loaded = build_settings(Source({"model_list": model_list, **settings}), {}, PROVIDERS, "test")
    return create_app(loaded, transport=upstream).test_client()


def chat_answer(content: str | None = "Hello", **message: Any) -> dict[str, Any]:
    finish = message.pop("finish_reason", "tool_calls" if message.get("tool_calls") else "stop")
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    }


def chat_stream(*deltas: Mapping[str, Any], finish: str | None = "stop") -> str:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    if finish is not None:
        chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
        chunks.append({**base, "choices": [], "usage": usage})
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join(lines) + ("data: [DONE]\n\n" if finish is not None else "")
