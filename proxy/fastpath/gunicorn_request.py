"""Ordinary requests, parsed by one regular expression and turned into a WSGI environ in one step.

gunicorn's parser takes the request line, each header and the body's length one by one, some 6 us a header, and OpenAI's
clients send twenty. gunicorn's parser still reads or refuses every request that is not ordinary in every respect.
"""

import re
from functools import lru_cache, partial
from io import BytesIO
from typing import Any, NamedTuple

from gunicorn.http import message, parser, wsgi
from gunicorn.http.body import Body, LengthReader

from proxy.fastpath.gunicorn_response import Writer

# A token without an underscore, which would make two names one in an environ.
_NAME = r"[!#$%&'*+.^`|~0-9A-Za-z-]++"
_VALUE = r"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?"
_FIELD = r"{name}:[\t ]*+{value}[\t ]*\r\n"
_FIELDS = re.compile(_FIELD.format(name=f"({_NAME})", value=f"({_VALUE})"))
_METHOD = "GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS"
_TARGET = r"(/(?!/)[!\"$->@-~]*+)(?:\?([!\"$-~]*+))?+"
_HEAD = re.compile(rf"({_METHOD}) ({_TARGET}) HTTP/1\.1\r\n((?:{_FIELD.format(name=_NAME, value=_VALUE)})++)")
_LENGTH = re.compile(r"[0-9]{1,15}")
# They change how a body is read.
_SPECIAL = frozenset({"EXPECT", "TRANSFER-ENCODING"})


class Bounds(NamedTuple):
    """gunicorn's limits in bytes, and the names (in upper case) of the headers in which a proxy reports https."""

    line: int
    field: int
    fields: int
    schemes: frozenset[str]


class Head(NamedTuple):
    """A parsed head; names of headers are in upper case, `length` is the body's in bytes.

    `scheme` is the header that names the scheme, if there is one.
    """

    method: str
    uri: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    environ: dict[str, str]
    length: int
    closing: bool
    scheme: str | None


def read_head(lines: str, bounds: Bounds) -> Head | None:
    """Parse a head, from its first line to the last line's end, as gunicorn would; None if it is not an ordinary one."""
    found = _HEAD.fullmatch(lines)
    if found is None:
        return None
    method, uri, path, query, fields = found.groups()
    written, values = zip(*_FIELDS.findall(fields), strict=True)
    names = [*map(str.upper, written)]
    if (
        len({*names}) < len(names)
        or not _SPECIAL.isdisjoint(names)
        or len(names) > bounds.fields
        or len(fields) > bounds.field
        or found.start(5) - len("\r\n") > bounds.line
    ):
        return None
    schemes = bounds.schemes.intersection(names)
    if len(schemes) > 1:
        return None
    environ = dict(zip(map(_environ_key, written), values, strict=True))
    length = environ.get("CONTENT_LENGTH", "0")
    if _LENGTH.fullmatch(length) is None:
        return None
    closing = environ.get("HTTP_CONNECTION", "").lower() == "close"
    headers = [*zip(names, values, strict=True)]
    return Head(method, uri, path, query or "", headers, environ, int(length), closing, next(iter(schemes), None))


class StreamedBody(Body):  # type: ignore[misc]  # gunicorn has no types
    """A body with a Content-Length that has not fully arrived. `read()` copies it once, gunicorn's copies it three times."""

    def read(self, size: int | None = None) -> bytes:
        reader = self.reader
        if size is None or size != reader.length or self.buf.tell():
            return bytes(super().read(size))
        pieces = [reader.unreader.take_buffered()]
        missing = size - len(pieces[0])
        try:
            while missing > 0 and (piece := reader.unreader.chunk(missing)):
                pieces.append(piece)
                missing -= len(piece)
        except Exception:
            self.failed = True
            raise
        reader.length = 0
        body = b"".join(pieces)
        if missing < 0:
            reader.unreader.unread(body[size:])
            body = body[:size]
        return body


class OrdinaryRequest(message.Request):  # type: ignore[misc]  # as above
    """gunicorn's request, from a parsed head. `rest` is what has arrived of its body, or more."""

    version = (1, 1)
    fragment = ""
    trailers = ()
    proxy_protocol_info = None
    _expected_100_continue = False

    def __init__(self, settings: Any, unreader: Any, peer: Any, number: int, head: Head, rest: bytes) -> None:
        self.cfg = settings
        self.unreader = unreader
        self.peer_addr = self.remote_addr = peer
        self.req_number = number
        self.scheme = "https" if settings.is_ssl else "http"
        self.must_close = False
        self.method, self.uri, self.path, self.query, self.headers, self.environ, length, self.closing, named = head
        if named is not None and self._peer_is_trusted_proxy():
            secure = settings.secure_scheme_headers[named]
            self.scheme = "https" if self.environ[_environ_key(named)] == secure else "http"
        if len(rest) >= length:
            self.body = BytesIO(rest[:length])
            rest = rest[length:]
        else:
            self.body = StreamedBody(LengthReader(unreader, length))
        if rest:
            unreader.unread(rest)

    def should_close(self) -> bool:
        return self.must_close or self.closing


def read_request(bounds: Bounds, settings: Any, unreader: Any, peer: Any, number: int) -> Any:
    """The next request of a connection. Raise what gunicorn raises, StopIteration at the connection's end."""
    data = unreader.read()
    if not data:
        raise StopIteration
    end = data.find(b"\r\n\r\n") + 2
    head = read_head(data[:end].decode("latin-1"), bounds) if end >= 2 else None
    if head is None:
        unreader.unread(data)
        return message.Request(settings, unreader, peer, number)
    return OrdinaryRequest(settings, unreader, peer, number, head, data[end + 2 :])


def environ_of(request: OrdinaryRequest, sock: Any, client: tuple[Any, ...], server: tuple[Any, ...]) -> dict[str, Any]:
    """The environ of PEP 3333 and gunicorn, without the entries that are the same for all requests."""
    path = request.path
    return {
        **request.environ,
        "wsgi.input": request.body,
        "wsgi.url_scheme": request.scheme,
        "gunicorn.socket": sock,
        "REQUEST_METHOD": request.method,
        "RAW_URI": request.uri,
        "PATH_INFO": wsgi.util.unquote_to_wsgi_str(path) if "%" in path else path,
        "QUERY_STRING": request.query,
        "SCRIPT_NAME": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
    }


def install(settings: Any, mounted: bool) -> None:
    """Make gunicorn's workers read requests like this. `settings` are its configuration; `mounted`: SCRIPT_NAME is set."""
    if settings.proxy_protocol != "off" or settings.limit_request_line <= 0 or mounted:
        return
    bounds = Bounds(
        min(settings.limit_request_line, message.MAX_REQUEST_LINE),
        settings.limit_request_field_size,
        settings.limit_request_fields,
        frozenset(settings.secure_scheme_headers),
    )
    base = wsgi.base_environ(settings)
    by_gunicorn, finish = wsgi.create, parser.Parser.finish_body

    def create(request: Any, sock: Any, client: Any, server: Any, *more: Any, **named: Any) -> Any:
        if isinstance(request, OrdinaryRequest) and isinstance(client, tuple) and isinstance(server, tuple):
            return Writer(request, sock, settings), base | environ_of(request, sock, client, server)
        return by_gunicorn(request, sock, client, server, *more, **named)

    def finish_body(self: Any, deadline: float | None = None, max_bytes: int | None = None) -> bool:
        """A body that arrived with the head is no longer on the connection."""
        return isinstance(getattr(self.mesg, "body", None), BytesIO) or bool(finish(self, deadline, max_bytes))

    parser.RequestParser.finish_body = finish_body
    parser.RequestParser.mesg_class = staticmethod(partial(read_request, bounds))
    wsgi.create = create


@lru_cache(maxsize=256)
def _environ_key(name: str) -> str:
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
