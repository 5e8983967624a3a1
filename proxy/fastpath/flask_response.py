"""A Flask response whose headers and body are right as they are, and are sent without being looked at again."""

from collections.abc import Iterable
from typing import Any

from flask import Response
from werkzeug.datastructures import Headers

Pairs = list[tuple[str, str]]


class SoundPairs(Pairs):
    """Headers as a server gets them: names and values are text without line breaks. `length` is the body's in bytes,
    None for a stream."""

    def __init__(self, pairs: Pairs, length: int | None) -> None:
        super().__init__(pairs)
        self.length = length


class SoundHeaders(Headers):
    """Headers that were made here."""

    def __init__(self, pairs: Pairs, length: int | None) -> None:
        self._list = pairs
        self._length = length

    def to_wsgi_list(self) -> SoundPairs:
        return SoundPairs(self._list, self._length)


class PlainResponse(Response):
    """A 200. `body` is all of it, or the pieces of a stream, whose `close` the server calls."""

    def __init__(self, body: bytes | Iterable[bytes], content_type: str, headers: Pairs) -> None:
        # All that werkzeug's own way would find out about them is known.
        sound, length = [("Content-Type", content_type), *headers], None
        if isinstance(body, bytes):
            length = len(body)
            sound.append(("Content-Length", str(length)))
            body = [body]
        self.headers = SoundHeaders(sound, length)
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
