"""Field types of request bodies: they check shapes and change nothing.

A gateway must not be the reason that a new parameter fails, so only what OpenAI's API would refuse anyway is refused,
and unknown members pass everywhere.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import ValidationError, fields

_NAMES: Mapping[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def type_name(value: object) -> str:
    """What JSON calls the value."""
    return _NAMES.get(type(value), "something else")


def wrong_type(value: object, expected: str) -> ValidationError:
    return ValidationError(f"expected {expected}, but got {type_name(value)} instead")


class Shape(fields.Field[Any]):
    """A field that is looked at and left as it is. All values of the `sound` types are right: they need no `check`."""

    def __init__(self, *sound: type, **options: Any) -> None:
        super().__init__(**options)
        self.sound = frozenset((*sound, type(None)) if self.allow_none else sound)

    def check(self, value: Any) -> None:
        """Raise ValidationError unless the value, which is not null, has the shape."""
        raise NotImplementedError

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        self.check(value)
        return value


class Text(Shape):
    """A string; `filled` refuses the empty one."""

    def __init__(self, *, filled: bool = False, **options: Any) -> None:
        super().__init__(*(() if filled else (str,)), **options)
        self._filled = filled

    def check(self, value: Any) -> None:
        if type(value) is not str:
            raise wrong_type(value, "a string")
        if self._filled and not value.strip():
            raise ValidationError("must not be empty")
        if "\x00" in value and self._filled:
            raise ValidationError("must not contain NUL")


class Flag(Shape):
    """true or false, nothing that only looks like it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(bool, **options)

    def check(self, value: Any) -> None:
        if type(value) is not bool:
            raise wrong_type(value, "a boolean")


class Number(Shape):
    """A number within bounds, or the one that is right `besides`; `whole` refuses fractions."""

    def __init__(
        self,
        *,
        minimum: float | None = None,
        maximum: float | None = None,
        besides: float | None = None,
        whole: bool = False,
        **options: Any,
    ) -> None:
        kinds = (int,) if whole else (int, float)
        super().__init__(*(kinds if minimum is None and maximum is None else ()), **options)
        self._minimum, self._maximum, self._besides, self._whole = minimum, maximum, besides, whole

    def check(self, value: Any) -> None:
        kind = type(value)
        if kind is not int and (self._whole or kind is not float):
            raise wrong_type(value, "an integer" if self._whole else "a number")
        if self._minimum is not None and value < self._minimum and value != self._besides:
            raise ValidationError(f"must be at least {self._minimum:g}")
        if self._maximum is not None and value > self._maximum:
            raise ValidationError(f"must be at most {self._maximum:g}")


class Object(Shape):
    """An object; `text_values` requires strings in it."""

    def __init__(self, *, text_values: bool = False, **options: Any) -> None:
        super().__init__(*(() if text_values else (dict,)), **options)
        self._text_values = text_values

    def check(self, value: Any) -> None:
        if type(value) is not dict:
            raise wrong_type(value, "an object")
        if self._text_values:
            wrong = {name: [str(wrong_type(item, "a string"))] for name, item in value.items() if type(item) is not str}
            if wrong:
                raise ValidationError(wrong)


Check = Callable[[Any], None]


class ListOf(Shape):
    """A list whose items pass `check`, which raises ValidationError."""

    def __init__(self, check: Check, *, filled: bool = False, most: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._check_item, self._filled, self._most = check, filled, most

    def check(self, value: Any) -> None:
        if type(value) is not list:
            raise wrong_type(value, "an array")
        if self._filled and not value:
            raise ValidationError("must not be empty")
        if self._most is not None and len(value) > self._most:
            raise ValidationError(f"must have at most {self._most} entries")
        for position, item in enumerate(value):
            try:
                self._check_item(item)
            except ValidationError as error:
                raise ValidationError({position: error.messages}) from None


class OneOf(Shape):
    """Anything that passes one of the checks; `expected` describes them."""

    def __init__(self, *checks: Check, expected: str, **options: Any) -> None:
        super().__init__(**options)
        self._checks, self._expected = checks, expected

    def check(self, value: Any) -> None:
        for check in self._checks:
            try:
                check(value)
            except ValidationError:
                continue
            return
        raise wrong_type(value, self._expected)


def check_text(value: Any) -> None:
    if type(value) is not str:
        raise wrong_type(value, "a string")


def check_object(value: Any) -> None:
    if type(value) is not dict:
        raise wrong_type(value, "an object")


def check_list(value: Any) -> None:
    if type(value) is not list:
        raise wrong_type(value, "an array")


def check_texts(value: Any) -> None:
    if type(value) is not list:
        raise wrong_type(value, "an array of strings")
    if not value:
        raise ValidationError("must not be empty")
    for item in value:
        check_text(item)


def check_tokens(value: Any) -> None:
    """A list of token ids, or a list of such lists."""
    if type(value) is not list or not value:
        raise wrong_type(value, "an array of integers")
    for item in value:
        if type(item) is list:
            check_tokens(item)
        elif type(item) is not int or item < 0:
            raise wrong_type(item, "an integer")


# They frame or route the message itself.
_RESERVED_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"})


def check_header(name: str, value: str) -> None:
    """A header that can't smuggle another one, or a body."""
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) or re.search(r"[\r\n\0]", value):
        raise ValidationError("is not a valid header")
    if name.lower() in _RESERVED_HEADERS:
        raise ValidationError(f"may not set '{name}'")


class Headers(Object):
    """Names and values of headers, as strings."""

    def __init__(self, **options: Any) -> None:
        super().__init__(text_values=True, **options)

    def check(self, value: Any) -> None:
        super().check(value)
        for name, text in value.items():
            check_header(name, text)
