"""Without a master key: every route is for programs and pages of this machine."""

import pytest
from werkzeug.test import TestResponse

from app import create_app
from tests.security.wire import Wire, application, entry

KEY = "sk-local-access-test-1234"
# One route of each kind: pages, probes, lists, calls, and a path that does not exist.
ROUTES = ["/", "/status", "/livez", "/readyz", "/health", "/v1/models", "/metrics", "/router/state", "/nowhere"]
FORWARDED = ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host"]


def get(path: str, headers: dict[str, str], key: str | None = None) -> TestResponse:
    client = create_app(environ={"LITELLM_MASTER_KEY": key} if key else {}).test_client()
    return client.get(path, headers={**headers, **({"Authorization": f"Bearer {key}"} if key else {})})


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:4000", "localhost.evil.example", "127.0.0.1.evil.example", "[", "a@localhost"],
)
def test_foreign_host_is_refused_on_every_route_when_there_is_no_key(path: str, host: str) -> None:
    response = get(path, {"Host": host})
    assert response.status_code == 403
    assert response.get_json()["error"]["code"] == "host_not_allowed"
    assert host not in response.text


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:4000", "app.localhost:1", "127.0.0.1:4000", "[::1]:4000", "[::1]"]
)
def test_host_is_served_when_it_is_this_machine(host: str) -> None:
    assert get("/v1/models", {"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("name", FORWARDED)
def test_request_through_a_proxy_is_refused_when_there_is_no_key(path: str, name: str) -> None:
    response = get(path, {name: "10.1.2.3"})
    assert response.status_code == 403
    assert response.get_json()["error"]["code"] == "proxy_not_allowed"


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/metrics"])
@pytest.mark.parametrize("mode", ["no-cors", "navigate", "cors"])
def test_another_sites_request_is_refused_when_there_is_no_key(path: str, mode: str) -> None:
    response = get(path, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode})
    assert response.get_json()["error"]["code"] == "origin_not_allowed"


def test_link_of_another_site_opens_the_page_and_nothing_else() -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
    assert get("/", headers).status_code == 200
    assert get("/", {**headers, "Sec-Fetch-Mode": "no-cors"}).status_code == 403


@pytest.mark.parametrize("headers", [{"Host": "gateway.example"}, *({name: "10.1.2.3"} for name in FORWARDED)])
def test_host_and_proxies_are_free_when_there_is_a_key(headers: dict[str, str]) -> None:
    response = get("/v1/models", headers, KEY)
    assert response.status_code == 200
    assert "gateway.example" not in f"{response.headers}{response.text}"


@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example/v1/models", "/v1//models", "//"])
def test_double_slash_redirects_nowhere(path: str) -> None:
    response = get(path, {"Host": "gateway.example"}, KEY)
    assert "location" not in response.headers
    assert response.status_code in (200, 404)


def test_health_costs_money_once_a_minute_when_there_is_no_key() -> None:
    wire = Wire()
    client = application(wire, entry("m", "openai/gpt-4o"))
    assert [client.get("/health").get_json()["healthy_count"] for _ in range(3)] == [1, 1, 1]
    assert len(wire.sent) == 1
    client.post("/health")
    assert len(wire.sent) == 2
