"""A request that asks for protection that there is not gets a 400, not an answer."""

from typing import Any

import pytest

from tests.security.wire import MESSAGES, Wire, application, entry


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"guardrails": ["pii"]}, "guardrails"),
        ({"guardrails": {"pii": {}}}, "guardrails"),
        ({"policies": ["strict"]}, "policies"),
        ({"metadata": {"guardrails": ["pii"]}}, "metadata.guardrails"),
        ({"litellm_metadata": {"policies": ["pii"]}}, "litellm_metadata.policies"),
        ({"cache": {"ttl": 60}}, "cache"),
        ({"cache": {"no-cache": True, "s-maxage": 5}}, "cache"),
        ({"caching": True}, "caching"),
        ({"extra_body": {"guardrails": ["pii"]}}, "guardrails"),
    ],
)
def test_request_is_refused_when_it_asks_for_what_is_not_done(fields: dict[str, Any], param: str) -> None:
    wire = Wire()
    answer = application(wire, entry("m")).post(
        "/chat/completions", json={"model": "m", "messages": MESSAGES, **fields}
    )
    assert answer.status_code == 400 and not wire.sent
    assert answer.get_json()["error"]["param"] == param and param in answer.get_json()["error"]["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"guardrails": []},
        {"caching": False},
        {"cache": {"no-cache": True}},
        {"cache": {"no-store": True, "no-cache": True}},
        {"metadata": {"guardrails": [], "tags": ["a"]}},
    ],
)
def test_request_is_answered_when_nothing_has_to_be_done_for_it(fields: dict[str, Any]) -> None:
    wire = Wire()
    answer = application(wire, entry("m")).post(
        "/chat/completions", json={"model": "m", "messages": MESSAGES, **fields}
    )
    assert answer.status_code == 200
    assert b"guardrails" not in bytes(wire.sent[0].body) and b"cache" not in bytes(wire.sent[0].body)
