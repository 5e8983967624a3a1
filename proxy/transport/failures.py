"""Failures on the wire as GatewayErrors: every exception of requests, and of what it uses, is mapped.

No message holds more of the URL than its host: a URL can carry credentials in its userinfo and query.
"""

import errno
import http.client
import os
import socket
import ssl
from collections.abc import Iterator

import requests
import urllib3
from requests.exceptions import (
    ChunkedEncodingError,
    ContentDecodingError,
    InvalidHeader,
    InvalidSchema,
    InvalidURL,
    MissingSchema,
    URLRequired,
)

from proxy.errors import (
    APIConnectionError,
    BadRequestError,
    GatewayError,
    InvalidProviderResponseError,
    LocalResourceError,
    Timeout,
    TruncatedStreamError,
)

# All that an adapter may raise. ValueError and its kin come from http.client and urllib3, for headers and URLs.
WIRE_FAILURES = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)
_TIMEOUTS = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
_UNUSABLE_URLS = (InvalidURL, InvalidSchema, MissingSchema, URLRequired, urllib3.exceptions.LocationValueError)
_UNUSABLE_HEADERS = (InvalidHeader, urllib3.exceptions.InvalidHeader, UnicodeEncodeError)
_UNREADABLE = (ContentDecodingError, urllib3.exceptions.DecodeError)
_CLOSED = (http.client.RemoteDisconnected, http.client.IncompleteRead, ConnectionError, ChunkedEncodingError)

_REASONS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((ssl.SSLCertVerificationError,), "its TLS certificate is not valid for it"),
    ((ssl.SSLError, urllib3.exceptions.SSLError, requests.exceptions.SSLError), "TLS failed"),
    ((socket.gaierror, urllib3.exceptions.NameResolutionError), "its name could not be resolved"),
    ((urllib3.exceptions.ProxyError, requests.exceptions.ProxyError), "the proxy did not let us through"),
    ((http.client.RemoteDisconnected,), "the connection was closed without an answer"),
    ((ConnectionRefusedError,), "the connection was refused"),
    ((ConnectionResetError, BrokenPipeError, ConnectionAbortedError), "the connection was reset"),
)
# What this process or host lacks, whatever the provider does.
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL})


def before_head(exception: BaseException, host: str) -> GatewayError:
    """The error for a request that got no answer's head."""
    causes = list(_causes(exception))
    if _exhausted(causes):
        return LocalResourceError("the gateway has no descriptors or buffers left for a connection")
    if _timed_out(causes):
        return Timeout(f"{host} did not answer in time")
    if _among(causes, _UNUSABLE_HEADERS):
        return BadRequestError("a request header holds characters that HTTP does not allow")
    if _among(causes, _UNUSABLE_URLS):
        return APIConnectionError(f"could not connect to {host}: the URL is not one that can be called")
    if _among(causes, _UNREADABLE):
        return InvalidProviderResponseError(f"{host} answered with a body that cannot be decompressed")
    if _among(causes, (http.client.HTTPException,)) and not _among(causes, _CLOSED):
        return InvalidProviderResponseError(f"{host} answered with something that is not HTTP")
    return APIConnectionError(f"could not connect to {host}: {_reason(causes)}")


def in_body(exception: BaseException, host: str, *, streaming: bool) -> GatewayError:
    """The error for an answer that broke after its head."""
    causes = list(_causes(exception))
    if _exhausted(causes):
        return LocalResourceError("the gateway has no buffers left for an answer")
    if _timed_out(causes):
        return Timeout(f"{host} fell silent in the middle of its answer")
    if _among(causes, _UNREADABLE):
        return InvalidProviderResponseError(f"{host} answered with a body that cannot be decompressed")
    if streaming:
        return TruncatedStreamError(f"{host} broke the connection in the middle of its stream")
    return InvalidProviderResponseError(f"{host} broke the connection in the middle of its answer")


def _causes(exception: BaseException) -> Iterator[BaseException]:
    """The exception, and what it wraps: libraries put it into `args`, `reason` or `__cause__`."""
    waiting, seen = [exception], set()
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = (*current.args, getattr(current, "reason", None), current.__cause__, current.__context__)
        waiting.extend(item for item in inner if isinstance(item, BaseException))


def exhausted(exception: BaseException) -> bool:
    """Whether this process or host lacks descriptors, buffers or memory."""
    return _exhausted(list(_causes(exception)))


def _exhausted(causes: list[BaseException]) -> bool:
    return any(map(_is_exhaustion, causes))


def _is_exhaustion(cause: BaseException) -> bool:
    if isinstance(cause, socket.gaierror):
        return not _can_open()
    return isinstance(cause, MemoryError) or (isinstance(cause, OSError) and cause.errno in _EXHAUSTED)


def _can_open() -> bool:
    """The resolver reports a lack of descriptors as an unknown name."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno not in _EXHAUSTED
    return True


def _among(causes: list[BaseException], kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _timed_out(causes: list[BaseException]) -> bool:
    """urllib3 derives "could not connect" from "connecting took too long", which is another thing."""
    kinds = [cause for cause in causes if isinstance(cause, _TIMEOUTS)]
    return any(not isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in kinds)


def _reason(causes: list[BaseException]) -> str:
    for kinds, reason in _REASONS:
        if _among(causes, kinds):
            return reason
    if any(isinstance(cause, OSError) and cause.errno in _UNREACHABLE for cause in causes):
        return "there is no route to it"
    return "the connection failed"
