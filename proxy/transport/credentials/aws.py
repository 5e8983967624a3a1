"""AWS: whose identity a deployment has, and its signature on the request.

The parameters are LiteLLM's (`aws_access_key_id`, `aws_profile_name`, `aws_role_name` ...). Their meaning is decided
here; botocore, an optional extra, finds and refreshes the keys and signs (aws_signing.py).
"""

import threading
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

from proxy.domain.aws import check_region, read_model
from proxy.domain.deployment import Deployment
from proxy.domain.wire import WireRequest
from proxy.errors import AuthenticationError, ConfigurationError

# The name that a signature is made for, by provider.
_SERVICES = {"sagemaker": "sagemaker", "sagemaker_chat": "sagemaker"}
_DEFAULT_SERVICE = "bedrock"
_DEFAULT_SESSION_NAME = "patchbay"


class Identity(NamedTuple):
    """Where keys come from; what is None isn't used. Without any of it: botocore's default chain.

    `role` is assumed with a web identity token (itself, or the path of a file), else with what the rest names.
    """

    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None
    profile: str | None = None
    role: str | None = None
    session_name: str | None = None
    external_id: str | None = None
    web_identity_token: str | None = None
    sts_endpoint: str | None = None
    region: str | None = None


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
        return replace(request, headers={**request.headers, **signing.sign(request, source, service, region)})

    def _find(self, identity: Identity, signing: ModuleType) -> Any:
        if identity.access_key is not None and identity.role is None:
            return signing.open_source(identity)
        with self._lock:
            source = self._sources.get(identity)
            if source is None:
                source = self._sources[identity] = signing.open_source(identity)
            return source


def read_identity(deployment: Deployment, region: str) -> Identity:
    """The deployment's identity. A client's own deployment has its own keys or none: the rest is the operator's."""
    connection = deployment.connection
    access_key, secret_key = _text(connection, "aws_access_key_id"), _text(connection, "aws_secret_access_key")
    if (access_key is None) != (secret_key is None):
        raise AuthenticationError(
            "AWS needs both aws_access_key_id and aws_secret_access_key", provider=deployment.provider
        )
    identity = Identity(
        access_key=access_key,
        secret_key=secret_key,
        session_token=_text(connection, "aws_session_token") if access_key else None,
        profile=None if access_key else _text(connection, "aws_profile_name"),
        role=_text(connection, "aws_role_name"),
    )
    if deployment.client_owned:
        return _only_keys(identity, deployment)
    return _with_role(identity, connection, region)


def _only_keys(identity: Identity, deployment: Deployment) -> Identity:
    if identity.access_key is None or identity.role is not None:
        raise AuthenticationError(
            "A request that brings its own connection parameters must bring an api_key, or aws_access_key_id and "
            "aws_secret_access_key; profiles, roles and the gateway's environment are the operator's",
            provider=deployment.provider,
        )
    return identity


def _with_role(identity: Identity, connection: Mapping[str, Any], region: str) -> Identity:
    if identity.role is None:
        return identity
    return identity._replace(
        session_name=_text(connection, "aws_session_name") or _DEFAULT_SESSION_NAME,
        external_id=_text(connection, "aws_external_id"),
        web_identity_token=_text(connection, "aws_web_identity_token"),
        sts_endpoint=_text(connection, "aws_sts_endpoint"),
        region=check_region(region),
    )


def _text(connection: Mapping[str, Any], name: str) -> str | None:
    value = connection.get(name)
    return value if isinstance(value, str) and value else None


def _load_signing() -> ModuleType:
    try:
        from proxy.transport.credentials import aws_signing  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise ConfigurationError(
            "AWS credentials need botocore: pip install 'patchbay[aws]', or set an api_key (a Bedrock bearer token)"
        ) from None
    return aws_signing
