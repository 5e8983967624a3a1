"""A client's user_config."""

from typing import Any

import pytest

from proxy.errors import BadRequestError
from proxy.settings.client import MOST_MODELS, load_client_config
from tests.settings.fakes import PROVIDERS, entry


def refused(user_config: object) -> BadRequestError:
    with pytest.raises(BadRequestError) as caught:
        load_client_config(user_config, PROVIDERS)
    return caught.value


def test_router_and_deployments_are_the_clients_when_it_brings_them() -> None:
    config = load_client_config(
        {
            "model_list": [entry("mine", "groq/x", api_key="k"), entry("other", "openai/y", api_key="l")],
            "fallbacks": [{"mine": ["other"]}],
            "num_retries": 1,
            "default_litellm_params": {"timeout": 3},
            "cache_responses": True,
        },
        PROVIDERS,
    )
    assert [(item.group, item.client_owned, item.timeout) for item in config.deployments] == [
        ("mine", True, 3),
        ("other", True, 3),
    ]
    assert (config.router.num_retries, config.router.fallbacks) == (1, (("mine", ("other",)),))
    assert [finding.path for finding in config.ignored] == ["cache_responses"]


@pytest.mark.parametrize(
    ("user_config", "param"),
    [
        (None, "user_config"),
        ("x", "user_config"),
        ([], "user_config"),
        ({}, "user_config.model_list"),
        ({"model_list": [{}]}, "user_config.model_list[0].model_name"),
        ({"model_list": [{"model_name": "a"}]}, "user_config.model_list[0].litellm_params"),
        ({"model_list": [entry("a", "groq/x", rpm="x")]}, "user_config.model_list[0].litellm_params.rpm"),
        ({"model_list": [entry("a", "bogus/x")]}, "user_config.model_list[0].litellm_params.model"),
        ({"model_list": [entry("a", "groq/x")], "routing_strategy": "bogus"}, "user_config.routing_strategy"),
        ({"model_list": [entry("a", "groq/x")], "fallbacks": [{"a": ["b"]}]}, "user_config.fallbacks[0].a"),
        ({"model_list": [entry("a", "groq/x")], "model_group_alias": {"b": "b"}}, "user_config.model_group_alias.b"),
        ({"model_list": [entry("a", "groq/x", api_key="os.environ/HOME")]},
         "user_config.model_list[0].litellm_params.api_key"),
        ({"model_list": [entry("a", "groq/x")] * (MOST_MODELS + 1)}, "user_config.model_list"),
        ({"model_list": [entry("a", "groq/x", litellm_credential_name="operators")]},
         "user_config.model_list[0].litellm_params.litellm_credential_name"),
    ],
)  # fmt: skip
def test_path_is_the_param_when_a_user_config_is_wrong(user_config: Any, param: str) -> None:
    error = refused(user_config)
    assert error.param == param
    assert error.message.startswith(f"{param}: ")


def test_request_is_refused_when_a_user_config_is_nested_without_end() -> None:
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"a": deep}
    assert refused({"model_list": [entry("a", "groq/x", extra_body=deep)]}).param == "user_config"
