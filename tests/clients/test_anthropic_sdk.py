"""Anthropic's SDK against a live gateway: models that are asked in Anthropic's form, and those asked in OpenAI's."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.agents.scripted_model import REPLY, ScriptedModel
from tests.live.servers import ROOT, WORKER_CLASSES, gateway

KEY = "sk-page-1234567890"
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
SCRIPT = ROOT / "tests" / "clients" / "scripts" / "anthropic_sdk.py"
WAYS = {"native": ("anthropic", ""), "bridged": ("openai", "/v1")}


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the script printed, and what reached the model, for each way."""
    directory = tmp_path_factory.mktemp("sdk")
    results: dict[str, Any] = {}
    for way, (provider, path) in WAYS.items():
        with ScriptedModel().running() as model:
            names = {way: "claude-sonnet-4-5", f"{way}-limited": "error-429"}
            deployments = [
                {
                    "model_name": name,
                    "litellm_params": {"model": f"{provider}/{asked}", "api_key": "k", "api_base": model.url + path},
                }
                for name, asked in names.items()
            ]
            config = {
                "model_list": deployments,
                "general_settings": {"master_key": KEY},
                "router_settings": {"num_retries": 0, "disable_cooldowns": True},
            }
            with gateway(config, directory, worker_class=request.param) as server:
                results[way] = (run(server.url, way), model)
    yield results


def run(url: str, model: str) -> dict[str, Any]:
    done = subprocess.run([PYTHON, SCRIPT, url, KEY, model], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return printed


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def printed(found: dict[str, Any], way: str) -> dict[str, Any]:
    result: dict[str, Any] = found[way][0]
    return result


def test_an_answer_is_the_same_whole_and_streamed(printed: dict[str, Any]) -> None:
    assert printed["whole"]["content"][0]["text"] == REPLY
    assert printed["streamed"]["content"][0]["text"] == REPLY
    for answer in (printed["whole"], printed["streamed"]):
        assert answer["stop_reason"] == "end_turn"
        usage = answer["usage"]
        assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (1200, 300, 21)


def test_the_sdk_sees_every_kind_of_event(printed: dict[str, Any]) -> None:
    kinds = set(printed["events"])
    wanted = "message_start content_block_start content_block_delta text content_block_stop message_delta message_stop"
    assert set(wanted.split()) <= kinds


def test_a_call_is_whole_when_it_was_streamed(printed: dict[str, Any]) -> None:
    called = printed["called"]
    assert called["stop_reason"] == "tool_use"
    text, call = called["content"]
    assert text["text"] == "I use a tool."
    assert (call["type"], call["name"], call["input"]) == ("tool_use", "get_weather", {"city": "Paris"})


def test_the_tool_runner_sends_the_whole_conversation_when_a_thread_is_refused(
    found: dict[str, Any], printed: dict[str, Any], way: str
) -> None:
    assert printed["runner"]["content"][0]["text"] == "The tool printed: sunny in Paris"
    model = found[way][1]
    assert all("thread" not in body for _, _, body in model.requests)


def test_errors_are_the_sdks_own_classes(printed: dict[str, Any]) -> None:
    assert printed["unknown_model"]["class"] == "NotFoundError"
    assert (printed["bad_value"]["class"], printed["bad_value"]["type"]) == ("BadRequestError", "invalid_request_error")
    assert (printed["limited"]["class"], printed["limited"]["type"]) == ("RateLimitError", "rate_limit_error")
    assert all(printed[name]["id"] for name in ("unknown_model", "bad_value", "limited"))
    assert printed["wrong_key"] == 401


def test_tokens_are_counted_or_estimated(printed: dict[str, Any], way: str) -> None:
    assert printed["counted"] == 4321 if way == "native" else 0 < printed["counted"] < 10


def test_a_budget_of_thinking_becomes_an_effort_where_a_model_has_efforts(found: dict[str, Any], way: str) -> None:
    model = found[way][1]
    asked = [body for _, _, body in model.requests if body.get("max_tokens") == 3000]
    assert len(asked) == 1
    if way == "native":
        assert asked[0]["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    else:
        assert asked[0]["reasoning_effort"] == "low"


def test_native_requests_bear_the_clients_version_and_the_operators_key(found: dict[str, Any]) -> None:
    _, headers, _ = found["native"][1].requests[0]
    assert headers["x-api-key"] == "k"
    assert headers["anthropic-version"]
    assert "authorization" not in headers
