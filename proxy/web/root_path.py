"""SERVER_ROOT_PATH: the gateway below a path, as an ingress forwards it; without the path it is served as well."""

from collections.abc import Callable, Iterable
from typing import Any

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def below(prefix: str, serve: Wsgi) -> Wsgi:
    """`serve` for paths with and without the prefix, which begins with a slash and ends without one."""

    def serve_below(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
            environ["PATH_INFO"] = path[len(prefix) :] or "/"
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
        return serve(environ, start_response)

    return serve_below
