"""Field types of accounts (keys, teams, users, budgets), for the configuration file and for the management API alike.

Null means: not set. A number may be text, as environment variables and some clients write it.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields

from schemas.kinds import at, wrong

Parse = Callable[[Any], Any]

LONGEST_TEXT = 1000
MOST_NAMES = 10_000
# Dollars: as nano-dollars they fit a signed 64-bit integer.
MOST_MONEY = 10**9
MOST_COUNT = 10**15
MOST_DAYS = 36_500
_DEEPEST = 20
_MOST_VALUES = 20_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DURATION = re.compile(r"([0-9]{1,9})(s|m|h|d|w|mo)")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "mo": 31 * 86_400}
_WORDS = {"hourly": "1h", "daily": "1d", "weekly": "7d", "monthly": "1mo", "yearly": "12mo"}


class Parsed(fields.Field[Any]):
    """A field that is read by one of the functions below; null is always allowed."""

    def __init__(self, parse: Parse, *, required: bool = False) -> None:
        super().__init__(
            required=required,
            allow_none=not required,
            error_messages={"required": "is missing", "null": "must not be null"},
        )
        self._parse = parse

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        return self._parse(value)


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong("text", value)
    if not value.strip():
        raise ValidationError("must not be empty")
    if len(value) > LONGEST_TEXT:
        raise ValidationError(f"must have at most {LONGEST_TEXT} characters")
    if _CONTROL.search(value) or not value.isprintable():
        raise ValidationError("must be one line of printable text")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise wrong("true or false", value)
    return value


def money(value: Any) -> float:
    """Dollars. Neither NaN nor an infinity is an amount: compared with it, no spend is ever too much."""
    number = _number(value)
    if number is None or not 0 <= number <= MOST_MONEY:
        raise wrong("an amount of dollars from 0 to 10^9", _short(value))
    return number


def count(value: Any) -> int:
    number = _number(value)
    if number is None or not 0 <= number <= MOST_COUNT or number != int(number):
        raise wrong("a whole number from 0 to 10^15", _short(value))
    return int(number)


def duration(value: Any) -> str:
    """`30s`, `5m`, `2h`, `7d`, `1w`, `1mo`, or a word such as daily; at most a hundred years."""
    written = value.strip().lower() if isinstance(value, str) else ""
    written = _WORDS.get(written, written)
    found = _DURATION.fullmatch(written)
    if found is None or not int(found[1]):
        raise wrong("a duration such as 30s, 5m, 2h, 7d, 1w or 1mo", _short(value))
    if int(found[1]) * _UNIT_SECONDS[found[2]] > MOST_DAYS * 86_400:
        raise ValidationError("must be at most a hundred years")
    return f"{int(found[1])}{found[2]}"


def lifetime(value: Any) -> str:
    """A duration, or -1: without an end."""
    return "-1" if value in ("-1", -1) and not isinstance(value, bool) else duration(value)


def moment(value: Any) -> str:
    """An ISO date or time, as UTC in ISO form."""
    try:
        parsed = datetime.fromisoformat(value)
        parsed = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise wrong("a time such as 2026-01-31T12:00:00Z", _short(value)) from None
    return parsed.isoformat()


def instant(value: Any) -> float:
    """As `moment`, in Unix seconds."""
    return to_epoch(moment(value))


def to_epoch(iso: str) -> float:
    """Unix seconds of what `moment` returned."""
    return datetime.fromisoformat(iso).timestamp()


def names(value: Any) -> list[str]:
    if not isinstance(value, list | tuple):
        raise wrong("a list of names", value)
    if len(value) > MOST_NAMES:
        raise ValidationError(f"must have at most {MOST_NAMES} entries")
    return list(dict.fromkeys(at(position, text, item) for position, item in enumerate(value)))


def mapping(value: Any) -> dict[str, Any]:
    """An object of plain values, not nested deeper and not larger than is stored."""
    if not isinstance(value, Mapping):
        raise wrong("an object", value)
    _check_plain(value)
    return {str(name): item for name, item in value.items()}


def of(parse: Parse) -> Parse:
    """A mapping whose values are read by `parse`."""

    def parse_values(value: Any) -> dict[str, Any]:
        return {name: at(name, parse, item) for name, item in mapping(value).items()}

    return parse_values


def many(parse: Parse) -> Parse:
    """A list whose items are read by `parse`."""

    def parse_items(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise wrong("a list", value)
        if len(value) > MOST_NAMES:
            raise ValidationError(f"must have at most {MOST_NAMES} entries")
        return [at(position, parse, item) for position, item in enumerate(value)]

    return parse_items


def choice(*options: str) -> Parse:
    def parse(value: Any) -> str:
        if not isinstance(value, str) or value not in options:
            raise ValidationError(f"must be one of {', '.join(options)}")
        return value

    return parse


def budget_limit(value: Any) -> dict[str, Any]:
    """An entry of `budget_limits`: a budget with a window of its own. `reset_at` is the gateway's to work out."""
    return _members(value, {"budget_duration": duration, "max_budget": money}, optional={"reset_at": moment})


def model_budget(value: Any) -> dict[str, Any]:
    """An entry of `model_max_budget`: an amount, or an object in either of LiteLLM's spellings."""
    if not isinstance(value, Mapping):
        return {"budget_limit": money(value), "time_period": None}
    spelled = {"max_budget": "budget_limit", "budget_duration": "time_period"}
    given = {spelled.get(str(name), str(name)): item for name, item in value.items() if item is not None}
    optional = {"time_period": duration, "tpm_limit": count, "rpm_limit": count}
    return _members(given, {"budget_limit": money}, optional=optional)


def member(value: Any) -> dict[str, Any]:
    """`{user_id or user_email, role}`; without a role a plain member."""
    found = _members(value, {}, optional={"user_id": text, "user_email": text, "role": choice("admin", "user")})
    if "user_id" not in found and "user_email" not in found:
        raise ValidationError({"user_id": ["is missing: name the member by user_id or user_email"]})
    return {"role": "user", **found}


def _members(value: Any, required: Mapping[str, Parse], optional: Mapping[str, Parse]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong("an object", value)
    found: dict[str, Any] = {}
    for name, parse in {**required, **optional}.items():
        if value.get(name) is not None:
            found[name] = at(name, parse, value[name])
        elif name in required:
            raise ValidationError({name: ["is missing"]})
    return found


def _check_plain(value: Any) -> None:
    """Walk the values without recursion: no object is deeper or larger than the bounds, no number is infinite."""
    left: list[tuple[Any, int]] = [(value, 1)]
    seen = 0
    while left:
        item, depth = left.pop()
        seen += 1
        if depth > _DEEPEST or seen > _MOST_VALUES:
            raise ValidationError("is nested too deeply or too large")
        if isinstance(item, Mapping):
            left += [(inner, depth + 1) for inner in item.values()]
            left += [(str(name), depth + 1) for name in item]
        elif isinstance(item, Sequence) and not isinstance(item, str):
            left += [(inner, depth + 1) for inner in item]
        elif isinstance(item, float) and not math.isfinite(item):
            raise ValidationError("must not hold NaN or an infinite number")
        elif isinstance(item, str) and "\x00" in item:
            raise ValidationError("must not hold NUL")


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _short(value: Any) -> Any:
    """A value as an error may show it: Python refuses to write very long integers."""
    return value if isinstance(value, str) or not isinstance(value, int) or abs(value) < 10**30 else "a longer number"
