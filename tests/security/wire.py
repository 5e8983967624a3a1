"""An application whose provider is a list: what would have left, and the answer that comes back."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from flask.testing import FlaskClient

from app import create_app
from proxy.domain.wire import ClientWatch, Clocks, WireRequest, WireResponse
from proxy.settings.files import Source
from proxy.settings.load import PROVIDERS, build_settings

MESSAGES = [{"role": "user", "content": "hi"}]
_CHOICE = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
_ANSWER = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [_CHOICE]}


class Reply:
    def __init__(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.status, self._body, self.headers = status, body, headers

    def read(self) -> bytes:
        return self._body

    def blocks(self) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None: ...


class Wire:
    """Keeps what is sent; answers with `statuses` in turn, then 200, and always with `headers`."""

    def __init__(self, *statuses: int, headers: Mapping[str, str] | None = None) -> None:
        self.sent: list[WireRequest] = []
        self._statuses = list(statuses)
        self._headers = {"content-type": "application/json", **(headers or {})}

    def send(self, request: WireRequest, clocks: Clocks, client: ClientWatch | None = None) -> WireResponse:
        self.sent.append(request)
        status = self._statuses.pop(0) if self._statuses else 200
        body: Any = _ANSWER if status == 200 else {"error": {"message": f"status {status}"}}
        return Reply(status, orjson.dumps(body), self._headers)


def application(wire: Wire, *entries: Mapping[str, Any], **sections: Mapping[str, Any]) -> FlaskClient:
    document = {"model_list": list(entries), "router_settings": {"num_retries": 0}, **sections}
    settings = build_settings(Source(document), {}, PROVIDERS, "test")
    return create_app(settings, environ={}, transport=wire).test_client()


def entry(name: str, model: str = "openai/gpt", **params: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": model, "api_key": "sk-operator-key", **params}}
