"""Google's errors: one shape for the Gemini API and Vertex AI. https://google.aip.dev/193"""

import re
from collections.abc import Mapping
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import loads
from proxy.errors import AuthenticationError, ContentPolicyViolationError, ContextWindowExceededError, GatewayError
from proxy.providers.translation.errors import (
    ErrorFacts,
    WordRules,
    build_error,
    error_from_event,
    read_facts,
    retry_after,
)

WORDS: WordRules = (
    (re.compile(r"API_KEY_INVALID|api key not valid|api key expired", re.I), AuthenticationError),
    (re.compile(r"request payload size exceeds", re.I), ContextWindowExceededError),
    (
        re.compile(r"blocked by .*safety|safety (filter|polic)|prohibited_content", re.I),
        ContentPolicyViolationError,
    ),
)
_SECONDS = re.compile(r"^(\d+(?:\.\d+)?)s$")
# Google quotes the caller's key in some refusals.
_KEY = re.compile(r"\bAIza[\w-]{20,}|api_key:[\w.-]+")


def parse_error(status: int, body: bytes, headers: Mapping[str, str], deployment: Deployment) -> GatewayError:
    """Whatever the content type is: streams label their JSON errors text/event-stream."""
    error = _error_object(body)
    facts = _facts(error) if error else read_facts(body)
    if facts.error_type == "RESOURCE_EXHAUSTED":
        status = 429
    return _with_delay(build_error(status, body, headers, deployment, words=WORDS, facts=facts), error)


def event_error(data: bytes, deployment: Deployment) -> GatewayError:
    """An error inside a stream, or inside an answer with status 200."""
    error = _error_object(data)
    return _with_delay(error_from_event(data, deployment, words=WORDS, facts=_facts(error) if error else None), error)


def _error_object(body: bytes) -> Mapping[str, Any]:
    """The `error` of an object or of the first object in an array, also behind `data:`; empty where there is none."""
    try:
        parsed = loads(body.strip().removeprefix(b"data:"))
    except ValueError:
        return {}
    if isinstance(parsed, list):
        parsed = parsed[0] if parsed else None
    error = parsed.get("error") if isinstance(parsed, Mapping) else None
    return error if isinstance(error, Mapping) else {}


def _facts(error: Mapping[str, Any]) -> ErrorFacts:
    message = error.get("message")
    text = message if isinstance(message, str) and message else "the provider named no reason"
    code, status = error.get("code"), error.get("status") or error.get("type")
    return ErrorFacts(
        _KEY.sub("the key", text),
        status if isinstance(status, str) else None,
        str(code) if isinstance(code, int | str) else None,
    )


def _with_delay(built: GatewayError, error: Mapping[str, Any]) -> GatewayError:
    """`retry_after` out of google.rpc.RetryInfo, where no header has it."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, Mapping) else None
        found = _SECONDS.match(delay) if isinstance(delay, str) else None
        if found and built.retry_after is None:
            built.retry_after = retry_after({"retry-after": found.group(1)})
    return built
