"""Azure: Entra ID tokens for deployments without a key.

A service principal (`tenant_id`, `client_id`, `client_secret`) needs one request to Microsoft, made here by our own
transport. `azure_credential` names a class of azure-identity instead, an optional extra, for managed and workload identities.
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

import threading
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from proxy.domain.deployment import Deployment
from proxy.domain.wire import Fetch, WireRequest
from proxy.errors import AuthenticationError, ConfigurationError
from proxy.transport.credentials.tokens import KEPT, TokenCache, read_answer, read_token

AUTHORITY = "https://login.microsoftonline.com"
SCOPE = "https://cognitiveservices.azure.com/.default"
IDENTITIES = frozenset(
    (
        "DefaultAzureCredential",
        "ManagedIdentityCredential",
        "WorkloadIdentityCredential",
        "EnvironmentCredential",
        "AzureCliCredential",
    )
)
_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


class Principal(NamedTuple):
    tenant: str
    client: str
    secret: str
    scope: str


class AzureCredentials:
    """Puts tokens on requests. A token is kept for the process until it is about to run out. Safe for threads.

    `monotonic` is in seconds; `load` imports azure-identity.
    """

    def __init__(
        self,
        fetch: Fetch,
        monotonic: Callable[[], float],
        load: Callable[[], ModuleType] | None = None,
        kept: int = KEPT,
    ) -> None:
        self._fetch = fetch
        self._tokens = TokenCache(monotonic, kept)
        self._load = load or _load_identity
        self._lock = threading.Lock()
        self._identities: dict[str, Any] = {}

    def apply(self, request: WireRequest, deployment: Deployment) -> WireRequest:
        """The request with its token; one with a key or a token of the deployment's stays as it is.

        Raises AuthenticationError where there are no credentials or Microsoft refuses them.
        """
        if "api-key" in request.headers or "authorization" in request.headers or "x-api-key" in request.headers:
            return request
        principal = read_principal(deployment)
        if principal is not None:
            buy = partial(fetch_token, principal, self._fetch, deployment)
            token = self._tokens.read(repr(tuple(principal)), buy)
        else:
            token = self._ask_identity(deployment)
        return request._replace(headers={**request.headers, "authorization": f"Bearer {token}"})

    def _ask_identity(self, deployment: Deployment) -> str:
        """The surroundings' identity, for the operator's own deployments: a client could send its token anywhere."""
        name = deployment.connection.get("azure_credential")
        if deployment.client_owned or name is None:
            raise AuthenticationError(
                "No Azure credentials: set litellm_params.api_key, azure_ad_token, or tenant_id, client_id and "
                "client_secret",
                provider=deployment.provider,
            )
        if name not in IDENTITIES:
            raise AuthenticationError(f"azure_credential is none of {', '.join(sorted(IDENTITIES))}")
        with self._lock:
            if name not in self._identities:
                self._identities[name] = getattr(self._load(), name)()
            identity = self._identities[name]
        try:
            token: str = identity.get_token(read_scope(deployment)).token
        except Exception as error:  # azure-identity documents no base class but its HTTP library's
            message = f"{name} gave no token: {type(error).__name__}"
            raise AuthenticationError(message, provider=deployment.provider) from error
        return token


def read_scope(deployment: Deployment) -> str:
    return str(deployment.connection.get("azure_scope") or SCOPE)


def read_principal(deployment: Deployment) -> Principal | None:
    """The deployment's service principal; None if it isn't whole."""
    given = [deployment.connection.get(name) for name in ("tenant_id", "client_id", "client_secret")]
    if not all(isinstance(value, str) and value for value in given):
        return None
    tenant, client, secret = map(str, given)
    return Principal(tenant, client, secret, read_scope(deployment))


def fetch_token(principal: Principal, fetch: Fetch, deployment: Deployment) -> tuple[str, float]:
    """A new token and the seconds that it lives. Raises AuthenticationError where Microsoft refuses."""
    form = {
        "grant_type": "client_credentials",
        "client_id": principal.client,
        "client_secret": principal.secret,
        "scope": principal.scope,
    }
    url = f"{AUTHORITY}/{quote(principal.tenant, safe='')}/oauth2/v2.0/token"
    response = fetch(WireRequest(url, urlencode(form).encode(), _FORM))
    answer = read_answer("Microsoft", response.read(), deployment)
    reason = answer.get("error_description") or answer.get("error")
    return read_token("Microsoft", response.status, answer, reason, deployment)


def _load_identity() -> ModuleType:
    try:
        import azure.identity  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise ConfigurationError("azure_credential needs azure-identity: pip install 'patchbay[azure]'") from None
    module: ModuleType = azure.identity
    return module
