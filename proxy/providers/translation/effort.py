"""`reasoning_effort` as a number of thinking tokens, for formats that want a budget."""

from collections.abc import Mapping
from typing import Any

from proxy.errors import BadRequestError

# LiteLLM's budgets, in tokens.
BUDGETS: Mapping[str, int] = {"minimal": 128, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16384}

_OFF = ("none", "disable", "disabled", "off")


def read_effort(fields: Mapping[str, Any]) -> str | None:
    """A key of BUDGETS, "none" when the client wants no reasoning, None when it is not set.

    An object as the Responses API has it, {"effort": ...}, is understood too.
    """
    effort = fields.get("reasoning_effort")
    if isinstance(effort, Mapping):
        effort = effort.get("effort")
    if effort is None:
        return None
    if effort in _OFF:
        return "none"
    if isinstance(effort, str) and effort in BUDGETS:
        return effort
    names = ", ".join(("none", *BUDGETS))
    raise BadRequestError(f"reasoning_effort is one of {names}", param="reasoning_effort")
