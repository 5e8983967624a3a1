"""The dialects by name, and the one that a path belongs to."""

from collections.abc import Mapping

from proxy.dialects.contract import Dialect
from proxy.dialects.gemini import GEMINI_ARRAYS, GEMINI_DIALECT
from proxy.dialects.messages import MESSAGES_DIALECT
from proxy.dialects.openai import OPENAI
from proxy.dialects.responses.dialect import RESPONSES

# OpenAI's comes last: it owns every path that is left.
_IN_ORDER: tuple[Dialect, ...] = (
    MESSAGES_DIALECT,
    RESPONSES,
    GEMINI_DIALECT,
    GEMINI_ARRAYS,
    OPENAI,
)

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in _IN_ORDER}


def dialect_of_path(path: str) -> Dialect:
    path = path.removeprefix("/v1") if path.startswith("/v1/v1/") else path
    return next(dialect for dialect in _IN_ORDER if dialect.owns(path))
