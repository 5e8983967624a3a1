"""An adapter for requests with its own HTTP/1.1: a C parser, non-blocking sockets, exact timeouts.

`HTTPAdapter.send` stays the door, so that its test double (`responses`) works; the hooks that it calls
are overridden. A plain PreparedRequest, for instance one that must go through a proxy, takes HTTPAdapter's own way.
"""

from collections.abc import Callable, Iterator, Mapping
from http.client import RemoteDisconnected
from typing import Any, ClassVar, NamedTuple

import requests
from requests.adapters import HTTPAdapter

from proxy.domain.wire import Content, Pieces
from proxy.transport.http1.connection import Connection, open_connection
from proxy.transport.http1.inflate import build_inflater
from proxy.transport.http1.parser import ResponseParser
from proxy.transport.http1.pool import KEEP_SECONDS, Pool
from proxy.transport.http1.request_head import Envelope
from proxy.transport.http1.tls import TLS
from proxy.transport.http1.wait import Wait

# A body up to this size is copied behind its head, so that both leave in one packet.
_JOINED = 32 * 1024


class Http1Request(requests.PreparedRequest):
    """What requests calls a prepared request, and beside it what this adapter needs: bytes, destination, patience."""

    # What a session sets and reads. The transport calls its adapter directly, so it is the same for all.
    _cookies = None
    _body_position = None
    hooks: ClassVar[dict[str, list[Any]]] = {}  # type: ignore[misc]

    def __init__(self, envelope: Envelope, content: Content, wait: Wait) -> None:
        self.method = envelope.method
        self.url = envelope.url
        self.headers = envelope.headers
        # For test doubles of this adapter; a body in pieces is joined only for them.
        self.body = content if isinstance(content, bytes) and content else None
        self.origin = envelope.origin
        self.head = envelope.head(content)
        self.content = content
        self.wait = wait


class Http1Response(NamedTuple):
    """What `send` returns for a Http1Request. Header names are lower case."""

    status_code: int
    headers: Mapping[str, str]
    body: "LeanBody"


class Http1Adapter(HTTPAdapter):
    """Connections are kept per Origin and process; one that died while it was idle is replaced, once, unnoticed."""

    def __init__(self, monotonic: Callable[[], float], *, keep: float = KEEP_SECONDS) -> None:
        super().__init__()
        self._pool = Pool(monotonic, keep=keep)
        self._tls = TLS()

    def exchange(self, request: Http1Request) -> Http1Response:
        """Send, and wait for the head. Raises OSError, http.client.HTTPException and GatewayErrors."""
        connection = self._pool.take(request.origin)
        if connection is not None:
            parser = ResponseParser(request.method or "GET")
            try:
                return self._attempt(request, connection, parser)
            except OSError:
                if parser.begun:
                    raise
                # It was closed while it lay idle, at the very moment of sending: nothing came back, try a new one.
        connection = open_connection(request.origin, request.wait, self._tls)
        return self._attempt(request, connection, ResponseParser(request.method or "GET"))

    def release(self, connection: Connection, *, reusable: bool) -> None:
        """Take a connection back whose answer was read to its end."""
        if connection.secured is not None:
            self._tls.remember(connection.secured, connection.origin)
        if reusable:
            self._pool.put(connection)
        else:
            connection.close()

    def close(self) -> None:
        self._pool.close()
        super().close()

    def _attempt(self, request: Http1Request, connection: Connection, parser: ResponseParser) -> Http1Response:
        request.wait.stopwatch.begin("first")
        try:
            _send(request, connection)
            _receive_head(request, connection, parser)
            body = LeanBody(connection, parser, request.wait, self.release)
        except BaseException:
            connection.close()
            raise
        return Http1Response(parser.status, parser.headers, body)

    # What HTTPAdapter.send calls, in its order.

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        if isinstance(request, Http1Request):
            return _Exchange(self, request)
        return super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        if not isinstance(conn, _Exchange):
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        return "" if isinstance(request, Http1Request) else super().request_url(request, proxies)

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> Any:
        return resp if isinstance(resp, Http1Response) else super().build_response(req, resp)


class _Exchange:
    """What HTTPAdapter.send takes for a connection pool."""

    __slots__ = ("_adapter", "_request")

    def __init__(self, adapter: Http1Adapter, request: Http1Request) -> None:
        self._adapter = adapter
        self._request = request

    def urlopen(self, **_: Any) -> Http1Response:
        return self._adapter.exchange(self._request)


class LeanBody:
    """The body of one answer. Its connection goes back as soon as the last byte is here, read or not."""

    __slots__ = ("_connection", "_inflater", "_parser", "_pieces", "_release", "_wait")

    def __init__(
        self, connection: Connection, parser: ResponseParser, wait: Wait, release: Callable[..., None]
    ) -> None:
        encoding = parser.headers.get("content-encoding")
        self._inflater = build_inflater(encoding) if encoding else None
        self._pieces: Iterator[bytes] = iter(())
        self._parser = parser
        self._wait = wait
        self._release = release
        self._connection: Connection | None = connection
        self._give_back()

    def read_block(self) -> bytes | None:
        """See proxy.transport.response.Body. Raises OSError, ContentDecodingError and GatewayErrors."""
        while True:
            if self._inflater is not None and (piece := next(self._pieces, None)) is not None:
                self._wait.give_way(len(piece))
                return piece
            data = self._parser.take()
            if data:
                if self._connection is not None:
                    self._wait.stopwatch.begin("idle")
                if self._inflater is None:
                    return data
                self._pieces = self._inflater.feed(data)
            elif self._connection is None:
                if self._inflater is not None:
                    self._inflater.finish()
                return None
            elif not self._receive(self._connection):
                return b""

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _receive(self, connection: Connection) -> bool:
        """Feed the parser; False after a tick of silence."""
        # A provider that never pauses is never waited for: the total clock is looked at here.
        self._wait.stopwatch.left()
        data = connection.receive(self._wait, self._wait.stopwatch.clocks.tick)
        if data is None:
            return False
        if data:
            self._wait.give_way(len(data))
            self._parser.feed(data)
        elif self._parser.until_close:
            self._parser.complete = True
        else:
            raise ConnectionResetError("the connection was closed before the answer's end")
        self._give_back()
        return True

    def _give_back(self) -> None:
        if self._parser.complete and self._connection is not None:
            connection, self._connection = self._connection, None
            self._parser.close()
            self._release(connection, reusable=self._parser.reusable)


def _send(request: Http1Request, connection: Connection) -> None:
    content = request.content
    try:
        if len(content) <= _JOINED:
            connection.send(request.head + bytes(content), request.wait)
        else:
            connection.send(request.head, request.wait)
            for piece in content.pieces if isinstance(content, Pieces) else (content,):
                connection.send(piece, request.wait)
    except (BrokenPipeError, ConnectionResetError):
        # Refused before it was sent to the end: the answer with the reason (413, 429) may be there.
        return


def _receive_head(request: Http1Request, connection: Connection, parser: ResponseParser) -> None:
    while not parser.has_head:
        data = connection.receive(request.wait)
        if not data:
            raise RemoteDisconnected("the connection was closed before the answer's head was there")
        parser.feed(data)
