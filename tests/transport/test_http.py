"""Transport: one door, whatever answers behind it, and no exception but ours."""

import errno
import http.client
import inspect
import socket
import ssl
import typing
from collections.abc import Iterable, Iterator, Mapping

import pytest
import requests
import responses
import urllib3
from requests.adapters import HTTPAdapter

from proxy.domain.wire import Clocks, Decoder, WireRequest
from proxy.errors import (
    APIConnectionError,
    BadRequestError,
    ClientClosedRequestError,
    GatewayError,
    InvalidProviderResponseError,
    Timeout,
    TruncatedStreamError,
)
from proxy.providers.contract import Framing
from proxy.runtime import Runtime
from proxy.transport.framing.framing import DECODERS
from proxy.transport.transport import Local, Transport
from tests.transport.upstream import OK, Upstream, always, answering, serving

URL = "https://api.example.com/v1/chat/completions?key=sesame"
POST = WireRequest(URL, b'{"model":"m"}', {"Authorization": "Bearer sesame", "accept": "application/json"})
READ = urllib3.exceptions.ReadTimeoutError(None, "/", "read timed out")  # type: ignore[arg-type]


def all_subclasses(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from all_subclasses(subclass)


def build(kind: type[BaseException]) -> BaseException:
    """An exception of this class, whatever its constructor wants."""
    made = kind.__new__(kind)
    made.args = ("sesame",)
    return made


RAISED = [
    kind
    for base, module in (
        (requests.RequestException, "requests"),
        (urllib3.exceptions.HTTPError, "urllib3"),
        (http.client.HTTPException, "http.client"),
        (OSError, "builtins"),
        (OSError, "socket"),
        (OSError, "ssl"),
    )
    for kind in {base, *all_subclasses(base)}
    if kind.__module__.startswith(module)
]


class Failing(HTTPAdapter):
    """An adapter that raises, from `send` or from its answer's body."""

    def __init__(self, exception: BaseException, *, in_body: bool) -> None:
        super().__init__()
        self.exception = exception
        self.in_body = in_body

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:  # type: ignore[override]
        if not self.in_body:
            raise self.exception
        response = requests.Response()
        response.status_code = 200
        response.raw = self
        return response

    def read1(self, amount: int, decode_content: bool) -> bytes:
        raise self.exception

    def close(self) -> None: ...

    def release_conn(self) -> None: ...


def test_there_are_as_many_exceptions_as_the_libraries_have() -> None:
    names = {kind.__name__ for kind in RAISED}
    declared = {name for name, kind in vars(requests.exceptions).items() if inspect.isclass(kind)
                and issubclass(kind, requests.RequestException)}  # fmt: skip
    assert declared <= names
    assert {"NewConnectionError", "IncompleteRead", "BadStatusLine", "SSLCertVerificationError", "gaierror"} <= names


@pytest.mark.parametrize("kind", RAISED, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_the_error_is_ours_and_tells_no_secret_when_an_adapter_raises(kind: type[BaseException]) -> None:
    with pytest.raises(GatewayError) as caught:
        Transport(Runtime(), adapter=Failing(build(kind), in_body=False)).send(POST)
    assert caught.value.status_code in (400, 408, 500, 502)
    assert "sesame" not in str(caught.value.to_openai())
    assert "api.example.com" in caught.value.message or isinstance(caught.value, BadRequestError)


@pytest.mark.parametrize("kind", RAISED, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_the_error_is_ours_when_a_body_raises(kind: type[BaseException]) -> None:
    for read in (lambda reply: reply.read(), lambda reply: list(reply.blocks())):
        reply = Transport(Runtime(), adapter=Failing(build(kind), in_body=True)).send(POST)
        with pytest.raises((Timeout, TruncatedStreamError, InvalidProviderResponseError)) as caught:
            read(reply)
        assert "sesame" not in str(caught.value.to_openai())


@pytest.mark.parametrize(
    ("exception", "error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), APIConnectionError, "the connection was refused"),
        (ConnectionResetError(errno.ECONNRESET, "x"), APIConnectionError, "the connection was reset"),
        (socket.gaierror(socket.EAI_NONAME, "x"), APIConnectionError, "its name could not be resolved"),
        (OSError(errno.EHOSTUNREACH, "x"), APIConnectionError, "there is no route to it"),
        (ssl.SSLCertVerificationError(1, "x"), APIConnectionError, "its TLS certificate is not valid for it"),
        (ssl.SSLError(1, "x"), APIConnectionError, "TLS failed"),
        (http.client.RemoteDisconnected("x"), APIConnectionError, "the connection was closed without an answer"),
        (requests.exceptions.ProxyError("x"), APIConnectionError, "the proxy did not let us through"),
        (requests.exceptions.InvalidURL("x"), APIConnectionError, "the URL is not one that can be called"),
        (http.client.BadStatusLine("x"), InvalidProviderResponseError, "something that is not HTTP"),
        (requests.exceptions.InvalidHeader("x"), BadRequestError, "a request header"),
        (requests.exceptions.ConnectTimeout("x"), Timeout, "did not answer in time"),
        (requests.exceptions.ReadTimeout(READ), Timeout, "did not answer in time"),
        (requests.exceptions.ConnectionError(READ), Timeout, "did not answer in time"),
        (requests.exceptions.ConnectionError(urllib3.exceptions.ProtocolError("x", ConnectionResetError())),
         APIConnectionError, "the connection was reset"),
    ],
)  # fmt: skip
def test_the_message_says_what_happened_when_no_answer_came(
    exception: Exception, error: type[GatewayError], words: str
) -> None:
    with pytest.raises(GatewayError, match=words) as caught:
        Transport(Runtime(), adapter=Failing(exception, in_body=False)).send(POST)
    assert type(caught.value) is error


# `responses` stands in for the provider


@responses.activate
def test_an_answer_is_read_when_responses_gives_it() -> None:
    responses.post("https://api.example.com/v1/chat/completions", json={"a": 1}, status=201, headers={"X-Id": "7"})
    reply = Transport(Runtime()).send(POST)
    assert (reply.status, reply.read(), reply.headers["x-id"]) == (201, b'{"a": 1}', "7")
    sent = responses.calls[0].request
    assert (sent.method, sent.url, sent.body, sent.headers["authorization"]) == (
        "POST", URL, b'{"model":"m"}', "Bearer sesame",
    )  # fmt: skip


@responses.activate
def test_a_stream_is_read_when_responses_gives_it() -> None:
    responses.post("https://api.example.com/v1/chat/completions", body=b"data: 1\n\ndata: 2\n\n")
    assert b"".join(Transport(Runtime()).send(POST).blocks()) == b"data: 1\n\ndata: 2\n\n"


@responses.activate
def test_the_error_is_ours_when_responses_raises_or_knows_no_answer() -> None:
    responses.post("https://api.example.com/v1/chat/completions", body=requests.exceptions.ReadTimeout("x"))
    with pytest.raises(Timeout):
        Transport(Runtime()).send(POST)
    with pytest.raises(APIConnectionError):
        Transport(Runtime()).send(WireRequest("https://other.example.com/", b"", {}))


# In this process


def local(blocks: Iterable[bytes]) -> Mapping[str, Local]:
    return {"mock": lambda request: (200, {"content-type": "x"}, blocks)}


MOCK = WireRequest("mock://demo/v1/chat/completions", b"{}", {})


def test_an_answer_is_read_when_it_is_made_in_this_process() -> None:
    reply = Transport(Runtime(), local=local([b"a", b"b"])).send(MOCK)
    assert (reply.status, dict(reply.headers), reply.read()) == (200, {"content-type": "x"}, b"ab")


def test_a_local_answer_is_closed_when_its_reader_stops() -> None:
    closed = []

    def blocks() -> Iterator[bytes]:
        try:
            yield from (b"a", b"b")
        finally:
            closed.append(True)

    reply = Transport(Runtime(), local=local(blocks())).send(MOCK)
    assert next(reply.blocks()) == b"a"
    reply.close()
    assert closed == [True]


def test_a_local_stream_is_truncated_when_it_breaks() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"a"
        raise ConnectionResetError

    with pytest.raises(TruncatedStreamError):
        list(Transport(Runtime(), local=local(blocks())).send(MOCK).blocks())


def test_nothing_local_is_called_when_a_client_names_it() -> None:
    with pytest.raises(BadRequestError):
        Transport(Runtime(), local=local([])).send(WireRequest(MOCK.url, b"", {}, guarded=True))


def test_an_answer_is_refused_when_it_is_longer_than_the_limit() -> None:
    with pytest.raises(InvalidProviderResponseError, match="more than 10 bytes"):
        Transport(Runtime(), local=local([b"12345", b"678901"]), max_response_bytes=10).send(MOCK).read()


class Gone:
    def gone(self) -> bool:
        return True

    def fileno(self) -> int | None:
        return None


def test_nothing_is_called_when_the_client_has_left() -> None:
    with pytest.raises(ClientClosedRequestError):
        Transport(Runtime(), local=local([])).send(MOCK, client=Gone())


# Through requests' own adapter


def test_requests_go_to_the_proxy_when_there_is_one() -> None:
    with serving(always(OK)) as proxy:
        transport = Transport(Runtime(), proxies={"http": f"http://127.0.0.1:{proxy.port}"})
        reply = transport.send(WireRequest("http://api.example.com/v1", b"{}", {"x": "y"}), Clocks(total=10))
        assert reply.read() == b"ok"
    assert proxy.heard[0].startswith(b"POST http://api.example.com/v1 HTTP/1.1\r\n")


def test_the_proxy_is_passed_by_when_the_host_is_an_exception() -> None:
    with serving(always(OK)) as upstream:
        proxies = {"http": "http://127.0.0.1:1"}
        transport = Transport(Runtime(), proxies=proxies, no_proxy=("127.0.0.1",))
        assert transport.send(WireRequest(upstream.url, b"{}", {}), Clocks(total=10)).read() == b"ok"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", InvalidProviderResponseError),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", InvalidProviderResponseError),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\nnot gzip", InvalidProviderResponseError),
        (b"not http at all\r\n\r\n", InvalidProviderResponseError),
        (b"", APIConnectionError),
    ],
)
def test_the_error_is_the_same_when_requests_own_adapter_is_used(answer: bytes, error: type[GatewayError]) -> None:
    with serving(answering(answer)) as upstream, pytest.raises(error):
        Transport(Runtime(), adapter=HTTPAdapter()).send(WireRequest(upstream.url, b"{}", {}), Clocks(total=10)).read()


@pytest.mark.parametrize("clocks", [Clocks(first=0.2), Clocks(total=0.2)])
def test_the_try_ends_at_its_clock_when_requests_own_adapter_is_used(clocks: Clocks) -> None:
    with serving(lambda upstream, peer: upstream.let_go.wait() and None) as upstream, pytest.raises(Timeout):
        Transport(Runtime(), adapter=HTTPAdapter()).send(WireRequest(upstream.url, b"{}", {}), clocks)


@pytest.mark.parametrize("clocks", [Clocks(idle=0.2), Clocks(first=5, idle=0.2), Clocks(total=0.3)])
def test_the_body_ends_at_its_clock_when_requests_own_adapter_is_used(clocks: Clocks) -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.hear(peer)
        peer.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
        upstream.let_go.wait()

    with serving(script) as upstream, pytest.raises(Timeout):
        transport = Transport(Runtime(), adapter=HTTPAdapter())
        list(transport.send(WireRequest(upstream.url, b"{}", {}), clocks).blocks())


def test_the_head_is_awaited_when_only_the_idle_clock_is_set() -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.hear(peer)
        upstream.let_go.wait(0.3)
        peer.sendall(OK)

    for adapter in (HTTPAdapter(), None):
        with serving(script) as upstream:
            transport = Transport(Runtime(), adapter=adapter)
            assert transport.send(WireRequest(upstream.url, b"{}", {}), Clocks(idle=0.1)).read() == b"ok"


def test_a_guarded_request_is_refused_when_the_adapter_cannot_pin_addresses() -> None:
    with pytest.raises(BadRequestError):
        Transport(Runtime(), adapter=HTTPAdapter()).send(WireRequest(URL, b"{}", {}, guarded=True))


def test_every_framing_has_a_decoder_when_a_provider_names_it() -> None:
    assert set(DECODERS) == {*typing.get_args(Framing), "raw"}
    for build_decoder in DECODERS.values():
        decoder: Decoder = build_decoder()
        assert decoder.feed(b"") == []
        # The clean end of bytes without a framing is an event of its own.
        assert [event.data for event in decoder.finish()] == ([b""] if build_decoder is DECODERS["raw"] else [])
