"""Errors as Google's clients read them: https://google.aip.dev/193"""

from collections.abc import Mapping
from typing import Any

from proxy.errors import GatewayError

_STATUSES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_TYPE = "type.googleapis.com/google.rpc."


def status_of(error: GatewayError) -> int:
    """An unknown model is a 404 at Google."""
    return 404 if error.code == "model_not_found" and error.status_code == 400 else error.status_code


def build_error(error: GatewayError, request_id: str) -> dict[str, Any]:
    """The field that is wrong, the seconds to wait and the request's id are details, as Google has them."""
    status = status_of(error)
    fallback = "INVALID_ARGUMENT" if status < 500 else "INTERNAL"
    built: dict[str, Any] = {
        "code": status,
        "message": error.message,
        "status": _STATUSES.get(status, fallback),
        "details": [*_details(error), {"@type": f"{_TYPE}RequestInfo", "requestId": request_id}],
    }
    if error.attempts:
        built["attempts"] = [attempt.to_dict() for attempt in error.attempts]
    return {"error": built}


def _details(error: GatewayError) -> list[dict[str, Any]]:
    details: list[dict[str, Any]] = []
    if error.code:
        details.append({"@type": f"{_TYPE}ErrorInfo", "reason": str(error.code).upper(), "domain": "patchbay"})
    if error.param:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    if error.retry_after is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{error.retry_after:g}s"})
    return details
