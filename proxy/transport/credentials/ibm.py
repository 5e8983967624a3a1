"""IBM Cloud: an API key buys a token for an hour.

https://cloud.ibm.com/docs/account?topic=account-iamtoken_from_apikey
"""

from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode

from proxy.domain.deployment import Deployment
from proxy.domain.wire import Fetch, WireRequest
from proxy.errors import AuthenticationError
from proxy.transport.credentials.tokens import KEPT, TokenCache, read_answer, read_token

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
        token = self._tokens.read(f"{url} {key}", partial(request_token, url, key, self._fetch, deployment))
        return request._replace(headers={**request.headers, "authorization": f"Bearer {token}"})


def _iam_url(deployment: Deployment) -> str:
    """Another address only by the operator's word: a client could have the gateway call anything."""
    url = None if deployment.client_owned else deployment.connection.get("watsonx_iam_url")
    return url if isinstance(url, str) and url else IAM_URL


def request_token(url: str, key: str, fetch: Fetch, deployment: Deployment) -> tuple[str, float]:
    """A new token and the seconds that it lives. Raises AuthenticationError where IBM refuses."""
    response = fetch(WireRequest(url, urlencode({"grant_type": _GRANT, "apikey": key}).encode(), _FORM))
    answer = read_answer("IBM", response.read(), deployment)
    reason = answer.get("errorMessage") or answer.get("errorCode")
    return read_token("IBM", response.status, answer, reason, deployment)
