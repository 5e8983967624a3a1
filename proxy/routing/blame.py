"""What an error means for a deployment: whether it counts against it, and whether it or another may do better.

A failure that the client caused, or the gateway itself, counts against no deployment: one client's bad calls must not
change what another client's good call gets.
"""

import re
from collections.abc import Mapping
from typing import Any

from proxy.domain.call import NO_OPTIONS, Call, Options
from proxy.errors import (
    ContentPolicyViolationError,
    ContextWindowExceededError,
    GatewayError,
    RateLimitError,
    Timeout,
)

# The same request may succeed a moment later, as after any 5xx.
TRANSIENT_4XX = frozenset({408, 409, 429})
# They concern the operator's key, credit, access or deployment (424: a part of the provider that it depends on), so
# another deployment may do better, but not the same one a moment later.
ACCOUNT_4XX = frozenset({401, 402, 403, 404, 424})
_COUNTED_4XX = ACCOUNT_4XX | {408, 429}

# OpenAI's 429 for a request that is larger than the whole limit of a minute: "Request too large for gpt-4o ... on
# tokens per min (TPM): Limit 30000, Requested 40000. The input or output tokens must be reduced".
_TOO_LARGE = re.compile(r"request too large|tokens must be reduced", re.IGNORECASE)
_SEARCHED = 2000
# What makes an account's fault out of a 400: see providers/translation/errors.py.
_ACCOUNT_WORDS = re.compile(r"invalid.api.key|api key not valid|model_not_found|deploymentnotfound", re.IGNORECASE)
# Members of a body that name what lies at the provider or elsewhere: a 403 or 404 may be about that.
_REFERENCES = frozenset(
    "file_id file_ids file_uri fileUri file_data file cachedContent cached_content previous_response_id container "
    "vector_store_ids image_url video_url audio_url url uri s3Location".split()
)


def is_transient(error: GatewayError) -> bool:
    """Whether the same request may succeed if it is repeated."""
    return error.status_code in TRANSIENT_4XX or error.status_code >= 500


def is_account_fault(error: GatewayError) -> bool:
    """Whether another deployment may do better although the same one won't."""
    refused = isinstance(error, ContentPolicyViolationError | ContextWindowExceededError)
    return error.status_code in ACCOUNT_4XX and not refused


def counts_against(error: GatewayError, call: Call) -> bool:
    """Whether the error counts against the deployment's health."""
    if not error.blames_deployment or call.options.is_isolated:
        return False
    if isinstance(error, ContentPolicyViolationError | ContextWindowExceededError):
        return False
    if isinstance(error, Timeout) and sets_clocks(call.options):
        return False
    if error.status_code in ACCOUNT_4XX:
        return not _may_be_the_requests(error, call)
    if isinstance(error, RateLimitError):
        return _TOO_LARGE.search(error.message, 0, _SEARCHED) is None
    return error.status_code in _COUNTED_4XX or error.status_code >= 500


def sets_clocks(options: Options) -> bool:
    """Whether the client chose its timeouts: a call that they end does not count against the deployment."""
    if options is NO_OPTIONS:
        return False
    clocks = (
        options.timeout,
        options.stream_timeout,
        options.connect_timeout,
        options.first_token_timeout,
        options.idle_timeout,
    )
    return any(clock is not None for clock in clocks)


def _may_be_the_requests(error: GatewayError, call: Call) -> bool:
    """A client's headers or API version go along with the operator's key, and may be what is refused."""
    if call.options.overrides or call.options.extra_headers:
        return True
    looked_for = _REFERENCES if error.status_code in (403, 404) else frozenset[str]()
    return _explains(call.fields, looked_for)


def _explains(fields: Mapping[str, Any], references: frozenset[str]) -> bool:
    """Whether a body names a file, an address or another thing outside of it, or quotes the words of such an error.

    Media in `data:` URLs are inside of it. A provider that quotes a value in a 400 would else be taken at its word.
    """
    pending: list[tuple[str, Any]] = [("", fields)]
    while pending:
        name, value = pending.pop()
        if isinstance(value, str):
            if (name in references and not value.startswith("data:")) or _ACCOUNT_WORDS.search(value):
                return True
        elif isinstance(value, Mapping):
            pending.extend(value.items())
        elif isinstance(value, list):
            pending.extend((name, item) for item in value)
    return False
