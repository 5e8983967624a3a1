"""Every request of the page "Use with Langchain, OpenAI SDK, LlamaIndex, Curl", by real clients against a live gateway."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.clients.conftest import MASTER_KEY
from tests.live.servers import ROOT, Server

POEM = [{"role": "user", "content": "this is a test request, write a short poem"}]
CLIENTS_PYTHON = ROOT / ".venv-clients" / "bin" / "python"


def last_request(upstream: Server) -> dict[str, Any]:
    with urllib.request.urlopen(f"{upstream.url}/_requests", timeout=5) as response:
        return json.load(response)["requests"][-1]


def run_client(script: str, server: Server) -> dict[str, Any]:
    """Run a script of a client's in the clients' own environment; it prints one JSON object."""
    python = CLIENTS_PYTHON if CLIENTS_PYTHON.exists() else Path(sys.executable)
    done = subprocess.run(
        [python, ROOT / "tests" / "clients" / "scripts" / script, server.url, MASTER_KEY],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def curl(server: Server, path: str, body: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "20", f"{server.url}{path}",
         "--header", "Content-Type: application/json", "--header", f"Authorization: Bearer {MASTER_KEY}",
         "--data", json.dumps(body)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_chat_completion_answers_in_the_pages_form(client: openai.OpenAI, upstream: Server) -> None:
    metadata = {
        "generation_name": "ishaan-generation-openai-client",
        "generation_id": "openai-client-gen-id22",
        "trace_id": "openai-client-trace-id22",
        "trace_user_id": "openai-client-user-id2",
    }
    response = client.chat.completions.create(model="gpt-3.5-turbo", messages=POEM, extra_body={"metadata": metadata})

    assert "write a short poem" in (response.choices[0].message.content or "")
    assert response.choices[0].finish_reason == "stop"
    assert response.model == "gpt-3.5-turbo-0125"
    assert response.object == "chat.completion"
    assert (
        response.usage
        and response.usage.total_tokens == response.usage.prompt_tokens + response.usage.completion_tokens
    )
    assert response.model_extra and response.model_extra["_response_ms"] > 0
    sent = json.loads(last_request(upstream)["body"])
    assert sent == {"messages": POEM, "model": "gpt-3.5-turbo-0125"}


def test_streamed_chat_completion_arrives_in_chunks(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="gpt-3.5-turbo", messages=POEM, stream=True))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "write a short poem" in text
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.choices for chunk in chunks), (
        "a client that did not ask for usage must not get a chunk without choices"
    )
    assert len({chunk.id for chunk in chunks}) == 1


def test_streamed_usage_comes_last_when_asked_for(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gpt-3.5-turbo", messages=POEM, stream=True, stream_options={"include_usage": True}
    )
    *_, last = list(stream)
    assert last.choices == []
    assert last.usage and last.usage.completion_tokens > 0


def test_embeddings_answer_in_the_pages_form(client: openai.OpenAI) -> None:
    response = client.embeddings.create(input=["hello from litellm"], model="text-embedding-ada-002")
    assert response.object == "list"
    assert response.data[0].index == 0 and len(response.data[0].embedding) == 8
    assert response.model == "text-embedding-ada-002"
    assert response.usage.prompt_tokens > 0


def test_moderations_answer_in_the_pages_form(client: openai.OpenAI) -> None:
    response = client.moderations.create(input="hello from litellm", model="text-moderation-stable")
    assert response.id.startswith("modr-")
    assert response.model == "text-moderation-007"
    assert response.results[0].flagged is False
    assert response.results[0].categories.harassment is False


def test_batch_answers_a_list_in_the_order_of_the_request(client: openai.OpenAI) -> None:
    items: Any = client.chat.completions.create(model="gpt-3.5-turbo,llama3", messages=POEM)
    assert [item.model for item in items] == ["gpt-3.5-turbo-0125", "groq/llama3-8b-8192"]
    assert all("write a short poem" in item.choices[0].message.content for item in items)


def test_batch_keeps_the_rest_when_one_model_fails(client: openai.OpenAI) -> None:
    items: Any = client.chat.completions.create(model="gpt-3.5-turbo, broken, llama3", messages=POEM)
    assert items[0].choices and items[2].choices
    assert items[1].model == "broken"
    assert set(items[1].error) >= {"message", "type", "param", "code"}


def test_batch_streams_interleaved_and_a_client_gathers_by_index(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gpt-3.5-turbo,llama3", messages=POEM, stream=True, stream_options={"include_usage": True}
    )
    texts, models, usages = {0: "", 1: ""}, {}, []
    for chunk in stream:
        if chunk.usage:
            usages.append(chunk.model)
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            models[choice.index] = chunk.model
    assert models == {0: "gpt-3.5-turbo-0125", 1: "groq/llama3-8b-8192"}
    assert texts[0] == texts[1] and "write a short poem" in texts[0]
    assert sorted(usages) == ["gpt-3.5-turbo-0125", "groq/llama3-8b-8192"]


def test_fastest_response_answers_with_the_first_success(client: openai.OpenAI) -> None:
    response = client.chat.completions.create(
        model="slow, broken, llama3", messages=POEM, extra_body={"fastest_response": True}
    )
    assert response.model == "groq/llama3-8b-8192"


def test_user_config_with_fallbacks_uses_only_its_own_models(client: openai.OpenAI, upstream: Server) -> None:
    user_config = {
        "model_list": [
            {
                "model_name": "user-azure-instance",
                "litellm_params": {
                    "model": "azure/fail-500",
                    "api_key": "users-azure-key",
                    "api_version": "2024-02-01",
                    "api_base": upstream.url,
                    "timeout": 10,
                },
                "tpm": 240000,
                "rpm": 1800,
            },
            {
                "model_name": "user-openai-instance",
                "litellm_params": {
                    "model": "gpt-3.5-turbo", "api_key": "users-openai-key", "timeout": 10, "api_base": f"{upstream.url}/v1",
                },
                "tpm": 240000,
                "rpm": 1800,
            },
        ],
        "num_retries": 2,
        "allowed_fails": 3,
        "fallbacks": [{"user-azure-instance": ["user-openai-instance"]}],
    }  # fmt: skip
    response = client.chat.completions.create(
        model="user-azure-instance", messages=POEM, extra_body={"user_config": user_config}
    )
    assert response.model == "gpt-3.5-turbo"
    sent = last_request(upstream)
    assert sent["headers"]["authorization"] == "Bearer users-openai-key"
    assert "user_config" not in sent["body"]
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="gpt-4", messages=POEM, extra_body={"user_config": user_config})


def test_users_own_key_goes_to_the_deployment(client: openai.OpenAI, upstream: Server) -> None:
    client.chat.completions.create(model="gpt-3.5-turbo", messages=POEM, extra_body={"api_key": "my-bad-key"})
    assert last_request(upstream)["headers"]["authorization"] == "Bearer my-bad-key"


def test_users_own_azure_goes_where_the_user_says(client: openai.OpenAI, upstream: Server) -> None:
    client.chat.completions.create(
        model="gpt-3.5-turbo",
        messages=POEM,
        extra_body={"api_key": "my-azure-key", "api_base": f"{upstream.url}/v1", "api_version": "my-azure-version"},
    )
    sent = last_request(upstream)
    assert sent["headers"]["authorization"] == "Bearer my-azure-key"
    assert "sk-operator-secret" not in json.dumps(sent)


def test_azure_client_can_be_pointed_at_the_gateway(server: Server) -> None:
    azure = openai.AzureOpenAI(azure_endpoint=server.url, api_key=MASTER_KEY, api_version="2024-02-01", max_retries=0)
    response = azure.chat.completions.create(model="gpt-3.5-turbo", messages=POEM)
    assert response.model == "gpt-3.5-turbo-0125"
    assert azure.embeddings.create(input="a", model="text-embedding-ada-002").data


def test_curl_chat_completion(server: Server) -> None:
    answer = curl(
        server, "/chat/completions", {"model": "gpt-3.5-turbo", "messages": POEM, "metadata": {"trace_id": "t"}}
    )
    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert answer["_response_ms"] > 0


def test_curl_embeddings_and_moderations(server: Server) -> None:
    assert curl(server, "/embeddings", {"model": "text-embedding-ada-002", "input": ["hello from litellm"]})["data"]
    assert curl(server, "/moderations", {"model": "text-moderation-stable", "input": "hello from litellm"})["results"]


def test_langchain_chat_and_stream(server: Server) -> None:
    seen = run_client("langchain_chat.py", server)
    assert "write a short poem" in seen["text"]
    assert "write a short poem" in seen["streamed"]
    assert seen["usage"]["total_tokens"] > 0


def test_llama_index_chat_and_stream(server: Server) -> None:
    seen = run_client("llama_index_chat.py", server)
    assert "write a short poem" in seen["text"]
    assert "write a short poem" in seen["streamed"]


ERROR_CLASSES = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
}


@pytest.mark.parametrize(("status", "error_class"), ERROR_CLASSES.items())
@pytest.mark.parametrize("stream", [False, True])
def test_sdk_raises_its_own_class_for_a_providers_error(
    client: openai.OpenAI, status: int, error_class: type[openai.APIStatusError], stream: bool
) -> None:
    with pytest.raises(error_class) as caught:
        client.chat.completions.create(model=f"fail-{status}", messages=POEM, stream=stream)
    assert caught.value.status_code == status
    assert f"mock error {status}" in caught.value.message
    # The gateway has not retried, so the SDK may.
    assert "x-should-retry" not in caught.value.response.headers


def test_sdk_raises_authentication_error_for_a_wrong_key(server: Server) -> None:
    client = openai.OpenAI(api_key="sk-wrong", base_url=server.url, max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(model="gpt-3.5-turbo", messages=POEM)


def test_timeout_is_a_408(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="slow", messages=POEM, extra_body={"timeout": 0.3})
    assert caught.value.status_code == 408


def test_models_are_listed(client: openai.OpenAI) -> None:
    names = {model.id for model in client.models.list()}
    assert {"gpt-3.5-turbo", "llama3"} <= names
    assert client.models.retrieve("llama3").owned_by == "groq"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nope")
