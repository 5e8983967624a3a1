"""The kinds of value that a setting can have: each one a function that returns the value in its one form, or raises
ValidationError with what would be right.

None is "not set": LiteLLM takes -1, and 0 where nothing can be 0, as no limit.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from marshmallow import ValidationError

Parse = Callable[[Any], Any]

STATE_STORES = ("auto", "memory", "host", "redis")

# A region becomes part of a host name.
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")
_NONE = (0, -1)
_MOST = 10**15
_SCALED = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKmM])\s*")
_SCALES = {"k": 1e3, "m": 1e6}
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_FLAGS: Mapping[str, bool] = {"true": True, "1": True, "yes": True, "on": True,
                              "false": False, "0": False, "no": False, "off": False}  # fmt: skip


_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_MINUTES_OF_A_DAY = 24 * 60
_WINDOW = re.compile(r"[1-9]\d{0,4}(mo|[smhdw])")
_WINDOW_WORDS = {"hourly": "1h", "daily": "1d", "weekly": "7d", "monthly": "1mo"}

# Prefixes of connection parameters, which the provider itself is meant to see.
CLOUDS = ("aws_", "vertex_", "azure_", "watsonx_", "gcp_", "databricks_", "snowflake_", "sagemaker_", "client_secret")
_CREDENTIAL_NAME = re.compile(
    r"(api_?key|public_key|secret|secret_key|access_key|access_key_id|password|credentials?|auth_token|access_token)$"
    r"|^(s3|langfuse|langsmith)_"
)


def is_credential_name(name: str) -> bool:
    """True for a parameter that must never become a request parameter, since a provider has no business with it."""
    return _CREDENTIAL_NAME.search(name) is not None


def wrong(expected: str, value: Any) -> ValidationError:
    """`value` is shown only where it can't be a credential."""
    shown = repr(value) if isinstance(value, int | float) else type(value).__name__
    if isinstance(value, str):
        shown = f"{value[:20]!r}" if len(value) <= 20 else "a longer text"
    return ValidationError(f"must be {expected}, not {shown}")


def at(step: str | int, parse: Parse, value: Any) -> Any:
    """`parse(value)`, its error moved one step down a path."""
    try:
        return parse(value)
    except ValidationError as error:
        raise ValidationError({step: error.messages}) from None


def parse_any(value: Any) -> Any:
    return value


def parse_text(value: Any) -> str:
    """YAML reads some names and keys as numbers; they are meant as text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValidationError(f"must be text, not {type(value).__name__}")
    if not value.strip():
        raise ValidationError("must not be empty")
    if re.search(r"[\r\n\0]", value.strip()):
        raise ValidationError("must be one line of text")
    return value.strip()


def parse_number(value: Any) -> float | None:
    number = _read_number(value)
    if number == -1:
        return None
    if number is None or not math.isfinite(number) or number < 0:
        raise wrong("a number of at least 0", value)
    return number


def parse_positive(value: Any) -> float | None:
    number = _read_number(value)
    if number in _NONE:
        return None
    if number is None or not math.isfinite(number) or number <= 0:
        raise wrong("a number above 0", value)
    return number


def parse_seconds(value: Any) -> float | None:
    number = _read_number(value)
    if number in _NONE:
        return None
    if number is None or not math.isfinite(number) or number <= 0:
        raise wrong("a number of seconds above 0", value)
    return number


def parse_share(value: Any) -> float:
    number = _read_number(value)
    if number is None or not 0 <= number <= 1:
        raise wrong("a share between 0 and 1", value)
    return number


def parse_count(value: Any) -> int | None:
    number = _read_number(value)
    if number == -1:
        return None
    if number is None or not 0 <= number <= _MOST or number != int(number):
        raise wrong("a whole number from 0 to 10^15", value)
    return int(number)


def parse_positive_count(value: Any) -> int | None:
    number = _read_number(value)
    if number in _NONE:
        return None
    if number is None or not 1 <= number <= _MOST or number != int(number):
        raise wrong("a whole number from 1 to 10^15", value)
    return int(number)


def parse_flag(value: Any) -> bool:
    flag = value if isinstance(value, bool) else _FLAGS.get(str(value).lower())
    if flag is None:
        raise wrong("true or false", value)
    return flag


def parse_mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong("a mapping of names to values", value)
    return {str(name): item for name, item in value.items()}


def parse_list(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise wrong("a list", value)
    return tuple(value)


def parse_names(value: Any) -> tuple[str, ...]:
    """A list of texts; one text is a list of one."""
    if isinstance(value, str):
        return (parse_text(value),)
    if not isinstance(value, Sequence):
        raise wrong("a list of names", value)
    return tuple(at(position, parse_text, item) for position, item in enumerate(value))


def parse_pattern(value: Any) -> str:
    pattern = parse_text(value)
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValidationError(f"must be a regular expression: {error}") from None
    return pattern


def parse_patterns(value: Any) -> tuple[str, ...]:
    return tuple(at(position, parse_pattern, item) for position, item in enumerate(parse_names(value)))


def parse_auth_params(value: Any) -> tuple[Any, ...]:
    """Names, or `{name: expression}` for values that may be sent."""
    rules = parse_list(value)
    for position, rule in enumerate(rules):
        if isinstance(rule, Mapping):
            at(position, lambda item: {name: at(name, parse_pattern, text) for name, text in item.items()}, rule)
    return rules


def parse_callbacks(value: Any) -> tuple[str, ...]:
    """Names; one with settings of its own (`- name: {...}`) counts as its name."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return parse_names(value)
    return parse_names([next(iter(item)) if isinstance(item, Mapping) and len(item) == 1 else item for item in value])


def parse_flag_or_auto(value: Any) -> bool | None:
    """true or false; None for auto."""
    return None if value in (None, "auto") else parse_flag(value)


def parse_flag_or_path(value: Any) -> bool | str:
    """true, false, or the path of a file."""
    return value if isinstance(value, str) and value.lower() not in _FLAGS else parse_flag(value)


def parse_text_or_names(value: Any) -> str | tuple[str, ...]:
    return parse_names(value) if isinstance(value, Sequence) and not isinstance(value, str) else parse_text(value)


def parse_variables(value: Any) -> dict[str, str]:
    return {name: at(name, _variable, item) for name, item in parse_mapping(value).items()}


def parse_headers(value: Any) -> dict[str, str]:
    headers = {name: at(name, parse_text, item) for name, item in parse_mapping(value).items()}
    for name in headers:
        if not _HEADER_NAME.fullmatch(name):
            raise ValidationError({name: ["is not the name of a header"]})
    return headers


def parse_url(value: Any) -> str:
    """A base URL; `mock://` reaches the built-in fake provider."""
    text = parse_text(value)
    try:
        parts = urlsplit(text)
        right = parts.scheme in ("http", "https", "mock") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        right = False
    if not right or re.search(r"\s", text):
        raise ValidationError("must be a URL such as https://api.example.com/v1")
    return text


def parse_region(value: Any) -> str:
    text = parse_text(value)
    if not _REGION.fullmatch(text):
        raise wrong("a region such as us-east-1", value)
    return text


def parse_fallbacks(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """`[{group: [groups]}]` in the order of the file; a mapping is read as a list of one."""
    rules = [value] if isinstance(value, Mapping) else value
    if isinstance(rules, str) or not isinstance(rules, Sequence):
        raise wrong("a list such as [{group: [other-group]}]", value)
    parsed: list[tuple[str, tuple[str, ...]]] = []
    for position, rule in enumerate(rules):
        if not isinstance(rule, Mapping):
            raise ValidationError({position: ["must be a mapping such as {group: [other-group]}"]})
        parsed.extend(at(position, _fallback_rule, rule))
    return tuple(parsed)


def parse_policy(value: Any) -> dict[str, int]:
    """Counts by kind of error. Which kinds there are is the router's to check."""
    counts = {name: at(name, parse_count, item) for name, item in parse_mapping(value).items() if item is not None}
    return {name: count for name, count in counts.items() if count is not None}


def parse_group_policies(value: Any) -> dict[str, dict[str, int]]:
    return {group: at(group, parse_policy, policy) for group, policy in parse_mapping(value).items()}


def parse_aliases(value: Any) -> dict[str, tuple[str, bool]]:
    """{alias: (group, hidden)} of `{alias: group}`, `{alias: {model: group, hidden: true}}` or `{alias: [group]}`."""
    return {alias: at(alias, _alias, target) for alias, target in parse_mapping(value).items()}


def parse_choice(names: Sequence[str]) -> Parse:
    """A parser for one of `names`."""

    def parse(value: Any) -> str:
        if value not in names:
            raise ValidationError(f"must be one of {', '.join(names)}")
        return str(value)

    return parse


def parse_zone(value: Any) -> str:
    """A time zone by its name in the IANA database."""
    try:
        return ZoneInfo(parse_text(value)).key
    except (OSError, ValueError):
        raise wrong("a time zone such as UTC or Europe/Berlin", value) from None


def parse_time_of_day(value: Any) -> str:
    """YAML reads an unquoted 06:30 as a number in base 60."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MINUTES_OF_A_DAY:
        value = f"{value // 60:02d}:{value % 60:02d}"
    if not isinstance(value, str) or not _TIME_OF_DAY.fullmatch(value):
        raise wrong("a time of day such as 06:30", value)
    return value


def parse_window(value: Any) -> str:
    """How long a budget lasts: `30s`, `5m`, `2h`, `7d`, `1w`, `1mo`, or a word such as daily."""
    written = value.strip().lower() if isinstance(value, str) else ""
    written = _WINDOW_WORDS.get(written, written)
    if not _WINDOW.fullmatch(written):
        raise wrong("a duration such as 30s, 5m, 2h, 7d, 1w or 1mo", value)
    return written


def parse_refusal_status(value: Any) -> int:
    number = _read_number(value)
    if number is None or not 400 <= number <= 499 or number != int(number):
        raise wrong("a status from 400 to 499", value)
    return int(number)


def parse_alert_receivers(value: Any) -> tuple[str, ...]:
    names = parse_names(value)
    for position, name in enumerate(names):
        if name not in ("slack", "webhook"):
            raise ValidationError({position: ["must be slack or webhook"]})
    return names


def parse_user_headers(value: Any) -> tuple[str, ...]:
    """The headers of customers in LiteLLM's user_header_mappings: `[{header_name, litellm_user_role}]`."""
    entries = value if isinstance(value, list | tuple) else [value]
    names = []
    for position, entry in enumerate(entries):
        mapping = at(position, parse_mapping, entry)
        name = at(position, parse_text, mapping.get("header_name"))
        if not _HEADER_NAME.fullmatch(name):
            raise ValidationError({position: {"header_name": ["must be the name of a header"]}})
        if mapping.get("litellm_user_role") in ("customer", "end_user"):
            names.append(name)
    return tuple(names)


def _read_number(value: Any) -> float | None:
    """YAML's numbers, and those that are text: out of the environment, or scaled such as "128k"."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and (scaled := _SCALED.fullmatch(value)):
        return float(scaled[1]) * _SCALES[scaled[2].lower()]
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _variable(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise wrong("text", value)
    return str(value)


def _fallback_rule(rule: Mapping[Any, Any]) -> list[tuple[str, tuple[str, ...]]]:
    return [(str(group), at(str(group), parse_names, targets)) for group, targets in rule.items()]


def _alias(target: Any) -> tuple[str, bool]:
    if isinstance(target, Mapping):
        return at("model", parse_text, target.get("model")), at("hidden", parse_flag, target.get("hidden", False))
    if isinstance(target, list | tuple) and len(target) == 1:
        return parse_text(target[0]), False
    return parse_text(target), False


KINDS: Mapping[str, Parse] = {
    "any": parse_any,
    "text": parse_text,
    "number": parse_number,
    "positive": parse_positive,
    "seconds": parse_seconds,
    "share": parse_share,
    "count": parse_count,
    "positive_count": parse_positive_count,
    "flag": parse_flag,
    "flag_or_auto": parse_flag_or_auto,
    "flag_or_path": parse_flag_or_path,
    "callbacks": parse_callbacks,
    "mapping": parse_mapping,
    "list": parse_list,
    "auth_params": parse_auth_params,
    "names": parse_names,
    "patterns": parse_patterns,
    "text_or_names": parse_text_or_names,
    "variables": parse_variables,
    "headers": parse_headers,
    "url": parse_url,
    "region": parse_region,
    "fallbacks": parse_fallbacks,
    "policy": parse_policy,
    "group_policies": parse_group_policies,
    "aliases": parse_aliases,
    "state_store": parse_choice(STATE_STORES),
    "zone": parse_zone,
    "time_of_day": parse_time_of_day,
    "window": parse_window,
    "refusal_status": parse_refusal_status,
    "user_headers": parse_user_headers,
    "alert_receivers": parse_alert_receivers,
}
