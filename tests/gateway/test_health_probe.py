"""GET /health asks each deployment what it is for."""

from typing import Any

import orjson
import pytest

from tests.security.wire import Wire, application, entry


def probed(model: str, info: dict[str, Any] | None = None, name: str = "m") -> list[tuple[str, str]]:
    """(last step of the path, model) of each request."""
    wire = Wire()
    application(wire, {**entry(name, model), "model_info": info or {}}).get("/health")
    return [(sent.url.rpartition("/")[2], orjson.loads(bytes(sent.body))["model"]) for sent in wire.sent]


@pytest.mark.parametrize(
    ("model", "info", "asked"),
    [
        ("openai/gpt-4o", {}, ("completions", "gpt-4o")),
        ("openai/text-embedding-3-small", {}, ("embeddings", "text-embedding-3-small")),
        ("openai/nomic-embed-text", {}, ("embeddings", "nomic-embed-text")),
        ("openai/my-own", {"mode": "embedding"}, ("embeddings", "my-own")),
        ("openai/text-embedding-3-small", {"mode": "chat"}, ("completions", "text-embedding-3-small")),
        ("openai/gpt-4o", {"health_check_model": "openai/gpt-4o-mini"}, ("completions", "gpt-4o-mini")),
    ],
)
def test_deployment_is_asked_for_what_it_is(model: str, info: dict[str, Any], asked: tuple[str, str]) -> None:
    assert probed(model, info) == [asked]


def test_wildcard_is_asked_for_its_health_check_model_when_it_has_one() -> None:
    info = {"health_check_model": "openai/gpt-4o-mini"}
    assert probed("openai/*", info, "openai/*") == [("completions", "gpt-4o-mini")]
    assert probed("openai/*", {}, "openai/*") == []
