"""Google's models asked in Google's form: addresses, what is changed in the body, counts, vectors, streams, records."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from proxy.settings.load import load
from tests.dialects.gemini.test_view import events_of
from tests.test_replay import Upstream

HI: dict[str, Any] = {"parts": [{"text": "hi"}]}
ASK: dict[str, Any] = {"contents": [HI]}
ANSWER = {
    "candidates": [{"content": {"parts": [{"text": "hello"}], "role": "model"}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4},
    "responseId": "r-1",
    "newMember": {"x": 1},
}
PLACES = {"vertex_project": "p", "vertex_location": "us-central1"}
MODELS: dict[str, dict[str, Any]] = {
    "flash": {"model": "gemini/gemini-2.5-flash", "api_key": "k"},
    "three": {"model": "gemini/gemini-3-pro", "api_key": "k"},
    "vertex": {"model": "vertex_ai/gemini-2.5-flash", "api_key": "AIzaX", **PLACES},
    "claude": {"model": "vertex_ai/claude-sonnet-4-5", "api_key": "token", **PLACES},
    "tuned": {
        "model": "gemini/gemini-2.5-flash",
        "api_key": "k",
        "temperature": 0.3,
        "max_tokens": 77,
        "stop": "END",
        "extra_body": {"labels": {"a": "b"}},
    },
    "vectors": {"model": "gemini/gemini-embedding-001", "api_key": "k"},
    "openai": {"model": "openai/gpt-4o", "api_key": "k"},
}


def json_answer(body: Any, status: int = 200) -> dict[str, Any]:
    return {"status": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def sse_answer(*bodies: Any) -> dict[str, Any]:
    text = "".join(f"data: {json.dumps(body)}\r\n\r\n" for body in bodies)
    return {"status": 200, "headers": {"content-type": "text/event-stream"}, "body": text}


class Setup:
    def __init__(self, folder: Path) -> None:
        self.upstream = Upstream()
        groups = [{"model_name": name, "litellm_params": params} for name, params in MODELS.items()]
        path = folder / "config.yaml"
        path.write_text(json.dumps({"model_list": groups, "router_settings": {"num_retries": 0}}))
        self.client: FlaskClient = create_app(load(path, {}), transport=self.upstream).test_client()

    def ask(self, model: str, body: Any, answer: Any = None, method: str = "generateContent") -> Any:
        self.upstream.answer = answer or json_answer(ANSWER)
        return self.client.post(f"/v1beta/models/{model}:{method}", json=body)

    def sent(self, model: str, body: Any) -> dict[str, Any]:
        """What reached the provider."""
        assert self.ask(model, body).status_code == 200
        return self.last_body()

    def last_body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(bytes(self.upstream.requests[-1].body))
        return body

    def last_url(self) -> str:
        return self.upstream.requests[-1].url


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(tmp_path)


@pytest.mark.parametrize(
    ("model", "url"),
    [
        ("flash", "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"),
        (
            "vertex",
            "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/google/"
            "models/gemini-2.5-flash:generateContent",
        ),
    ],
)
def test_the_address_is_that_of_the_deployments_model(setup: Setup, model: str, url: str) -> None:
    assert setup.sent(model, {**ASK, "unknown": [1.0]}) == {**ASK, "unknown": [1.0]}
    assert setup.last_url() == url
    assert setup.upstream.requests[-1].headers["x-goog-api-key"] in ("k", "AIzaX")


def test_the_answers_bytes_pass_when_the_model_is_googles(setup: Setup) -> None:
    response = setup.ask("flash", ASK)
    assert response.get_data() == json.dumps(ANSWER).encode()


@pytest.mark.parametrize("model", ["claude", "openai"])
def test_a_model_of_another_maker_is_asked_in_its_own_form(setup: Setup, model: str) -> None:
    setup.ask(model, ASK)
    assert "messages" in setup.last_body()


def test_tools_as_one_object_and_snake_case_pass_when_the_model_is_googles(setup: Setup) -> None:
    body = {
        **ASK,
        "tools": {"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]},
        "generation_config": {"max_output_tokens": 3},
        "cachedContent": "cachedContents/x",
        "safetySettings": [],
    }
    assert setup.sent("flash", body) == body


def test_the_deployments_defaults_stand_below_what_the_client_wants(setup: Setup) -> None:
    sent = setup.sent("tuned", {**ASK, "generationConfig": {"temperature": 1, "topK": 2}})
    assert sent["generationConfig"] == {"temperature": 1, "topK": 2, "maxOutputTokens": 77, "stopSequences": ["END"]}
    assert sent["labels"] == {"a": "b"}
    assert setup.sent("tuned", {**ASK, "generation_config": {"max_output_tokens": 5}})["generation_config"] == {
        "max_output_tokens": 5,
        "temperature": 0.3,
        "stopSequences": ["END"],
    }


def call(**members: Any) -> dict[str, Any]:
    parts = [{"text": "I ask."}, {"functionCall": {"name": "f", "args": {}, "id": "c1"}, **members}]
    response = {"functionResponse": {"name": "f", "response": {"output": "x"}, "id": "c1"}}
    return {"contents": [HI, {"role": "model", "parts": parts}, {"role": "user", "parts": [response]}]}


def test_googles_own_signature_stays(setup: Setup) -> None:
    body = call(thoughtSignature="c3R1Yi1zaWduYXR1cmU=")
    assert setup.sent("three", body) == body


def test_a_signature_is_laid_in_when_the_model_wants_one_and_another_made_the_call(setup: Setup) -> None:
    carried = "cGF0Y2hiYXktdGhvdWdodHM6eyJyZWFzb25pbmdfY29udGVudCI6IkhtIn0="
    for body in (call(), call(thoughtSignature=carried)):
        part = setup.sent("three", body)["contents"][1]["parts"][1]
        assert part["functionCall"]["id"] == "c1"
        assert part["thoughtSignature"] not in (None, "", carried)
    assert "thoughtSignature" not in setup.sent("flash", call(thoughtSignature=carried))["contents"][1]["parts"][1]


def test_ids_of_calls_are_left_out_when_vertex_is_asked(setup: Setup) -> None:
    contents = setup.sent("vertex", call())["contents"]
    assert contents[1]["parts"][1] == {"functionCall": {"name": "f", "args": {}}}
    assert contents[2]["parts"][0] == {"functionResponse": {"name": "f", "response": {"output": "x"}}}


@pytest.mark.parametrize("model", ["flash", "vertex"])
def test_the_providers_own_count_passes(setup: Setup, model: str) -> None:
    counted = {"totalTokens": 31, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 31}]}
    response = setup.ask(model, ASK, json_answer(counted), "countTokens")
    assert response.get_json() == counted
    assert response.headers["x-patchbay-token-count"] == "provider"
    assert setup.last_url().endswith("models/gemini-2.5-flash:countTokens")


def test_a_whole_request_is_counted_for_the_deployments_model(setup: Setup) -> None:
    body = {"generateContentRequest": {"model": "models/flash", **ASK, "tools": [{"googleSearch": {}}]}}
    setup.ask("flash", body, json_answer({"totalTokens": 3}), "countTokens")
    assert setup.last_body()["generateContentRequest"]["model"] == "models/gemini-2.5-flash"
    setup.ask("vertex", body, json_answer({"totalTokens": 3}), "countTokens")
    assert setup.last_body() == {**ASK, "tools": [{"googleSearch": {}}]}


def test_an_estimate_is_made_when_the_counter_fails(setup: Setup) -> None:
    error = json_answer({"error": {"code": 500, "message": "no", "status": "INTERNAL"}}, 500)
    asked = {"contents": [{"parts": [{"text": "x" * 400}]}]}
    response = setup.ask("flash", asked, error, "countTokens")
    assert response.get_json() == {"totalTokens": 100}
    assert response.headers["x-patchbay-token-count"] == "estimated"


def test_vectors_pass_and_name_the_deployments_model(setup: Setup) -> None:
    vectors = {"embeddings": [{"values": [0.5, 1]}], "usageMetadata": {"promptTokenCount": 2}}
    body = {"requests": [{"model": "models/vectors", "content": HI, "taskType": "RETRIEVAL_QUERY"}]}
    response = setup.ask("vectors", body, json_answer(vectors), "batchEmbedContents")
    assert response.get_data() == json.dumps(vectors).encode()
    assert setup.last_body()["requests"][0] == {**body["requests"][0], "model": "models/gemini-embedding-001"}
    setup.ask("vectors", {"content": HI, "title": "t"}, json_answer({"embedding": {"values": [1]}}), "embedContent")
    assert setup.last_body() == {"content": HI, "title": "t"}
    assert setup.last_url().endswith("models/gemini-embedding-001:embedContent")


def test_events_pass_as_they_are_and_as_one_array(setup: Setup) -> None:
    first = {**ANSWER, "candidates": [{"content": {"parts": [{"text": "hel\u2028lo"}]}}]}
    answer = sse_answer(first, ANSWER)
    streamed = setup.ask("flash", ASK, answer, "streamGenerateContent?alt=sse")
    assert streamed.get_data(as_text=True) == answer["body"]
    assert setup.last_url().endswith(":streamGenerateContent?alt=sse")
    assert setup.last_body() == ASK
    array = setup.ask("flash", ASK, answer, "streamGenerateContent")
    assert array.get_json() == [first, ANSWER]


def test_an_array_of_the_provider_becomes_events(setup: Setup) -> None:
    answer = json_answer([{**ANSWER, "candidates": [{"content": {"parts": [{"text": "a"}]}}]}, ANSWER])
    answer["body"] = json.dumps(json.loads(answer["body"]), indent=2)
    streamed = setup.ask("flash", ASK, answer, "streamGenerateContent?alt=sse")
    assert events_of(streamed.get_data(as_text=True)) == json.loads(answer["body"])


def test_a_stream_without_a_finish_ends_with_an_error(setup: Setup) -> None:
    cut = sse_answer({**ANSWER, "candidates": [{"content": {"parts": [{"text": "hel"}]}}]})
    *_, last = events_of(setup.ask("flash", ASK, cut, "streamGenerateContent?alt=sse").get_data(as_text=True))
    assert last["error"]["code"] >= 500
    *_, last = setup.ask("flash", ASK, cut, "streamGenerateContent").get_json()
    assert last["error"]["code"] >= 500


def test_a_blocked_prompt_is_an_answer(setup: Setup) -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}
    assert setup.ask("flash", ASK, json_answer(blocked)).get_json() == blocked
    streamed = setup.ask("flash", ASK, sse_answer(blocked), "streamGenerateContent?alt=sse")
    assert events_of(streamed.get_data(as_text=True)) == [blocked]


def test_googles_error_comes_in_googles_form(setup: Setup) -> None:
    error = json_answer({"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}, 429)
    response = setup.ask("flash", ASK, error)
    assert (response.status_code, response.get_json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
