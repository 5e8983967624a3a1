"""The configuration's schema: what is right, and what it says of what is wrong."""

from typing import Any

import pytest

from schemas.config import InvalidConfig, findings, load_config, load_leniently, load_user_config
from schemas.kinds import KINDS
from schemas.settings_table import SETTINGS


def with_params(**params: Any) -> dict[str, Any]:
    return {"model_list": [{"model_name": "m", "litellm_params": {"model": "openai/x", **params}}]}


def with_router(**settings: Any) -> dict[str, Any]:
    return {"router_settings": settings}


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"model_list": {}}, "model_list", "must be a list"),
    ({"model_list": ["x"]}, "model_list[0]", "must be a mapping"),
    ({"model_list": [{"litellm_params": {"model": "x/y"}}]}, "model_list[0].model_name", "is missing"),
    ({"model_list": [{"model_name": "m"}]}, "model_list[0].litellm_params", "is missing"),
    ({"model_list": [{"model_name": "m", "litellm_params": {}}]}, "model_list[0].litellm_params.model", "is missing"),
    ({"model_list": [{"model_name": "m", "litellm_params": "x"}]}, "model_list[0].litellm_params", "must be a mapping"),
    ({"model_list": [{"model_name": "", "litellm_params": {"model": "x/y"}}]}, "model_list[0].model_name", "empty"),
    (with_params(rpm=-2), "model_list[0].litellm_params.rpm", "a whole number from 0 to 10^15, not -2"),
    (with_params(tpm=1e300), "model_list[0].litellm_params.tpm", "a whole number from 0 to 10^15, not 1e+300"),
    (
        with_params(configurable_clientside_auth_params=["api_key", {"api_base": "("}]),
        "model_list[0].litellm_params.configurable_clientside_auth_params[1].api_base",
        "a regular expression",
    ),
    (with_params(tag_regex=["ok", "("]), "model_list[0].litellm_params.tag_regex[1]", "a regular expression"),
    (with_params(rpm=1.5), "model_list[0].litellm_params.rpm", "a whole number"),
    (with_params(rpm=True), "model_list[0].litellm_params.rpm", "a whole number"),
    (with_params(rpm="many"), "model_list[0].litellm_params.rpm", "not 'many'"),
    (with_params(tpm=float("inf")), "model_list[0].litellm_params.tpm", "a whole number"),
    (with_params(weight="nan"), "model_list[0].litellm_params.weight", "a number of at least 0"),
    (with_params(timeout=-2), "model_list[0].litellm_params.timeout", "seconds above 0"),
    (with_params(max_parallel_requests=-2), "model_list[0].litellm_params.max_parallel_requests", "from 1"),
    (with_params(api_base="api.example.com"), "model_list[0].litellm_params.api_base", "a URL such as"),
    (with_params(api_base="file:///etc/passwd"), "model_list[0].litellm_params.api_base", "a URL such as"),
    (with_params(api_base="http://[::1"), "model_list[0].litellm_params.api_base", "a URL such as"),
    (with_params(api_base="http://a:99999"), "model_list[0].litellm_params.api_base", "a URL such as"),
    (with_params(api_key=["a"]), "model_list[0].litellm_params.api_key", "must be text"),
    (with_params(api_key="a\nb"), "model_list[0].litellm_params.api_key", "one line"),
    (with_params(aws_region_name="evil.example/"), "model_list[0].litellm_params.aws_region_name", "a region"),
    (with_params(vertex_location="x@evil"), "model_list[0].litellm_params.vertex_location", "a region"),
    (with_params(extra_headers={"a b": "c"}), "model_list[0].litellm_params.extra_headers.a b", "name of a header"),
    (with_params(extra_headers={"a": "c\r\nd"}), "model_list[0].litellm_params.extra_headers.a", "one line"),
    (with_params(drop_params="maybe"), "model_list[0].litellm_params.drop_params", "true or false"),
    (with_params(tags=[{}]), "model_list[0].litellm_params.tags[0]", "must be text"),
    ({"general_settings": []}, "general_settings", "must be a mapping"),
    ({"general_settings": {"max_request_size_mb": -2}}, "general_settings.max_request_size_mb", "above 0"),
    ({"general_settings": {"master_key": ""}}, "general_settings.master_key", "must not be empty"),
    ({"litellm_settings": {"callbacks": [1, {}]}}, "litellm_settings.callbacks[1]", "must be text"),
    ({"credential_list": [{"credential_name": "a"}]}, "credential_list[0].credential_values", "is missing"),
    ({"environment_variables": {"A": []}}, "environment_variables.A", "must be text"),
    (with_router(num_retries=-2), "router_settings.num_retries", "from 0 to 10^15, not -2"),
    (with_router(cooldown_time="soon"), "router_settings.cooldown_time", "a number"),
    (with_router(fallbacks="b"), "router_settings.fallbacks", "[{group: [other-group]}]"),
    (with_router(fallbacks=["b"]), "router_settings.fallbacks[0]", "{group: [other-group]}"),
    (with_router(fallbacks=[{"a": ["b", {}]}]), "router_settings.fallbacks[0].a[1]", "must be text"),
    (with_router(retry_policy={"DefaultRetries": -2}), "router_settings.retry_policy.DefaultRetries", "from 0"),
    (with_router(model_group_alias={"a": {}}), "router_settings.model_group_alias.a.model", "must be text"),
    (with_router(default_litellm_params={"rpm": -2}), "router_settings.default_litellm_params.rpm", "from 0"),
    (
        {"credential_list": [{"credential_name": "a", "credential_values": {"api_base": "x"}}]},
        "credential_list[0].credential_values.api_base",
        "a URL such as",
    ),
    (with_router(retry_budget=1.5), "router_settings.retry_budget", "between 0 and 1"),
    (with_router(state_store="etcd"), "router_settings.state_store", "auto, memory, host, redis"),
]


@pytest.mark.parametrize(("document", "path", "message"), WRONG, ids=[f"{path}-{text}" for _, path, text in WRONG])
def test_path_and_remedy_are_named_when_a_value_is_wrong(document: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        load_config(document)
    assert [problem.path for problem in caught.value.problems] == [path]
    assert message in caught.value.problems[0].message


def test_every_problem_is_told_when_there_are_several() -> None:
    with pytest.raises(InvalidConfig) as caught:
        load_config(with_params(rpm=-2, tpm=-2) | with_router(num_retries="x"))
    assert len(caught.value.problems) == 3


def test_value_is_not_shown_when_a_long_text_is_wrong() -> None:
    with pytest.raises(InvalidConfig) as caught:
        load_config(with_params(rpm="sk-a-key-in-the-wrong-place"))
    assert "sk-a-key" not in str(caught.value)


RIGHT: list[tuple[str, Any, Any]] = [
    ("rpm", "60", 60),
    ("rpm", 60.0, 60),
    ("weight", 0, 0.0),
    ("api_version", "2024-02-01", "2024-02-01"),
    ("organization", ["a", "b"], ("a", "b")),
    ("tags", "one", ("one",)),
    ("drop_params", "True", True),
    ("api_base", "http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
    ("api_base", "mock://local/v1", "mock://local/v1"),
    ("temperature", 0.2, 0.2),
    ("custom_thing", {"a": [1]}, {"a": [1]}),
]


@pytest.mark.parametrize(("name", "value", "loaded"), RIGHT)
def test_value_has_its_one_form_when_it_is_right(name: str, value: Any, loaded: Any) -> None:
    params = load_config(with_params(**{name: value}))["model_list"][0]["litellm_params"]
    assert params[name] == loaded


def test_name_is_as_if_not_written_when_its_value_is_null() -> None:
    assert load_config(with_params(rpm=None) | with_router(fallbacks=None))["router_settings"] == {}


def test_rules_have_one_form_when_fallbacks_are_written_in_any_way() -> None:
    loaded = load_config(with_router(fallbacks=[{"a": ["b"], "c": "d"}], default_fallbacks=["e"]))["router_settings"]
    assert loaded == {"fallbacks": (("a", ("b",)), ("c", ("d",))), "default_fallbacks": ("e",)}


def test_aliases_have_one_form_when_written_in_any_way() -> None:
    aliases = {"a": "g", "b": {"model": "g", "hidden": True}, "c": ["g"]}
    loaded = load_config(with_router(model_group_alias=aliases))["router_settings"]
    assert loaded["model_group_alias"] == {"a": ("g", False), "b": ("g", True), "c": ("g", False)}


@pytest.mark.parametrize("document", [None, [], "x", {}, {"model_list": []}, {"num_retries": 1}])
def test_user_config_is_refused_when_it_brings_no_model(document: object) -> None:
    with pytest.raises(InvalidConfig):
        load_user_config(document)


def test_path_is_the_users_when_a_user_config_is_wrong() -> None:
    with pytest.raises(InvalidConfig) as caught:
        load_user_config(with_params(rpm="x") | {"num_retries": -2})
    assert {problem.path for problem in caught.value.problems} == {"model_list[0].litellm_params.rpm", "num_retries"}


def test_each_name_is_told_when_a_file_is_looked_at() -> None:
    document = with_params(temperature=1, api_bse="x") | {
        "general_settings": {"database_connection_timeout": "x", "maser_key": "y"},
        "guardrails": [],
        "nonsense": 1,
    }
    told = {finding.path: (finding.status, finding.doubtful) for finding in findings(document)}
    assert told == {
        "model_list[0].model_name": ("supported", False),
        "model_list[0].litellm_params.model": ("supported", False),
        "model_list[0].litellm_params.temperature": ("supported", False),
        "model_list[0].litellm_params.api_bse": ("unknown", True),
        "general_settings.database_connection_timeout": ("ignored", False),
        "general_settings.maser_key": ("ignored", True),
        "guardrails": ("ignored", False),
        "nonsense": ("ignored", True),
    }


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("s3_secret_access_key", "ignored"),
        ("langfuse_host", "ignored"),
        ("aws_secret_access_key", "supported"),
        ("vertex_credentials", "supported"),
        ("stop_token", "unknown"),
        ("stop", "supported"),
    ],
)
def test_param_is_told_when_it_may_be_a_credential(name: str, status: str) -> None:
    told = {finding.path.rpartition(".")[2]: finding.status for finding in findings(with_params(**{name: "x"}))}
    assert told[name] == status


def test_near_name_is_offered_when_one_has_a_slip() -> None:
    reasons = [finding.reason for finding in findings({"router_settings": {"num_retires": 1}})]
    assert reasons == ["unknown; did you mean num_retries?"]


@pytest.mark.parametrize(
    "document",
    [{"model_list": 1}, {"model_list": [1, None, {"litellm_params": 3}]}, {"general_settings": []}, {1: 2}],
)
def test_names_are_told_when_the_shapes_are_wrong(document: dict[Any, Any]) -> None:
    assert all(finding.reason for finding in findings(document))


def test_rows_are_sound_when_the_table_is_read() -> None:
    own_schema = {"entries", "section", "credentials", "params", "info", "key_fields", "upper_bounds"}
    names = [(setting.section, setting.name) for setting in SETTINGS]
    assert len(names) == len(set(names))
    assert {setting.kind for setting in SETTINGS} <= set(KINDS) | own_schema
    assert all(setting.help for setting in SETTINGS)
    assert all(setting.kind == "any" for setting in SETTINGS if setting.status == "ignored")


@pytest.mark.parametrize(
    ("name", "value", "loaded"),
    [
        ("rpm", "10k", 10_000),
        ("tpm", "1.5M", 1_500_000),
        ("rpm", 0, 0),
        ("rpm", -1, None),
        ("num_retries", -1, None),
        ("timeout", 0, None),
        ("timeout", -1, None),
        ("timeout", 0.5, 0.5),
        ("max_parallel_requests", 0, None),
        ("cooldown_time", -1, None),
        ("cooldown_time", 0, 0.0),
    ],
)
def test_number_is_read_as_litellm_reads_it_when_it_is_scaled_or_no_limit(name: str, value: Any, loaded: Any) -> None:
    params = load_config(with_params(**{name: value}))["model_list"][0]["litellm_params"]
    assert params.get(name) == loaded


def test_the_rest_is_loaded_when_some_values_are_wrong() -> None:
    document = with_params(rpm="x", tpm=5) | {"litellm_settings": {"drop_params": ["a"], "num_retries": 4}}
    loaded, problems = load_leniently(document)
    assert [problem.path for problem in problems] == [
        "model_list[0].litellm_params.rpm",
        "litellm_settings.drop_params",
    ]
    assert loaded["model_list"][0]["litellm_params"] == {"model": "openai/x", "tpm": 5}
    assert loaded["litellm_settings"] == {"num_retries": 4}
