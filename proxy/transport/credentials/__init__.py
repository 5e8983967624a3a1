"""Credentials that take more than a header: signatures, and tokens that are fetched and cached.

An API key is put into the headers by the provider's `build_request`. Where `Provider.auth` names a kind, the dispatcher
asks that kind's Credentials to complete the request, after `build_request` and before the transport.
"""

from typing import Protocol

from proxy.domain.deployment import Deployment
from proxy.domain.wire import WireRequest


class Credentials(Protocol):
    """One kind of credentials, for all deployments that name it."""

    def apply(self, request: WireRequest, deployment: Deployment) -> WireRequest:
        """The request with its credentials on it; `request` itself stays as it is.

        Raises AuthenticationError when the deployment's credentials are missing or refused, and what the transport
        raises when a token must be fetched and can't be.
        """
