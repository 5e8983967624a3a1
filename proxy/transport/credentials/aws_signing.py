"""What botocore does for us: finding keys, keeping them fresh, Signature Version 4. Imported only when AWS is used.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from functools import partial
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    AssumeRoleWithWebIdentityCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from proxy.domain.wire import WireRequest
from proxy.errors import APIConnectionError, AuthenticationError
from proxy.transport.credentials.aws_identity import Identity

_STS = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
_SIGNED = ("Authorization", "X-Amz-Date", "X-Amz-Security-Token")


def open_source(identity: Identity) -> Any:
    """Credentials of botocore's, which refresh themselves where they can expire."""
    if identity.role is not None:
        return _assume(identity)
    if identity.access_key is not None:
        return Credentials(identity.access_key, identity.secret_key, identity.session_token)
    return _look_up(identity.profile)


def sign(request: WireRequest, source: Any, service: str, region: str) -> dict[str, str]:
    """The headers to add. Only the content type, the host and AWS's own headers are signed: no other may matter."""
    try:
        keys = source.get_frozen_credentials()
    except ClientError as exception:
        code = exception.response.get("Error", {}).get("Code", "unknown error")
        raise AuthenticationError(f"AWS refused the role: {code}") from exception
    except (BotoCoreError, OSError) as exception:
        raise APIConnectionError(f"AWS credentials could not be fetched: {type(exception).__name__}") from exception
    headers = {name: value for name, value in request.headers.items() if name == "content-type"}
    signed = AWSRequest(method=request.method, url=request.url, data=bytes(request.body), headers=headers)
    SigV4Auth(keys, service, region).add_auth(signed)
    return {name.lower(): signed.headers[name] for name in _SIGNED if name in signed.headers}


def _look_up(profile: str | None) -> Any:
    """The keys of a profile, or of the default chain: environment, files, container, instance."""
    try:
        found = Session(profile=profile).get_credentials()
    except BotoCoreError as exception:
        raise AuthenticationError(f"AWS credentials could not be read: {exception}") from exception
    if found is None:
        raise AuthenticationError(
            "No AWS credentials: set api_key, aws_access_key_id and aws_secret_access_key, aws_profile_name or "
            "aws_role_name, or give the gateway's environment AWS credentials"
        )
    return found


def _assume(identity: Identity) -> Any:
    session = Session(profile=identity.profile)
    create = partial(session.create_client, region_name=identity.region, endpoint_url=identity.sts_endpoint)
    extra = {"RoleSessionName": identity.session_name}
    token = identity.web_identity_token
    if token is not None:
        fetcher: Any = AssumeRoleWithWebIdentityCredentialFetcher(
            partial(_create, create), partial(_read_token, token), identity.role, extra_args=extra
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role-with-web-identity")
    if identity.external_id is not None:
        extra["ExternalId"] = identity.external_id
    base = open_source(identity._replace(role=None))
    fetcher = AssumeRoleCredentialFetcher(partial(_create, create), base, identity.role, extra_args=extra)
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _create(create: Any, service: str, **options: Any) -> Any:
    """A client with our limits of time beside botocore's own options (the web identity one is unsigned)."""
    config = options.pop("config", None)
    return create(service, config=_STS.merge(config) if config is not None else _STS, **options)


def _read_token(token: str) -> str:
    """The token itself, or what is in the file of that name: Kubernetes renews it there."""
    return Path(token).read_text(encoding="utf-8") if token.startswith("/") else token
