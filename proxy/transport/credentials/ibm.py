"""IBM Cloud: an API key buys a token for an hour.

https://cloud.ibm.com/docs/account?topic=account-iamtoken_from_apikey
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

import orjson

from proxy.domain.deployment import Deployment
from proxy.domain.wire import Fetch, WireRequest
from proxy.errors import AuthenticationError, InvalidProviderResponseError
from proxy.transport.credentials.tokens import KEPT, TokenCache

IAM_URL = "https://iam.cloud.ibm.com/identity/token"
_GRANT = "urn:ibm:params:oauth:grant-type:apikey"
_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


class IbmCredentials:
    """Puts tokens on requests; `monotonic` is in seconds."""

    def __init__(self, fetch: Fetch, monotonic: Callable[[], float], kept: int = KEPT) -> None:
        self._fetch = fetch
        self._tokens = TokenCache(monotonic, kept)

    def apply(self, request: WireRequest, deployment: Deployment) -> WireRequest:
        """The request with its token; one that has a token stays as it is.

        Raises AuthenticationError where there is no key or IBM refuses it.
        """
        if "authorization" in request.headers:
            return request
        key = deployment.api_key
        if not key:
            raise AuthenticationError(
                "No IBM credentials: set litellm_params.api_key or token", provider=deployment.provider
            )
        url = _iam_url(deployment)
        token = self._tokens.read(f"{url} {key}", partial(buy_token, url, key, self._fetch, deployment))
        return replace(request, headers={**request.headers, "authorization": f"Bearer {token}"})


def _iam_url(deployment: Deployment) -> str:
    """Another address only by the operator's word: a client could have the gateway call anything."""
    url = None if deployment.client_owned else deployment.connection.get("watsonx_iam_url")
    return url if isinstance(url, str) and url else IAM_URL


def buy_token(url: str, key: str, fetch: Fetch, deployment: Deployment) -> tuple[str, float]:
    """A new token and the seconds that it lives. Raises AuthenticationError where IBM refuses."""
    response = fetch(WireRequest(url, urlencode({"grant_type": _GRANT, "apikey": key}).encode(), _FORM))
    answer = _parse(response.read(), deployment)
    if 400 <= response.status < 500:
        reason = answer.get("errorMessage") or answer.get("errorCode") or "no reason was given"
        raise AuthenticationError(f"IBM gave no token: {reason!s:.500}", provider=deployment.provider)
    token, seconds = answer.get("access_token"), answer.get("expires_in")
    if response.status != 200 or not isinstance(token, str) or not token:
        raise InvalidProviderResponseError("IBM answered without a token", provider=deployment.provider)
    return token, float(seconds) if isinstance(seconds, int | float) else 600.0


def _parse(body: bytes, deployment: Deployment) -> dict[str, Any]:
    try:
        answer = orjson.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise InvalidProviderResponseError("IBM answered without JSON", provider=deployment.provider)
    return answer
