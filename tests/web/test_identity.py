"""Who is let in, and what is noted of who asks."""

import re

import pytest
from flask import Flask

from app import create_app
from proxy.domain.requester import Key
from proxy.errors import AuthenticationError
from proxy.web.current import current_caller
from proxy.web.identity import check_key, public

KEY = "sk-identity-test"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def app() -> Flask:
    """A gateway with a key, and two views that say whose key they were shown."""
    app = create_app(environ={"LITELLM_MASTER_KEY": KEY})

    @app.get("/closed")
    def closed() -> dict[str, str | None]:
        return {"alias": current_caller().key.alias}

    @app.get("/open")
    @public
    def show() -> dict[str, str | None]:
        return {"alias": current_caller().key.alias}

    return app


@pytest.mark.parametrize(
    "given",
    [
        KEY,
        f"Bearer {KEY}",
        f"Bearer   {KEY} ",
        f"Bearer \t{KEY}",
        f" Bearer {KEY}",
        f"bearer {KEY}",
        f"BEARER\t{KEY}",
        f"Basic {KEY}",
    ],
)
def test_key_is_taken_when_it_is_written_in_any_of_the_usual_ways(given: str) -> None:
    check_key({"HTTP_AUTHORIZATION": given}, KEY.encode())


@pytest.mark.parametrize(
    "given", ["Bearer", "Bearer ", f"Bearer Bearer {KEY}", f"Bearer{KEY}", f"Bearer {KEY}x", f"Token {KEY}", "\xff"]
)
def test_key_is_refused_when_it_is_another_text(given: str) -> None:
    with pytest.raises(AuthenticationError, match="not valid"):
        check_key({"HTTP_AUTHORIZATION": given}, KEY.encode())


def test_first_header_counts_when_several_carry_a_key() -> None:
    check_key({"HTTP_X_LITELLM_API_KEY": KEY, "HTTP_AUTHORIZATION": "Bearer other"}, KEY.encode())
    check_key({"HTTP_X_LITELLM_API_KEY": "", "HTTP_X_API_KEY": KEY}, KEY.encode())
    with pytest.raises(AuthenticationError, match="not valid"):
        check_key({"HTTP_X_LITELLM_API_KEY": "other", "HTTP_AUTHORIZATION": KEY}, KEY.encode())


def test_no_key_is_said_to_be_missing_when_no_header_carries_one() -> None:
    with pytest.raises(AuthenticationError) as caught:
        check_key({"HTTP_AUTHORIZATION": ""}, KEY.encode())
    assert caught.value.code == "missing_api_key"


@pytest.mark.parametrize(("path", "status"), [("/closed", 401), ("/open", 200), ("/nowhere", 404)])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_only_closed_views_are_closed_when_the_key_is_not_shown(
    app: Flask, path: str, status: int, headers: dict[str, str]
) -> None:
    assert app.test_client().get(path, headers=headers).status_code == status


def test_nobodys_key_is_noted_when_an_open_view_is_not_shown_one(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/open", headers={"Authorization": "Bearer wrong"}).get_json() == {"alias": None}
    assert client.get("/open").get_json() == {"alias": None}
    assert client.get("/closed", headers={"Authorization": f"Bearer {KEY}"}).get_json() == {"alias": "master"}


@pytest.mark.parametrize("path", ["/closed", "/nowhere"])
def test_ids_are_the_clients_when_it_sends_sound_ones(app: Flask, path: str) -> None:
    headers = {"x-litellm-call-id": "call-1", "x-request-id": "request-1"}
    response = app.test_client().get(path, headers=headers)
    assert (response.headers["x-litellm-call-id"], response.headers["x-request-id"]) == ("call-1", "request-1")


@pytest.mark.parametrize("given", ["", "two words", "x" * 129])
def test_ids_are_made_when_the_clients_are_unsound(app: Flask, given: str) -> None:
    response = app.test_client().get("/closed", headers={"x-litellm-call-id": given, "x-request-id": given})
    assert UUID.fullmatch(response.headers["x-litellm-call-id"])
    assert response.headers["x-request-id"] == response.headers["x-litellm-call-id"]


def test_nobodys_key_is_noted_when_there_is_none() -> None:
    app = create_app(environ={})
    app.add_url_rule("/who", view_func=lambda: {"nobody": current_caller().key == Key()}, endpoint="who")
    assert app.test_client().get("/who").get_json() == {"nobody": True}
