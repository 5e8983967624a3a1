"""The one way out: a WireRequest over HTTP, with every failure of the wire as a GatewayError."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from proxy.domain.wire import ClientWatch, Clocks, WireRequest
from proxy.errors import BadRequestError
from proxy.runtime import Runtime
from proxy.transport.clocks import Stopwatch
from proxy.transport.failures import WIRE_FAILURES, before_head
from proxy.transport.guard import Guard
from proxy.transport.http1.adapter import Http1Adapter, Http1Request, Http1Response
from proxy.transport.http1.request_head import Envelope, build_envelope, complete_headers
from proxy.transport.http1.response import Body, LibraryBody, LocalBody, Reply
from proxy.transport.http1.wait import Wait
from proxy.transport.origin import Destination, Origin, split_url
from proxy.transport.proxies import Proxies

# An answer made in this process: status, headers (lower case), blocks.
Local = Callable[[WireRequest], tuple[int, Mapping[str, str], Iterable[bytes]]]

MAX_RESPONSE_BYTES = 64 * 1024 * 1024
_NO_CLOCKS = Clocks()
# A Http1Request brings its own clocks; any other value would be made into one of these for each request.
_NO_TIMEOUT: Any = urllib3.Timeout()
_KEPT = 1024
# No host lies behind it, and what is taken apart is kept for a while by the standard library.
_HOST_WITHIN = 1024


class _Route(NamedTuple):
    """How a URL of the operator's is reached. Without `origin` the adapter of requests has to find its own way."""

    destination: Destination
    origin: Origin | None
    proxies: Mapping[str, str]


class Transport:
    """Sends requests and hands out answers whose head is there. One per process or more; safe for threads.

    `local` maps a URL scheme to what answers it in this process. `verify` is True for the bundled certificate
    authorities, a path for others, False for none; `cert` is a client certificate. `proxies` maps `http`, `https` or
    `scheme://host` to a proxy's URL, `no_proxy` names the hosts that need none (see Proxies); through a proxy, the
    clocks hold for each wait on the socket, and there are no ticks. `guard` judges the destinations that clients name;
    they never go through a proxy. No redirect is followed, and nothing is read from the environment.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        adapter: HTTPAdapter | None = None,
        local: Mapping[str, Local] | None = None,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        user_agent: str = "patchbay",
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
        no_proxy: Iterable[str] = (),
        guard: Guard | None = None,
    ) -> None:
        self._runtime = runtime
        self._adapter = adapter or Http1Adapter(runtime.monotonic)
        self._local = dict(local or {})
        self._limit = max_response_bytes
        self._user_agent = user_agent
        self._verify = verify
        self._cert = cert
        self._proxies = Proxies(proxies or {}, no_proxy)
        self._guard = guard or Guard()
        # Deployments have few URLs and headers, and many requests.
        self._route = lru_cache(maxsize=_KEPT)(self._find_route)
        self._envelope = lru_cache(maxsize=_KEPT)(self._build_envelope)
        self._place = lru_cache(maxsize=_KEPT)(self._find_place)

    def send(self, request: WireRequest, clocks: Clocks = _NO_CLOCKS, client: ClientWatch | None = None) -> Reply:
        """The answer, whatever its status, as soon as its head is there.

        Raises APIConnectionError, Timeout, InvalidProviderResponseError, ClientClosedRequestError, and BadRequestError
        for what can't be sent or may not be called.
        """
        host, local = self._place(request.url)
        wait = Wait(Stopwatch(clocks, self._runtime.monotonic, host), client)
        wait.check_client()
        try:
            if local is not None and not request.guarded:
                status, headers, blocks = local(request)
                return self._reply(status, headers, LocalBody(blocks, wait), wait)
            return self._exchange(request, wait)
        except WIRE_FAILURES as exception:
            raise before_head(exception, host) from exception

    def close(self) -> None:
        """Close the connections that wait for reuse."""
        self._adapter.close()

    def _find_place(self, url: str) -> tuple[str, Local | None]:
        """The host, for messages, and what answers in its place in this process."""
        return host_of(url), self._local.get(url.partition(":")[0].lower())

    def _exchange(self, request: WireRequest, wait: Wait) -> Reply:
        verify = self._verify if request.verify is None else request.verify
        response = self._call_adapter(self._prepare(request, wait), wait.stopwatch.clocks, verify)
        if isinstance(response, Http1Response):
            return self._reply(response.status_code, response.headers, response.body, wait)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return self._reply(response.status_code, headers, LibraryBody(response, wait), wait)

    def _reply(self, status: int, headers: Mapping[str, str], body: Body, wait: Wait) -> Reply:
        return Reply(status, headers, body, wait.stopwatch.host, self._limit)

    def _call_adapter(
        self, prepared: requests.PreparedRequest, clocks: Clocks, verify: bool | str
    ) -> requests.Response | Http1Response:
        if isinstance(prepared, Http1Request):
            return self._adapter.send(prepared, stream=True, timeout=_NO_TIMEOUT)
        proxies = self._route(prepared.url or "").proxies
        return self._adapter.send(
            prepared, stream=True, timeout=_timeout(clocks), verify=verify, cert=self._cert, proxies=proxies
        )

    def _prepare(self, request: WireRequest, wait: Wait) -> requests.PreparedRequest:
        """A prepared request without the work of preparing: everything is as the provider's file wrote it."""
        if request.guarded:
            origin = self._admit(request.url, wait)
            destination = split_url(request.url)
            headers = complete_headers(request.headers, destination, self._user_agent, guarded=True)
            own = build_envelope(request.method, request.url, origin, destination, headers)
            return Http1Request(own, request.body, wait)
        build = self._envelope if request.cacheable else self._build_envelope
        envelope = build(request.method, request.url, tuple(request.headers.items()), request.verify)
        return self._prepare_plain(request) if envelope is None else Http1Request(envelope, request.body, wait)

    def _prepare_plain(self, request: WireRequest) -> requests.PreparedRequest:
        """For an adapter of requests' own."""
        destination = self._route(request.url).destination
        prepared = requests.PreparedRequest()
        prepared.method = request.method
        prepared.url = request.url
        prepared.body = bytes(request.body) or None
        prepared.headers = CaseInsensitiveDict(
            complete_headers(request.headers, destination, self._user_agent, guarded=False)
        )
        if request.body or request.method not in ("GET", "HEAD"):
            prepared.headers["content-length"] = str(len(request.body))
        return prepared

    def _build_envelope(
        self, method: str, url: str, headers: tuple[tuple[str, str], ...], verify: bool | str | None
    ) -> Envelope | None:
        """None where the adapter of requests has to find its own way."""
        route = self._route(url, verify)
        if route.origin is None:
            return None
        complete = complete_headers(dict(headers), route.destination, self._user_agent, guarded=False)
        return build_envelope(method, url, route.origin, route.destination, complete)

    def _find_route(self, url: str, verify: bool | str | None = None) -> _Route:
        destination, proxies = split_url(url), self._proxies.choose(url)
        if proxies or not isinstance(self._adapter, Http1Adapter):
            return _Route(destination, None, proxies)
        trusted = self._verify if verify is None else verify
        origin = Origin(destination.scheme, destination.host, destination.port, trusted, self._cert)
        return _Route(destination, origin, proxies)

    def _admit(self, url: str, wait: Wait) -> Origin:
        """The origin of a destination that a client named, bound to the addresses that were checked.

        The operator's client certificate is not for it, nor, without an exception, is a verification switched off.
        """
        if not isinstance(self._adapter, Http1Adapter):
            raise BadRequestError("this adapter cannot call an address that a client names", param="api_base")
        target, addresses = self._guard.admit(url, wait.stopwatch)
        verify = self._verify if target.allowed else self._verify or True
        return Origin(target.scheme, target.host, target.port, verify, pinned=addresses)


def host_of(url: str) -> str:
    """`host` or `host:port` of a URL, for messages: never its userinfo, path or query."""
    try:
        return urlsplit(url[:_HOST_WITHIN]).netloc.rpartition("@")[2] or "the provider"
    except ValueError:
        return "the provider"


def _timeout(clocks: Clocks) -> Any:
    """The nearest thing to the clocks that urllib3 knows: a limit for each wait until the head is there.

    requests accepts this class as its `timeout`; its annotations do not list it.
    """
    connect = [limit for limit in (clocks.connect, clocks.total) if limit is not None]
    read = [limit for limit in (clocks.first, clocks.total) if limit is not None]
    return urllib3.Timeout(connect=min(connect, default=None), read=min(read, default=None))
