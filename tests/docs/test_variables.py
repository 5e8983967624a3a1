"""Every environment variable that is read is documented."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from proxy.providers.registry import PROVIDERS
from schemas.settings_table import VARIABLES

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    *(path for path in (ROOT / "proxy").rglob("*.py") if "providers" not in path.parts),
    *(ROOT / name for name in ("app.py", "wsgi.py", "gunicorn.conf.py", "granian_server.py")),
]
_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|HOST|PORT")
# What a WSGI server puts into the environ of a request.
_OF_A_REQUEST = re.compile(
    r"HTTP_(?!PROXY).*|(REMOTE|SERVER)_(ADDR|PORT|NAME|PROTOCOL)|REQUEST_METHOD|PATH_INFO|QUERY_STRING|CONTENT_\w+|RAW_URI"
)
# Names of settings in lower case that are compared with names in lower case.
_PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}


def read_variables(source: str) -> Iterator[str]:
    """The constants that look like a variable in a module that handles an environment."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            yield from _names(node.args[:1], "environ" in ast.unparse(node.func.value))
        elif isinstance(node, ast.Subscript):
            yield from _names([node.slice], "environ" in ast.unparse(node.value))
        elif isinstance(node, ast.Assign | ast.keyword) and _declares(node):
            yield from _names([node.value], True)
        elif isinstance(node, ast.Tuple):
            yield from (name for name in _names(node.elts, True) if name.startswith(("OTEL_", "LANGFUSE_")))


def _declares(node: ast.Assign | ast.keyword) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg == "envvar"
    return any("VARIABLE" in ast.unparse(target) for target in node.targets)


def _names(nodes: list[ast.expr], reads: bool) -> Iterator[str]:
    for node in nodes if reads else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAME.fullmatch(node.value):
            yield node.value


def test_variable_is_documented_when_it_is_read() -> None:
    read = {name for path in SOURCES for name in read_variables(path.read_text())}
    read = {name for name in read if not _OF_A_REQUEST.fullmatch(name)}
    assert {"LANGFUSE_HOST", "OTEL_HEADERS", "GRACEFUL_TIMEOUT", "SSL_CERT_FILE", "SERVER_ROOT_PATH", "HOST"} <= read
    documented = {variable.name for variable in VARIABLES}
    assert read - documented == set()


def test_variable_is_read_when_it_is_documented() -> None:
    text = "".join(path.read_text() for path in SOURCES)
    unread = [one.name for one in VARIABLES if one.name not in text and one.name.lower() not in _PROXIES]
    assert unread == []


def test_proxies_are_read_when_they_are_documented() -> None:
    from proxy.settings.network import read_network

    assert read_network({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a, b"}, True)[:2] == (
        {"https": "http://p:1"},
        ("a", "b"),
    )
    assert read_network({"all_proxy": "http://p:2"}, True).proxies["http"] == "http://p:2"


def test_providers_variables_are_on_their_page() -> None:
    page = (ROOT / "docs/providers.md").read_text()
    names = {name for provider in PROVIDERS.values() for found in provider.variables.values() for name in found}
    assert [name for name in sorted(names) if name not in page] == []
