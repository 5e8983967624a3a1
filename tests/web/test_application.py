"""What the lean Flask still does as Flask does it."""

import pytest
from flask import Flask, session

from proxy.fastpath.flask_app import FastFlask
from proxy.fastpath.flask_response import FastResponse


def make_app(kind: type[Flask]) -> Flask:
    app = kind("test", static_folder=None)
    app.url_map.strict_slashes = False

    @app.before_request
    def first() -> None:
        app.config["SEEN"] = app.config.get("SEEN", 0) + 1

    @app.route("/plain", methods=["POST"])
    def plain() -> str:
        return "plain"

    @app.route("/of/<path:name>")
    def of(name: str) -> str:
        return name

    return app


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/plain"), ("POST", "/plain/"), ("GET", "/plain"), ("OPTIONS", "/plain"), ("GET", "/of/a/b"),
     ("GET", "/nothing"), ("HEAD", "/of/a")],
)  # fmt: skip
def test_routes_are_found_as_flask_finds_them(method: str, path: str):
    ours, flasks = (make_app(kind).test_client().open(path, method=method) for kind in (FastFlask, Flask))
    assert (ours.status, ours.data, ours.headers.get("allow")) == (
        flasks.status,
        flasks.data,
        flasks.headers.get("allow"),
    )


def test_hooks_of_the_application_run_before_each_request():
    app = make_app(FastFlask)
    app.test_client().post("/plain")
    app.test_client().get("/of/a")
    assert app.config["SEEN"] == 2


def test_there_are_no_sessions():
    app = make_app(FastFlask)
    with app.test_request_context("/plain"):
        assert dict(session) == {}


def test_a_plain_response_has_the_headers_it_was_given_and_its_length():
    response = FastResponse(b"{}", "application/json", [("x-one", "1")])
    pieces, status, headers = response.get_wsgi_response({"REQUEST_METHOD": "POST"})
    assert (list(pieces), status) == ([b"{}"], "200 OK")
    assert headers == [("Content-Type", "application/json"), ("x-one", "1"), ("Content-Length", "2")]


def test_what_was_asked_for_at_the_close_of_a_plain_response_is_done():
    closed: list[bool] = []
    response = FastResponse(b"{}", "application/json", [])
    response.call_on_close(lambda: closed.append(True))
    pieces, _, _ = response.get_wsgi_response({"REQUEST_METHOD": "POST"})
    assert list(pieces) == [b"{}"]
    pieces.close()
    assert closed == [True]
