"""Google: whose token a deployment's requests carry.

`vertex_credentials` are a key file's path, its JSON as text or as an object; without them it is what google-auth finds
in the gateway's surroundings (Application Default Credentials). google-auth is an optional extra.
https://cloud.google.com/docs/authentication/application-default-credentials
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

from proxy.domain.deployment import Deployment
from proxy.domain.google_project import NO_PROJECT, PROJECT, UNKNOWN_PROJECT
from proxy.domain.wire import Fetch, WireRequest
from proxy.errors import AuthenticationError, ConfigurationError

# Clients bring credentials of their own: only so many are remembered.
KEPT = 512
_NOT_A_KEY = "vertex_credentials are neither the JSON of a Google key file nor its path"
# A client's own key can be one of these; the other kinds read files of this machine or run its programs.
_PLAIN_KEYS = ("service_account", "authorized_user")


class GoogleCredentials:
    """Puts tokens on requests. A token is kept for the process until it is about to run out. Safe for threads."""

    def __init__(self, fetch: Fetch, kept: int = KEPT) -> None:
        self._fetch = fetch
        self._kept = kept
        self._lock = threading.Lock()
        self._tokens: OrderedDict[bytes, _Token] = OrderedDict()

    def apply(self, request: WireRequest, deployment: Deployment) -> WireRequest:
        """The request with its token; one with a key or a token of the deployment's stays as it is.

        Raises AuthenticationError where there are no credentials, where Google refuses them, and where a client's
        deployment would need the operator's.
        """
        if "authorization" in request.headers or "x-goog-api-key" in request.headers:
            return _with_project(request, None, deployment)
        given = deployment.connection.get("vertex_credentials") or deployment.connection.get("vertex_ai_credentials")
        if deployment.client_owned:
            _check_clients(given, deployment)
        token = self._find(given, _load_google(), guarded=deployment.client_owned)
        headers = {**request.headers, **token.headers(deployment)}
        return _with_project(request._replace(headers=headers), token.project, deployment)

    def _find(self, given: object, google: ModuleType, *, guarded: bool) -> "_Token":
        info, digest = read_key(given)
        digest += b"guarded" if guarded else b""
        with self._lock:
            token = self._tokens.get(digest)
            if token is None:
                token = self._tokens[digest] = _Token(google, info, google.build_request(self._fetch, guarded=guarded))
            self._tokens.move_to_end(digest)
            while len(self._tokens) > self._kept:
                self._tokens.popitem(last=False)
            return token


class _Token:
    """One identity's token, and its project once there is a token.

    One thread looks for the credentials and fetches, the others wait for it.
    """

    def __init__(self, google: ModuleType, info: Mapping[str, Any] | None, send: Any) -> None:
        self._google = google
        self._info = info
        self._send = send
        self._lock = threading.Lock()
        self._source: Any = None
        self.project: str | None = None

    def headers(self, deployment: Deployment) -> dict[str, str]:
        source = self._source
        if source is None or not source.valid:
            with self._lock:
                if self._source is None:
                    self._source, self.project = self._google.open_source(self._info, self._send)
                source = self._source
                if not source.valid:
                    self._google.refresh(source, self._send, deployment.provider)
        headers: dict[str, str] = {}
        source.apply(headers)
        return {name.lower(): value for name, value in headers.items()}


def _with_project(request: WireRequest, project: str | None, deployment: Deployment) -> WireRequest:
    """The request to the credentials' project, where the deployment names none. Raise ConfigurationError without one."""
    if UNKNOWN_PROJECT not in request.url:
        return request
    if project is None or not PROJECT.fullmatch(project):
        raise ConfigurationError(NO_PROJECT.format(deployment.provider), provider=deployment.provider)
    return request._replace(url=request.url.replace(UNKNOWN_PROJECT, project, 1))


def read_key(given: object) -> tuple[Mapping[str, Any] | None, bytes]:
    """A key file's content, None for the environment's own credentials; and its key in the cache."""
    if given is None:
        return None, b""
    if isinstance(given, Mapping):
        raw = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
    elif isinstance(given, str):
        raw = given.encode() if given.lstrip().startswith("{") else _read_file(given)
    else:
        raise AuthenticationError(_NOT_A_KEY)
    try:
        info = orjson.loads(raw)
    except ValueError:
        info = None
    if not isinstance(info, dict):
        raise AuthenticationError(_NOT_A_KEY)
    return info, hashlib.blake2b(raw, digest_size=16).digest()


def _read_file(path: str) -> bytes:
    """Read anew each time: a key that was replaced is used at once."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise AuthenticationError(f"The file of vertex_credentials can't be read: {error.strerror}") from None


def _check_clients(given: object, deployment: Deployment) -> None:
    """A client can't name a file of this machine, nor use what the gateway itself is allowed to."""
    readable = isinstance(given, Mapping) or (isinstance(given, str) and given.lstrip().startswith("{"))
    info, _ = read_key(given) if readable else (None, b"")
    if info is None or info.get("type") not in _PLAIN_KEYS:
        raise AuthenticationError(
            "A request that brings its own connection parameters must bring an api_key, or vertex_credentials with the "
            "JSON of a service account; files and the gateway's environment are the operator's",
            provider=deployment.provider,
        )


def _load_google() -> ModuleType:
    try:
        from proxy.transport.credentials import google_tokens  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        if (error.name or "").partition(".")[0] in ("google", "cryptography"):
            raise ConfigurationError("Google credentials need google-auth: pip install 'patchbay[gcp]'") from None
        raise
    return google_tokens
