"""An HTTP/1 answer out of bytes, on httptools' C parser."""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from proxy.errors import InvalidProviderResponseError

MAX_HEAD_BYTES = 128 * 1024
MAX_HEADERS = 256
# What may come beside the body after the head: the sizes of chunks, their extensions, trailers. Some for the whole, some for
# each byte of the body (a chunk of one byte needs five), and at one stretch.
MAX_FRAMING_BYTES = 64 * 1024
MAX_FRAMING_RATIO = 32
_BODILESS = frozenset({204, 304})


class ResponseParser:
    """Bytes in by `feed`; `status`, `headers` and `take` out. The `on_` methods are httptools' callbacks.

    `until_close`: the answer has no length, and ends with the connection. `reusable`: after `complete`, the
    connection can carry another request.
    """

    __slots__ = ("_blocks", "_body", "_fed", "_framing", "_head", "_is_head", "_parser", "_said", "_trailers", "complete",
                 "has_head", "headers", "reusable", "status", "until_close")  # fmt: skip

    def __init__(self, method: str) -> None:
        self._is_head = method == "HEAD"
        self._parser = HttpResponseParser(self)
        self._blocks: list[bytes] = []
        # The bytes so far: all, those of the body, and those that were fed when the head was there.
        self._fed = self._body = self._head = 0
        # The bytes since the last one of the body.
        self._framing = 0
        self._trailers = 0
        # The headers so far: name, value, name, value ...
        self._said: list[bytes] = []
        self.status = 0
        self.headers: dict[str, str] = {}
        self.has_head = False
        self.complete = False
        self.reusable = False
        self.until_close = False

    @property
    def begun(self) -> bool:
        """Something of an answer has arrived."""
        return self._fed > 0

    def feed(self, data: bytes) -> None:
        """Take what has arrived. Raises InvalidProviderResponseError for what is not HTTP, or is too much of it."""
        had_head, body = self.has_head, self._body
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if not self.complete:
                raise InvalidProviderResponseError("the provider answered with something that is not HTTP/1") from None
            self.reusable = False
        if not had_head and (len(self._said) > 2 * MAX_HEADERS or (not self.has_head and self._fed > MAX_HEAD_BYTES)):
            raise InvalidProviderResponseError("the provider answered with too many headers")
        if had_head and not self.complete:
            self._check_framing(len(data), self._body - body)

    def _check_framing(self, fed: int, body: int) -> None:
        """An answer without end can do without a body: nothing of it would ever reach a reader's limits."""
        self._framing = 0 if body else self._framing + fed
        beside = self._fed - self._head - self._body
        if self._framing > MAX_FRAMING_BYTES or beside > MAX_FRAMING_BYTES + MAX_FRAMING_RATIO * self._body:
            raise InvalidProviderResponseError("the provider answered with more framing than body")
        if self._trailers > MAX_HEADERS:
            raise InvalidProviderResponseError("the provider answered with too many trailers")

    def close(self) -> None:
        """Take nothing more. It and httptools' parser hold each other: only the collector of garbage would find them."""
        del self._parser

    def take(self) -> bytes:
        """The body's bytes that were fed since the last time."""
        blocks = self._blocks
        if not blocks:
            return b""
        taken = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        blocks.clear()
        return taken

    def on_message_begin(self) -> None:
        if self.complete:
            # More than was asked for: what follows cannot be trusted to be the answer to the next request.
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:
            self._said += (name, value)
            return
        self._trailers += 1

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        self.headers = headers = _join_headers(self._said)
        self.status = self._parser.get_status_code()
        self.has_head = self.status >= 200
        self._head = self._fed
        self.until_close = (
            "content-length" not in headers
            and "chunked" not in headers.get("transfer-encoding", "").lower()
            and self.status not in _BODILESS
        )
        if self._is_head and self.has_head:
            # The parser waits for a body that never comes.
            self.complete = True

    def on_body(self, body: bytes) -> None:
        if not self.complete:
            self._blocks.append(body)
            self._body += len(body)

    def on_message_complete(self) -> None:
        if not self.has_head:
            # 100 Continue, 103 Early Hints: the answer is still to come.
            self.status = 0
            self._said.clear()
        elif not self.complete:
            self.complete = True
            self.reusable = bool(self._parser.should_keep_alive())


def _join_headers(lines: list[bytes]) -> dict[str, str]:
    """By names in lower case; repeated headers are joined. Decoded all in one step: no line holds a break."""
    if not lines:
        return {}
    keys = b"\r\n".join(lines[::2]).decode("latin-1").lower().split("\r\n")
    texts = b"\r\n".join(lines[1::2]).decode("latin-1").split("\r\n")
    headers = dict(zip(keys, texts, strict=True))
    if len(headers) < len(keys):
        headers = {}
        for key, text in zip(keys, texts, strict=True):
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
