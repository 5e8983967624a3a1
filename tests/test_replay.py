"""Every recording through the whole application: the client's request in, the provider's recorded answer back."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from proxy.domain.answer import Chunk
from proxy.domain.wire import ClientWatch, Clocks, WireRequest, WireResponse
from proxy.providers.registry import PROVIDERS
from proxy.settings.load import load
from proxy.transport.framing.sse import SSEDecoder
from tests.providers.gathering import gather
from tests.providers.recordings import (
    CONNECTIONS,
    Recording,
    compare_answer,
    compare_request,
    fill_in,
    find_reader,
    load_recordings,
    response_body,
)

PATHS = {"chat": "/v1/chat/completions", "embeddings": "/v1/embeddings"}


class Recorded:
    """A recorded answer as the transport gives it."""

    def __init__(self, response: Mapping[str, Any]) -> None:
        self.status: int = response["status"]
        self.headers = {name.lower(): value for name, value in response["headers"].items()}
        self._body = response_body(response)

    def read(self) -> bytes:
        return self._body

    def blocks(self) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None: ...


class Upstream:
    """Answers with what it was told last; keeps the requests."""

    def __init__(self) -> None:
        self.answer: Mapping[str, Any] = {}
        self.requests: list[WireRequest] = []

    def send(self, request: WireRequest, clocks: Clocks, client: ClientWatch | None = None) -> WireResponse:
        if "googleapis.com/token" in request.url:
            return Recorded({"status": 200, "headers": {}, "body": '{"access_token": "token", "expires_in": 3600}'})
        self.requests.append(request)
        return Recorded(self.answer)


def build_client(recording: Recording, upstream: Upstream, folder: Path) -> FlaskClient:
    connection = {"api_key": "test-key", **CONNECTIONS.get(recording.provider, {})}
    params = {"model": f"{recording.provider}/{recording.model}", **connection}
    config = {
        "model_list": [{"model_name": "group", "litellm_params": params}],
        "router_settings": {"num_retries": 0},
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(config))
    return create_app(load(path, {}), transport=upstream).test_client()


def ask(client: FlaskClient, operation: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """The status and the answer, gathered if it is a stream; a stream that broke is its error object."""
    response = client.post(PATHS[operation], json={"model": "group", **body})
    if response.status_code != 200 or not body.get("stream"):
        return response.status_code, response.get_json()
    decoder = SSEDecoder()
    events = [event.data for event in [*decoder.feed(response.get_data()), *decoder.finish()]]
    broken = next((json.loads(data) for data in events if data.startswith(b'{"error"')), None)
    if broken is not None:
        return 200, broken
    assert events[-1] == b"[DONE]"
    return 200, gather(Chunk(data) for data in events[:-1])


def with_usage(body: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "stream_options": {"include_usage": True}} if body.get("stream") else dict(body)


@pytest.mark.parametrize("recording", load_recordings(), ids=lambda recording: recording.name)
def test_client_gets_the_recorded_facts_when_the_application_is_asked(recording: Recording, tmp_path: Path) -> None:
    upstream = Upstream()
    client = build_client(recording, upstream, tmp_path)
    provider, reader = PROVIDERS[recording.provider], find_reader(recording.provider)
    assert reader is not None
    answers: list[Mapping[str, Any]] = []
    for exchange in recording.exchanges:
        upstream.answer = exchange["response"]
        expected = exchange["expect"]
        status, answer = ask(client, recording.operation, with_usage(fill_in(exchange["client"], answers)))
        assert compare_request(upstream.requests[-1], provider, reader, expected["upstream"]) == []
        wanted = expected["response"].get("error")
        if wanted is not None:
            assert status in wanted["status"]
            assert wanted["message_has"] in answer["error"]["message"]
            return
        assert status == 200, answer
        answers.append(answer)
        assert compare_answer(answer, expected["response"]) == []
