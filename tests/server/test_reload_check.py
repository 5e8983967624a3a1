"""The check before a reload: a broken configuration is refused with its path and reason, and nothing else is written."""

from pathlib import Path

import pytest

from proxy.host.config_state import ConfigState, Snapshot
from proxy.server.check_result import CANDIDATE
from proxy.server.reload_check import check

HERE = ("127.0.0.1", 4000)
EVERYWHERE = ("0.0.0.0", 4000)
GOOD = "model_list: [{model_name: first, litellm_params: {model: mock/demo}}]\n"
KEYED = GOOD + "general_settings: {master_key: sk-a-long-enough-key}\n"

# By name: the text, and what the reason must name.
BROKEN = {
    "an open list": ("model_list: [", "line"),
    "an open mapping": ("model_list: {", "line"),
    "an open quote": ("model_list: 'abc", "line"),
    "a tab as indentation": ("model_list:\n\t- a", "line"),
    "a bad indentation": ("a:\n  b: 1\n c: 2", "line"),
    "an unknown alias": ("model_list: *missing", "missing"),
    "an unknown tag": ("model_list: !!python/object:os.system x", "tag"),
    "a Python object": ("a: !!python/object/apply:os.system ['true']", "tag"),
    "two documents": ("a: 1\n---\nb: 2", "document"),
    "a list at the top": ("- a\n- b", "mapping"),
    "a text at the top": ("hello", "mapping"),
    "a number at the top": ("42", "mapping"),
    "control characters": ("a: \x01", "character"),
    "too deep a list": ("a: " + "[" * 200 + "]" * 200, "levels"),
    "too deep a mapping": ("a: " + "{a: " * 200 + "1" + "}" * 200, "levels"),
    "unclosed braces by thousands": ("a: " + "{" * 5000, "levels"),
    "a mapping as key": ("{[a]: b}: c", "hash"),
    "a percent sign at the start": ("%FOO bar", "line"),
    "an @ as value": ("a: @b", "line"),
    "a bad escape": ('a: "\\q"', "line"),
    "an include that is missing": ("include: [none.yaml]", "none.yaml"),
    "an include that is a number": ("include: 7", "include"),
    "an include of a folder": ("include: ['.']", "include"),
    "an include that is broken": ("include: [broken-part.yaml]", "broken-part.yaml"),
    "an include that is no text": ("include: [binary-part.yaml]", "UTF-8"),
    "an include up a missing folder": ("include: [../none/x.yaml]", "x.yaml"),
    "a master key that no header can carry": (GOOD + "general_settings: {master_key: 'schlüssel'}", "master_key"),
    "a master key with a space": (GOOD + "general_settings: {master_key: 'a b'}", "master_key"),
    "a master key from an unset variable": (
        GOOD + "general_settings: {master_key: os.environ/NOT_SET_ANYWHERE}",
        "NOT_SET_ANYWHERE",
    ),
    "a master key that is a list": (GOOD + "general_settings: {master_key: [a]}", "master_key"),
    "settings that are a text": (GOOD + "general_settings: yes please", "general_settings"),
    "a wrong protection": (
        GOOD + "general_settings: {allow_client_side_credentials: perhaps}",
        "allow_client_side_credentials",
    ),
    "origins that are a mapping": (GOOD + "general_settings: {cors_allow_origins: {a: 1}}", "cors_allow_origins"),
    "an authentication that is not enforced": (GOOD + "general_settings: {custom_auth: my.module}", "custom_auth"),
    "addresses that are not enforced": (GOOD + "general_settings: {allowed_ips: [10.0.0.1]}", "allowed_ips"),
    "a guardrail that is not enforced": (
        GOOD
        + "guardrails: [{guardrail_name: g, litellm_params: {guardrail: presidio, mode: pre_call, default_on: true}}]",
        "guardrails",
    ),
    "a callback without its keys": (GOOD + "litellm_settings: {callbacks: [langfuse]}", "callbacks"),
    "a webhook without its address": (GOOD + "litellm_settings: {callbacks: [webhook]}", "callbacks"),
    "a state in a folder that is a file": (
        GOOD + "router_settings: {state_store: host, state_path: ./binary-part.yaml}",
        "state",
    ),
    "keys without a master key": (GOOD + "keys: [{key: sk-1234567890abcdef}]", "master_key"),
    "no text at all": ("\ufffe\x00", "character"),
}


def write(folder: Path, text: str) -> Path:
    (folder / "broken-part.yaml").write_text("model_list: [")
    (folder / "binary-part.yaml").write_bytes(b"\xff\xfe\x00\x01")
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConfigState:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONFIG_FILE_PATH", str(tmp_path / "config.yaml"))
    monkeypatch.delenv("LITELLM_MASTER_KEY", raising=False)
    folder = tmp_path / "state"
    folder.mkdir()
    state = ConfigState(folder)
    state.keep(Snapshot(1, {str(tmp_path / "config.yaml"): GOOD}))
    return state


@pytest.mark.parametrize(("text", "named"), BROKEN.values(), ids=BROKEN.keys())
def test_nothing_changes_when_the_configuration_is_broken(
    state: ConfigState, tmp_path: Path, text: str, named: str
) -> None:
    write(tmp_path, text)
    result = check(state, [HERE], 2)
    assert result.reason is not None and named in result.reason, result.reason
    assert "can't start" not in result.reason
    assert not (state.folder / CANDIDATE).exists()
    assert state.snapshot() == Snapshot(1, {str(tmp_path / "config.yaml"): GOOD})


def test_a_table_of_forty() -> None:
    assert len(BROKEN) >= 40


def test_a_good_configuration_becomes_the_candidate(state: ConfigState, tmp_path: Path) -> None:
    path = write(tmp_path, KEYED)
    result = check(state, [EVERYWHERE], 2)
    assert result.reason is None and result.is_new and result.worker_changes == ()
    candidate = state.read(CANDIDATE)
    assert candidate == {"version": 2, "texts": {str(path): KEYED}, "secrets": ""}
    assert oct((state.folder / CANDIDATE).stat().st_mode)[-3:] == "600"


def test_the_same_texts_are_nothing_new(state: ConfigState, tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    assert not check(state, [HERE], 2).is_new


def test_a_reload_is_refused_when_it_would_open_the_gateway(state: ConfigState, tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    reason = check(state, [EVERYWHERE], 2).reason
    assert reason is not None and "no master key" in reason


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("litellm_settings: {callbacks: [prometheus]}", "callbacks"),
        ("router_settings: {state_store: memory}", "router_settings.redis_* or state_*"),
        ("environment_variables: {HTTPS_PROXY: 'http://127.0.0.1:1'}", "environment_variables"),
        ("litellm_settings: {ssl_verify: false}", "litellm_settings.ssl_verify, network or allowed hosts"),
        ("litellm_settings: {json_logs: true}", "callbacks and logging"),
    ],
)
def test_a_change_is_named_when_it_needs_new_workers(
    state: ConfigState, tmp_path: Path, change: str, named: str
) -> None:
    write(tmp_path, GOOD + change)
    assert any(named in name for name in check(state, [HERE], 2).worker_changes)


@pytest.mark.parametrize(
    "change",
    [
        "router_settings: {num_retries: 1, routing_strategy: least-busy, model_group_alias: {alias: first}}",
        "litellm_settings: {drop_params: true, request_timeout: 5, turn_off_message_logging: false}",
        "general_settings: {master_key: sk-another-long-key, max_request_size_mb: 1, completion_model: first}",
    ],
)
def test_models_router_and_settings_need_no_new_workers(state: ConfigState, tmp_path: Path, change: str) -> None:
    write(tmp_path, GOOD + change)
    result = check(state, [HERE], 2)
    assert result.reason is None and result.worker_changes == ()
