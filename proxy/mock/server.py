"""The fake provider as a server: a WSGI application, and the command that runs it under gunicorn."""

import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

import orjson
from gunicorn.app.base import BaseApplication

from proxy.domain.mock_answers import Behaviour
from proxy.mock.answers import Broken, MockAnswer, Pause, answer

_KEPT_REQUESTS = 1000
_LOOK_EVERY = 0.25

StartResponse = Callable[..., Any]


class MockServer:
    """Answers with `answers.answer`, and keeps the requests: GET /_requests, DELETE /_requests.

    GET /_open is the number of answers that are being given right now.
    """

    def __init__(self, defaults: Behaviour | None = None) -> None:
        self._defaults = defaults or Behaviour()
        self._requests: deque[dict[str, Any]] = deque(maxlen=_KEPT_REQUESTS)
        self._open = 0
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path.startswith("/_"):
            return self._report(path, method, start_response)
        raw = environ["wsgi.input"].read()
        remembered = _remember(environ, raw)
        self._requests.append(remembered)
        given = answer(path, raw, self._defaults, remembered["headers"])
        start_response(_status_line(given.status), list(given.headers.items()))
        return self._body(given, environ["gunicorn.socket"])

    def _body(self, given: MockAnswer, client: socket.socket) -> Iterator[bytes]:
        with self._lock:
            self._open += 1
        try:
            for piece in given.body:
                if isinstance(piece, Pause):
                    _wait(piece.seconds, client)
                else:
                    yield piece
        except Broken:
            raise ConnectionResetError("the answer is to break here") from None
        finally:
            with self._lock:
                self._open -= 1

    def _report(self, path: str, method: str, start_response: StartResponse) -> Iterable[bytes]:
        if method == "DELETE":
            self._requests.clear()
        reports = {"/_open": {"open": self._open}, "/_requests": {"requests": list(self._requests)}}
        start_response(_status_line(200 if path in reports else 404), [("content-type", "application/json")])
        return [orjson.dumps(reports.get(path, {}))]


def _wait(seconds: float, client: socket.socket) -> None:
    """Be silent, but not for a client that has left: raise Broken then."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK_EVERY))
        poll = select.poll()
        poll.register(client, select.POLLIN)
        if poll.poll(0) and client.recv(1, socket.MSG_PEEK) == b"":
            raise Broken


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def _remember(environ: dict[str, Any], raw: bytes) -> dict[str, Any]:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    return {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "query": environ.get("QUERY_STRING", ""),
        "headers": headers,
        "body": raw.decode("utf-8", "replace"),
    }


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn around one application object, without a configuration file."""

    def __init__(self, application: MockServer, options: dict[str, Any]) -> None:
        self._application, self._options = application, options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> MockServer:
        return self._application


def serve(host: str, port: int, defaults: Behaviour) -> None:
    """Run until interrupted. One worker, so that it has all requests."""
    options = {"bind": f"{host}:{port}", "workers": 1, "worker_class": "gevent", "loglevel": "warning", "keepalive": 60}
    # A stalled answer would stall for ever.
    options["graceful_timeout"] = 1
    _Server(MockServer(defaults), options).run()
