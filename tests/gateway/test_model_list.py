"""GET /models: names that can be asked for."""

from typing import Any

import pytest

from proxy.gateway.model_list import expand
from tests.security.wire import MESSAGES, Wire, application, entry


def listed(*entries: dict[str, Any], query: str = "", **sections: Any) -> dict[str, str]:
    answer = application(Wire(), *entries, **sections).get(f"/v1/models{query}").get_json()
    return {model["id"]: model["owned_by"] for model in answer["data"]}


def wildcard(pattern: str, **params: Any) -> dict[str, Any]:
    return {"model_name": pattern, "litellm_params": {"model": pattern, **params}}


def test_known_models_are_listed_when_a_wildcards_provider_is_known() -> None:
    names = listed(wildcard("openai/*", api_key="sk-1"), entry("mine"))
    assert names["mine"] == "openai" and {"openai/gpt-4o", "openai/text-embedding-3-small"} <= set(names)
    assert not [name for name in names if "*" in name]


def test_only_providers_with_a_key_offer_models_when_anything_is_served() -> None:
    names = listed(wildcard("*"), wildcard("anthropic/*", api_key="sk-1"))
    assert any(name.startswith("anthropic/claude") for name in names)
    assert not [name for name in names if name.startswith(("openai/", "groq/"))]


def test_patterns_are_listed_when_they_are_asked_for() -> None:
    assert "openai/*" in listed(wildcard("openai/*", api_key="sk-1"), query="?return_wildcard_routes=true")


def test_alias_that_leads_nowhere_is_not_listed() -> None:
    aliases = {"model_group_alias": {"good": "mine", "bad": "gone", "unseen": {"model": "mine", "hidden": True}}}
    assert set(listed(entry("mine"), router_settings=aliases)) == {"good", "mine"}


@pytest.mark.parametrize("name", ["openai/gpt-4o", "openai/not-in-any-table", "gpt-4o"])
def test_each_name_of_a_wildcard_is_shown_and_served(name: str) -> None:
    client = application(Wire(), wildcard("openai/*", api_key="sk-1"))
    assert client.get(f"/v1/models/{name}").get_json()["id"] == name
    assert client.post("/chat/completions", json={"model": name, "messages": MESSAGES}).status_code == 200
    assert client.get("/v1/models/groq/x").status_code == 404


@pytest.mark.parametrize(
    ("group", "model", "names"),
    [
        ("openai/*", "*", ["openai/gpt-4o", "openai/o1", "openai/gpt-x-mini"]),
        ("*", "gpt-*", ["4o", "x-mini"]),
        ("fast-*", "gpt-*-mini", ["fast-x"]),
        ("a/*/b/*", "*", []),
        ("all-*", "one", []),
    ],
)
def test_names_are_filled_in_as_routing_reads_them(group: str, model: str, names: list[str]) -> None:
    assert list(expand(group, model, ["gpt-4o", "o1", "gpt-x-mini"])) == names
