"""marshmallow's messages as one sentence and the name of the field, as OpenAI puts it."""

from typing import Any, NamedTuple

from marshmallow import ValidationError


class Problem(NamedTuple):
    """`param` is a path such as `messages[0].content`."""

    message: str
    param: str


def first_problem(error: ValidationError) -> Problem:
    """The first problem; clients correct one at a time."""
    param, message = _first("", error.messages)
    if message in ("Missing data for required field.", "is missing"):
        return Problem(f"Missing required parameter: '{param}'.", param)
    if message == "Field may not be null.":
        message = "must not be null"
    return Problem(f"Invalid value for '{param}': {message.rstrip('.')}.", param)


def _first(path: str, messages: Any) -> tuple[str, str]:
    if isinstance(messages, dict):
        name, inner = next(iter(messages.items()))
        if name == "_schema":
            return _first(path, inner)
        step = f"[{name}]" if isinstance(name, int) else (f".{name}" if path else str(name))
        return _first(path + step, inner)
    if isinstance(messages, list):
        return _first(path, messages[0])
    return path, str(messages)
