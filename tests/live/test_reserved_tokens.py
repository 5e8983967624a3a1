"""Slots that are waited for, and tokens that are reserved before and settled after a call, with four workers."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.live.http import Answer, Stream, chat, open_answers, request, wait_until
from tests.live.servers import WORKER_CLASSES, Server, gateway
from tests.live.test_shared_limits import wait_for_time_in_this_minute

LIMIT = 1000
MESSAGES = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(
    request: pytest.FixtureRequest, upstream: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    params = {"model": "openai/up", "api_base": f"{upstream.url}/v1", "api_key": "sk-operator"}
    limits: dict[str, dict[str, int]] = {
        "slots": {"max_parallel_requests": 3},
        **{name: {"tpm": LIMIT} for name in ("plain", "stream", "left", "held")},
    }
    config = {
        "model_list": [
            {"model_name": name, "litellm_params": {**params, **limit}, "model_info": {"id": name}}
            for name, limit in limits.items()
        ],
        "router_settings": {
            "optional_pre_call_checks": ["enforce_model_rate_limits"],
            "slot_wait": 5,
            "num_retries": 0,
        },
    }
    with gateway(config, tmp_path_factory.mktemp("slots"), worker_class=request.param, workers=4) as running:
        yield running


def body(model: str, **fields: Any) -> dict[str, Any]:
    mock = {name: fields.pop(name) for name in ("delay", "chunk_delay", "reply") if name in fields}
    return {"model": model, "messages": MESSAGES, "mock": mock, **fields}


def state(server: Server, name: str) -> dict[str, Any]:
    rows = request(server, "GET", "/router/state").json()["deployments"]
    found: dict[str, Any] = next(row for row in rows if row["id"] == name)
    return found


def tokens(server: Server, name: str) -> int:
    count: int = state(server, name)["tokens_this_minute"]
    return count


def test_calls_wait_for_a_slot_when_all_are_taken(server: Server, upstream: Server) -> None:
    most = 0
    over = threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.02):
            most = max(most, open_answers(upstream))

    watching = threading.Thread(target=watch)
    watching.start()
    with ThreadPoolExecutor(9) as pool:
        statuses = Counter(pool.map(lambda _: chat(server, body("slots", delay=0.4)).status, range(9)))
    over.set()
    watching.join()
    assert statuses == {200: 9}
    assert most == 3
    assert state(server, "slots")["in_flight"] == 0


def test_tokens_are_the_real_usage_when_a_plain_call_has_ended(server: Server) -> None:
    wait_for_time_in_this_minute(8)
    answer = chat(server, body("plain", max_tokens=900))
    assert tokens(server, "plain") == answer.json()["usage"]["total_tokens"]


def test_tokens_are_the_real_usage_when_a_stream_has_ended(server: Server) -> None:
    wait_for_time_in_this_minute(8)
    answer = chat(server, body("stream", max_tokens=900, stream=True, stream_options={"include_usage": True}))
    told = [line for line in answer.body.decode().splitlines() if '"usage":{' in line]
    assert f'"total_tokens":{tokens(server, "stream")}' in told[-1]


def test_tokens_are_about_what_was_seen_when_a_client_leaves_its_stream(server: Server) -> None:
    wait_for_time_in_this_minute(10)
    stream = Stream(server, body("left", max_tokens=900, reply="word " * 100, chunk_delay=0.05))
    seen = iter(stream)
    for _ in range(10):
        next(seen)
    assert tokens(server, "left") > 900
    stream.close()
    assert wait_until(lambda: state(server, "left")["in_flight"] == 0)
    assert 5 <= tokens(server, "left") < 200


def test_what_is_reserved_is_not_given_twice(server: Server) -> None:
    wait_for_time_in_this_minute(12)
    answers: list[Answer] = []
    first = threading.Thread(target=lambda: answers.append(chat(server, body("held", max_tokens=600, delay=1.5))))
    first.start()
    assert wait_until(lambda: tokens(server, "held") >= 600)
    assert chat(server, body("held", max_tokens=600)).status == 429
    first.join()
    assert answers[0].status == 200
    assert chat(server, body("held", max_tokens=600)).status == 200
