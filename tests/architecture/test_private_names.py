"""Private names of Flask, werkzeug, gunicorn and gevent are used behind the fast path's door only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOTS = [ROOT / name for name in ("app.py", "wsgi.py", "gunicorn.conf.py", "granian_server.py")]
OUTSIDE = sorted(
    path
    for path in [*ROOTS, *(ROOT / "proxy").rglob("*.py"), *(ROOT / "schemas").rglob("*.py")]
    if "fastpath" not in path.parts[len(ROOT.parts) :]
)
PACKAGES = ("flask", "werkzeug", "gunicorn", "gevent")
# gunicorn documents these; everything else in it is the server's inside.
PUBLIC_GUNICORN = ("gunicorn.app.base", "gunicorn.errors", "gunicorn.http.errors")
# Names without an underscore that belong to the inside all the same.
INSIDE = {
    "BaseServer",
    "base_environ",
    "finish_body",
    "max_accept",
    "mesg_class",
    "RequestContext",
    "request_ctx",
    "app_ctx",
}


def violations(source: str) -> Iterator[str]:
    """Imports of private names or modules, attributes with an underscore of what was imported, and the names in INSIDE."""
    tree = ast.parse(source)
    imported: set[str] = set()
    for node in ast.walk(tree):
        for module, names, bound in imports_of(node):
            if module.split(".")[0] in PACKAGES:
                imported |= bound
                if is_private(module) or any(map(is_private, names)) or is_inside_gunicorn(module, names):
                    yield f"{module}: {', '.join(names)}"
            if module.startswith("proxy.fastpath") and not opens_door(module, names):
                yield f"{module}: {', '.join(names)}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (
            node.attr in INSIDE or (is_private(node.attr) and root_of(node) in imported)
        ):
            yield ast.unparse(node)
        if isinstance(node, ast.Name | ast.alias) and name_of(node) in INSIDE:
            yield name_of(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and names_private(node.value):
            yield node.value


def imports_of(node: ast.AST) -> Iterator[tuple[str, list[str], set[str]]]:
    """(module, names taken from it, names bound here)"""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name, [], {alias.asname or alias.name.split(".")[0]}
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module, [alias.name for alias in node.names], {alias.asname or alias.name for alias in node.names}


def is_private(dotted: str) -> bool:
    return any(part.startswith("_") and not part.endswith("__") for part in dotted.split("."))


def is_inside_gunicorn(module: str, names: list[str]) -> bool:
    return module.split(".", maxsplit=1)[0] == "gunicorn" and not all(
        any(full == public or full.startswith(f"{public}.") for public in PUBLIC_GUNICORN)
        for full in ([f"{module}.{name}" for name in names] or [module])
    )


def opens_door(module: str, names: list[str]) -> bool:
    """The door itself and the table of versions, which leads nowhere."""
    allowed = {"door", "versions"}
    return module in {f"proxy.fastpath.{name}" for name in allowed} or (
        module == "proxy.fastpath" and set(names) <= allowed
    )


def root_of(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def name_of(node: ast.Name | ast.alias) -> str:
    return node.id if isinstance(node, ast.Name) else node.name


def names_private(text: str) -> bool:
    """A string that names one for getattr, setattr or import_module."""
    return (
        text in INSIDE
        or text.startswith(("_cv_", "gunicorn.http.message", "gunicorn.http.wsgi"))
        or (text == "_ip_in_allow_list")
    )


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_private_names_are_used_in_the_fast_path_only(path: Path) -> None:
    assert not list(violations(path.read_text()))


@pytest.mark.parametrize(
    "source",
    [
        "from flask.globals import _cv_app",
        "import flask\nflask.globals._cv_request.get()",
        "from flask import request\nrequest._get_current_object()",
        "from gunicorn.http import wsgi",
        "from gunicorn.http.message import Request",
        "import gunicorn.http.parser",
        "from gunicorn.workers.ggevent import GeventWorker",
        "from gevent.baseserver import BaseServer",
        "from gevent import _socket3",
        "import werkzeug._internal",
        "from flask.ctx import RequestContext",
        "def f(parser):\n    parser.mesg_class = None",
        "import importlib\ngetattr(importlib.import_module('flask.globals'), '_cv_app')",
        "from proxy.fastpath.flask_app import FastFlask",
        "from proxy.fastpath import gunicorn_response",
    ],
)
def test_a_private_name_is_found_however_it_is_reached(source: str) -> None:
    assert list(violations(source))


@pytest.mark.parametrize(
    "source",
    [
        "from flask import Flask, request\nrequest.path",
        "from gunicorn.http.errors import ParseException",
        "from gunicorn.http import errors",
        "from gunicorn.app.base import BaseApplication",
        "from gevent.hub import Waiter, get_hub",
        "from proxy.fastpath.door import door\ndoor.response",
        "from proxy.fastpath import door, versions",
    ],
)
def test_public_names_are_free(source: str) -> None:
    assert not list(violations(source))
