"""Entries of a model_list into deployments."""

from collections.abc import Mapping
from typing import Any

import pytest

from proxy.domain.deployment import Deployment
from proxy.domain.secret_names import is_secret_name
from proxy.settings.credentials import secrets_of
from proxy.settings.deployments import build_deployments
from schemas.config import InvalidConfig, load_config
from tests.settings.fakes import PROVIDERS, entry


def build(
    *entries: dict[str, Any], environ: Mapping[str, str] | None = None, client: bool = False, **options: Any
) -> list[Deployment]:
    loaded = load_config({"model_list": list(entries)})["model_list"]
    return build_deployments(loaded, None if client else environ or {}, PROVIDERS, **options)


def problems_of(*entries: dict[str, Any], **options: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidConfig) as caught:
        build(*entries, **options)
    return list(caught.value.problems)


def test_params_are_split_into_three_kinds_when_an_entry_is_built() -> None:
    params = {"api_key": "sk-key", "api_base": "https://a.example/v1/", "extra_headers": {"x-a": "b"}, "rpm": "60",
              "tags": ["t"], "timeout": 5, "temperature": 0.2, "my_own": [1], "itpm": 5}  # fmt: skip
    (deployment,) = build(entry("m", "openai/gpt-4o", **params))
    assert (deployment.provider, deployment.model, deployment.group) == ("openai", "gpt-4o", "m")
    assert deployment.connection == {
        "api_key": "sk-key",
        "api_base": "https://a.example/v1/",
        "extra_headers": {"x-a": "b"},
    }
    assert (deployment.rpm, deployment.tags, deployment.timeout) == (60, ("t",), 5.0)
    assert deployment.defaults == {"temperature": 0.2, "my_own": [1]}
    assert not deployment.wildcard
    assert not deployment.client_owned


@pytest.mark.parametrize(
    ("params", "name", "value"),
    [
        ({"max_retries": 3}, "num_retries", 3),
        ({"max_retries": 3, "num_retries": 1}, "num_retries", 1),
        ({"request_timeout": 9}, "timeout", 9.0),
        ({"base_url": "https://a.example"}, "api_base", "https://a.example"),
        ({"weight": 2}, "weight", 2.0),
        ({"order": 1}, "order", 1),
        ({"cooldown_time": 0}, "cooldown_time", 0.0),
        ({"mock_response": "hi"}, "mock", {"mock_response": "hi"}),
        ({"drop_params": True}, "drop_params", True),
        ({"additional_drop_params": ["a[*].b"]}, "additional_drop_params", ("a[*].b",)),
        ({"configurable_clientside_auth_params": [{"api_base": "https://x"}]},
         "configurable_clientside_auth_params", ({"api_base": "https://x"},)),
    ],
)  # fmt: skip
def test_param_arrives_when_it_steers_the_router(params: dict[str, Any], name: str, value: Any) -> None:
    (deployment,) = build(entry("m", "openai/x", **params))
    assert getattr(deployment, name) == value


@pytest.mark.parametrize(
    "name", ["s3_secret_access_key", "langfuse_secret", "langfuse_host", "other_api_key", "x_password"]
)
def test_credential_of_something_else_is_not_sent_when_an_entry_has_one(name: str) -> None:
    (deployment,) = build(entry("m", "openai/x", **{name: "canary"}))
    assert "canary" not in str([*deployment.defaults.values(), *deployment.connection.values()])


@pytest.mark.parametrize("name", ["aws_secret_access_key", "vertex_credentials", "azure_ad_token", "client_secret"])
def test_credential_of_the_provider_is_kept_when_an_entry_has_one(name: str) -> None:
    (deployment,) = build(entry("m", "openai/x", **{name: "canary"}))
    assert deployment.connection == {name: "canary"}


def test_limits_of_the_entry_count_when_the_params_have_none() -> None:
    (deployment,) = build({**entry("m", "openai/x", rpm=7), "rpm": 1, "tpm": 2})
    assert (deployment.rpm, deployment.tpm) == (7, 2)


def test_facts_of_model_info_count_when_the_params_have_none() -> None:
    info = {"id": "my-id", "input_cost_per_token": 0.5, "cooldown_time": 3, "extra": {"a": 1}}
    (deployment,) = build({**entry("m", "openai/x", cooldown_time=1), "model_info": info})
    assert (deployment.id, deployment.input_cost_per_token, deployment.cooldown_time) == ("my-id", 0.5, 1.0)
    assert deployment.info["extra"] == {"a": 1}


def test_environment_completes_the_connection_when_the_entry_says_nothing() -> None:
    environ = {"GROQ_API_KEY": "gsk-env", "GROQ_API_BASE": "https://g.example"}
    own, completed = build(entry("a", "groq/x", api_key="gsk-own"), entry("b", "groq/x"), environ=environ)
    assert own.connection == {"api_key": "gsk-own", "api_base": "https://g.example"}
    assert completed.connection == {"api_key": "gsk-env", "api_base": "https://g.example"}


def test_environment_stays_out_of_reach_when_a_client_brings_the_list() -> None:
    (deployment,) = build(entry("a", "groq/x"), client=True)
    assert deployment.connection == {}
    assert deployment.client_owned
    assert not deployment.guarded


@pytest.mark.parametrize(
    ("params", "guarded"),
    [
        ({"api_key": "k"}, False),
        ({"api_version": "1", "organization": "o"}, False),
        ({"api_base": "http://10.0.0.1"}, True),
        ({"base_url": "http://10.0.0.1"}, True),
        ({"aws_region_name": "us-east-1"}, False),  # a plain word in a host of AWS's own
        ({"vertex_project": "p"}, False),
        ({"account_id": "a"}, True),
        ({"aws_bedrock_runtime_endpoint": "http://10.0.0.1"}, True),
        ({"azure_endpoint": "http://10.0.0.1"}, True),
    ],
)
def test_destination_is_guarded_when_a_client_may_have_chosen_it(params: dict[str, Any], guarded: bool) -> None:
    (deployment,) = build(entry("a", "openai/x", **params), client=True)
    assert deployment.guarded is guarded


def test_each_organization_has_a_deployment_when_there_is_a_list() -> None:
    first, second = build(entry("m", "openai/x", organization=["org-1", "org-2"]))
    assert [first.connection["organization"], second.connection["organization"]] == ["org-1", "org-2"]
    assert first.id != second.id


def test_credential_is_merged_under_the_params_when_it_is_named() -> None:
    credentials = {"shared": {"api_key": "sk-shared", "api_base": "https://shared.example"}}
    named = entry("m", "openai/x", litellm_credential_name="shared", api_base="https://own.example")
    (deployment,) = build(named, credentials=credentials)
    assert deployment.connection == {"api_key": "sk-shared", "api_base": "https://own.example"}


def test_default_params_are_merged_under_all_when_the_router_has_some() -> None:
    first, second = build(
        entry("a", "openai/x"), entry("b", "openai/x", timeout=1), defaults={"timeout": 9.0, "temperature": 0}
    )
    assert (first.timeout, second.timeout) == (9.0, 1.0)
    assert first.defaults == {"temperature": 0}


def test_id_stays_the_same_when_only_the_key_changes() -> None:
    (before,) = build(entry("m", "openai/x", api_key="sk-old", extra_headers={"x-api-key": "old", "x-a": "b"}))
    (after,) = build(entry("m", "openai/x", api_key="sk-new", extra_headers={"x-api-key": "new", "x-a": "b"}))
    assert before.id == after.id


def test_ids_differ_when_deployments_differ_only_in_their_keys() -> None:
    ids = {item.id for item in build(*(entry("m", "openai/x", api_key=f"sk-{number}") for number in range(5)))}
    assert len(ids) == 5


def test_ids_differ_when_a_parameter_differs() -> None:
    first, second = build(entry("m", "openai/x", temperature=0), entry("m", "openai/x", temperature=1))
    assert first.id != second.id


def test_credentials_do_not_show_when_a_deployment_is_printed() -> None:
    (deployment,) = build(entry("m", "openai/x", api_key="sk-canary-1", extra_headers={"Authorization": "canary-2"}))
    assert "canary" not in repr(deployment)
    assert "canary" not in repr(deployment.connection)


def test_pattern_is_a_wildcard_when_the_name_has_a_star() -> None:
    (deployment,) = build(entry("openai/*", "openai/*"))
    assert (deployment.group, deployment.model, deployment.wildcard) == ("openai/*", "*", True)


def test_every_provider_can_be_named_when_model_is_a_star() -> None:
    found = {item.group: (item.provider, item.model) for item in build(entry("*", "*"), environ={"GROQ_API_KEY": "k"})}
    assert found["groq/*"] == ("groq", "*")
    assert found["gpt-*"] == ("openai", "gpt-*")
    assert found["claude-*"] == ("anthropic", "claude-*")
    assert "*" not in found
    assert "mock/*" not in found


def test_prefix_stays_when_a_pattern_with_one_means_any_provider() -> None:
    groups = {item.group for item in build(entry("team/*", "*"))}
    assert {"team/groq/*", "team/gpt-*"} <= groups


def test_any_other_name_is_openais_when_a_star_has_an_address() -> None:
    found = {item.group: item.provider for item in build(entry("*", "*", api_base="https://a.example"))}
    assert found["*"] == "openai"


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        (entry("m", "openai/*"), "model_list[1].model_name"),
        (entry("m", "*"), "model_list[1].model_name"),
        (entry("m", "bogus/x"), "model_list[1].litellm_params.model"),
        (entry("m", "x", custom_llm_provider="bogus"), "model_list[1].litellm_params.custom_llm_provider"),
        (entry("m", "openai/x", litellm_credential_name="no"), "model_list[1].litellm_params.litellm_credential_name"),
        ({**entry("m", "openai/x"), "model_info": {"id": "one"}}, "model_list[1].model_info.id"),
    ],
)
def test_path_is_named_when_an_entry_makes_no_sense(broken: dict[str, Any], path: str) -> None:
    sound = {**entry("a", "openai/x"), "model_info": {"id": "one"}}
    assert [problem[0] for problem in problems_of(sound, broken)] == [path]


@pytest.mark.parametrize(
    "name",
    ["api_key", "aws_secret_access_key", "aws_access_key_id", "azure_ad_token", "client_secret", "vertex_credentials",
     "x-api-key", "Authorization", "LANGFUSE_SECRET_KEY", "WATSONX_APIKEY", "azure_password", "token", "auth", "pass",
     "pwd", "sig", "jwt", "x-auth", "userPwd", "clientSecret", "session.jwt"],
)  # fmt: skip
def test_name_means_a_secret_when_it_ends_like_one(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "max_tokens",
        "litellm_credential_name",
        "api_base",
        "keyboard",
        "tokenizer",
        "author",
        "design",
        "compass",
        "bypass",
    ],
)
def test_name_means_no_secret_when_it_only_resembles_one(name: str) -> None:
    assert not is_secret_name(name)


def test_secrets_are_found_when_they_are_nested_or_in_an_address() -> None:
    values = {"extra_headers": {"x-api-key": "a", "x-b": "c"}, "api_base": "https://u:pw@h/", "api_key": "k", "rpm": 1}
    assert set(secrets_of(values)) == {"a", "c", "pw", "dTpwdw==", "k"}
