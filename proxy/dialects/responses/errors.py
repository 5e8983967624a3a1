"""Errors as clients of the Responses API act on them: by code."""

from collections.abc import Mapping
from typing import Any

from proxy.errors import AuthenticationError, GatewayError, NotFoundError, PaymentRequiredError, RateLimitError

# Codes where neither the error nor its provider has one.
_CODES: tuple[tuple[type[GatewayError], str], ...] = (
    (RateLimitError, "rate_limit_exceeded"),
    (AuthenticationError, "invalid_api_key"),
    (PaymentRequiredError, "insufficient_quota"),
    (NotFoundError, "not_found"),
)


def code_of(error: GatewayError) -> str:
    if error.code and not error.code.isdecimal():
        return error.code
    found = next((code for kind, code in _CODES if isinstance(error, kind)), None)
    return found or ("server_error" if error.status_code >= 500 else "invalid_request_error")


def write_error(error: GatewayError) -> Mapping[str, Any]:
    """OpenAI's error object with a code in words."""
    written = error.to_openai()
    return {**written, "error": {**written["error"], "code": code_of(error)}}
