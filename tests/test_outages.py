"""A broken entry is out of service under every name that it would serve."""

from pathlib import Path

import pytest

from app import create_app
from proxy.settings import load
from tests.settings.fakes import entry, write

CONFIG = {
    "model_list": [
        entry("demo", "mock/demo"),
        entry("*", "mock/*"),
        entry("anthropic/*", "anthropic/*", api_key="os.environ/NOT_SET"),
    ],
    "router_settings": {
        "fallbacks": [{"demo": ["anthropic/claude-sonnet-4-5"]}],
        "model_group_alias": {"clever": "anthropic/claude-opus-4-5"},
    },
}


@pytest.mark.parametrize(
    ("model", "status"),
    [
        ("demo", 200),
        ("some-other-name", 200),
        ("anthropic/*", 503),
        ("anthropic/claude-opus-4-5", 503),
        ("claude-opus-4-5", 503),
        ("clever", 503),
    ],
)
def test_only_names_of_the_broken_pattern_are_refused_when_a_variable_is_not_set(
    tmp_path: Path, model: str, status: int
) -> None:
    app = create_app(load(write(tmp_path, "config.yaml", CONFIG), {}))
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    assert app.test_client().post("/v1/chat/completions", json=body).status_code == status
