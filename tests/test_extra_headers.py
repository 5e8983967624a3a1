"""Headers beside the provider's own: of the configuration and of the client."""

from typing import Any

import pytest

from proxy.dispatch import Dispatcher
from proxy.domain.call import Call, Options
from proxy.domain.deployment import Deployment
from proxy.domain.document import Document
from proxy.domain.operations import CHAT
from proxy.providers.registry import find_provider
from proxy.runtime import Runtime
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


@pytest.mark.parametrize("asked", [{"x-a": "theirs"}, {"X-A": "theirs"}])
def test_client_wins_when_a_header_holds_one_value(asked: dict[str, str]) -> None:
    assert headers(asked, [], extra_headers={"x-a": "ours"})["x-a"] == "theirs"
