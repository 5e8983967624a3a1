"""Anthropic's errors as OpenAI's."""

import json

import pytest

from proxy.errors import (
    AuthenticationError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    GatewayError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestTooLargeError,
    ServiceUnavailableError,
)
from proxy.providers.anthropic import PROVIDER
from tests.providers.anthropic.exchange import build_deployment


def error_for(status: int, kind: str, message: str, **headers: str) -> GatewayError:
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).encode()
    return PROVIDER.parse_error(status, body, headers, build_deployment())


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (400, "invalid_request_error", "max_tokens: Field required", BadRequestError),
        (400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum", ContextWindowExceededError),
        (
            400,
            "invalid_request_error",
            "input length and `max_tokens` exceed context limit: 9 + 8 > 10",
            ContextWindowExceededError,
        ),
        (400, "invalid_request_error", "Output blocked by content filtering policy", ContentPolicyViolationError),
        (401, "authentication_error", "invalid x-api-key", AuthenticationError),
        (403, "permission_error", "Not for you", PermissionDeniedError),
        (404, "not_found_error", "model: claude-9", NotFoundError),
        (413, "request_too_large", "Request exceeds the maximum size", RequestTooLargeError),
        (429, "rate_limit_error", "Slow down", RateLimitError),
        (500, "api_error", "Internal server error", InternalServerError),
        (529, "overloaded_error", "Overloaded", ServiceUnavailableError),
    ],
)
def test_an_error_is_of_openais_class_when_anthropic_refuses(
    status: int, kind: str, message: str, expected: type[GatewayError]
) -> None:
    error = error_for(status, kind, message)
    assert type(error) is expected
    assert error.status_code == expected.status_code
    assert message in error.message


def test_the_wait_is_kept_when_a_rate_limit_names_one() -> None:
    assert error_for(429, "rate_limit_error", "Slow down", **{"retry-after": "17"}).retry_after == 17


def test_an_error_is_readable_when_its_body_is_not() -> None:
    error = PROVIDER.parse_error(529, b"<html>busy</html>", {}, build_deployment())
    assert error.status_code == 503
    assert "<html>" not in error.message
