"""Anthropic's errors: https://platform.claude.com/docs/en/api/errors"""

import re
from collections.abc import Mapping

from proxy.domain.deployment import Deployment
from proxy.errors import ContextWindowExceededError, GatewayError
from proxy.providers.translation.errors import WordRules, build_error, error_from_event

_WORDS: WordRules = ((re.compile(r"prompt: length", re.IGNORECASE), ContextWindowExceededError),)
# 529 (overloaded) is Anthropic's own number; OpenAI's clients know it as 503.
_STATUSES = {529: 503}


def parse_error(status: int, body: bytes, headers: Mapping[str, str], deployment: Deployment) -> GatewayError:
    return build_error(_STATUSES.get(status, status), body, headers, deployment, words=_WORDS)


def message_error(data: bytes, deployment: Deployment) -> GatewayError:
    """The error in an `error` event, or in an answer that began with 200."""
    return error_from_event(data, deployment, words=_WORDS)
