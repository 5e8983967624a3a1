"""google-auth, spoken to through our own transport. The only importer of it; see google.py."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import google.auth
from google.auth import exceptions
from google.oauth2 import credentials, service_account

from proxy.domain.google_project import project_of_key
from proxy.domain.wire import Fetch, WireRequest
from proxy.errors import AuthenticationError

# Of google-auth's functions some have types and some have none.
_AUTH: Any = google.auth
_SERVICE_ACCOUNTS: Any = service_account.Credentials
_USERS: Any = credentials.Credentials

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


class Response(NamedTuple):
    """What google-auth wants of an answer."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Request:
    """What google-auth calls to send a request. `guarded`: the address comes from a client."""

    def __init__(self, fetch: Fetch, *, guarded: bool) -> None:
        self._fetch = fetch
        self._guarded = guarded

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: object,
    ) -> Response:
        content = body.encode() if isinstance(body, str) else body or b""
        response = self._fetch(WireRequest(url, content, dict(headers or {}), method, self._guarded))
        return Response(response.status, response.headers, response.read())


def build_request(fetch: Fetch, *, guarded: bool) -> Request:
    return Request(fetch, guarded=guarded)


def open_source(info: Mapping[str, Any] | None, request: Request) -> tuple[Any, str | None]:
    """google-auth's Credentials for a key, or for the surroundings, and their project.

    Raise AuthenticationError where there are none.
    """
    try:
        if info is None:
            source, project = _AUTH.default(scopes=SCOPES, request=request)
            return source, project or getattr(source, "quota_project_id", None)
        return _open_key(info, request), project_of_key(info)
    except exceptions.DefaultCredentialsError:
        raise AuthenticationError(
            "No Google credentials were found: set litellm_params.vertex_credentials or GOOGLE_APPLICATION_CREDENTIALS"
        ) from None
    except (exceptions.GoogleAuthError, ValueError, TypeError):
        raise AuthenticationError("vertex_credentials are not usable: something is missing or broken in them") from None


def _open_key(info: Mapping[str, Any], request: Request) -> Any:
    if info.get("type") == "service_account":
        return _SERVICE_ACCOUNTS.from_service_account_info(info, scopes=SCOPES)
    if info.get("type") == "authorized_user":
        return _USERS.from_authorized_user_info(info, scopes=SCOPES)
    return _AUTH.load_credentials_from_dict(info, scopes=SCOPES, request=request)[0]


def refresh(source: Any, request: Request, provider: str) -> None:
    """Fetch a new token; AuthenticationError where Google refuses. What the transport raises goes through."""
    try:
        source.refresh(request)
    except exceptions.GoogleAuthError as error:
        raise AuthenticationError(
            f"Google gave no token for these credentials: {error.args[0] if error.args else error}", provider=provider
        ) from None
