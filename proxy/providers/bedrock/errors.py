"""Bedrock's errors: the status gives the class, the exception's name is in a header, or names a frame of a stream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
"""

import re
from collections.abc import Mapping
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.errors import AuthenticationError, ContentPolicyViolationError, ContextWindowExceededError, GatewayError
from proxy.providers.translation.errors import ErrorFacts, WordRules, build_error, read_facts
from proxy.providers.translation.json_reading import find_object

WORDS: WordRules = (
    (
        re.compile(
            r"too many (input |total )?(tokens|text bytes)|expected maxlength:|input is too long|prompt is too long"
            r"|input tokens exceeded|exceeds? (the )?maximum length|exceed context limit",
            re.IGNORECASE,
        ),
        ContextWindowExceededError,
    ),
    (
        re.compile(r"blocked by (our )?content filter|content filter(ing)? policy", re.IGNORECASE),
        ContentPolicyViolationError,
    ),
    (re.compile(r"unable to locate credentials", re.IGNORECASE), AuthenticationError),
)
# What an exception means where there is no status: in a stream that began with 200.
_STATUS_OF = {
    "validationexception": 400,
    "badrequestexception": 400,
    "accessdeniedexception": 403,
    "resourcenotfoundexception": 404,
    "modeltimeoutexception": 408,
    "throttlingexception": 429,
    "toomanyrequestsexception": 429,
    "servicequotaexceededexception": 429,
    "modelnotreadyexception": 429,
    "internalserverexception": 500,
    "modelerrorexception": 424,
    "modelstreamerrorexception": 424,
    "serviceunavailableexception": 503,
}
# Unknown or malformed credentials come as 403, like missing rights. An expired token stays one: the key was good.
_BAD_CREDENTIALS = frozenset(
    {"unrecognizedclientexception", "invalidsignatureexception", "incompletesignatureexception", "invalidclienttokenid",
     "missingauthenticationtokenexception", "invalidaccesskeyid", "signaturedoesnotmatch"}
)  # fmt: skip
# As LiteLLM has it: 500 is worth another try elsewhere. 424 is the model's failure, not the request's.
_STATUS_AS = {422: 400, 424: 502, 500: 503}


def parse_error(status: int, body: bytes, headers: Mapping[str, str], deployment: Deployment) -> GatewayError:
    """The error of an answer outside 2xx."""
    kind = error_kind(headers.get("x-amzn-errortype", "")) or _kind_in(body)
    return _build(status, kind, body, headers, deployment)


def error_from_frame(name: str, data: bytes, deployment: Deployment) -> GatewayError:
    """The error of an exception frame; its name is the exception's."""
    kind = error_kind(name)
    original = _member(data, "originalStatusCode")
    status = _STATUS_OF.get(kind.lower(), 500)
    if status == 424 and isinstance(original, int) and 400 <= original < 600:
        status = original
    return _build(status, kind, data, {}, deployment)


def error_kind(text: str) -> str:
    """`ValidationException` out of `ValidationException:http://...` and `com.amazon.x#ValidationException`."""
    return text.partition(":")[0].rpartition("#")[2].strip()


def _build(status: int, kind: str, body: bytes, headers: Mapping[str, str], deployment: Deployment) -> GatewayError:
    facts = read_facts(body)
    if status == 403 and (
        kind.lower() in _BAD_CREDENTIALS or "security token included in the request is invalid" in facts.message
    ):
        status = 401
    known = ErrorFacts(facts.message, None, kind or facts.code)
    return build_error(_STATUS_AS.get(status, status), body, headers, deployment, words=WORDS, facts=known)


def _kind_in(body: bytes) -> str:
    kind = _member(body, "__type")
    return error_kind(kind) if isinstance(kind, str) else ""


def _member(body: bytes, name: str) -> Any:
    return (find_object(body) or {}).get(name)
