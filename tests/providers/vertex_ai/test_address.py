"""Where on Vertex AI a request goes, and in whose format."""

import json
from dataclasses import replace
from typing import Any

import pytest

from proxy.domain.deployment import Deployment
from proxy.domain.google_project import UNKNOWN_PROJECT
from proxy.domain.wire import WireRequest
from proxy.errors import BadRequestError, GatewayError
from proxy.providers.registry import PROVIDERS
from proxy.providers.vertex_ai.place import read_project
from tests.providers.gemini.exchange import HELLO, build_call

HOST = "https://us-central1-aiplatform.googleapis.com"
PLACE = "projects/project/locations/us-central1"


def deployment(model: str = "gemini-2.5-flash", **connection: Any) -> Deployment:
    return Deployment("deployment-1", "group", "vertex_ai", model, {"vertex_project": "project", **connection})


def request_for(
    model: str = "gemini-2.5-flash", fields: dict[str, Any] | None = None, **connection: Any
) -> WireRequest:
    return PROVIDERS["vertex_ai"].build_request(build_call(fields or {}), deployment(model, **connection))


@pytest.mark.parametrize(
    ("model", "stream", "path"),
    [
        ("gemini-2.5-flash", False, f"v1/{PLACE}/publishers/google/models/gemini-2.5-flash:generateContent"),
        (
            "google/gemini-2.5-flash",
            True,
            f"v1/{PLACE}/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        ),
        ("gemini/1234567890", False, f"v1/{PLACE}/endpoints/1234567890:generateContent"),
        (
            "claude-sonnet-4@20250514",
            False,
            f"v1/{PLACE}/publishers/anthropic/models/claude-sonnet-4@20250514:rawPredict",
        ),
        ("anthropic/claude-opus-4-5", True, f"v1/{PLACE}/publishers/anthropic/models/claude-opus-4-5:streamRawPredict"),
        ("mistral-large@2407", False, f"v1/{PLACE}/publishers/mistralai/models/mistral-large@2407:rawPredict"),
        ("codestral-2501", True, f"v1/{PLACE}/publishers/mistralai/models/codestral-2501:streamRawPredict"),
        ("jamba-1.5-large", False, f"v1/{PLACE}/publishers/ai21/models/jamba-1.5-large:rawPredict"),
        ("meta/llama-3.3-70b-instruct-maas", True, f"v1/{PLACE}/endpoints/openapi/chat/completions"),
        ("deepseek-ai/deepseek-r1-0528-maas", False, f"v1/{PLACE}/endpoints/openapi/chat/completions"),
        ("openai/gpt-oss-120b-maas", False, f"v1/{PLACE}/endpoints/openapi/chat/completions"),
        ("openai/1234567890", False, f"v1/{PLACE}/endpoints/1234567890/chat/completions"),
    ],
)
def test_path_is_the_publishers_when_a_model_is_named(model: str, stream: bool, path: str) -> None:
    request = request_for(model, {"stream": True} if stream else {}, vertex_location="us-central1")
    assert request.url == f"{HOST}/{path}"


def test_path_is_the_betas_when_the_provider_is() -> None:
    beta = replace(deployment(), provider="vertex_ai_beta")
    url = PROVIDERS["vertex_ai_beta"].build_request(build_call({}), beta).url
    assert url == f"{HOST}/v1beta1/{PLACE}/publishers/google/models/gemini-2.5-flash:generateContent"


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        (None, "us-central1-aiplatform.googleapis.com"),
    ],
)
def test_host_is_the_locations_when_it_is_given(location: str | None, host: str) -> None:
    url = request_for(vertex_location=location).url
    assert url.startswith(f"https://{host}/v1/projects/project/locations/{location or 'us-central1'}/")


def test_location_is_global_when_the_model_is_served_nowhere_else() -> None:
    assert request_for("gemini-3-pro-preview").url.startswith(
        "https://aiplatform.googleapis.com/v1/projects/project/locations/global/"
    )


@pytest.mark.parametrize(
    "location",
    ["evil.example/", "evil.example#", "a.b", "a@b", "a:1", "A", "a b", "ä", "a\n", "../x", "a" * 41, "us-central1%2e"],
)
def test_location_is_refused_when_it_could_lead_elsewhere(location: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        request_for(vertex_location=location)
    assert caught.value.param == "vertex_location"


@pytest.mark.parametrize("project", ["../x", "a/b", "a?b", "a#b", "a..b", "-a", "a b", "a\n", "a" * 101])
def test_project_is_refused_when_it_could_lead_elsewhere(project: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        request_for(vertex_project=project)
    assert caught.value.param == "vertex_project"


@pytest.mark.parametrize("key", [{"project_id": "of-the-key"}, '{"project_id": "of-the-key"}'])
def test_project_is_the_keys_when_none_is_configured(key: Any) -> None:
    url = request_for(vertex_project=None, vertex_credentials=key).url
    assert "/projects/of-the-key/locations/" in url


@pytest.mark.parametrize("key", [None, "/path/key.json", {"type": "authorized_user"}])
def test_project_is_left_to_the_credentials_when_only_they_know_it(key: Any) -> None:
    url = request_for(vertex_project=None, vertex_credentials=key).url
    assert f"/projects/{UNKNOWN_PROJECT}/locations/" in url


@pytest.mark.parametrize("changes", [{"client_owned": True}, {"api_key": "AIza"}])
def test_error_says_what_to_set_when_nothing_else_can_know_the_project(changes: dict[str, Any]) -> None:
    connection = {"api_key": changes.pop("api_key", None)}
    deployment = Deployment("deployment-1", "group", "vertex_ai", "gemini-2.5-flash", connection, **changes)
    with pytest.raises(GatewayError, match="VERTEXAI_PROJECT") as caught:
        read_project(deployment)
    assert caught.value.status_code == 500


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://127.0.0.1:9", f"/v1/{PLACE}/publishers/google/models/gemini-2.5-flash:generateContent"),
        ("http://127.0.0.1:9/v1", f"/v1/{PLACE}/publishers/google/models/gemini-2.5-flash:generateContent"),
        ("http://127.0.0.1:9/up", f"/up/v1/{PLACE}/publishers/google/models/gemini-2.5-flash:generateContent"),
        (
            "http://127.0.0.1:9/v1/projects/p/locations/l",
            "/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-flash:generateContent",
        ),
        (
            "http://127.0.0.1:9/v1/projects/p/locations/l/publishers/google/models/other",
            "/v1/projects/p/locations/l/publishers/google/models/other:generateContent",
        ),
        ("http://127.0.0.1:9/v1/projects/p/locations/l/endpoints/77", "/v1/projects/p/locations/l/endpoints/77:generateContent"),
    ],
)  # fmt: skip
def test_base_is_completed_when_it_ends_early(base: str, expected: str) -> None:
    assert request_for(api_base=base).url == f"http://127.0.0.1:9{expected}"


def test_shared_endpoint_is_completed_when_the_base_names_it() -> None:
    base = "http://127.0.0.1:9/v1/projects/p/locations/l/endpoints/openapi"
    assert request_for("meta/llama-4-maas", api_base=base).url == f"{base}/chat/completions"


@pytest.mark.parametrize(
    ("key", "header", "value"),
    [
        ("AIzaSyX", "x-goog-api-key", "AIzaSyX"),
        ("AQ.express", "x-goog-api-key", "AQ.express"),
        ("ya29.token", "authorization", "Bearer ya29.token"),
    ],
)
def test_key_has_its_header_when_the_deployment_has_one(key: str, header: str, value: str) -> None:
    assert request_for(api_key=key).headers[header] == value


def test_no_key_is_sent_when_a_token_is_to_come() -> None:
    assert not {"authorization", "x-goog-api-key"} & request_for().headers.keys()
    assert PROVIDERS["vertex_ai"].auth == "google"


@pytest.mark.parametrize(
    ("model", "fields", "method", "body"),
    [
        (
            "text-embedding-005",
            {"input": ["a", "b"], "dimensions": 8, "task_type": "CLUSTERING", "auto_truncate": False},
            "predict",
            {
                "instances": [
                    {"content": "a", "task_type": "CLUSTERING"},
                    {"content": "b", "task_type": "CLUSTERING"},
                ],
                "parameters": {"outputDimensionality": 8, "autoTruncate": False},
            },
        ),
        ("gemini-embedding-001", {"input": "a"}, "predict", {"instances": [{"content": "a"}]}),
        (
            "gemini-embedding-001",
            {"input": ["a", "b"], "dimensions": 8},
            "batchEmbedContents",
            {
                "requests": [
                    {"content": {"parts": [{"text": text}]}, "embedContentConfig": {"outputDimensionality": 8}}
                    for text in "ab"
                ]
            },
        ),
        ("gemini-embedding-2", {"input": "a"}, "embedContent", {"content": {"parts": [{"text": "a"}]}}),
    ],
)
def test_method_is_the_models_when_embeddings_are_asked_for(
    model: str, fields: dict[str, Any], method: str, body: dict[str, Any]
) -> None:
    request = request_for(model, fields)
    assert request.url.endswith(f"/{PLACE}/publishers/google/models/{model}:{method}")
    assert json.loads(request.body) == body


def test_hello_is_the_last_turn_when_a_plain_call_is_built() -> None:
    assert json.loads(request_for(fields={"messages": HELLO}).body) == {
        "contents": [{"role": "user", "parts": [{"text": "Hello"}]}]
    }
