"""Media that a client names by address: fetched through the guard where the provider wants bytes, else refused."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.http import Answer, chat
from tests.live.raw_upstream import RawUpstream, Reply
from tests.live.servers import Server, gateway

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=")
AWS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret", "aws_region_name": "us-east-1"}
MODELS = {
    "anthropic": "claude-sonnet-4-5",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "gemini": "gemini-2.5-flash",
    "ollama_chat": "llava",
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[RawUpstream]:
    """The provider."""
    with RawUpstream() as server:
        server.reply = Reply([b"{}"])
        yield server


@pytest.fixture(scope="module")
def pictures() -> Iterator[RawUpstream]:
    """A host of pictures that the operator lets clients name."""
    with RawUpstream() as server:
        server.pages = {
            "/a.png": Reply([PNG], "image/png"),
            "/moved.png": Reply([b""], status="302 Found", headers=("location: http://169.254.169.254/",)),
            **{f"/large-{n}.png": Reply([b"x" * 20_000_000], "image/png") for n in range(4)},
            "/endless.png": Reply([b"x" * 1_000_000] * 100, "image/png"),
        }
        server.reply = Reply([b"gone"], status="404 Not Found")
        yield server


@pytest.fixture(scope="module")
def strange() -> Iterator[RawUpstream]:
    """A host that nobody has allowed."""
    with RawUpstream() as server:
        server.reply = Reply([PNG], "image/png")
        yield server


@pytest.fixture(scope="module")
def server(upstream: RawUpstream, pictures: RawUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    places: dict[str, Any] = {name: {"api_key": "key", "api_base": upstream.url} for name in MODELS}
    places["bedrock"] = {**AWS, "aws_bedrock_runtime_endpoint": upstream.url}
    config = {
        "model_list": [
            {"model_name": name, "litellm_params": {"model": f"{name}/{model}", **places[name]}}
            for name, model in MODELS.items()
        ],
        "litellm_settings": {"provider_url_destination_allowed_hosts": [pictures.url.removeprefix("http://")]},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
    with gateway(config, tmp_path_factory.mktemp("media")) as running:
        yield running


def look(server: Server, model: str, *urls: str) -> Answer:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return chat(server, {"model": model, "messages": [{"role": "user", "content": parts}]})


@pytest.mark.parametrize("model", MODELS)
def test_provider_gets_the_bytes_when_the_host_is_allowed(
    server: Server, upstream: RawUpstream, pictures: RawUpstream, model: str
) -> None:
    look(server, model, f"{pictures.url}/a.png")
    assert base64.b64encode(PNG) in upstream.bodies[-1]
    assert pictures.url.encode() not in upstream.bodies[-1]


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_fetched_when_the_host_is_not_allowed(
    server: Server, upstream: RawUpstream, strange: RawUpstream, model: str
) -> None:
    before = len(upstream.bodies)
    answer = look(server, model, f"{strange.url}/a.png")
    assert answer.status == 400
    assert answer.json()["error"]["param"] == "messages"
    assert (strange.paths, len(upstream.bodies)) == ([], before)


@pytest.mark.parametrize("page", ["/none.png", "/moved.png", "/endless.png"])
def test_request_is_bad_when_its_picture_can_not_be_had(
    server: Server, upstream: RawUpstream, pictures: RawUpstream, page: str
) -> None:
    before = len(upstream.bodies)
    answer = look(server, "gemini", pictures.url + page)
    assert (answer.status, answer.json()["error"]["param"]) == (400, "messages")
    assert len(upstream.bodies) == before


def test_picture_is_fetched_once_when_it_stands_there_twice(server: Server, pictures: RawUpstream) -> None:
    pictures.paths.clear()
    look(server, "gemini", f"{pictures.url}/a.png", f"{pictures.url}/a.png")
    assert pictures.paths == ["/a.png"]


def test_request_is_bad_when_its_pictures_are_too_large_together(server: Server, pictures: RawUpstream) -> None:
    answer = look(server, "gemini", *(f"{pictures.url}/large-{n}.png" for n in range(4)))
    assert (answer.status, answer.json()["error"]["param"]) == (400, "messages")
