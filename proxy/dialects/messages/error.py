"""Errors as Anthropic's clients read them: https://platform.claude.com/docs/en/api/errors"""

import re
from collections.abc import Mapping
from typing import Any

from proxy.errors import BudgetExceededError, ContextWindowExceededError, GatewayError

# The beta of conversations that the server keeps, and the code at which Anthropic's SDKs send the whole instead.
THREAD_UNSUPPORTED = "thread_unsupported_request"
_OVERLOADED = 529
_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
# Numbers in other providers' words: the limit of the model, and the tokens that were sent.
_LIMIT = re.compile(
    r"(?:maximum context length (?:is|of)|context window of|maximum(?: is| of)?|limit of)\D{0,20}(\d{3,})"
)
_SENT = re.compile(r"(?:resulted in|requested|contains?|has|have|you sent|prompt is|input is)\D{0,30}?(\d{3,})")


def status_of(error: GatewayError) -> int:
    """Anthropic's own numbers: 529 for an overloaded model, where OpenAI's clients know 503; 404 for an unknown one."""
    if error.error_type == "overloaded_error":
        return _OVERLOADED
    return 404 if error.code == "model_not_found" and error.status_code == 400 else error.status_code


def build_error(error: GatewayError, request_id: str) -> dict[str, Any]:
    status = status_of(error)
    fallback = "invalid_request_error" if status < 500 else "api_error"
    built: dict[str, Any] = {"type": _TYPES.get(status, fallback), "message": message_of(error)}
    if error.code == THREAD_UNSUPPORTED:
        built["details"] = {"error_code": THREAD_UNSUPPORTED, "unsupported": ["thread"]}
    if isinstance(error, BudgetExceededError):
        built["litellm_error_type"] = error.error_type
    if error.attempts:
        built["attempts"] = [attempt.to_dict() for attempt in error.attempts]
    return {"type": "error", "error": built, "request_id": request_id}


def message_of(error: GatewayError) -> str:
    """The message. Clients compact a conversation at Anthropic's words for one that is too long, whoever says so."""
    if isinstance(error, ContextWindowExceededError) and "prompt is too long" not in error.message:
        limit, sent = _LIMIT.search(error.message), _SENT.search(error.message)
        numbers = f": {sent[1]} tokens > {limit[1]} maximum" if limit and sent else ""
        return f"prompt is too long{numbers} ({error.message})"
    if error.param and error.provider is None and error.param not in error.message:
        # Anthropic's form has no other place for it.
        return f"{error.message} ({error.param})"
    return error.message
