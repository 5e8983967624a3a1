"""The exception tree, which is the HTTP contract.

    GatewayError                        500  api_error
    ├─ BadRequestError                  400  invalid_request_error
    │  ├─ UnsupportedParamsError        400
    │  ├─ ContextWindowExceededError    400  code context_length_exceeded
    │  └─ ContentPolicyViolationError   400  code content_policy_violation
    ├─ AuthenticationError              401  authentication_error
    ├─ PaymentRequiredError             402  insufficient_quota
    ├─ PermissionDeniedError            403  permission_error
    ├─ NotFoundError                    404  not_found_error
    ├─ MethodNotAllowedError            405  invalid_request_error
    ├─ Timeout                          408  timeout_error
    ├─ ConflictError                    409  invalid_request_error
    ├─ RequestTooLargeError             413  invalid_request_error
    ├─ UnprocessableEntityError         422  invalid_request_error
    │  └─ BudgetExceededError           422  budget_exceeded
    ├─ RateLimitError                   429  rate_limit_error
    │  ├─ NoDeploymentAvailableError    429
    │  └─ ThrottledError                429  throttling_error: a limit of the key, team, user ...
    ├─ ClientClosedRequestError         499  the client went away; the answer is not read
    ├─ ConfigurationError               500  a deployment that can't serve as it is configured
    ├─ UnexpectedError                  500  a fault of the gateway
    ├─ InternalServerError              500  api_error
    │  └─ APIConnectionError            500  no answer came back at all
    ├─ BadGatewayError                  502  api_error
    │  ├─ InvalidProviderResponseError  502  an answer that is not one
    │  └─ TruncatedStreamError          502  a stream that broke before its end
    ├─ ServiceUnavailableError          503  api_error
    │  └─ LocalResourceError            503  the gateway has no descriptors, buffers or memory left
    └─ GatewayTimeoutError              504  timeout_error

Only the message of a GatewayError reaches a client. Anything else that is raised
answers "Internal server error" with the request id.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Attempt(NamedTuple):
    """One try of one deployment, as the error object, the headers and the record show it; it holds no secret.

    `reason` is why the try was made (first, retry, order, fallback, ...), `status` and `error_class` how it ended
    (200 and None for an answer).
    """

    group: str
    deployment_id: str
    reason: str
    status: int
    error_class: str | None
    milliseconds: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "model_group": self.group,
            "deployment_id": self.deployment_id,
            "reason": self.reason,
            "status": self.status,
            "error_class": self.error_class,
            # Rounding to a whole number takes a third of the time that rounding to digits takes.
            "ms": round(self.milliseconds * 10) / 10,
        }


class GatewayError(Exception):
    """An error with an OpenAI form.

    `message` is for the client's eyes. `retry_after` is in seconds. `headers` are the
    provider's answer headers (lower case), `provider` its name, when the error came from one.
    The router fills `attempts`, the tries of the call in their order, and `last_tried`, the domain's Deployment of the
    last of them (typed loosely: this module imports nothing). `retry_budget_spent` is set where the retry budget ended
    the walk, `dropped` are the parameters that the request was sent without. `recorded`: the call that failed with it
    has its record. `gateway_headers` are headers of the gateway's own answer. `inner` is Azure's `innererror`: the
    content filter that refused. An error with `blames_deployment` false does not count against the deployment that was tried.
    """

    status_code = 500
    error_type = "api_error"
    code: str | None = None
    blames_deployment = True

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        error_type: str | None = None,
        status_code: int | None = None,
        provider: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.provider = provider
        self.retry_after = retry_after
        self.headers: Mapping[str, str] = headers or {}
        self.attempts: tuple[Attempt, ...] = ()
        self.last_tried: Any = None
        self.gateway_headers: tuple[tuple[str, str], ...] = ()
        self.inner: Mapping[str, Any] | None = None
        self.recorded = False
        self.retry_budget_spent = False
        self.dropped: tuple[str, ...] = ()
        if status_code is not None:
            self.status_code = status_code
        if code is not None:
            self.code = code
        if error_type is not None:
            self.error_type = error_type

    def to_openai(self) -> dict[str, Any]:
        """The error object of an OpenAI answer. `code` is the status as text when there is no better one."""
        error: dict[str, Any] = {
            "message": self.message,
            "type": self.error_type,
            "param": self.param,
            "code": self.code or str(self.status_code),
        }
        if self.inner is not None:
            error["innererror"] = self.inner
        if self.attempts:
            error["attempts"] = [attempt.to_dict() for attempt in self.attempts]
        if self.retry_budget_spent:
            error["retry_budget_spent"] = True
        return {"error": error}


class BadRequestError(GatewayError):
    status_code = 400
    error_type = "invalid_request_error"


class UnsupportedParamsError(BadRequestError):
    code = "unsupported_parameter"


class ContextWindowExceededError(BadRequestError):
    code = "context_length_exceeded"


class ContentPolicyViolationError(BadRequestError):
    code = "content_policy_violation"


class AuthenticationError(GatewayError):
    status_code = 401
    error_type = "authentication_error"


class PaymentRequiredError(GatewayError):
    status_code = 402
    error_type = "insufficient_quota"


class PermissionDeniedError(GatewayError):
    status_code = 403
    error_type = "permission_error"


class NotFoundError(GatewayError):
    status_code = 404
    error_type = "not_found_error"


class MethodNotAllowedError(GatewayError):
    status_code = 405
    error_type = "invalid_request_error"


class Timeout(GatewayError):
    status_code = 408
    error_type = "timeout_error"


class ConflictError(GatewayError):
    status_code = 409
    error_type = "invalid_request_error"


class RequestTooLargeError(GatewayError):
    status_code = 413
    error_type = "invalid_request_error"


class UnprocessableEntityError(GatewayError):
    status_code = 422
    error_type = "invalid_request_error"


class BudgetExceededError(UnprocessableEntityError):
    """A budget of the key, team, user ... is spent, or reserved by calls in flight."""

    error_type = "budget_exceeded"
    blames_deployment = False


class RateLimitError(GatewayError):
    status_code = 429
    error_type = "rate_limit_error"


class ThrottledError(RateLimitError):
    """A limit of the key, team, user ... is reached; `retry_after` are the seconds until it resets."""

    error_type = "throttling_error"
    blames_deployment = False


class NoDeploymentAvailableError(RateLimitError):
    """Every deployment of a group is out of service for now; `retry_after` is the time until one is back."""


class ClientClosedRequestError(GatewayError):
    status_code = 499
    error_type = "client_closed_request"
    blames_deployment = False


class ConfigurationError(GatewayError):
    """A deployment can't serve as it is configured: for the operator to correct, or for the client where it is a client's own."""


class UnexpectedError(GatewayError):
    """An exception of the gateway's own code before the request was sent; its words are for the log only."""

    blames_deployment = False

    def __init__(self) -> None:
        super().__init__("Internal server error")


class InternalServerError(GatewayError):
    status_code = 500


class APIConnectionError(InternalServerError):
    """No answer came back: refused, reset, unresolvable or failed TLS."""


class BadGatewayError(GatewayError):
    status_code = 502


class InvalidProviderResponseError(BadGatewayError):
    """The provider answered with something that is not an answer (HTML, half a JSON, nothing)."""


class TruncatedStreamError(BadGatewayError):
    """The provider's stream ended, broke or went silent before its finish event."""


class ServiceUnavailableError(GatewayError):
    status_code = 503


class LocalResourceError(ServiceUnavailableError):
    """The gateway itself has no descriptors, buffers or memory left for the call."""

    blames_deployment = False


class GatewayTimeoutError(GatewayError):
    status_code = 504
    error_type = "timeout_error"


BY_STATUS: Mapping[int, type[GatewayError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    408: Timeout,
    409: ConflictError,
    413: RequestTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    499: ClientClosedRequestError,
    500: InternalServerError,
    502: BadGatewayError,
    503: ServiceUnavailableError,
    504: GatewayTimeoutError,
}


def class_for_status(status: int) -> type[GatewayError]:
    """The class for a provider's HTTP status; other 4xx are the request's fault, other 5xx the server's, and a redirect
    is no answer."""
    known = BY_STATUS.get(status)
    if known is not None:
        return known
    if status < 400:
        return BadGatewayError
    return BadRequestError if status < 500 else InternalServerError
