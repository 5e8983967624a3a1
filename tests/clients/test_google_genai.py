"""Google's SDK against a live gateway: models that are asked in Google's form, in OpenAI's, and in Anthropic's."""

import itertools
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.agents.scripted_google import ScriptedGoogle
from tests.agents.scripted_model import REPLY
from tests.live.servers import ROOT, WORKER_CLASSES, gateway

KEY = "sk-page-1234567890"
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
SCRIPT = ROOT / "tests" / "clients" / "scripts" / "google_genai.py"
WAYS = {
    "native": ("gemini", "", "gemini-2.5-flash"),
    "openai": ("openai", "/v1", "gpt-4o"),
    "anthropic": ("anthropic", "", "claude-sonnet-4-5"),
}
TOOL = "The tool printed: sunny in Paris"


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the script printed, and what reached the model, for each way."""
    results: dict[str, Any] = {}
    for way, (provider, path, model) in WAYS.items():
        with ScriptedGoogle().running() as server:
            asked = {way: model, f"{way}-limited": "error-429", f"{way}-vectors": "vectors"}
            if way == "anthropic":
                del asked[f"{way}-vectors"]
            params = {"api_key": "k", "api_base": server.url + path}
            config = {
                "model_list": [
                    {"model_name": name, "litellm_params": {"model": f"{provider}/{each}", **params}}
                    for name, each in asked.items()
                ],
                "general_settings": {"master_key": KEY},
                "router_settings": {"num_retries": 0, "disable_cooldowns": True},
            }
            folder = tmp_path_factory.mktemp("genai")
            with gateway(config, folder, worker_class=request.param) as running:
                results[way] = (run(running.url, way), server)
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


def test_an_answer_is_whole_under_both_versions(printed: dict[str, Any]) -> None:
    for version in ("v1", "v1beta"):
        answer = printed[f"whole_{version}"]
        assert answer["text"] == REPLY
        assert answer["finish"].endswith("STOP")
        assert answer["total"] == 1521
        assert answer["id"]


def test_a_stream_has_the_same_text_and_one_finish(printed: dict[str, Any]) -> None:
    streamed = printed["streamed"]
    assert streamed["text"] == printed["async"] == REPLY
    assert len(streamed["finishes"]) == 1
    assert streamed["total"] == 1521
    assert streamed["pieces"] > 3


@pytest.mark.parametrize("kind", ["chat", "chat_streamed"])
def test_the_sdk_calls_the_function_and_goes_on_with_its_history(printed: dict[str, Any], kind: str) -> None:
    chat = printed[kind]
    assert "sunny in Paris" in chat["first"]
    assert chat["second"]
    # The SDK keeps each piece of a stream as a content of its own.
    turns = [role for role, _ in itertools.groupby(chat["roles"])]
    assert turns == ["user", "model"] * 3, turns


def test_configuration_pictures_and_vectors_pass(printed: dict[str, Any], way: str) -> None:
    assert printed["configured"] == printed["image"] == REPLY
    assert printed["vectors"] == (404 if way == "anthropic" else [[0.5, 0.25], [0.5, 0.25]])


def test_tokens_are_counted_or_estimated(printed: dict[str, Any], way: str) -> None:
    assert printed["counted"] == 4321 if way == "native" else 40 < printed["counted"] < 80


def test_errors_are_the_sdks_own_classes(printed: dict[str, Any], way: str) -> None:
    assert printed["unknown_model"] == {"class": "ClientError", "code": 404, "status": "NOT_FOUND"}
    assert printed["limited"] == {"class": "ClientError", "code": 429, "status": "RESOURCE_EXHAUSTED"}
    assert printed["wrong_key"] == {"class": "ClientError", "code": 401, "status": "UNAUTHENTICATED"}
    if way != "native":
        assert printed["bad_value"] == {"class": "ClientError", "code": 400, "status": "INVALID_ARGUMENT"}


def test_models_are_listed_in_googles_form(printed: dict[str, Any], way: str) -> None:
    assert f"models/{way}" in printed["models"]
    assert printed["model"] == f"models/{way}"


def test_the_native_model_gets_what_the_client_sent(found: dict[str, Any]) -> None:
    path, headers, body = found["native"][1].requests[0]
    assert path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert headers["x-goog-api-key"] == "k"
    assert "authorization" not in headers
    assert body == {"contents": [{"parts": [{"text": "hello"}], "role": "user"}]}


def test_a_call_comes_back_with_its_signature(found: dict[str, Any]) -> None:
    requests = found["native"][1].requests
    signed = [body for path, _, body in requests if "generateContent" in path and "c3R1Yi1zaWdu" in json.dumps(body)]
    assert signed
