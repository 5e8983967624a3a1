"""Double slashes, foreign hosts, and the gateway below a path."""

from pathlib import Path
from typing import Any

import pytest

from app import create_app
from proxy.settings import load
from tests.settings.fakes import entry, write

CONFIG = {"model_list": [entry("m", "mock/demo")]}


def client_of(folder: Path, **environ: str) -> Any:
    return create_app(load(write(folder, "c.yaml", CONFIG), environ)).test_client()


@pytest.mark.parametrize("fast", ["on", "off"])
@pytest.mark.parametrize(
    "path", ["/v1//models", "//v1/models", "/v1/models/", "/v1//chat/completions", "//evil.example"]
)
def test_nothing_of_the_host_header_is_in_the_answer_when_a_path_is_odd(tmp_path: Path, path: str, fast: str) -> None:
    client = client_of(tmp_path, PATCHBAY_FAST_PATH=fast)
    for method in ("GET", "POST"):
        answer = client.open(path=path, method=method, base_url="http://evil.example", json={})
        assert answer.status_code not in range(300, 400)
        assert b"evil" not in answer.data.replace(path.encode(), b"") and "location" not in answer.headers
        assert answer.is_json


@pytest.mark.parametrize("fast", ["on", "off"])
@pytest.mark.parametrize("written", ["/gateway", "gateway/", "/gateway/"])
def test_gateway_is_served_with_and_without_its_path_when_it_has_one(tmp_path: Path, written: str, fast: str) -> None:
    client = client_of(tmp_path, SERVER_ROOT_PATH=written, PATCHBAY_FAST_PATH=fast)
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    for prefix in ("/gateway", ""):
        assert client.get(f"{prefix}/v1/models").status_code == 200
        assert client.get(f"{prefix}/health/liveliness").status_code == 200
        assert client.post(f"{prefix}/v1/chat/completions", json=body).status_code == 200
    assert client.get("/gatewayed/v1/models").status_code == 404
    assert client_of(tmp_path).get("/gateway/v1/models").status_code == 404
