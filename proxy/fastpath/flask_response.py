"""A Flask response whose headers and body are sent as they are, without werkzeug's checks."""

from collections.abc import Iterable
from typing import Any

from flask import Response
from werkzeug.datastructures import Headers

from proxy.fastpath.parts import Pairs


class TrustedHeaderList(Pairs):
    """Headers as a server gets them, built by this gateway: names and values have no line breaks. `length` is the body's
    in bytes, None for a stream."""

    def __init__(self, pairs: Pairs, length: int | None) -> None:
        super().__init__(pairs)
        self.length = length


class TrustedHeaders(Headers):
    """Headers built by this gateway: no validation needed."""

    def __init__(self, pairs: Pairs, length: int | None) -> None:
        self._list = pairs
        self._length = length

    def to_wsgi_list(self) -> TrustedHeaderList:
        return TrustedHeaderList(self._list, self._length)


class FastResponse(Response):
    """A 200. `body` is all of it, or the pieces of a stream, whose `close` the server calls."""

    def __init__(self, body: bytes | Iterable[bytes], content_type: str, headers: Pairs) -> None:
        # werkzeug's own `__init__` would derive the same values again.
        trusted, length = [("Content-Type", content_type), *headers], None
        if isinstance(body, bytes):
            length = len(body)
            trusted.append(("Content-Length", str(length)))
            body = [body]
        self.headers = TrustedHeaders(trusted, length)
        self._status, self._status_code = "200 OK", 200
        self.response = body
        self.direct_passthrough = True
        self._on_close = []

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response(self._status, self.headers.to_wsgi_list())
        return self.get_app_iter(environ)

    def get_wsgi_headers(self, environ: Any) -> Headers:
        return self.headers

    def get_app_iter(self, environ: Any) -> Iterable[bytes]:
        self.direct_passthrough = not self._on_close
        return super().get_app_iter(environ)
