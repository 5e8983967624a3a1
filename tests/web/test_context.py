"""The lean request and its context are what Flask's are."""

from io import BytesIO
from typing import Any

import pytest
from flask import Request, g, has_app_context, has_request_context, request
from werkzeug.test import Client, create_environ

from proxy.fastpath.flask_app import FastFlask
from proxy.fastpath.flask_context import LazyRequest

TOLD = ("method", "scheme", "server", "root_path", "path", "query_string", "remote_addr", "full_path", "url", "base_url", "host",
        "mimetype", "args", "is_secure", "content_length", "access_route", "shallow")  # fmt: skip


@pytest.mark.parametrize("path", ["/", "/v1/chat/completions", "//a/b", "/a b", "/\u00e9/x", ""])
@pytest.mark.parametrize("first", TOLD)
def test_a_request_tells_what_flasks_does_whatever_is_asked_first(path: str, first: str) -> None:
    def environ() -> dict[str, Any]:
        return create_environ(path, "https://h:4/", "x=1&y", "post", headers={"X-One": "1"}, content_type="text/plain",
                              environ_base={"REMOTE_ADDR": "10.0.0.7"})  # fmt: skip

    ours, flasks = LazyRequest(environ()), Request(environ())

    assert getattr(ours, first) == getattr(flasks, first)
    assert [getattr(ours, name) for name in TOLD] == [getattr(flasks, name) for name in TOLD]
    assert dict(ours.headers) == dict(flasks.headers)
    assert ours.environ["werkzeug.request"] is ours


def test_a_request_has_no_attributes_that_flasks_has_not() -> None:
    assert not hasattr(LazyRequest(create_environ("/")), "no_such_thing")


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_left_of_a_request(fails: bool) -> None:
    app = FastFlask("test", static_folder=None)
    seen: list[dict[str, Any]] = []

    @app.before_request
    def note() -> None:
        assert "noted" not in g
        g.noted = True

    @app.route("/")
    def view() -> str:
        assert g.noted and has_app_context() and has_request_context()
        if fails:
            raise RuntimeError("the view's")
        return "here"

    def server(environ: dict[str, Any], start: Any) -> Any:
        seen.append(environ)
        return app(environ, start)

    client = Client(server)
    for _ in range(2):
        answer = client.get("/")
        assert (answer.status_code, answer.text) == ((500, answer.text) if fails else (200, "here"))
        assert not has_app_context()
        assert not has_request_context()
    assert [environ["werkzeug.request"] for environ in seen] == [None, None]


def test_files_that_came_with_a_form_are_closed() -> None:
    app = FastFlask("test", static_folder=None)
    came: list[Any] = []

    @app.route("/", methods=["POST"])
    def view() -> str:
        came.append(request.files["file"])
        return ""

    assert app.test_client().post("/", data={"file": (BytesIO(b"text"), "name.txt")}).status_code == 200
    assert came[0].stream.closed


def test_one_request_within_another_is_left_first() -> None:
    app = FastFlask("test", static_folder=None)
    with app.test_request_context("/outer"):
        g.name = "outer"
        with app.test_request_context("/inner"):
            assert "name" not in g
        assert g.name == "outer"
    assert not has_app_context()
