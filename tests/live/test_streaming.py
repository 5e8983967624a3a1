"""Streams through a live gateway: as they arrive, honest about failures, and closed when the client leaves."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.http import Stream, chat, open_answers, wait_until
from tests.live.servers import WORKER_CLASSES, Server, gateway

MESSAGES = [{"role": "user", "content": "one two three four five six seven eight"}]


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(
    request: pytest.FixtureRequest, upstream: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    params = {"model": "openai/up", "api_base": f"{upstream.url}/v1", "api_key": "sk-operator"}
    config = {
        "model_list": [
            {"model_name": "up", "litellm_params": params},
            {"model_name": "failing", "litellm_params": {**params, "model": "openai/fail-503"}},
        ],
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
    with gateway(config, tmp_path_factory.mktemp("streaming"), worker_class=request.param) as running:
        yield running


def ask(**mock: Any) -> dict[str, Any]:
    return {"model": "up", "messages": MESSAGES, "mock": mock}


def test_events_are_relayed_as_they_arrive(server: Server) -> None:
    stream = Stream(server, ask(chunk_delay=0.15, chunks=6))
    arrivals = [time.monotonic() for _ in stream]
    # Six pauses of 150 ms lie between the first event and the last; a collected stream would come all at once.
    assert arrivals[-1] - arrivals[0] > 0.45


def test_stream_ends_with_done_and_carries_the_headers(server: Server) -> None:
    stream = Stream(server, ask(chunks=3))
    events = list(stream)
    assert stream.status == 200
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["cache-control"] == "no-cache"
    assert stream.headers["x-accel-buffering"] == "no"
    assert stream.headers["x-litellm-model-group"] == "up"
    assert events[-1] == "[DONE]"
    assert json.loads(events[-2])["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_error_before_the_first_content_is_plain_json_with_its_status(server: Server, status: int) -> None:
    answer = chat(server, {**ask(status=status), "stream": True})
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"]["message"].endswith(f"mock error {status}")


def test_stream_that_is_cut_ends_with_an_error_and_without_done(server: Server) -> None:
    events = list(Stream(server, ask(fault="cut", chunks=6)))
    assert "[DONE]" not in events
    assert "error" in json.loads(events[-1])
    assert sum("error" in json.loads(event) for event in events) == 1


def test_stream_without_a_finish_ends_with_an_error(server: Server) -> None:
    events = list(Stream(server, ask(fault="no_finish", chunks=6)))
    assert "[DONE]" not in events
    assert "error" in json.loads(events[-1])


def test_error_event_inside_a_stream_reaches_the_client(server: Server) -> None:
    events = list(Stream(server, ask(fault="error_event", chunks=6)))
    assert "[DONE]" not in events
    assert "mock error in the stream" in json.loads(events[-1])["error"]["message"]


def test_upstream_is_closed_when_the_client_goes_away_between_events(server: Server, upstream: Server) -> None:
    stream = Stream(server, ask(chunk_delay=0.1, chunks=200))
    next(iter(stream))
    assert wait_until(lambda: open_answers(upstream) == 1)
    stream.close()
    assert wait_until(lambda: open_answers(upstream) == 0, 3), "the upstream still answers for nobody"


def test_fallback_before_the_first_content_is_invisible(server: Server) -> None:
    stream = Stream(server, {"model": "failing", "messages": MESSAGES, "fallbacks": ["up"]})
    events = list(stream)
    assert stream.status == 200 and events[-1] == "[DONE]"
    assert stream.headers["x-litellm-attempted-fallbacks"] == "1"
    assert stream.headers["x-litellm-model-group"] == "up"
