"""Every recorded exchange asked in Google's form: what reaches the provider, and what the client reads, as for chat.

The client's request is put into Google's form by the translator for Gemini, and its answer is read by it too: so each case
is also a round trip of the two translations.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from proxy.errors import GatewayError
from proxy.providers.gemini import PROVIDER as GEMINI
from proxy.providers.gemini.body import build_body
from proxy.providers.registry import PROVIDERS
from proxy.providers.translation.call_ids import split_id
from proxy.transport.framing.sse import SSEDecoder
from tests.providers.gathering import gather
from tests.providers.recordings import (
    Recording,
    build_call,
    build_deployment,
    compare_answer,
    compare_error,
    compare_request,
    fill_in,
    find_reader,
    load_recordings,
    response_body,
    stream_chunks,
)
from tests.test_replay import Upstream, build_client

GOOGLES = ("gemini", "vertex_ai")
CHATS = [recording for recording in load_recordings() if recording.operation == "chat"]
# What has no place in Google's form, so that the client's request lost it before it came here.
LOST_IN_THE_REQUEST = {
    "cache": "marks of a prompt cache",
    "parallel": "one call at a time",
    "reasoning": "how thoughts are shown",
    "extra": "parameters of one provider",
}
LOST = {
    "anthropic/chat-thinking-tool-result": ("upstream atoms", "thoughts that another maker signed"),
    "anthropic/chat-redacted-thinking-stream": ("redacted", "thoughts without a call to carry them"),
    "deepseek/chat-thinking-stream": ("upstream params", "an effort as a budget"),
    "mistral/chat-roundtrip": ("upstream params", "an effort as a budget"),
}


def name_of(recording: Recording) -> str:
    return recording.name


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with the ids that the provider gave."""
    for choice in answer["choices"]:
        for call in choice["message"].get("tool_calls") or ():
            call["id"] = split_id(call["id"]).id
    return answer


@pytest.mark.parametrize("recording", CHATS, ids=name_of)
def test_facts_are_those_of_a_chat_when_google_s_form_is_spoken(recording: Recording, tmp_path: Path) -> None:
    upstream, reader = Upstream(), find_reader(recording.provider)
    assert reader is not None
    client = build_client(recording, upstream, tmp_path)
    model = recording.model if recording.provider in GOOGLES else "gemini-2.5-pro"
    asked_as = build_deployment("gemini", model)
    answers: list[Any] = []
    for exchange in recording.exchanges:
        body = fill_in(exchange["client"], answers)
        upstream.answer = exchange["response"]
        stream = bool(body.get("stream"))
        fields = {name: value for name, value in body.items() if name not in ("model", "stream", "stream_options")}
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        response = client.post(f"/v1beta/models/group:{method}", json=build_body(fields, asked_as))
        expected = exchange["expect"]
        found = compare_request(upstream.requests[-1], PROVIDERS[recording.provider], reader, expected["upstream"])
        found = [line for line in found if line.split(" ")[1] not in LOST_IN_THE_REQUEST]
        call = build_call("chat", {"model": "group", "messages": [{"role": "user", "content": "x"}], "stream": stream})
        try:
            if response.status_code != 200:
                raise GEMINI.parse_error(response.status_code, response.get_data(), {}, asked_as)
            if stream:
                answer = gather(stream_chunks([response.get_data()], GEMINI, call, asked_as))
            else:
                answer = json.loads(GEMINI.parse_response(response.get_data(), {}, call, asked_as).body)
        except GatewayError as error:
            found += compare_error(error, expected["response"])
        else:
            answers.append(answer)
            wanted = expected["response"]
            if wanted.get("chat", {}).get("refusal"):
                # Google has no refusals beside texts.
                wanted = {"chat": {**wanted["chat"], "content": wanted["chat"]["refusal"], "refusal": None}}
            found += compare_answer(plain(json.loads(json.dumps(answer))), wanted)
        lost, _ = LOST.get(recording.name, ("-", ""))
        # A signature comes back within Google's own, which is base64.
        assert [line for line in found if not line.startswith((lost, "signature "))] == []


@pytest.mark.parametrize("recording", [each for each in CHATS if each.provider in GOOGLES], ids=name_of)
def test_bytes_are_googles_own_when_its_form_is_spoken(recording: Recording, tmp_path: Path) -> None:
    upstream = Upstream()
    client = build_client(recording, upstream, tmp_path)
    exchange = recording.exchanges[0]
    upstream.answer = exchange["response"]
    body = b'{ "contents" : [{"parts":[{"text":"hi"}]}],  "unknownMember": {"big": 12345678901234567890, "a":1.0} }'
    stream = exchange["response"]["stream"]
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    response = client.post(f"/v1beta/models/group:{method}", data=body, content_type="application/json")
    assert bytes(upstream.requests[-1].body).strip(b"{} ") == body.strip(b"{} ")
    sent = response_body(exchange["response"])
    if response.status_code != 200:
        assert exchange["response"]["status"] != 200
    elif stream:
        assert events_of(response.get_data()) == events_of(sent)
    else:
        assert response.get_data() == sent


def events_of(data: bytes) -> list[bytes]:
    decoder = SSEDecoder()
    return [event.data for event in (*decoder.feed(data), *decoder.finish()) if event.data]
