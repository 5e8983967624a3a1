"""Which configured values are credentials, by their names."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import RouterSettings
from proxy.domain.secrets import SecretRegistry

_SECRET_NAME = re.compile(
    r"(^|[_-])(key|apikey|secret|password|token|credentials?|authorization|cookie|access_key_id)$", re.I
)


def secrets_of(values: Mapping[str, Any]) -> Iterator[str]:
    """The credentials among connection parameters, at any depth, by their names; and a password in a URL."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from secrets_of(value)
        elif isinstance(value, list):
            yield from secrets_of({f"{position}_{name}": item for position, item in enumerate(value)})
        elif isinstance(value, str) and is_secret_name(name):
            yield value
        elif isinstance(value, str) and "://" in value and "@" in value:
            yield from (part for part in (urlsplit(value).password,) if part)


def is_secret_name(name: str) -> bool:
    """True for names such as api_key, client_secret, LANGFUSE_SECRET_KEY, x-api-key, Authorization."""
    return _SECRET_NAME.search(name) is not None and name != "litellm_credential_name"


def build_registry(
    master_key: str | None, router: RouterSettings, deployments: Sequence[Deployment], environ: Mapping[str, str]
) -> SecretRegistry:
    """A registry that knows the configured credentials, and those in the environment."""
    registry = SecretRegistry()
    values = {
        master_key,
        router.redis_password,
        *secrets_of({"redis_url": router.redis_url}),
        *(secret for deployment in deployments for secret in secrets_of(deployment.connection)),
        *(value for name, value in environ.items() if is_secret_name(name)),
    }
    for value in values:
        registry.add(value)
    return registry
