"""Rerank by Cohere's own SDK against a live gateway, and what the provider is asked."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.conftest import MASTER_KEY
from tests.clients.test_page import CLIENTS_PYTHON
from tests.live.servers import ROOT, WORKER_CLASSES, Server, gateway


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def reranker(
    request: pytest.FixtureRequest, upstream: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    config = {
        "model_list": [
            {
                "model_name": "rerank",
                "litellm_params": {"model": "cohere/rerank-v3.5", "api_key": "sk-operator", "api_base": upstream.url},
            }
        ],
        "general_settings": {"master_key": MASTER_KEY},
        "router_settings": {"num_retries": 0},
    }
    with gateway(config, tmp_path_factory.mktemp("rerank"), worker_class=request.param) as running:
        yield running


def asked(upstream: Server) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{upstream.url}/_requests", timeout=5) as response:
        found: list[dict[str, Any]] = json.load(response)["requests"]
    return found


@pytest.mark.skipif(not CLIENTS_PYTHON.exists(), reason="the clients' environment is not installed")
def test_coheres_clients_rerank(reranker: Server, upstream: Server) -> None:
    script = ROOT / "tests" / "clients" / "scripts" / "cohere_rerank.py"
    command = [CLIENTS_PYTHON, script, reranker.url, MASTER_KEY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["best"] == [[1, 1.0]]
    assert found["units"] == 1
    assert found["texts"] == ["the capital of France is Paris", "Berlin is in Germany"]
    assert found["refusal"][0] in (400, 404) and found["refusal"][1] == "model"
    second, first = [request for request in asked(upstream) if request["path"].endswith("/rerank")][-2:]
    assert (second["path"], first["path"]) == ("/v2/rerank", "/v2/rerank")
    assert second["headers"]["authorization"] == "Bearer sk-operator"
    assert json.loads(second["body"]) == {
        "model": "rerank-v3.5",
        "query": "capital of France",
        "documents": ["Berlin is in Germany", "the capital of France is Paris"],
        "top_n": 1,
    }
    assert "return_documents" not in first["body"]
