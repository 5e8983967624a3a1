"""Every recorded chat asked in Anthropic's form: what leaves for the provider, and what the client gets."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from proxy.errors import GatewayError
from proxy.providers.registry import find_provider
from tests.dialects.messages.asking import Recorded, ask, facts_of, find_bridged, sent_back, to_messages
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

# OpenRouter's reasoning goes back in a form of its own; in Anthropic's form it is asked natively.
NATIVE_ONLY = ("openrouter/chat-roundtrip",)
CHATS = [each for each in load_recordings() if each.operation == "chat" and each.name not in NATIVE_ONLY]
# Those recorded in Anthropic's form are asked in both ways, the others only by translation.
WAYS = [(each, "bridged") for each in CHATS] + [(each, "native") for each in CHATS if each.provider == "anthropic"]
FIND = {"native": find_provider, "bridged": find_bridged}


def replay(recording: Recording, way: str, size: int) -> list[str]:
    deployment = build_deployment(recording.provider, recording.model)
    answers: list[Mapping[str, Any]] = []
    differences: list[str] = []
    for number, exchange in enumerate(recording.exchanges):
        response = exchange["response"]
        upstream = Recorded(response["status"], response["headers"], response_body(response), size)
        body = to_messages(fill_in(exchange["client"], answers))
        expected = exchange["expect"]["response"]
        try:
            message, form, _ = ask(body, deployment, upstream, FIND[way])
        except GatewayError as error:
            differences += [f"exchange {number}: {found}" for found in compare_error(error, expected)]
            continue
        answers.append(message)
        found = compare_answer(message, expected)
        assert form == {"native": "messages", "bridged": "openai"}[way]
        if way == "bridged":
            found += compare_upstream(recording, upstream, exchange["expect"]["upstream"])
        differences += [f"exchange {number}: {difference}" for difference in found]
    return differences


def compare_answer(message: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    if "error" in expected:
        return [f"an answer came where an error was expected: {message!r:.200}"]
    left_out = ("n_choices", "refusal", "signatures")
    chat = {name: value for name, value in expected["chat"].items() if name not in left_out}
    chat["usage_alt"] = [*chat["usage_alt"], _capped(chat["usage"])]
    if expected["chat"].get("refusal"):
        # Anthropic's form has it as the text.
        chat["content_alt"] = [*chat["content_alt"], expected["chat"]["refusal"]]
    # A signature of Gemini's is in the id of its call.
    text = json.dumps(message)
    lost = [signature for signature in expected["chat"].get("signatures", []) if signature not in text]
    return compare_chat(facts_of(message), chat) + [f"signature {signature:.20} is missing" for signature in lost]


def _capped(usage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Some providers count more cached tokens than tokens; clients of Anthropic's form add the two up."""
    if not usage or not usage.get("cached_tokens"):
        return None
    return {**usage, "cached_tokens": min(usage["cached_tokens"], usage["prompt_tokens"])}


def compare_upstream(recording: Recording, upstream: Recorded, expected: Mapping[str, Any]) -> list[str]:
    """The words that reach the provider: turns, tools and the choice among them."""
    reader = find_reader(recording.provider)
    if reader is None or "facts" not in expected:
        return []
    request = upstream.requests[-1]
    path = request.url.partition("://")[2].partition("/")[2]
    facts = reader.read("/" + path, request.headers, bytes(request.body))
    wanted = {**expected["facts"]}
    for name in ("params", "extra", "format", "reasoning", "cache"):
        wanted.pop(name, None)
    found: list[str] = compare_facts(facts, {**wanted, "params": {}, "extra": {}})
    return [difference for difference in found if not difference.startswith(("upstream params", "upstream extra"))]


def fill_in(value: Any, answers: list[Mapping[str, Any]]) -> Any:
    if isinstance(value, list):
        return [fill_in(item, answers) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "$echo" in value:
        return sent_back(answers[value["$echo"]])
    if "$call" in value:
        exchange, position = value["$call"]
        return [block for block in answers[exchange]["content"] if block["type"] == "tool_use"][position]["id"]
    return {name: fill_in(item, answers) for name, item in value.items()}


@pytest.mark.parametrize("size", [1 << 20, 7, 1], ids=["whole", "by 7 bytes", "byte by byte"])
@pytest.mark.parametrize(("recording", "way"), WAYS, ids=[f"{each.name}-{way}" for each, way in WAYS])
def test_facts_agree_when_a_recording_is_asked_in_anthropics_form(recording: Recording, way: str, size: int) -> None:
    assert find_provider(recording.provider) is not None
    if size < 1000 and not any(exchange["response"]["stream"] for exchange in recording.exchanges):
        return
    assert replay(recording, way, size) == []


@pytest.mark.parametrize(
    "recording",
    [each for each in CHATS if any(exchange["response"]["stream"] for exchange in each.exchanges)],
    ids=lambda recording: recording.name,
)
def test_a_stream_gives_the_same_events_however_it_is_cut(recording: Recording) -> None:
    deployment = build_deployment(recording.provider, recording.model)
    for exchange in recording.exchanges:
        response = exchange["response"]
        if not response["stream"] or "error" in exchange["expect"]["response"] or "$echo" in json.dumps(exchange):
            continue
        body, raw = to_messages(exchange["client"]), response_body(response)
        seen = []
        for size in (1 << 20, 1, 13):
            _, _, frames = ask(
                body, deployment, Recorded(response["status"], response["headers"], raw, size), find_bridged
            )
            seen.append(b"".join(frames))
        assert seen[0] == seen[1] == seen[2]
