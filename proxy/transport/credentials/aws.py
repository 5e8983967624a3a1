"""AWS: a deployment's signature on the request.

Whose it is, aws_identity.py decides; botocore, an optional extra, finds and refreshes the keys and signs (aws_signing.py).
"""

import threading
from types import ModuleType
from typing import Any

from proxy.domain.aws import read_model
from proxy.domain.deployment import Deployment
from proxy.domain.wire import WireRequest
from proxy.errors import ConfigurationError
from proxy.transport.credentials.aws_identity import Identity, read_identity

# The name that a signature is made for, by provider.
_SERVICES = {"sagemaker": "sagemaker", "sagemaker_chat": "sagemaker"}
_DEFAULT_SERVICE = "bedrock"


class AwsCredentials:
    """Signs requests. Keys that were found are kept for the process and refreshed before they run out; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sources: dict[Identity, Any] = {}

    def apply(self, request: WireRequest, deployment: Deployment) -> WireRequest:
        """The signed request; one with a bearer token needs no signature.

        Raises AuthenticationError where no keys are found, or a client's deployment names anything but keys.
        """
        if "authorization" in request.headers:
            return request
        signing = _load_signing()
        region = read_model(deployment).region
        source = self._find(read_identity(deployment, region), signing)
        service = _SERVICES.get(deployment.provider, _DEFAULT_SERVICE)
        return request._replace(headers={**request.headers, **signing.sign(request, source, service, region)})

    def _find(self, identity: Identity, signing: ModuleType) -> Any:
        if identity.access_key is not None and identity.role is None:
            return signing.open_source(identity)
        with self._lock:
            source = self._sources.get(identity)
            if source is None:
                source = self._sources[identity] = signing.open_source(identity)
            return source


def _load_signing() -> ModuleType:
    try:
        from proxy.transport.credentials import aws_signing  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise ConfigurationError(
            "AWS credentials need botocore: pip install 'patchbay[aws]', or set an api_key (a Bedrock bearer token)"
        ) from None
    return aws_signing
