"""Which configured values are credentials: by their names, as headers of a deployment, and in URLs."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import loads
from proxy.domain.router_settings import RouterSettings
from proxy.domain.secret_names import is_secret_name
from proxy.domain.secrets import PLAIN_HEADERS, SecretRegistry, looks_like_token

# Headers of a deployment that are no credentials; any other may be one, whatever its name.
_PLAIN_HEADERS = PLAIN_HEADERS | {
    "user-agent", "referer", "http-referer", "x-title", "openai-beta", "content-language", "accept-language", "host", "origin"
}  # fmt: skip
_HEADER_PARAMS = frozenset({"headers", "extra_headers"})
_SCHEME = re.compile(r"(?:bearer|basic|token|apikey|api-key|key) +", re.IGNORECASE)
_LONGEST_JSON = 64 * 1024


def secrets_of(values: Mapping[str, Any]) -> Iterator[str]:
    """The credentials among connection parameters, at any depth: by their names, as headers, and in URLs."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _of_headers(value) if name in _HEADER_PARAMS else secrets_of(value)
        elif isinstance(value, list):
            yield from secrets_of({f"{position}_{name}": item for position, item in enumerate(value)})
        elif isinstance(value, str) and is_secret_name(name):
            yield value
            yield from _of_json(value)
        elif isinstance(value, str) and "://" in value:
            yield from _of_url(value)


def _of_headers(headers: Mapping[str, Any]) -> Iterator[str]:
    """The values, and what follows a scheme such as Bearer."""
    for name, value in headers.items():
        if isinstance(value, str) and str(name).lower() not in _PLAIN_HEADERS:
            yield value
            bare = _SCHEME.sub("", value, count=1)
            if bare != value:
                yield bare


def _of_json(text: str) -> Iterator[str]:
    """The credentials in a credential that is a JSON object, such as a service account's private key."""
    if text.lstrip().startswith("{") and len(text) <= _LONGEST_JSON:
        try:
            loaded = loads(text)
        except ValueError:
            return
        if isinstance(loaded, dict):
            yield from secrets_of(loaded)


def _of_url(url: str) -> Iterator[str]:
    """A URL's password (or user, where it has none), as written, decoded and as a header; what its query and path hide."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    if parts.username is not None:
        yield from {parts.password or parts.username, unquote(parts.password or parts.username)}
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        yield b64encode(pair.encode("utf-8", "replace")).decode()
    yield from (value for name, value in parse_qsl(parts.query, max_num_fields=None) if is_secret_name(name))
    yield from (segment for segment in parts.path.split("/") if looks_like_token(segment))


def build_registry(
    master_key: str | None, router: RouterSettings, deployments: Sequence[Deployment], environ: Mapping[str, str]
) -> SecretRegistry:
    """A registry with the configured credentials, and those in the environment."""
    registry = SecretRegistry()
    values = {
        master_key,
        router.redis_password,
        *secrets_of({"redis_url": router.redis_url}),
        *(secret for deployment in deployments for secret in secrets_of(deployment.connection)),
        *(value for name, value in environ.items() if is_secret_name(name)),
        *(secret for value in environ.values() if "://" in value for secret in _of_url(value)),
    }
    for value in values:
        registry.add(value)
    return registry
