"""The address guard: every spelling of an address that is not public, on functions; the connection itself on loopback.

No test sends anything to a private or metadata address: names are resolved by a table.
"""

import socket
from collections.abc import Iterator, Mapping, Sequence

import pytest

from proxy.domain.wire import Clocks, WireRequest
from proxy.errors import APIConnectionError, BadRequestError
from proxy.runtime import Runtime
from proxy.transport.addresses import is_public
from proxy.transport.clocks import Stopwatch
from proxy.transport.guard import Guard, build_policy, check_url
from proxy.transport.http1.connection import _await_peer
from proxy.transport.http1.wait import Wait
from proxy.transport.origin import Origin
from proxy.transport.transport import Transport
from tests.transport.upstream import CERTIFICATES, OK, Upstream, always, serving

PUBLIC = "93.184.215.14"
NAMES: Mapping[str, Sequence[str]] = {
    "api.example.com": [PUBLIC],
    "two.example.com": ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", PUBLIC],
    "xn--bcher-kva.example": [PUBLIC],
    "localhost": ["127.0.0.1", "::1"],
    "ip6-localhost": ["::1"],
    "localtest.me": ["127.0.0.1"],
    "metadata": ["169.254.169.254"],
    "metadata.google.internal": ["169.254.169.254"],
    "mixed.example.com": [PUBLIC, "10.0.0.1"],
    "mixed6.example.com": [PUBLIC, "::1"],
    "vllm.corp": ["10.1.2.3"],
    "empty.example.com": [],
    "zone.example.com": ["fe80::1%eth0"],
    "mapped.example.com": ["::ffff:127.0.0.1"],
    "nat64.example.com": ["64:ff9b::7f00:1"],
}


class Resolver:
    """Answers from a table; a second question about a name gets the answers of `later`."""

    def __init__(
        self, names: Mapping[str, Sequence[str]] = NAMES, later: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.asked: list[str] = []
        self._names = names
        self._later = later or {}

    def __call__(self, host: str, port: int, stopwatch: Stopwatch) -> Sequence[str]:
        names = self._later if host in self.asked and self._later else self._names
        self.asked.append(host)
        if host in names:
            return names[host]
        if host.replace(".", "").isdigit() or ":" in host:
            return [host]
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def admit(url: str, *allowed: str) -> tuple[str, ...]:
    guard = Guard(build_policy(allowed), Resolver())
    return guard.admit(url, Stopwatch(Clocks(), lambda: 0.0, "x"))[1]


REFUSED_HOSTS = """
127.0.0.1 127.0.0.2 127.1.2.3 127.255.255.255 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.254
192.168.0.1 192.168.255.255 169.254.169.254 169.254.170.2 169.254.0.1 100.64.0.1 100.100.100.200 100.127.255.255
192.0.0.1 192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1 198.18.0.1 198.19.255.255
198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
2130706433 3232235521 2852039166 0 1 4294967295 017700000001 0177.0.0.1 0177.0.0.01 00177.0.0.1 127.0.0.01 010.0.0.1
0x7f000001 0x7f.0.0.1 0x7F.0x0.0x0.0x1 0x7f.1 0xa9fea9fe 0xA9.0xFE.0xA9.0xFE 0251.0376.0251.0376 127.1 127.0.1 10.1
192.168.1 169.254.43518 1.2.3 256.256.256.256 127.0.0.1.1 1.2.3.4.5 0x 127.0.0.0x1 example.0x7f 08.8.8.8 8.8.8.08
8.8.8.8. 127.0.0.1. 127.0.0.1.. localhost localhost. LOCALHOST LocalHost ip6-localhost localtest.me metadata
metadata.google.internal metadata.google.internal. METADATA.google.internal vllm.corp mixed.example.com mixed6.example.com
empty.example.com zone.example.com mapped.example.com nat64.example.com nowhere.example.com api.example.com. .api.example.com
api..example.com -api.example.com api-.example.com . .. * *.example.com
[::] [::1] [0:0:0:0:0:0:0:1] [0000::0001] [::127.0.0.1] [::ffff:127.0.0.1] [::FFFF:7F00:1] [::ffff:8.8.8.8]
[0:0:0:0:0:ffff:169.254.169.254] [::8.8.8.8] [fe80::1] [febf::1] [fec0::1] [fc00::1] [fd00:ec2::254] [ff02::1] [ff0e::1]
[2001::1] [2001:0:7f00:1::] [2001:2::1] [2001:10::1] [2001:20::1] [2001:db8::1] [2002:7f00:1::] [2002:a9fe:a9fe::1]
[2002:808:808::1] [64:ff9b::127.0.0.1] [64:ff9b::8.8.8.8] [64:ff9b:1::1] [100::1] [3fff::1] [3ffe::1] [5f00::1] [4000::1]
[fe80::1%eth0] [fe80::1%25eth0] [::1%lo] [::1]. [127.0.0.1] [] [:::1] [1::2::3] [::1 ::1 ::ffff:127.0.0.1 [::1]x [[::1]]
1\uff127.0.0.1 \uff11\uff12\uff17.0.0.1 \uff18.8.8.8 \u2460\u2461\u2466.0.0.1 127\u30020\u30020\u30021 127\uff0e0\uff0e0\uff0e1
\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54 \u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3 local\u00adhost
\u1d38ocalhost local\u200bhost 127.0.0.1\u2024 \u2025 xn--.example xn--a.example api\u2044.example.com \uff0f
%31%32%37.0.0.1 127.0.0.1%00.example.com 127%2e0%2e0%2e1 localhost%00 api.example.com%2f
127.0.0.1&api.example.com 127.0.0.1;api.example.com 127.0.0.1,api.example.com (127.0.0.1) <127.0.0.1> 127.0.0.1!
127.0.0.1$ 'localhost' "localhost" {localhost} local|host local^host local`host ~localhost
api.example.com:0 api.example.com:65536 api.example.com:99999999 api.example.com:-1 api.example.com: api.example.com:80:80
api.example.com:8o api.example.com:0x50 api.example.com:+80 :80 :
""".split()
REFUSED_URLS = [
    "",
    "api.example.com",
    "//api.example.com/",
    "/v1",
    "http:",
    "http:/api.example.com/",
    "http://",
    "https:///v1",
    "http://?x",
    "http://#x",
    "http:api.example.com",
    "ftp://api.example.com/",
    "file:///etc/passwd",
    "gopher://api.example.com/",
    "mock://api.example.com/",
    "unix:///run/docker.sock",
    "data:text/plain,x",
    "javascript://api.example.com/",
    "http+unix://api.example.com/",
    " http://api.example.com/",
    "http://api.example.com/ ",
    "http:// api.example.com/",
    "http://api.example.com /",
    "http://api.exa mple.com/",
    "http://api.example.com/\r\nhost: localhost",
    "http://api.example.com/\n",
    "http://api.example.com\t/",
    "\thttp://api.example.com/",
    "http://api.example.com/\0",
    "http://api.example.com\x00.localhost/",
    "http://api.example.com\x7f/",
    "http://api.example.com\u00a0/",
    "http://api.example.com\u3000/",
    "http://api.example.com\u2028/",
    "http://\ufeffapi.example.com/",
    "http:\\\\api.example.com\\",
    "http://api.example.com\\@127.0.0.1/",
    "http://127.0.0.1\\@api.example.com/",
    "http://api.example.com\\.localhost/",
    "http://user@api.example.com/",
    "http://user:pass@api.example.com/",
    "http://@api.example.com/",
    "http://:@api.example.com/",
    "http://api.example.com@127.0.0.1/",
    "http://127.0.0.1@api.example.com/",
    "http://api.example.com:80@127.0.0.1/",
    "http://a@b@api.example.com/",
    "http://127.0.0.1#@api.example.com/",
    "http://127.0.0.1?@api.example.com/",
    "http://127.0.0.1/@api.example.com/",
    "http://" + "a" * 64 + ".example.com/",
    "http://" + "a." * 130 + "com/",
    "http://api.example.com/" + "a" * 17_000,
]
REFUSED = [f"http://{host}/v1" for host in REFUSED_HOSTS] + REFUSED_URLS


def test_the_table_is_as_long_as_it_should_be() -> None:
    assert len(set(REFUSED)) == len(REFUSED) >= 240


@pytest.mark.parametrize("url", REFUSED)
def test_a_destination_is_refused_when_it_is_spelled(url: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        admit(url)
    assert (caught.value.status_code, caught.value.param) == (400, "api_base")


@pytest.mark.parametrize(
    ("url", "target", "addresses"),
    [
        ("http://api.example.com/v1", ("http", "api.example.com", 80), (PUBLIC,)),
        ("https://api.example.com", ("https", "api.example.com", 443), (PUBLIC,)),
        ("HTTPS://API.Example.COM/v1?x=1#y", ("https", "api.example.com", 443), (PUBLIC,)),
        ("https://api.example.com:8443/a@b:c", ("https", "api.example.com", 8443), (PUBLIC,)),
        ("https://api.example.com?q=http://127.0.0.1", ("https", "api.example.com", 443), (PUBLIC,)),
        ("https://two.example.com/", ("https", "two.example.com", 443), (PUBLIC, NAMES["two.example.com"][0])),
        ("https://8.8.8.8/", ("https", "8.8.8.8", 443), ("8.8.8.8",)),
        ("http://[2606:4700:4700::1111]:81/", ("http", "2606:4700:4700::1111", 81), ("2606:4700:4700::1111",)),
        ("http://[2606:4700:4700:0:0:0:0:1111]/", ("http", "2606:4700:4700::1111", 80), ("2606:4700:4700::1111",)),
        ("https://bücher.example/", ("https", "xn--bcher-kva.example", 443), (PUBLIC,)),
        ("https://\uff41pi.example.com/", ("https", "api.example.com", 443), (PUBLIC,)),
    ],
)
def test_a_destination_is_admitted_when_it_is_public(
    url: str, target: tuple[str, str, int], addresses: tuple[str, ...]
) -> None:
    guard = Guard(resolve=Resolver())
    admitted, pinned = guard.admit(url, Stopwatch(Clocks(), lambda: 0.0, "x"))
    assert (admitted[:3], pinned) == (target, addresses)


@pytest.mark.parametrize(
    ("entry", "url", "admitted"),
    [
        ("vllm.corp", "http://vllm.corp/", True),
        ("vllm.corp", "http://VLLM.corp:8000/", True),
        ("VLLM.Corp", "https://vllm.corp/", True),
        ("vllm.corp:8000", "http://vllm.corp:8000/", True),
        ("vllm.corp:8000", "http://vllm.corp/", False),
        ("vllm.corp:80", "http://vllm.corp/", True),
        ("vllm.corp:443", "http://vllm.corp/", False),
        ("*.corp", "http://vllm.corp/", True),
        ("*.corp:8000", "http://vllm.corp:8000/", True),
        ("*.corp:8000", "http://vllm.corp:8001/", False),
        ("*.vllm.corp", "http://vllm.corp/", False),
        ("*.lm.corp", "http://vllm.corp/", False),
        ("corp", "http://vllm.corp/", False),
        ("*", "http://vllm.corp/", True),
        ("*:8000", "http://vllm.corp/", False),
        ("*:80", "http://vllm.corp/", True),
        ("10.1.2.3", "http://10.1.2.3/", True),
        ("10.1.2.3", "http://vllm.corp/", False),
        ("vllm.corp", "http://10.1.2.3/", False),
        ("::1", "http://[::1]/", True),
        ("[::1]:8080", "http://[0:0::1]:8080/", True),
        ("[::1]:8080", "http://[::1]/", False),
        ("127.0.0.1", "http://127.1/", False),
        ("127.0.0.1", "http://2130706433/", False),
        ("localhost", "http://user@localhost/", False),
        ("localhost", "http://localhost./", False),
        ("*", "ftp://localhost/", False),
        ("metadata", "http://metadata.google.internal/", False),
    ],
)
def test_the_operators_exception_is_for_what_it_names_when_a_client_asks(entry: str, url: str, admitted: bool) -> None:
    try:
        admit(url, entry)
    except BadRequestError:
        assert not admitted
    else:
        assert admitted


@pytest.mark.parametrize(
    "entry", ["", "http://a", "a/b", "a:b", "a:0", "a:99999", "*.", "*:x", "a*", "*a.b", "10.0.0.0/8", "a b", "1::2::3"]
)
def test_an_entry_is_refused_by_name_when_it_is_nonsense(entry: str) -> None:
    with pytest.raises(ValueError, match="is not a host, host:port or wildcard") as caught:
        build_policy([entry])
    assert repr(entry) in str(caught.value)


@pytest.mark.parametrize("url", ["http://vllm.corp/v1", "http://nowhere.example.com/v1"])
def test_the_message_tells_nothing_of_the_network_when_a_host_is_refused(url: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        admit(url)
    host = url.split("/")[2]
    assert caught.value.message == f"{host} cannot be called: it does not lead to a public address"


def test_the_message_holds_no_credentials_when_the_url_has_some() -> None:
    with pytest.raises(BadRequestError) as caught:
        admit("https://user:sesame@api.example.com/v1?key=sesame")
    assert caught.value.message == "api.example.com cannot be called: credentials do not belong into a URL"


def test_a_resolver_that_fails_for_now_is_a_connection_error_when_the_name_may_exist() -> None:
    def failing(host: str, port: int, stopwatch: Stopwatch) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with pytest.raises(APIConnectionError):
        Guard(resolve=failing).admit("https://api.example.com", Stopwatch(Clocks(), lambda: 0.0, "x"))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "2606:4700::1"])
def test_an_address_is_public_when_it_only_looks_close(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "x", "127.0.0.1", "::1", "1", "8.8.8.8/32", "fe80::1%1", "2606:4700::1%1"])
def test_an_address_is_not_public_when_it_is_none_or_has_a_zone(text: str) -> None:
    assert not is_public(text)


def test_spelling_is_judged_without_a_resolver_when_a_url_is_checked() -> None:
    assert check_url("https://api.example.com:1/", build_policy([])).port == 1


# Live, on loopback


def build_transport(resolver: Resolver, *allowed: str) -> Transport:
    return Transport(
        Runtime(), guard=Guard(build_policy(allowed), resolver), verify=str(CERTIFICATES / "ca.pem"),
        proxies={"http": "http://127.0.0.1:1", "https": "http://127.0.0.1:1"},
    )  # fmt: skip


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serving(always(OK)) as serving_upstream:
        yield serving_upstream


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0",
     "localhost.", "127.0.0.1.", "u:p@127.0.0.1", "localtest.me", "mixed.example.com"],
)  # fmt: skip
def test_nothing_is_connected_when_a_client_names_this_machine(upstream: Upstream, host: str) -> None:
    transport = build_transport(Resolver())
    with pytest.raises(BadRequestError):
        transport.send(WireRequest(f"http://{host}:{upstream.port}/", b"{}", {}, guarded=True), Clocks(total=5))
    assert upstream.connections == 0


def test_an_allowed_host_is_called_without_the_proxy_when_a_client_names_it(upstream: Upstream) -> None:
    transport = build_transport(Resolver(), f"127.0.0.1:{upstream.port}")
    request = WireRequest(upstream.url, b"{}", {"Host": "elsewhere"}, guarded=True)
    assert transport.send(request, Clocks(total=5)).read() == b"ok"
    assert f"host: 127.0.0.1:{upstream.port}".encode() in upstream.heard[0]


def test_the_checked_address_is_called_when_the_name_changes_after_the_check(upstream: Upstream) -> None:
    resolver = Resolver({"user.example": ["127.0.0.1"]}, later={"user.example": ["127.0.0.99"]})
    transport = build_transport(resolver, "user.example")
    request = WireRequest(f"http://user.example:{upstream.port}/", b"{}", {}, guarded=True)
    assert transport.send(request, Clocks(total=5)).read() == b"ok"
    assert resolver.asked == ["user.example"]


def test_a_kept_connection_is_not_used_when_the_name_leads_elsewhere_now(upstream: Upstream) -> None:
    resolver = Resolver({"user.example": ["127.0.0.1"]}, later={"user.example": ["127.0.0.2"]})
    transport = build_transport(resolver, "user.example")
    request = WireRequest(f"http://user.example:{upstream.port}/", b"{}", {}, guarded=True)
    assert transport.send(request, Clocks(total=5)).read() == b"ok"
    with pytest.raises(APIConnectionError, match="refused"):
        transport.send(request, Clocks(total=5))
    assert len(upstream.heard) == 1


def test_connections_are_not_shared_when_one_request_is_guarded_and_one_is_not(upstream: Upstream) -> None:
    transport = Transport(Runtime(), guard=Guard(build_policy(["127.0.0.1"]), Resolver()))
    for guarded in (False, True, False, True):
        transport.send(WireRequest(upstream.url, b"{}", {}, guarded=guarded), Clocks(total=5)).read()
    assert upstream.connections == 2


def test_tls_is_verified_with_the_name_when_the_address_is_pinned() -> None:
    names = {"user.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]}
    transport = build_transport(Resolver(names), "*.example")
    with serving(always(OK), tls=True) as upstream:
        url = f"https://user.example:{upstream.port}/"
        assert transport.send(WireRequest(url, b"{}", {}, guarded=True), Clocks(total=5)).read() == b"ok"
        with pytest.raises(APIConnectionError, match="certificate"):
            transport.send(WireRequest(url.replace("user", "other"), b"{}", {}, guarded=True), Clocks(total=5))


def test_the_next_address_is_called_when_the_first_refuses() -> None:
    upstream = Upstream(lambda peer: always(OK)(upstream, peer), host="127.0.0.2")
    transport = build_transport(Resolver({"user.example": ["127.0.0.2", "127.0.0.1"]}), "user.example")
    request = WireRequest(f"http://user.example:{upstream.port}/", b"{}", {}, guarded=True)
    assert transport.send(request, Clocks(total=5)).read() == b"ok"
    upstream.close()


def test_a_redirect_is_not_followed_when_a_client_named_the_host() -> None:
    answer = b"HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:%d/inside\r\ncontent-length: 0\r\n\r\n"
    with serving(always(OK)) as inside, serving(always(answer % inside.port)) as outside:
        transport = build_transport(Resolver(), f"127.0.0.1:{outside.port}")
        reply = transport.send(WireRequest(outside.url, b"{}", {}, guarded=True), Clocks(total=5))
    assert (reply.status, inside.connections) == (307, 0)


def test_the_connection_is_given_up_when_its_peer_is_not_the_checked_address() -> None:
    origin = Origin("http", "user.example", 80, pinned=("93.184.215.14",))
    ours, theirs = socket.socketpair()

    class Elsewhere:
        fileno = ours.fileno

        def getsockopt(self, level: int, option: int) -> int:
            return 0

        def getpeername(self) -> tuple[str, int]:
            return ("10.0.0.1", 80)

    wait = Wait(Stopwatch(Clocks(), lambda: 0.0, "x"), None)
    with pytest.raises(ConnectionAbortedError):
        _await_peer(Elsewhere(), "93.184.215.14", origin, wait, None)  # type: ignore[arg-type]
    ours.close()
    theirs.close()
