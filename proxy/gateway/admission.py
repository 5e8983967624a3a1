"""What a client may bring into its request, and what must be known of it before anything is done with it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from proxy.domain.call import NO_OPTIONS, Call, Options
from proxy.domain.secrets import MaskLease
from proxy.errors import BadRequestError, PermissionDeniedError
from proxy.gateway.model_access import PREFIX, ModelAccess
from proxy.gateway.user_routers import MOCK_PROVIDER, UserRouters
from proxy.settings import Settings
from proxy.settings.credentials import secrets_of

# They put another answer in a provider's place; all other mock fields make a call slow or fail.
_ANSWERS = frozenset({"mock_response", "mock_tool_calls", MOCK_PROVIDER})


class Admission:
    """One per gateway; keeps nothing of a call."""

    def __init__(self, settings: Settings, clients: UserRouters, access: ModelAccess) -> None:
        self._access = access
        self._secrets = settings.secrets
        self._general = settings.general
        self._clients = clients

    def admit(self, call: Call) -> Call:
        """The call, its client's own credentials registered and masked, the ineffective names of its configuration noted.

        Raise PermissionDeniedError for what the operator closed and for models that the caller's key may not use,
        BadRequestError for a configuration that is wrong and for a mock that the operator did not open.
        """
        if PREFIX in call.model:
            call = self._access.without_prefix(call)
        if call.account is not None:
            call = self._access.admit(call, call.account)
        options = call.options
        if options is NO_OPTIONS:
            return call
        self._check_mocks(options.mock)
        leases = self._lease(options)
        if options.user_config is None:
            return call._replace(mask_leases=leases) if leases else call
        if not self._general.allow_client_side_credentials:
            raise PermissionDeniedError("'user_config' may not be set in a request here.", param="user_config")
        client = self._clients.find(options.user_config)
        self._check_mocks(client.mocks)
        return call._replace(mask_leases=(*leases, client.mask_lease), ignored=(*call.ignored, *client.ignored))

    def _lease(self, options: Options) -> tuple[MaskLease, ...]:
        secrets = [secret for given in _brought(options) for secret in secrets_of(given)]
        return (self._secrets.lease(secrets),) if secrets else ()

    def _check_mocks(self, names: Iterable[str]) -> None:
        """`names`: the mocks of a request, or of a client's configuration in it."""
        if self._general.dangerously_allow_mock_testing_request_params:
            return
        for name in names:
            if name in _ANSWERS and self._general.allow_client_mock_response:
                continue
            setting = (
                "allow_client_mock_response" if name in _ANSWERS else "dangerously_allow_mock_testing_request_params"
            )
            message = f"'{name}' may be sent only where general_settings.{setting} is true."
            raise BadRequestError(message, param="model" if name == MOCK_PROVIDER else name)


def _brought(options: Options) -> Iterator[Mapping[str, Any]]:
    """The places of credentials; those of a user_config are masked with its router."""
    yield options.overrides
    yield {"extra_headers": options.extra_headers}
    yield from (entry for entry in options.fallbacks or () if isinstance(entry, Mapping))
