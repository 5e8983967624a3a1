"""Headers beside the provider's own: of the configuration and of the client."""

from pathlib import Path
from typing import Any

import pytest

from proxy.dispatch.dispatcher import Dispatcher
from proxy.domain.call import Call, Options
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.wire import Clocks, WireRequest
from proxy.errors import APIConnectionError, BadRequestError
from proxy.providers.registry import find_provider
from proxy.runtime import Runtime
from tests.providers.recordings import load_recordings
from tests.test_replay import Upstream, build_client
from tests.test_signed_ids import Silent


def headers(asked: dict[str, str], tools: list[Any], **connection: Any) -> Any:
    fields = {"messages": [{"role": "user", "content": "Hi"}], "tools": tools}
    call = Call("call-1", CHAT, "group", Document.of(fields), Options(extra_headers=asked))
    deployment = Deployment("deployment-1", "group", "anthropic", "claude-haiku-4-5", {"api_key": "key", **connection})
    return Dispatcher(Silent(), Runtime(), find_provider, {}, {}).wire_request(call, deployment).headers


COMPUTER = {"type": "computer_20250124", "name": "computer", "display_width_px": 1, "display_height_px": 1}


def test_betas_are_joined_when_request_configuration_and_client_have_some() -> None:
    own = headers({}, [COMPUTER])["anthropic-beta"]
    sent = headers({"Anthropic-Beta": "new-2030-01-01"}, [COMPUTER], extra_headers={"anthropic-beta": "one-2029-01-01"})
    assert sent["anthropic-beta"] == f"{own},one-2029-01-01,new-2030-01-01"


@pytest.mark.parametrize("name", ["x-a", "X-A"])
def test_operators_header_stands_when_a_client_names_it_too(name: str) -> None:
    with pytest.raises(BadRequestError, match="may not replace 'x-a'"):
        headers({name: "theirs"}, [], extra_headers={"x-a": "ours"})


def test_betas_of_the_clients_header_reach_the_provider_when_it_sends_some(tmp_path: Path) -> None:
    recording = next(each for each in load_recordings() if each.name == "anthropic/chat-tool-call")
    upstream = Upstream()
    upstream.answer = recording.exchanges[0]["response"]
    client = build_client(recording, upstream, tmp_path)
    body = {"model": "group", "messages": [{"role": "user", "content": "Hi"}]}
    client.post("/v1/chat/completions", json=body, headers={"Anthropic-Beta": "new-2030-01-01"})
    assert upstream.requests[-1].headers["anthropic-beta"] == "new-2030-01-01"


class Noting(Silent):
    """Takes note of what it is to send, and fails."""

    def __init__(self) -> None:
        self.sent: list[WireRequest] = []

    def send(self, request: WireRequest, *_: Any) -> Any:
        self.sent.append(request)
        raise APIConnectionError("closed")


@pytest.mark.parametrize(
    ("options", "trace", "unique"),
    [
        (Options(), False, False),
        (Options(overrides={"api_key": "theirs"}), False, True),
        (Options(extra_headers={"x-theirs": "secret"}), False, True),
        (Options(), True, True),
    ],
)
def test_headers_are_marked_when_they_are_one_requests_alone(options: Options, trace: bool, unique: bool) -> None:
    upstream = Noting()
    call = Call("call-1", CHAT, "group", Document.of({"messages": [], "model": "group"}), options)
    deployment = Deployment("deployment-1", "group", "openai", "gpt-4o", {"api_key": "ours"})
    dispatcher = Dispatcher(upstream, Runtime(), find_provider, {}, {}, forward_trace=trace)

    with pytest.raises(APIConnectionError):
        dispatcher.send(call, deployment.with_overrides(options.overrides), Clocks(), lambda _: None)

    assert [not request.cacheable for request in upstream.sent] == [unique]
