"""Every recorded chat asked through the Responses API: what leaves for the provider, and what the client gets."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from proxy.errors import GatewayError
from tests.dialects.messages.asking import Recorded
from tests.dialects.responses.asking import ask, facts_of, to_responses
from tests.providers.recordings import (
    Recording,
    build_deployment,
    compare_chat,
    compare_error,
    compare_facts,
    find_reader,
    load_recordings,
    response_body,
)

CHATS = [each for each in load_recordings() if each.operation == "chat"]
STREAMED = [each for each in CHATS if any(exchange["response"]["stream"] for exchange in each.exchanges)]


def replay(recording: Recording, size: int) -> list[str]:
    deployment = build_deployment(recording.provider, recording.model)
    answers: list[Mapping[str, Any]] = []
    differences: list[str] = []
    for number, exchange in enumerate(recording.exchanges):
        recorded = exchange["response"]
        upstream = Recorded(recorded["status"], recorded["headers"], response_body(recorded), size)
        body = to_responses(fill_in(exchange["client"], answers))
        expected = exchange["expect"]["response"]
        try:
            response, _ = ask(body, deployment, upstream)
        except GatewayError as error:
            differences += [f"exchange {number}: {found}" for found in compare_error(error, expected)]
            continue
        answers.append(response)
        found = compare_answer(response, expected) + compare_upstream(
            recording, upstream, exchange["expect"]["upstream"]
        )
        differences += [f"exchange {number}: {difference}" for difference in found]
    return differences


def compare_answer(response: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    if "error" in expected:
        return [f"an answer came where an error was expected: {response!r:.200}"]
    # A response is one answer; a signature of Gemini's is in the id of its call.
    chat = {name: value for name, value in expected["chat"].items() if name not in ("n_choices", "signatures")}
    facts = facts_of(response)
    text = json.dumps(facts["message"])
    lost = [signature for signature in expected["chat"].get("signatures", []) if signature not in text]
    return compare_chat(facts, chat) + [f"signature {signature:.20} is missing" for signature in lost]


def compare_upstream(recording: Recording, upstream: Recorded, expected: Mapping[str, Any]) -> list[str]:
    """The words that reach the provider: turns, tools and the choice among them."""
    reader = find_reader(recording.provider)
    if reader is None or "facts" not in expected:
        return []
    request = upstream.requests[-1]
    facts = reader.read("/" + request.url.partition("://")[2].partition("/")[2], request.headers, bytes(request.body))
    wanted = {name: value for name, value in expected["facts"].items() if name not in ("params", "extra", "cache")}
    found: list[str] = compare_facts(facts, {**wanted, "params": {}, "extra": {}})
    return [difference for difference in found if not difference.startswith(("upstream params", "upstream extra"))]


def fill_in(value: Any, answers: list[Mapping[str, Any]]) -> Any:
    if isinstance(value, list):
        return [fill_in(item, answers) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "$echo" in value:
        return {"role": "assistant", "items": answers[value["$echo"]]["output"]}
    if "$call" in value:
        exchange, position = value["$call"]
        return [item for item in answers[exchange]["output"] if item["type"] == "function_call"][position]["call_id"]
    return {name: fill_in(item, answers) for name, item in value.items()}


@pytest.mark.parametrize("size", [1 << 20, 1], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("recording", CHATS, ids=lambda recording: recording.name)
def test_facts_agree_when_a_recording_is_asked_through_responses(recording: Recording, size: int) -> None:
    if size == 1 and recording not in STREAMED:
        return
    assert replay(recording, size) == []


@pytest.mark.parametrize("recording", STREAMED, ids=lambda recording: recording.name)
def test_a_stream_gives_the_same_events_however_it_is_cut(recording: Recording) -> None:
    deployment = build_deployment(recording.provider, recording.model)
    for exchange in recording.exchanges:
        recorded = exchange["response"]
        if not recorded["stream"] or "error" in exchange["expect"]["response"] or "$echo" in json.dumps(exchange):
            continue
        body, raw = to_responses(exchange["client"]), response_body(recorded)
        seen = []
        for size in (1 << 20, 1, 13):
            upstream = Recorded(recorded["status"], recorded["headers"], raw, size)
            seen.append(b"".join(ask(body, deployment, upstream)[1]))
        assert seen[0] == seen[1] == seen[2]
