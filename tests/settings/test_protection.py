"""Settings that protect and are not enforced stop the start, until the operator accepts that."""

from pathlib import Path
from typing import Any

import pytest

from proxy.settings import ConfigError, load
from tests.settings.fakes import PROVIDERS, entry, write

ALWAYS_ON = {
    "guardrail_name": "pii",
    "litellm_params": {"guardrail": "presidio", "mode": "pre_call", "default_on": True},
}
PROTECTING: list[tuple[dict[str, Any], str, str]] = [
    ({"guardrails": [ALWAYS_ON]}, "guardrails", "guardrails"),
    ({"litellm_settings": {"guardrails": [{"pii": {"default_on": True}}]}}, "litellm_settings.guardrails", "guardrails"),
    ({"general_settings": {"custom_auth": "auth.check"}}, "general_settings.custom_auth", "custom_auth"),
    ({"general_settings": {"allowed_ips": ["10.0.0.1"]}}, "general_settings.allowed_ips", "allowed_ips"),
    ({"general_settings": {"enforce_user_param": True}}, "general_settings.enforce_user_param", "enforce_user_param"),
    ({"litellm_settings": {"max_end_user_budget": 1}}, "litellm_settings.max_end_user_budget", "max_end_user_budget"),
    ({"router_settings": {"provider_budget_config": {"openai": {}}}}, "router_settings.provider_budget_config",
     "provider_budget_config"),
]  # fmt: skip
UNPROTECTING: list[dict[str, Any]] = [
    {"guardrails": [{"guardrail_name": "pii", "litellm_params": {"guardrail": "presidio", "default_on": False}}]},
    {"guardrails": []},
    {"general_settings": {"enforce_user_param": False, "allowed_ips": [], "custom_auth": None}},
    {"litellm_settings": {"max_end_user_budget": 0}},
]


def load_with(folder: Path, document: dict[str, Any], *accepted: str) -> tuple[str, ...]:
    general = {**document.get("general_settings", {}), "accept_unenforced": list(accepted)}
    whole = {"model_list": [entry("a", "mock/x")], **document, "general_settings": general}
    return load(write(folder, "c.yaml", whole), {}, PROVIDERS).warnings


@pytest.mark.parametrize(("document", "path", "name"), PROTECTING)
def test_start_is_refused_until_the_operator_accepts_what_is_not_enforced(
    tmp_path: Path, document: dict[str, Any], path: str, name: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_with(tmp_path, document)
    (problem,) = caught.value.problems
    assert f"{path}: protects" in problem and f"accept_unenforced: [{name}]" in problem
    with pytest.raises(ConfigError):
        load_with(tmp_path, document, "another_name")
    assert any(f"{path} is ignored" in warning for warning in load_with(tmp_path, document, name))


@pytest.mark.parametrize("document", UNPROTECTING)
def test_start_goes_on_when_a_setting_asks_for_no_protection(tmp_path: Path, document: dict[str, Any]) -> None:
    load_with(tmp_path, document)
