"""Which Gemini a model's name means: what one generation takes, another refuses."""

import re

from proxy.domain.deployment import Deployment

_GENERATION = re.compile(r"gemini-(\d+(?:\.\d+)?)")
THINKING_SINCE = 2.5
_LEVELS_SINCE = 3.0


def generation(model: str) -> float | None:
    """2.5 of `gemini-2.5-flash`; None for tuned models and aliases such as `gemini-flash-latest`."""
    found = _GENERATION.search(model)
    return float(found.group(1)) if found else None


def thinks_in_levels(model: str) -> bool:
    """True where the documentation requires a thinkingLevel instead of a budget: Gemini 3 and later."""
    known = generation(model)
    return known is not None and known >= _LEVELS_SINCE


def wants_signatures(model: str) -> bool:
    """True where a function call without a thought signature is refused, and for aliases, which follow the newest."""
    known = generation(model)
    return known is None or known >= _LEVELS_SINCE


def family(deployment: Deployment) -> str:
    """The service that answers, `gemini` or `vertex_ai`: each understands only the signatures that it made itself."""
    return "gemini" if deployment.provider == "gemini" else "vertex_ai"
