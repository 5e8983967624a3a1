"""Whose identity a deployment has at AWS, out of LiteLLM's parameters (`aws_access_key_id`, `aws_role_name` ...)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.domain.aws import check_region
from proxy.domain.deployment import Deployment
from proxy.errors import AuthenticationError

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
