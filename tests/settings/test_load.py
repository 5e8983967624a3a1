"""From files and an environment to Settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from proxy.domain.secrets import MASK
from proxy.settings import ConfigError, Settings, load, load_default
from tests.settings.fakes import PROVIDERS, entry, write

KEYS = {"OPENAI_API_KEY": "sk-env-openai", "GROQ_API_KEY": "gsk-env-groq"}


def load_document(folder: Path, document: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Settings:
    return load(write(folder, "config.yaml", document), KEYS if environ is None else environ, PROVIDERS)


def problems_of(folder: Path, document: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_document(folder, document, environ)
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_settings_are_complete_when_a_file_is_loaded(tmp_path: Path) -> None:
    settings = load_document(
        tmp_path,
        {
            "model_list": [entry("a", "openai/gpt-4o"), entry("a", "groq/llama"), entry("groq/*", "groq/*")],
            "general_settings": {"master_key": "sk-master-key", "completion_model": "a"},
            "litellm_settings": {"drop_params": True, "callbacks": ["prometheus"], "num_retries": 4},
            "router_settings": {"routing_strategy": "least-busy", "fallbacks": [{"a": ["groq/x"]}]},
        },
    )
    assert [item.group for item in settings.deployments] == ["a", "a", "groq/*"]
    assert settings.master_key == "sk-master-key"
    assert settings.general.completion_model == "a"
    assert (settings.litellm.drop_params, settings.litellm.callbacks) == (True, ("prometheus",))
    assert (settings.router.routing_strategy, settings.router.num_retries) == ("least-busy", 4)
    assert settings.warnings == ()
    assert settings.out_of_service == {}


def test_master_key_is_the_environments_when_the_file_has_none(tmp_path: Path) -> None:
    environ = {**KEYS, "LITELLM_MASTER_KEY": "sk-from-env"}
    assert load_document(tmp_path, {"model_list": [entry("a", "openai/x")]}, environ).master_key == "sk-from-env"


def test_start_is_refused_when_the_master_keys_variable_is_not_set(tmp_path: Path) -> None:
    document = {"general_settings": {"master_key": "os.environ/MASTER"}}
    assert problems_of(tmp_path, document) == [
        "config.yaml: general_settings.master_key: the environment variable MASTER is not set"
    ]


def test_only_the_deployment_is_out_of_service_when_its_variable_is_not_set(tmp_path: Path) -> None:
    settings = load_document(
        tmp_path,
        {
            "model_list": [
                entry("both", "openai/x"),
                {**entry("both", "openai/x", api_key="os.environ/NONE"), "model_info": {"id": "second"}},
                {**entry("lost", "os.environ/MODEL"), "model_info": {"id": "third"}},
            ],
            "router_settings": {"fallbacks": [{"both": ["lost"]}]},
        },
    )
    assert [item.group for item in settings.deployments] == ["both"]
    assert settings.out_of_service == {
        "second": "the environment variable NONE is not set",
        "third": "the environment variable MODEL is not set",
        "lost": "the environment variable MODEL is not set",
    }
    assert [warning.removeprefix(f"{tmp_path}/") for warning in settings.warnings] == [
        "config.yaml: model_list[1].litellm_params.api_key: the environment variable NONE is not set; "
        "its deployment is out of service",
        "config.yaml: model_list[2].litellm_params.model: the environment variable MODEL is not set; "
        "its deployment is out of service",
    ]


@pytest.mark.parametrize("params", [{"model": "sagemaker/x"}, {"model": "x", "custom_llm_provider": "replicate"}])
def test_only_the_deployment_is_out_of_service_when_its_provider_is_not_served(
    tmp_path: Path, params: dict[str, str]
) -> None:
    models = [entry("a", "openai/x"), {"model_name": "b", "litellm_params": params}]
    settings = load_document(tmp_path, {"model_list": models})
    assert [item.group for item in settings.deployments] == ["a"]
    assert "there is no provider" in settings.out_of_service["b"]
    assert len(settings.warnings) == 1


def test_variable_is_not_missed_when_nothing_would_read_it(tmp_path: Path) -> None:
    document = {
        "model_list": [entry("a", "openai/x")],
        "files_settings": [{"api_key": "os.environ/NONE", "more": {"list": ["os.environ/NONE"]}}],
    }
    assert [warning.partition(": ")[2] for warning in load_document(tmp_path, document).warnings] == [
        "files_settings is ignored: the files API is not served"
    ]


def test_its_users_are_out_of_service_when_a_credentials_variable_is_not_set(tmp_path: Path) -> None:
    settings = load_document(
        tmp_path,
        {
            "model_list": [entry("a", "openai/x", litellm_credential_name="c"), entry("b", "openai/x")],
            "credential_list": [{"credential_name": "c", "credential_values": {"api_key": "os.environ/NONE"}}],
        },
    )
    assert [item.group for item in settings.deployments] == ["b"]
    assert settings.out_of_service["a"] == "the environment variable NONE is not set"


def test_value_is_left_out_with_a_warning_when_a_variable_elsewhere_is_not_set(tmp_path: Path) -> None:
    document = {"model_list": [entry("a", "openai/x")], "router_settings": {"redis_host": "os.environ/REDIS"}}
    settings = load_document(tmp_path, document)
    assert settings.router.redis_host is None
    assert settings.warnings[0].endswith("router_settings.redis_host: the environment variable REDIS is not set; "
                                         "it is left out")  # fmt: skip


def test_variables_of_the_file_count_when_references_and_keys_are_looked_up(tmp_path: Path) -> None:
    document = {
        "environment_variables": {"GROQ_API_KEY": "gsk-file", "BASE": "https://b.example", "COPY": "os.environ/OUTER"},
        "model_list": [entry("a", "groq/x", api_base="os.environ/BASE")],
    }
    settings = load_document(tmp_path, document, {"GROQ_API_KEY": "gsk-env", "OUTER": "o"})
    assert settings.deployments[0].connection == {"api_key": "gsk-file", "api_base": "https://b.example"}
    assert settings.environ["COPY"] == "o"


def test_names_without_effect_are_reported_when_the_file_has_some(tmp_path: Path) -> None:
    document = {
        "model_list": [entry("a", "openai/x", api_bse="y")],
        "guardrails": [{"guardrail_name": "x"}],
        "general_settings": {"database_connection_timeout": "os.environ/NONE"},
        "router_settings": {"num_retires": 1, "fallbacks": [{"typo": ["a"]}]},
    }
    told = [warning.removeprefix(f"{tmp_path}/config.yaml: ") for warning in load_document(tmp_path, document).warnings]
    assert told == [
        "general_settings.database_connection_timeout is ignored: its deadline is 3 seconds, and no call waits for it",
        "guardrails is ignored: guardrails are not built in",
        "model_list[0].litellm_params.api_bse: no setting has this name, so it is sent to the provider as it is; "
        "did you mean api_base?",
        "router_settings.num_retires is ignored: unknown; did you mean num_retries?",
        "router_settings.fallbacks[0].typo has no effect: there is no such model",
    ]


def test_missing_key_is_reported_when_a_provider_needs_one(tmp_path: Path) -> None:
    document = {"model_list": [entry("a", "groq/x"), entry("b", "ollama/x"), entry("*", "*")]}
    warnings = load_document(tmp_path, document, {}).warnings
    assert len(warnings) == 1
    assert "model_list[0]: no api_key, and GROQ_API_KEY is not set" in warnings[0]


STRICT = {**KEYS, "PATCHBAY_STRICT": "true"}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"model_list": [entry("a", "openai/x", rpm=-2)]}, "model_list[0].litellm_params.rpm: must be a whole number"),
    ({"model_list": [entry("a", "bogus/x")]}, "model_list[0].litellm_params.model: there is no provider 'bogus'"),
    ({"router_settings": {"routing_strategy": "x"}}, "router_settings.routing_strategy: must be one of"),
    ({"router_settings": {"fallbacks": [{"a": ["b"]}]}}, "router_settings.fallbacks[0].a: there is no model 'b'"),
    ({"litellm_settings": {"default_fallbacks": ["b"]}}, "litellm_settings.default_fallbacks[0]: there is no"),
    ({"router_settings": {"model_group_alias": {"a": "a"}}}, "router_settings.model_group_alias.a: there is no"),
    ({"model_list": [entry("a", "os.environ/M", rpm=-2)]}, "model_list[0].litellm_params.rpm: must be"),
    ({"environment_variables": {"A": {}}}, "environment_variables.A: must be text"),
    ({"credential_list": "x"}, "credential_list: must be a list"),
    ({"model_list": [None]}, "model_list[0]"),
    ({"model_list": ["os.environ/NONE", entry("a", "openai/x")]}, "model_list[0]"),
    ({"model_list": [entry("a", "openai/x", api_key="")]}, "model_list[0].litellm_params.api_key: must not be empty"),
    ({"model_list": [entry("a", "openai/x", api_base="${BASE}")]}, "model_list[0].litellm_params.api_base: must be"),
    ({"litellm_settings": {"drop_params": ["x"]}}, "litellm_settings.drop_params: must be true or false"),
    ({"router_settings": {"retry_policy": {"Bogus": 1}}}, "router_settings.retry_policy.Bogus: is unknown"),
    (
        {"model_list": [entry("a", "openai/x", litellm_credential_name="c")]},
        "model_list[0].litellm_params.litellm_credential_name: there is no 'c'",
    ),
    ({"litellm_settings": {"ssl_verify": "/nowhere.pem"}}, "litellm_settings.ssl_verify: must be true, false"),
]
FATAL: list[tuple[dict[str, Any], str]] = [
    ({"environment_variables": 3}, "environment_variables: must be a mapping"),
    ({"environment_variables": {"LITELLM_MASTER_KEY": []}}, "environment_variables.LITELLM_MASTER_KEY: must be text"),
    ({"general_settings": []}, "general_settings: must be a mapping"),
    ({"general_settings": {"master_key": ""}}, "general_settings.master_key: must not be empty"),
    ({"general_settings": {"master_key": "schlüssel"}}, "general_settings.master_key: must be ASCII"),
    ({"general_settings": {"allow_client_side_credentials": "perhaps"}}, "general_settings.allow_client_side_cred"),
]


@pytest.mark.parametrize(("document", "problem"), [*WRONG, *FATAL])
def test_start_is_refused_when_a_value_is_wrong_and_the_operator_is_strict(
    tmp_path: Path, document: dict[str, Any], problem: str
) -> None:
    assert problems_of(tmp_path, document, STRICT)[0].startswith(f"config.yaml: {problem}")


@pytest.mark.parametrize(("document", "problem"), WRONG)
def test_only_the_entry_is_out_of_service_when_a_value_is_wrong(
    tmp_path: Path, document: dict[str, Any], problem: str
) -> None:
    """Two-sided: what is beside it serves, and what is wrong is named."""
    models = [*document.get("model_list", ()), entry("fine", "openai/x", api_key="k")]
    settings = load_document(tmp_path, {**document, "model_list": models})
    assert "fine" in {deployment.group for deployment in settings.deployments}
    warnings = [warning.removeprefix(f"{tmp_path}/config.yaml: ") for warning in settings.warnings]
    assert [warning for warning in warnings if warning.startswith(problem)], warnings
    served = {deployment.group for deployment in settings.deployments}
    assert ("a" in settings.out_of_service) == ("a" not in served) or "a" not in str(document.get("model_list"))


@pytest.mark.parametrize(("document", "problem"), FATAL)
def test_start_is_refused_when_what_protects_is_wrong(tmp_path: Path, document: dict[str, Any], problem: str) -> None:
    assert problems_of(tmp_path, document)[0].startswith(f"config.yaml: {problem}")


def test_last_one_counts_when_a_section_is_written_twice(tmp_path: Path) -> None:
    text = "litellm_settings: {num_retries: 1}\nmodel_list: []\nlitellm_settings: {num_retries: 3}\n"
    settings = load(write(tmp_path, "config.yaml", text), KEYS, PROVIDERS)
    assert settings.router.num_retries == 3
    (warning,) = settings.warnings
    assert warning.endswith("config.yaml, line 3: 'litellm_settings' is in this mapping twice: the last one counts")
    with pytest.raises(ConfigError, match="line 3"):
        load(tmp_path / "config.yaml", STRICT, PROVIDERS)


@pytest.mark.parametrize(
    ("params", "serves"),
    [
        ({"model": "ollama/x", "api_key": "os.environ/NONE"}, True),
        ({"model": "ollama/x", "api_key": ""}, True),
        ({"model": "openai/x", "organization": "os.environ/NONE"}, True),
        ({"model": "openai/x", "extra_headers": {"x-team": "os.environ/NONE"}}, True),
        ({"model": "openai/x", "rpm": "os.environ/NONE", "timeout": "os.environ/NONE"}, True),
        ({"model": "openai/x", "api_key": "os.environ/NONE"}, False),
        ({"model": "bedrock/x", "api_key": "os.environ/NONE"}, False),
        ({"model": "openai/x", "api_base": "os.environ/NONE"}, False),
        ({"model": "os.environ/NONE"}, False),
    ],
)
def test_only_needed_values_count_when_a_variable_is_not_set(
    tmp_path: Path, params: dict[str, Any], serves: bool
) -> None:
    settings = load_document(tmp_path, {"model_list": [{"model_name": "a", "litellm_params": params}]})
    assert bool(settings.deployments) == serves
    assert "os.environ" not in repr([item.connection for item in settings.deployments])
    assert len(settings.warnings) >= 1


def test_later_one_is_out_of_service_when_two_models_have_one_id(tmp_path: Path) -> None:
    models = [{**entry(name, "openai/x"), "model_info": {"id": "same"}} for name in ("a", "b")]
    settings = load_document(tmp_path, {"model_list": models})
    assert [item.group for item in settings.deployments] == ["a"]
    assert "must be unique" in settings.out_of_service["b"]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"router_settings": {"optional_pre_call_checks": ["nonsense"]}}, "optional_pre_call_checks[0] 'nonsense'"),
        ({"general_settings": {"completion_model": "gone"}}, "completion_model names a model that does not exist"),
        (
            {"router_settings": {"model_group_retry_policy": {"gone": {}}}},
            "model_group_retry_policy.gone has no effect",
        ),
        ({"litellm_settings": {"prometheus_caller_labels": ["x"]}}, "prometheus_caller_labels[0] 'x' is no label"),
        ({"model_list": [entry("a,b", "openai/x")]}, "model_list[0].model_name has a comma"),
        ({"model_list": [entry("a", "openai/")]}, "model_list[0].litellm_params.model names no model"),
    ],
)
def test_value_without_effect_is_named(tmp_path: Path, document: dict[str, Any], text: str) -> None:
    (warning,) = load_document(tmp_path, document).warnings
    assert text in warning


def test_including_files_own_path_is_named_when_its_value_is_wrong(tmp_path: Path) -> None:
    write(tmp_path, "models.yaml", {"model_list": [entry("b", "openai/x", tpm="x")]})
    document = {"include": ["models.yaml"], "model_list": [entry("a", "openai/x")]}
    (told,) = problems_of(tmp_path, document, STRICT)
    assert told.startswith("models.yaml: model_list[0].litellm_params.tpm: must be a whole number")


def test_credentials_are_masked_when_settings_know_them(tmp_path: Path) -> None:
    canaries = [f"canary-number-{number}" for number in range(6)]
    settings = load_document(
        tmp_path,
        {
            "model_list": [
                entry("a", "openai/x", api_key=canaries[0], extra_headers={"x-api-key": canaries[1]}),
                entry("lost", "openai/x", api_key=canaries[2], api_base="os.environ/NONE"),
            ],
            "general_settings": {"master_key": canaries[3]},
            "router_settings": {"redis_url": f"redis://:{canaries[4]}@h", "redis_password": canaries[4]},
        },
        {"LANGFUSE_SECRET_KEY": canaries[5]},
    )
    assert settings.secrets.mask(" ".join(canaries)) == " ".join([MASK] * 6)
    assert "canary" not in repr(settings)


def test_demo_is_served_when_there_is_no_file() -> None:
    settings = load(None, {}, PROVIDERS)
    assert [(item.group, item.provider) for item in settings.deployments] == [("demo", "mock")]
    assert settings.router.model_group_alias["gpt-3.5-turbo"] == ("demo", True)
    assert settings.warnings == ()


def test_providers_are_served_when_their_keys_are_in_the_environment() -> None:
    environ = {**KEYS, "OLLAMA_API_BASE": "http://h", "AZURE_API_KEY": "k", "AWS_ACCESS_KEY_ID": "a"}
    settings = load(None, environ, PROVIDERS)
    assert [item.group for item in settings.deployments] == ["demo", "openai/*", "groq/*", "bedrock/*", "ollama/*"]
    assert set(settings.router.model_group_alias) == {"llama3"}


def test_file_is_the_environments_when_it_names_one(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.yaml", {"model_list": [entry("a", "openai/x")]})
    settings = load_default({"CONFIG_FILE_PATH": str(path), "PATCHBAY_MODEL": "groq/x"})
    assert [item.group for item in settings.deployments] == ["a"]
    assert settings.source == str(path)


def test_start_is_refused_when_the_named_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        load_default({"CONFIG_FILE_PATH": str(tmp_path / "none.yaml")})


def test_any_name_is_served_when_there_is_one_model() -> None:
    settings = load_default({"PATCHBAY_MODEL": "groq/llama3"})
    assert [(item.group, item.model) for item in settings.deployments] == [("groq/llama3", "llama3"), ("*", "llama3")]
    assert settings.general.completion_model == "groq/llama3"


def test_usual_file_is_read_when_nothing_else_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "config.yaml", {"model_list": [entry("here", "openai/x")]})
    monkeypatch.chdir(tmp_path)
    assert [item.group for item in load_default({}).deployments] == ["here"]


@pytest.mark.parametrize(
    ("level", "verbose", "expected"),
    [("ERROR", True, "error"), ("", True, "debug"), ("", False, "info"), ("nonsense", False, "info")],
)
def test_log_level_is_the_environments_when_it_has_one(
    tmp_path: Path, level: str, verbose: bool, expected: str
) -> None:
    document = {"litellm_settings": {"set_verbose": verbose}}
    assert load_document(tmp_path, document, {"LITELLM_LOG": level}).log_level == expected
