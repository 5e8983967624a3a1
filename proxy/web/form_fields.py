"""The text parts of a form as the JSON that they stand for: numbers, flags, lists and objects by the schema's types."""

from collections.abc import Sequence
from typing import Any

from proxy.domain.json_text.codec import loads
from proxy.errors import BadRequestError
from proxy.web.multipart import TextPart
from schemas.fields import Flag, ListOf, Number, Object, OneOf
from schemas.request import RequestSchema

_FLAGS = {"true": True, "false": False}


def read_fields(schema: type[RequestSchema], texts: Sequence[TextPart]) -> dict[str, Any]:
    """A body: `name[]` and repeated lists are lists, `name[key]` an object's member. What has no right form stays text.

    Raise BadRequestError for a field that is there twice and is no list.
    """
    shapes = schema().fields
    fields: dict[str, Any] = {}
    for name, text in texts:
        plain, bracket, key = name.partition("[")
        key = key.removesuffix("]") if bracket else ""
        shape = shapes.get(plain)
        if bracket and key:
            _put_member(fields, plain, key, text)
        elif bracket or isinstance(shape, ListOf):
            _extend(fields, plain, text, explicit=bool(bracket))
        elif plain in fields:
            raise BadRequestError(f"The field '{plain}' is in the form more than once.", param=plain)
        else:
            fields[plain] = _typed(shape, text)
    return fields


def _put_member(fields: dict[str, Any], name: str, key: str, text: str) -> None:
    found = fields.setdefault(name, {})
    if not isinstance(found, dict) or key in found:
        raise BadRequestError(f"The field '{name}' is in the form more than once.", param=name)
    found[key] = _typed(None, text)


def _extend(fields: dict[str, Any], name: str, text: str, *, explicit: bool) -> None:
    found = fields.setdefault(name, [])
    if not isinstance(found, list):
        raise BadRequestError(f"The field '{name}' is in the form more than once.", param=name)
    listed = None if explicit else _json(text)
    found.extend(listed if isinstance(listed, list) else [text])


def _typed(shape: object, text: str) -> Any:
    if isinstance(shape, Flag):
        return _FLAGS.get(text.lower(), text)
    if isinstance(shape, Number):
        number = _json(text)
        return number if isinstance(number, int | float) and not isinstance(number, bool) else text
    if isinstance(shape, Object | OneOf):
        value = _json(text)
        return value if isinstance(value, dict | list) else text
    return text


def _json(text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        return None
