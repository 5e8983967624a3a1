"""The door opens for the versions that it was tested with, and leads to stock Flask and gunicorn otherwise."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import flask.globals
import pytest
from flask import Flask

from app import create_app
from proxy.fastpath import door, versions
from proxy.fastpath.parts import PLAIN
from proxy.settings import load

ROOT = Path(__file__).parents[2]
INSTALLED = {"flask": "3.1.3", "werkzeug": "3.1.9", "gunicorn": "27.0.1", "gevent": "26.9.0"}
FAST_MODULES = [
    f"proxy.fastpath.{name}"
    for name in ("fast", "flask_app", "flask_context", "flask_response", "gunicorn_request", "gunicorn_response")
]


@pytest.fixture(autouse=True)
def closed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test loads anew is forgotten with it."""
    for name in FAST_MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_fast_path_is_used_when_the_pinned_versions_are_installed() -> None:
    assert versions.untested() == ()
    assert door.find_parts(True).app_class.__name__ == "FastFlask"


def test_parts_are_stock_when_the_fast_path_is_off() -> None:
    assert door.find_parts(False) is PLAIN
    assert PLAIN.app_class is Flask


@pytest.mark.parametrize(
    ("name", "version"),
    [("flask", "3.2.0.dev"), ("flask", "3.10.1"), ("werkzeug", "3.2.0"), ("gunicorn", "28.0.0"), ("gevent", "27.1.0")],
)
def test_version_is_named_when_it_is_not_a_tested_one(name: str, version: str) -> None:
    found = {**INSTALLED, name: version}
    assert versions.untested(found.__getitem__) == (f"{name} {version} (tested with {versions.TESTED[name]})",)
    assert f"{name} {version}" in (versions.warning(found.__getitem__) or "")


def test_a_missing_package_is_no_unknown_version() -> None:
    def find(name: str) -> str:
        if name == "gevent":
            raise PackageNotFoundError
        return INSTALLED[name]

    assert versions.untested(find) == ()
    assert versions.warning(find) is None


def test_private_names_are_not_imported_when_a_version_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "untested", lambda: ("flask 3.2.0 (tested with 3.1)",))
    assert door.find_parts(True) is PLAIN
    assert not set(FAST_MODULES) & set(sys.modules)


@pytest.mark.parametrize("name", ["_cv_app", "_cv_request"])
def test_parts_are_stock_with_one_warning_when_a_private_name_is_gone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(door._log, "warning", lambda text, *values: warnings.append(text % values))
    monkeypatch.delattr(flask.globals, name)
    assert door.find_parts(True) is PLAIN
    assert len(warnings) == 1
    assert name in warnings[0]


# A process in which nothing of Flask's private names can be imported, as with Flask's development head.
WITHOUT_NAMES = """
import flask.globals
import flask.ctx
del flask.globals._cv_request, flask.ctx.RequestContext
from app import create_app
app = create_app(environ={})
answer = app.test_client().post("/v1/chat/completions", json={
    "model": "demo", "messages": [{"role": "user", "content": "Hello"}]})
print(type(app).__name__, answer.status_code, answer.json["object"])
"""


def test_a_call_is_answered_when_private_names_are_gone() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_NAMES], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.endswith("Flask 200 chat.completion\n"), done.stderr[-2000:]


@pytest.mark.parametrize(
    ("value", "kind"), [("off", "Flask"), ("OFF", "Flask"), ("on", "FastFlask"), ("", "FastFlask")]
)
def test_application_is_stock_flask_when_the_variable_is_off(value: str, kind: str) -> None:
    settings = load(None, {"PATCHBAY_FAST_PATH": value})
    assert type(create_app(settings)).__name__ == kind


@pytest.mark.parametrize("value", ["off", "on"])
def test_an_answer_and_its_headers_are_the_same_in_both_modes(value: str) -> None:
    client = create_app(load(None, {"PATCHBAY_FAST_PATH": value})).test_client()
    body = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"x-litellm-call-id": "the-call"}

    whole = client.post("/v1/chat/completions", json=body, headers=headers)
    streamed = client.post("/v1/chat/completions", json={**body, "stream": True}, headers=headers)

    assert whole.status == "200 OK"
    assert whole.headers["content-type"] == "application/json"
    assert whole.headers["content-length"] == str(len(whole.data))
    assert whole.headers["x-litellm-call-id"] == "the-call"
    assert streamed.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert streamed.data.endswith(b"data: [DONE]\n\n")
    assert "content-length" not in streamed.headers
