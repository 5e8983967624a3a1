"""Google's errors by status, and by its words where the status says little."""

import json
from typing import Any

import pytest

from proxy.errors import (
    AuthenticationError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    GatewayError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
)
from proxy.providers.gemini.errors import parse_error
from tests.providers.gemini.exchange import build_deployment


def error_for(status: int, error: Any, headers: dict[str, str] | None = None) -> GatewayError:
    body = error if isinstance(error, bytes) else json.dumps({"error": error}).encode()
    return parse_error(status, body, headers or {}, build_deployment())


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}, AuthenticationError),
        (400, {"code": 400, "message": "Bad temperature", "status": "INVALID_ARGUMENT"}, BadRequestError),
        (
            400,
            {"message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."},
            ContextWindowExceededError,
        ),
        (400, {"message": "Request payload size exceeds the limit"}, ContextWindowExceededError),
        (400, {"message": "The prompt was blocked by the safety filters"}, ContentPolicyViolationError),
        (403, {"message": "API_KEY_SERVICE_BLOCKED", "status": "PERMISSION_DENIED"}, PermissionDeniedError),
        (404, {"message": "models/x is not found", "status": "NOT_FOUND"}, NotFoundError),
        (429, {"message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}, RateLimitError),
        (503, {"message": "Resource exhausted", "status": "RESOURCE_EXHAUSTED"}, RateLimitError),
        (503, {"message": "The model is overloaded.", "status": "UNAVAILABLE"}, ServiceUnavailableError),
    ],
)
def test_error_has_its_class_when_google_refuses(status: int, error: Any, expected: type[GatewayError]) -> None:
    built = error_for(status, error)
    assert type(built) is expected
    assert error["message"] in built.message


@pytest.mark.parametrize("wrap", [b"[%s]", b"data: %s\n\n", b"%s"])
def test_message_is_found_when_the_error_is_in_an_array_or_an_event(wrap: bytes) -> None:
    body = wrap % json.dumps({"error": {"code": 404, "message": "No such model", "status": "NOT_FOUND"}}).encode()
    assert error_for(404, body).message.endswith("No such model")


@pytest.mark.parametrize(
    ("headers", "expected"), [({}, 27.5), ({"retry-after": "3"}, 3.0)], ids=["detail", "header first"]
)
def test_delay_is_kept_when_google_says_when_to_come_back(headers: dict[str, str], expected: float) -> None:
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure"},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "27.5s"},
    ]
    error = error_for(429, {"message": "Quota", "status": "RESOURCE_EXHAUSTED", "details": details}, headers)
    assert error.retry_after == expected


def test_key_is_not_shown_when_google_quotes_it() -> None:
    key = "AIzaSyD-0123456789abcdefghijklmnopqrstu"
    error = error_for(403, {"message": f"Consumer 'api_key:{key}' has been suspended."})
    assert key not in error.message
    assert "has been suspended" in error.message
