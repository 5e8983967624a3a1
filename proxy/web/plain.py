"""A Flask response whose headers and body are right as they are, and are sent without being looked at again."""

from collections.abc import Iterable
from typing import Any

from flask import Response
from werkzeug.datastructures import Headers


class SoundHeaders(Headers):
    """Headers that were made here: names and values are text without line breaks."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__()
        self._list = pairs


class PlainResponse(Response):
    """A 200. `body` is all of it, or the pieces of a stream, whose `close` the server calls."""

    def __init__(self, body: bytes | Iterable[bytes], content_type: str, headers: list[tuple[str, str]]) -> None:
        sound = [("Content-Type", content_type), *headers]
        if isinstance(body, bytes):
            sound.append(("Content-Length", str(len(body))))
            body = [body]
        super().__init__(body, "200 OK", SoundHeaders(sound), direct_passthrough=True)

    def get_wsgi_headers(self, environ: Any) -> Headers:
        return self.headers

    def get_app_iter(self, environ: Any) -> Iterable[bytes]:
        self.direct_passthrough = not self._on_close
        return super().get_app_iter(environ)
