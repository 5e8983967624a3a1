"""router_settings as a value, and names that must lead somewhere."""

from typing import Any

import pytest

from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import Alias, RouterSettings
from proxy.settings.router import build_router_settings, check_groups
from schemas.config import load_config

DEPLOYMENTS = (
    Deployment(id="id-a", group="a", provider="openai", model="gpt-4o"),
    Deployment(id="id-w", group="groq/*", provider="groq", model="*", wildcard=True),
)
RESTING = Deployment(id="id-r", group="resting", provider="openai", model="gpt-4o")


def build(router: dict[str, Any], litellm: dict[str, Any] | None = None) -> RouterSettings:
    loaded = load_config({"router_settings": router, "litellm_settings": litellm or {}})
    return build_router_settings(loaded["router_settings"], loaded["litellm_settings"])


def paths(**router: Any) -> list[str]:
    problems = check_groups(build(router), (*DEPLOYMENTS, RESTING), lambda name: f"router_settings.{name}")
    return [problem.path for problem in problems]


def test_defaults_are_the_tables_when_nothing_is_said() -> None:
    assert build({}) == RouterSettings(timeout=6000.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("num_retries", 7), ("allowed_fails", 3), ("fallbacks", (("a", ("b",)),)), ("default_fallbacks", ("a",))],
)
def test_litellm_settings_count_when_router_settings_are_silent(name: str, value: Any) -> None:
    written = [{"a": ["b"]}] if name == "fallbacks" else value
    assert getattr(build({}, {name: list(written) if isinstance(written, tuple) else written}), name) == value


def test_router_settings_win_when_both_sections_speak() -> None:
    assert build({"num_retries": 0}, {"num_retries": 7}).num_retries == 0


def test_request_timeout_counts_when_the_router_has_no_timeout() -> None:
    assert build({}, {"request_timeout": 30}).timeout == 30.0
    assert build({"timeout": 5}, {"request_timeout": 30}).timeout == 5.0


def test_values_are_typed_when_they_are_read() -> None:
    settings = build(
        {
            "model_group_alias": {"x": "a", "y": {"model": "a", "hidden": True}},
            "redis_url": "redis://:canary@h:1/0",
            "redis_password": "canary",
            "retry_policy": {"TimeoutErrorRetries": 2, "DefaultRetries": None},
        }
    )
    assert settings.model_group_alias == {"x": Alias("a"), "y": Alias("a", hidden=True)}
    assert settings.retry_policy == {"TimeoutErrorRetries": 2}
    assert settings.redis_url == "redis://:canary@h:1/0"
    assert "canary" not in repr(settings)


def test_state_stays_in_the_gateway_when_the_router_is_a_clients() -> None:
    settings = build_router_settings({"redis_url": "redis://10.0.0.1", "state_path": "/etc/x", "num_retries": 1})
    assert (settings.redis_url, settings.state_path, settings.state_store) == (None, None, "memory")
    assert settings.num_retries == 1


@pytest.mark.parametrize("target", ["a", "id-a", "openai/gpt-4o", "groq/any", "resting", "alias"])
def test_target_is_accepted_when_a_request_could_ask_for_it(target: str) -> None:
    fallbacks = [{"a": [target]}]
    assert paths(fallbacks=fallbacks, default_fallbacks=[target], model_group_alias={"alias": "a"}) == []


@pytest.mark.parametrize(
    ("router", "path"),
    [
        ({"fallbacks": [{"a": ["groq/x"]}, {"a": ["a", "nowhere"]}]}, "router_settings.fallbacks[1].a"),
        ({"context_window_fallbacks": [{"a": ["no"]}]}, "router_settings.context_window_fallbacks[0].a"),
        ({"content_policy_fallbacks": [{"a": ["no"]}]}, "router_settings.content_policy_fallbacks[0].a"),
        ({"default_fallbacks": ["a", "no"]}, "router_settings.default_fallbacks[1]"),
        ({"model_group_alias": {"x": "no"}}, "router_settings.model_group_alias.x"),
        ({"model_group_alias": {"x": "x"}}, "router_settings.model_group_alias.x"),
    ],
)
def test_path_is_named_when_a_name_leads_nowhere(router: dict[str, Any], path: str) -> None:
    assert paths(**router) == [path]


def test_every_alias_is_named_when_they_lead_in_a_circle() -> None:
    circle = {"x": "y", "y": "z", "z": "x", "outside": "x", "fine": "a"}
    assert paths(model_group_alias=circle) == [f"router_settings.model_group_alias.{name}" for name in
                                               ("x", "y", "z", "outside")]  # fmt: skip


@pytest.mark.parametrize(
    ("router", "path"),
    [
        ({"routing_strategy": "dice"}, "routing_strategy"),
        ({"retry_policy": {"TimeoutRetries": 1}}, "retry_policy.TimeoutRetries"),
        ({"allowed_fails_policy": {"TimeoutErrorRetries": 1}}, "allowed_fails_policy.TimeoutErrorRetries"),
        ({"model_group_retry_policy": {"a": {"Timeout": 1}}}, "model_group_retry_policy.a.Timeout"),
    ],
)
def test_path_is_named_when_the_router_has_no_such_name(router: dict[str, Any], path: str) -> None:
    assert paths(**router) == [f"router_settings.{path}"]


def test_names_are_taken_when_the_router_has_them() -> None:
    policies = {"retry_policy": {"TimeoutErrorRetries": 1, "DefaultRetries": 2}}
    assert paths(routing_strategy="least-busy", **policies) == []


def test_long_chain_of_aliases_is_followed_when_each_leads_to_the_next() -> None:
    """The time grows with the chain's length, not with its square or cube."""
    chain = {f"alias-{number}": f"alias-{number + 1}" for number in range(20_000)} | {"alias-20000": "a"}
    assert paths(model_group_alias=chain) == []
