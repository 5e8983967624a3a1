"""A provider's error into ours: status first, words only for 400 and 422 (and for errors without a status)."""

import math
import re
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps, loads
from proxy.errors import (
    APIConnectionError,
    AuthenticationError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    GatewayError,
    NotFoundError,
    RateLimitError,
    class_for_status,
)


class ErrorFacts(NamedTuple):
    """A provider's error: its message, its own type and code where it has them, Azure's `innererror`, a status inside."""

    message: str
    error_type: str | None = None
    code: str | None = None
    param: str | None = None
    inner: Mapping[str, Any] | None = None
    status: int | None = None


# Ordered; the first whose expression is found in "code type message" wins. Looked at for 400, 413 and 422 only.
WordRules = Sequence[tuple[re.Pattern[str], type[GatewayError]]]

COMMON_WORDS: WordRules = (
    (
        re.compile(
            r"context_length_exceeded|exceed(s|ed)? (the )?(model's )?(available )?context|max(imum)? context l(ength|imit)"
            r"|string too long\. expected a string with maximum length|longer than the model's context length"
            r"|input tokens exceed the configured limit|`inputs` tokens \+ `max_new_tokens` must be"
            r"|exceeds the maximum number of tokens|maximum input length|current length is .+ while limit is"
            r"|prompt is too long|input is too long|too many (input )?tokens|input token count .* exceeds",
            re.IGNORECASE | re.DOTALL,
        ),
        ContextWindowExceededError,
    ),
    (
        re.compile(
            r"content_policy_violation|content_filter|responsibleaipolicyviolation|violating our usage policy"
            r"|rejected as a result of (the|our) safety system|content management policy|content filtering policy"
            r"|the model produced invalid content",
            re.IGNORECASE,
        ),
        ContentPolicyViolationError,
    ),
    (re.compile(r"invalid_api_key|api key not valid|invalid api key", re.IGNORECASE), AuthenticationError),
    (re.compile(r"model_not_found|deploymentnotfound", re.IGNORECASE), NotFoundError),
)

_MESSAGE_LIMIT = 4000
# Codes, types and the names of parameters.
_WORD_LIMIT = 200
_LARGEST_CODE = 10**18
_STATUS_DIGITS = 3


def build_error(
    status: int,
    body: bytes,
    headers: Mapping[str, str],
    deployment: Deployment,
    *,
    words: WordRules = COMMON_WORDS,
    facts: ErrorFacts | None = None,
) -> GatewayError:
    """The error for a provider's answer outside 2xx.

    `facts` for formats of their own; `words` for a provider's own table, put before the common one.
    """
    found = _bound(facts or read_facts(body))
    error_class = class_for_status(status)
    if status in (400, 413, 422):
        error_class = _by_words(words, found) or error_class
    return _build(error_class, status, found, headers, deployment)


def error_from_event(
    data: bytes, deployment: Deployment, *, words: WordRules = COMMON_WORDS, facts: ErrorFacts | None = None
) -> GatewayError:
    """The error for an error event in a stream, or an error object in a 200 answer: no status but its own."""
    found = _bound(facts or read_facts(data))
    status = _status_in(found.code) or _status_of_name(found.error_type) or _status_of_name(found.code) or found.status
    if status is None:
        error_class = _by_words(words, found) or APIConnectionError
        return _build(error_class, error_class.status_code, found, {}, deployment)
    return build_error(status, data, {}, deployment, words=words, facts=found)


# The names of errors as OpenAI, Anthropic and others write them; RateLimitError is rate_limit_error.
_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "invalid_request": 400,
    "bad_request_error": 400,
    "bad_request": 400,
    "authentication_error": 401,
    "insufficient_balance": 402,
    "permission_error": 403,
    "permission_denied_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "rate_limit_reached": 429,
    "request_limit_exceeded": 429,
    "too_many_requests": 429,
    "throttling": 429,
    "insufficient_quota": 429,
    "engine_overloaded_error": 429,
    "server_error": 500,
    "api_error": 500,
    "internal_error": 500,
    "internal_server_error": 500,
    "overloaded_error": 503,
    "overloaded": 503,
    "service_unavailable": 503,
    "service_unavailable_error": 503,
    "timeout_error": 504,
}
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _status_of_name(name: str | None) -> int | None:
    return _STATUS_OF_TYPE.get(_CAPITAL.sub("_", name).lower()) if name else None


def read_facts(body: bytes) -> ErrorFacts:
    """The message in an error body of any of the usual shapes; text that is not JSON is not shown if it is HTML."""
    try:
        parsed = loads(body)
    except ValueError:
        text = body[:_MESSAGE_LIMIT].decode("utf-8", "replace").strip()
        if not text or text.startswith("<"):
            return ErrorFacts("the provider sent no readable error")
        return ErrorFacts(text)
    return _facts_of(parsed)


def _facts_of(parsed: Any) -> ErrorFacts:
    if isinstance(parsed, list) and parsed:
        return _facts_of(parsed[0])
    if isinstance(parsed, str):
        return ErrorFacts(parsed)
    if not isinstance(parsed, Mapping):
        return ErrorFacts("the provider sent no readable error")
    error, several = parsed.get("error"), parsed.get("errors")
    if not error and isinstance(several, list) and several:
        error = several[0]
    if isinstance(error, str) and error.startswith("{"):
        # Heroku's is an error object as text.
        error = _parse_inner(error)
    if isinstance(error, Mapping):
        return _facts_of_object(error)
    message = error or parsed.get("message") or parsed.get("detail") or parsed.get("Message") or parsed.get("msg")
    return ErrorFacts(
        _text(message or "the provider named no reason"),
        _word(parsed.get("type")),
        _word(parsed.get("code")) or _word(parsed.get("error_code")),
        _word(parsed.get("param")),
        status=_find_status(parsed),
    )


def _parse_inner(text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        return text


def _facts_of_object(error: Mapping[str, Any]) -> ErrorFacts:
    message = _text(error.get("message") or error.get("detail") or error.get("type") or "the provider named no reason")
    metadata, inner = error.get("metadata"), error.get("innererror")
    # OpenRouter's: the upstream provider's error.
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    return ErrorFacts(
        f"{message}: {raw[:_MESSAGE_LIMIT]}" if isinstance(raw, str) and raw else message,
        _word(error.get("type")),
        _word(error.get("code")),
        _word(error.get("param")),
        inner if isinstance(inner, Mapping) else None,
        _find_status(error),
    )


def _find_status(error: Mapping[str, Any]) -> int | None:
    """An HTTP status under one of the names that it has beside the code."""
    found = (_status_in(_word(error.get(name))) for name in ("status", "status_code", "statusCode", "http_code"))
    return next((status for status in found if status is not None), None)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else dumps(value).decode()
    return text[:_MESSAGE_LIMIT]


def _word(value: Any) -> str | None:
    if isinstance(value, str) and value:
        return value[:_WORD_LIMIT]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_CODE else None


def _bound(facts: ErrorFacts) -> ErrorFacts:
    """What a client may be shown, and what is searched for words: a provider's error can be as long as an answer."""
    inner = facts.inner
    return facts._replace(
        message=facts.message[:_MESSAGE_LIMIT],
        error_type=facts.error_type and facts.error_type[:_WORD_LIMIT],
        code=facts.code and facts.code[:_WORD_LIMIT],
        param=facts.param and facts.param[:_WORD_LIMIT],
        inner=inner if inner is None or len(dumps(inner)) <= _MESSAGE_LIMIT else None,
    )


def _status_in(code: str | None) -> int | None:
    return int(code) if code and len(code) == _STATUS_DIGITS and code.isdecimal() and 400 <= int(code) < 600 else None


def _by_words(words: WordRules, facts: ErrorFacts) -> type[GatewayError] | None:
    text = " ".join(part for part in (facts.code, facts.error_type, facts.message) if part)
    rules = words if words is COMMON_WORDS else (*words, *COMMON_WORDS)
    return next((error_class for pattern, error_class in rules if pattern.search(text)), None)


def _build(
    error_class: type[GatewayError], status: int, facts: ErrorFacts, headers: Mapping[str, str], deployment: Deployment
) -> GatewayError:
    own_status = error_class.status_code
    error = error_class(
        f"{error_class.__name__}: {deployment.provider} - {facts.message}",
        param=facts.param,
        code=error_class.code or facts.code,
        # A rate limit's type names the limit in many dialects; clients branch on one word.
        error_type=None if issubclass(error_class, RateLimitError) else _openai_type(facts.error_type),
        status_code=status if status >= 400 and class_for_status(status) is error_class else own_status,
        provider=deployment.provider,
        retry_after=retry_after(headers),
        headers=headers,
    )
    error.inner = facts.inner
    return error


_OPENAI_TYPES = frozenset(_STATUS_OF_TYPE) | {"invalid_request_error", "requests", "tokens"}


def _openai_type(error_type: str | None) -> str | None:
    return error_type if error_type in _OPENAI_TYPES else None


# A day; a longer wait means no more than this one.
_LONGEST_WAIT = 86_400.0


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds out of `retry-after-ms` or `retry-after` (RFC 9110, 10.2.3), at most a day; None for nonsense.

    A date is compared with the answer's own `date`, so that neither clock has to be right.
    """
    given = headers.get("retry-after", "")
    found = _seconds(headers.get("retry-after-ms", ""), 1000.0)
    if found is None:
        found = _seconds(given, 1.0)
    return _seconds_until(given, headers.get("date", "")) if found is None else found


def _seconds(value: str, scale: float) -> float | None:
    try:
        seconds = float(value) / scale
    except ValueError:
        return None
    return min(seconds, _LONGEST_WAIT) if 0 <= seconds < math.inf else None


def _seconds_until(date: str, now: str) -> float | None:
    try:
        seconds = (parsedate_to_datetime(date) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)
