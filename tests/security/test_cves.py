"""The field's own vulnerabilities as regression tests, by their identifiers, against a live gateway."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.http import Answer, chat, request
from tests.live.servers import Server, gateway

MESSAGES = [{"role": "user", "content": "hi"}]
MASTER = "sk-cve-master-key-1"
OPERATOR_KEY = "sk-cve-operator-key-2"
KEY = {"authorization": f"Bearer {MASTER}"}


@pytest.fixture(scope="module")
def open_server(upstream: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway whose operator lets clients call the fake provider's address."""
    with gateway(config(upstream, [f"127.0.0.1:{upstream.port}"]), tmp_path_factory.mktemp("open")) as server:
        yield server


@pytest.fixture(scope="module")
def server(upstream: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway as it comes: no exceptions."""
    with gateway(config(upstream, []), tmp_path_factory.mktemp("closed")) as running:
        yield running


def config(upstream: Server, allowed: list[str]) -> dict[str, Any]:
    own = {"api_base": f"{upstream.url}/v1", "api_key": OPERATOR_KEY, "extra_headers": {"x-team": "operators"}}
    gemini = {"model": "gemini/gemini-2.5-flash", "api_key": OPERATOR_KEY, "api_base": upstream.url}
    return {
        "model_list": [
            {
                "model_name": "gpt",
                "litellm_params": {"model": "openai/gpt", "extra_body": {"team": "operators"}, **own},
            },
            {"model_name": "gemini", "litellm_params": gemini},
        ],
        "general_settings": {"master_key": MASTER},
        "router_settings": {"num_retries": 0},
        "litellm_settings": {"provider_url_destination_allowed_hosts": allowed},
    }


def requests_of(upstream: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = request(upstream, "GET", "/_requests").json()["requests"]
    return found


def forget(upstream: Server) -> None:
    request(upstream, "DELETE", "/_requests")


def assert_refused(answer: Answer, upstream: Server) -> None:
    assert answer.status == 400, answer.body
    assert answer.json()["error"]["param"]
    assert requests_of(upstream) == []


def test_cve_2024_6587_a_client_that_names_the_address_gets_nothing_of_the_operators(
    open_server: Server, upstream: Server
) -> None:
    forget(upstream)
    assert chat(open_server, {"model": "gpt", "messages": MESSAGES, "api_base": f"{upstream.url}/evil"}, KEY).status
    sent = json.dumps(requests_of(upstream))
    assert "/evil/chat/completions" in sent, "the request reached the client's address"
    assert OPERATOR_KEY not in sent and "operators" not in sent


def test_cve_2024_6587_base_url_is_the_same_door(open_server: Server, upstream: Server) -> None:
    forget(upstream)
    chat(open_server, {"model": "gpt", "messages": MESSAGES, "base_url": f"{upstream.url}/evil"}, KEY)
    sent = json.dumps(requests_of(upstream))
    assert "/evil/chat/completions" in sent
    assert OPERATOR_KEY not in sent


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("place", ["body", "batch", "fallback", "user_config", "user_config fallback"])
def test_pysec_2026_4070_no_depth_gets_past_the_guard(
    server: Server, upstream: Server, place: str, stream: bool
) -> None:
    forget(upstream)
    inside = f"{upstream.url}/v1"
    entry = {
        "model_name": "own",
        "litellm_params": {"model": "openai/gpt", "api_base": inside, "api_key": "client-key-1"},
    }
    bodies: dict[str, dict[str, Any]] = {
        "body": {"model": "gpt", "api_base": inside},
        "batch": {"model": "gpt,gpt", "api_base": inside},
        "fallback": {
            "model": "gpt",
            "api_base": "http://192.0.2.1:9",
            "fallbacks": [{"model": "gpt", "api_base": inside}],
        },
        "user_config": {"model": "own", "user_config": {"model_list": [entry]}},
        "user_config fallback": {
            "model": "none",
            "user_config": {
                "model_list": [entry, {**entry, "model_name": "none"}],
                "fallbacks": [{"none": ["own"]}],
            },
        },
    }
    answer = chat(server, {"messages": MESSAGES, "stream": stream, **bodies[place]}, KEY)
    assert requests_of(upstream) == []
    if place == "batch" and not stream:
        assert all(item["error"]["code"] for item in answer.json())
    else:
        assert answer.status == 400


@pytest.mark.parametrize(
    "spelling", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "0x7f000001", "127.1", "0177.0.0.1"]
)
def test_cve_2025_66405_and_cve_2026_110719_this_machine_is_not_trusted(
    server: Server, upstream: Server, spelling: str
) -> None:
    forget(upstream)
    base = f"http://{spelling}:{upstream.port}/v1"
    assert_refused(chat(server, {"model": "gpt", "messages": MESSAGES, "api_base": base}, KEY), upstream)


def test_cve_2025_66405_no_header_names_a_destination(server: Server, upstream: Server) -> None:
    forget(upstream)
    header = {"x-portkey-custom-host": "http://127.0.0.1:9", "host": "127.0.0.1:9", "x-forwarded-host": "127.0.0.1:9"}
    assert chat(server, {"model": "gpt", "messages": MESSAGES}, {**KEY, **header}).status == 200
    assert [sent["path"] for sent in requests_of(upstream)] == ["/v1/chat/completions"]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/a.png", "http://localhost:{port}/a.png", "http://[::ffff:127.0.0.1]:{port}/a.png"]
)
def test_cve_2026_55245_media_urls_go_through_the_guard(server: Server, upstream: Server, url: str) -> None:
    forget(upstream)
    part = {"type": "image_url", "image_url": {"url": url.format(port=upstream.port)}}
    answer = chat(server, {"model": "gemini", "messages": [{"role": "user", "content": [part]}]}, KEY)
    assert_refused(answer, upstream)


def test_cve_2024_9606_masks_show_nothing_of_a_key(open_server: Server) -> None:
    answer = chat(open_server, {"model": "gpt", "messages": MESSAGES, "mock": {"echo_request": True}}, KEY)
    assert answer.status == 401
    shown = answer.body.decode() + json.dumps(answer.headers) + open_server.output()
    assert "masked" in shown
    assert OPERATOR_KEY[:12] not in shown and OPERATOR_KEY[-6:] not in shown


def test_cve_2025_11203_health_shows_no_key(server: Server) -> None:
    for path in ("/health", "/router/state", "/v1/models"):
        answer = request(server, "GET", path, headers=KEY, timeout=60)
        assert answer.status == 200
        assert OPERATOR_KEY not in answer.body.decode()
    assert request(server, "GET", "/health").status == 401


def test_redirects_are_not_followed(open_server: Server, upstream: Server) -> None:
    forget(upstream)
    redirect = {"status": 307, "headers": {"location": f"{upstream.url}/elsewhere"}}
    answer = chat(open_server, {"model": "gpt", "messages": MESSAGES, "mock": redirect}, KEY)
    assert answer.status >= 400
    assert [sent["path"] for sent in requests_of(upstream)] == ["/v1/chat/completions"]


@pytest.mark.parametrize("bring", ["body", "user_config", "fallback"])
def test_redirects_of_a_destination_that_a_client_named_are_not_followed(
    open_server: Server, upstream: Server, bring: str
) -> None:
    forget(upstream)
    own = {"api_base": f"{upstream.url}/clients", "api_key": "client-key-1"}
    bodies: dict[str, dict[str, Any]] = {
        "body": {"model": "gpt", **own},
        "user_config": {
            "model": "own",
            "user_config": {"model_list": [{"model_name": "own", "litellm_params": {"model": "openai/gpt", **own}}]},
        },
        "fallback": {"model": "gpt", "api_base": "http://192.0.2.1:9", "fallbacks": [{"model": "gpt", **own}]},
    }
    redirect = {"status": 302, "headers": {"location": f"{upstream.url}/elsewhere"}}
    timeout = {"timeout": 2} if bring == "fallback" else {}
    answer = chat(open_server, {"messages": MESSAGES, "mock": redirect, **timeout, **bodies[bring]}, KEY)
    assert answer.status >= 400
    assert {sent["path"] for sent in requests_of(upstream)} == {"/clients/chat/completions"}


@pytest.mark.parametrize("secret_file", ["/etc/passwd", "os.environ/HOME", "file:///etc/passwd"])
def test_clients_cannot_name_files_or_variables_of_the_gateway(
    server: Server, upstream: Server, secret_file: str
) -> None:
    entry = {
        "model_name": "own",
        "litellm_params": {"model": "vertex_ai/gemini-2.5-flash", "vertex_credentials": secret_file},
    }
    body = {"model": "own", "messages": MESSAGES, "user_config": {"model_list": [entry]}}
    answer = chat(server, body, KEY)
    assert 400 <= answer.status < 500
    assert "root:" not in answer.body.decode()
