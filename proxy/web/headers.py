"""The headers of an answer: the deployment, the tries, the time and the cost."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from proxy import __version__
from proxy.domain.attempt import Outcome
from proxy.domain.cache_control import CacheResult
from proxy.domain.cost import Cost
from proxy.domain.secret_names import is_secret_name
from proxy.errors import GatewayError

# Headers of a provider's answer that describe its connection or its body's form, not the answer.
_NOT_PASSED = frozenset(
    "connection keep-alive transfer-encoding content-length content-encoding content-type trailer upgrade te "
    "proxy-authenticate set-cookie set-cookie2 www-authenticate date server alt-svc strict-transport-security".split()
)
# A name is a token, and a value has no control character but the tab (RFC 9110, 5.1 and 5.5).
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_UNSAFE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
# Of a provider's headers: clients and proxies have limits for all headers of an answer.
_MOST_PASSED = 64
_LONGEST_VALUE = 4096

# The parts of a Cost, in its order.
_COST_PARTS = tuple(
    f"x-litellm-response-cost-{part}" for part in ("input", "output", "cache-read", "cache-creation", "reasoning")
)

_LONGEST_REMEMBERED = 256

Headers = list[tuple[str, str]]
Mask = Callable[[str], str]


class _Passed(NamedTuple):
    """Which headers of an answer are passed on, under which names; and which of those are limits, by position and name."""

    names: tuple[str, ...]
    shown: tuple[str, ...]
    limits: tuple[tuple[int, str], ...]


@lru_cache(maxsize=64)
def _passed(names: tuple[str, ...]) -> _Passed:
    """A provider names the same headers in each of its answers."""
    allowed = (
        name for name in names if name not in _NOT_PASSED and _TOKEN.fullmatch(name) and not is_secret_name(name)
    )
    passed = tuple(allowed)[:_MOST_PASSED]
    limits = tuple((position, name) for position, name in enumerate(passed) if name.startswith("x-ratelimit-"))
    return _Passed(passed, tuple(["llm_provider-" + name for name in passed]), limits)


def provider_headers(headers: Mapping[str, str], mask: Mask) -> Headers:
    """`x-ratelimit-*` as they are, and all about the answer as `llm_provider-*`; some providers repeat the key."""
    names, shown, limits = _passed(tuple(headers))
    values = list(map(headers.__getitem__, names))
    # One look at all values: a value holds no line break.
    text = "\n".join(values)
    if _UNSAFE.search("".join(values)) or len(text) > _LONGEST_VALUE:
        fitting = {name: value for name, value in headers.items() if _fits(value)}
        if len(fitting) < len(headers):
            return provider_headers(fitting, mask)
    masked = mask(text)
    if masked != text:
        values = masked.split("\n")
    return [*zip(shown, values, strict=True), *[(name, values[position]) for position, name in limits]]


def _fits(value: str) -> bool:
    return len(value) <= _LONGEST_VALUE and _UNSAFE.search(value) is None


def deployment_headers(identifier: str, group: str, base_url: str | None) -> tuple[tuple[str, str], ...]:
    """Which deployment answered, and where it is (without credentials).

    Where a group has a wildcard, its name is a client's word, and may be as long as a body.
    """
    build = _deployment_headers if len(group) <= _LONGEST_REMEMBERED else _deployment_headers.__wrapped__
    return build(identifier, group, base_url)


@lru_cache(maxsize=1024)
def _deployment_headers(identifier: str, group: str, base_url: str | None) -> tuple[tuple[str, str], ...]:
    headers = (("x-litellm-model-id", _safe(identifier)), ("x-litellm-model-group", _safe(group)))
    return (*headers, ("x-litellm-model-api-base", _safe(base_url))) if base_url else headers


def header_base(base_url: str | None) -> str | None:
    """A deployment's base URL as a header can hold it."""
    return _safe(base_url) if base_url else None


def call_headers(call_id: str, request_id: str | None) -> Headers:
    """`request_id` is the client's own, or else the call's: OpenAI's clients show it as the id of the request."""
    return [
        ("x-litellm-call-id", call_id),
        ("x-request-id", _safe(request_id) if request_id else call_id),
        ("x-litellm-version", __version__),
    ]


def outcome_headers(
    outcome: Outcome, base_url: str | None, seconds: float, dropped: Sequence[str], mask: Mask
) -> Headers:
    """`seconds` is the whole call so far; what was not spent on the wire is ours. `base_url`: see deployment_headers."""
    reply = outcome.reply
    overhead = max(0.0, seconds - reply.provider_seconds - outcome.failed_seconds)
    deployment = outcome.deployment
    headers = [
        *deployment_headers(deployment.id, deployment.group, base_url),
        ("x-litellm-attempted-retries", str(outcome.retries)),
        ("x-litellm-attempted-fallbacks", str(outcome.fallbacks)),
        ("x-litellm-response-duration-ms", f"{seconds * 1000:.3f}"),
        ("x-litellm-overhead-duration-ms", f"{overhead * 1000:.3f}"),
    ]
    if outcome.cost is not None:
        headers += cost_headers(outcome.cost)
    if outcome.cache is not None:
        headers += cache_headers(outcome.cache)
    if dropped:
        headers.append(("x-litellm-dropped-params", _safe(",".join(dropped))))
    return headers + provider_headers(reply.headers, mask)


def cache_headers(cache: CacheResult) -> Headers:
    """LiteLLM's key only on hits; whether the answer is one, and its age in seconds, are Patchbay's."""
    if not cache.hit:
        return [("x-litellm-cache-hit", "False")]
    return [("x-litellm-cache-hit", "True"), ("x-litellm-cache-key", _safe(cache.key)), ("age", str(int(cache.age)))]


def cost_headers(cost: Cost) -> Headers:
    """The total cost, and its parts by our prices where they are not 0."""
    headers = [("x-litellm-response-cost", f"{cost.total:.12g}")]
    headers += [(name, f"{part:.12g}") for name, part in zip(_COST_PARTS, cost[1:6], strict=True) if part]
    return headers


def error_headers(error: GatewayError, seconds: float, base_of: Callable[[str], str | None], mask: Mask) -> Headers:
    """`x-should-retry: false` where the gateway has retried in vain: the SDK need not repeat it. `base_of`: see errors.py."""
    attempts = error.attempts
    groups = [attempt.group for attempt in attempts]
    changes = sum(1 for before, after in pairwise(groups) if before != after)
    spent = sum(attempt.milliseconds for attempt in attempts)
    headers = [
        ("x-litellm-attempted-retries", str(max(0, len(attempts) - 1 - changes))),
        ("x-litellm-attempted-fallbacks", str(changes)),
        ("x-litellm-response-duration-ms", f"{seconds * 1000:.3f}"),
        ("x-litellm-overhead-duration-ms", f"{max(0.0, seconds * 1000 - spent):.3f}"),
    ]
    if len(attempts) > 1 or error.retry_budget_spent:
        headers.append(("x-should-retry", "false"))
    if error.dropped:
        headers.append(("x-litellm-dropped-params", _safe(",".join(error.dropped))))
    if attempts:
        headers.append(("x-litellm-model-group", _safe(groups[0])))
        headers.append(("x-litellm-model-id", _safe(attempts[0].deployment_id)))
        base = base_of(attempts[0].deployment_id)
        if base:
            headers.append(("x-litellm-model-api-base", base))
    if error.retry_after is not None:
        headers.append(("retry-after", str(math.ceil(error.retry_after))))
    headers += error.gateway_headers
    return headers + provider_headers(error.headers, mask)


def _safe(value: str) -> str:
    """A valid header value: one line, Latin-1."""
    return value if value.isascii() and value.isprintable() else _UNSAFE.sub("?", value)
