"""Somebody else's idea of the providers' formats: aimock's server behind the gateway, driven by OpenAI's SDK.

Run by `make live-providers`; not part of the suite, for it needs node. PATCHBAY_AIMOCK names aimock's command line.
"""

import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.live.sdk import ask, client_of
from tests.live.servers import Server, free_port, gateway

AIMOCK = os.environ["PATCHBAY_AIMOCK"]
FIXTURES = Path(__file__).with_suffix(".json")
HELLO = "Hello from somebody else's server, in several pieces so that a stream has chunks."
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}

# litellm_params of a chat deployment of each; {url} is aimock's.
CHAT: dict[str, dict[str, str]] = {
    "anthropic": {"model": "anthropic/claude-sonnet-4-5", "api_base": "{url}"},
    "gemini": {"model": "gemini/gemini-2.5-flash", "api_base": "{url}"},
    "bedrock": {
        "model": "bedrock/anthropic.claude-3-5-sonnet-20240620-v1:0",
        "aws_bedrock_runtime_endpoint": "{url}",
        "aws_region_name": "us-east-1",
        "aws_access_key_id": "AKIDEXAMPLE",
        "aws_secret_access_key": "secret",
    },
    "cohere": {"model": "cohere/command-a-03-2025", "api_base": "{url}"},
    "ollama": {"model": "ollama_chat/llama3.1", "api_base": "{url}"},
    "azure": {"model": "azure/gpt-4o", "api_base": "{url}", "api_version": "2024-10-21"},
    "mistral": {"model": "mistral/mistral-small-latest", "api_base": "{url}/v1"},
    "openai": {"model": "openai/gpt-4o", "api_base": "{url}/v1"},
}
EMBEDDING: dict[str, dict[str, str]] = {
    "cohere": {"model": "cohere/embed-v4.0", "api_base": "{url}"},
    "ollama": {"model": "ollama/nomic-embed-text", "api_base": "{url}"},
    "azure": {"model": "azure/text-embedding-3-small", "api_base": "{url}", "api_version": "2024-10-21"},
    "openai": {"model": "openai/text-embedding-3-small", "api_base": "{url}/v1"},
}


def deployment(name: str, params: dict[str, str], url: str) -> dict[str, Any]:
    filled = {key: value.format(url=url) for key, value in params.items()}
    return {"model_name": name, "litellm_params": {"api_key": "mock", **filled}}


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running aimock."""
    port = free_port()
    log = (tmp_path_factory.mktemp("aimock") / "log").open("wb")
    process = subprocess.Popen(["node", AIMOCK, "-p", str(port), "-f", str(FIXTURES)], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{url}/v1/models", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def server(aimock: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    models = [deployment(name, params, aimock) for name, params in CHAT.items()]
    models += [deployment(f"{name}-embedding", params, aimock) for name, params in EMBEDDING.items()]
    config = {"model_list": models, "router_settings": {"num_retries": 0}}
    with gateway(config, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    return client_of(server)


def said(text: str) -> list[Any]:
    return [{"role": "system", "content": "Be short."}, {"role": "user", "content": text}]


@pytest.mark.parametrize("model", CHAT)
def test_answer_is_whole_when_asked(client: openai.OpenAI, model: str) -> None:
    answer = client.chat.completions.create(model=model, messages=said("hello"), max_tokens=50, temperature=0.2)
    print(f"\n{model}: {answer.choices[0].message.content!r} {answer.usage}")
    assert answer.choices[0].message.content == HELLO
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage and answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@pytest.mark.parametrize("model", CHAT)
def test_pieces_make_the_answer_when_streamed(client: openai.OpenAI, model: str) -> None:
    chunks = list(
        client.chat.completions.create(
            model=model, messages=said("hello"), stream=True, stream_options={"include_usage": True}
        )
    )
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    texts = [choice.delta.content for choice in choices if choice.delta.content]
    print(f"\n{model}: {len(texts)} pieces, usage {chunks[-1].usage}")
    assert "".join(texts) == HELLO
    assert len(texts) > 1
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("model", CHAT)
def test_tool_is_called_and_its_result_goes_back(client: openai.OpenAI, model: str, stream: bool) -> None:
    messages = said("weather in Oslo")
    message = ask(client, model, messages, stream=stream, tools=[TOOL])
    (call,) = message["tool_calls"]
    assert call["function"] == {"name": "weather", "arguments": call["function"]["arguments"]}
    assert "Oslo" in call["function"]["arguments"]
    messages += [message, {"role": "tool", "tool_call_id": call["id"], "content": "7 degrees"}]
    assert ask(client, model, messages, stream=stream, tools=[TOOL])["content"] == "It is 7 degrees in Oslo."


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("model", CHAT)
def test_calls_are_apart_when_there_are_several(client: openai.OpenAI, model: str, stream: bool) -> None:
    calls = ask(client, model, said("weather in both"), stream=stream, tools=[TOOL])["tool_calls"]
    assert ["Oslo" in call["function"]["arguments"] for call in calls] == [True, False]
    assert len({call["id"] for call in calls}) == 2


@pytest.mark.parametrize("model", ["anthropic", "gemini", "bedrock", "ollama"])
def test_thoughts_are_reasoning_when_the_model_thinks(client: openai.OpenAI, model: str) -> None:
    for stream in (False, True):
        message = ask(client, model, said("think"), stream=stream)
        assert (message["reasoning_content"], message["content"]) == ("First this, then that.", "Forty-two.")


@pytest.mark.parametrize("model", CHAT)
def test_error_is_openais_when_the_provider_limits(client: openai.OpenAI, model: str) -> None:
    for stream in (False, True):
        with pytest.raises(openai.RateLimitError, match="Slow down"):
            client.chat.completions.create(model=model, messages=said("too often"), stream=stream)


@pytest.mark.parametrize("model", EMBEDDING)
def test_vector_is_the_providers_when_embedded(client: openai.OpenAI, model: str) -> None:
    answer = client.embeddings.create(model=f"{model}-embedding", input="embed me")
    assert answer.data[0].embedding == [0.25, -0.5, 0.75]
