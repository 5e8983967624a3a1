"""A request's fields into the columns of a key: defaults, bounds, expiry, budget window."""

import math
from collections.abc import Mapping
from typing import Any

from proxy.accounts.route_access import routes_of_key_type
from proxy.accounts.rows import Row, with_metadata
from proxy.errors import BadRequestError
from proxy.management.context import KeyRules, Management
from proxy.management.expiry import expires_at

_OF_REQUESTS = frozenset({"key", "new_key", "grace_period", "duration", "key_type", "send_invite_email"})


def with_defaults(fields: Mapping[str, Any], rules: KeyRules) -> dict[str, Any]:
    """`fields` with the configured defaults for those that are not there; within the configured bounds."""
    filled = {**rules.defaults, **{name: value for name, value in fields.items() if value is not None}}
    check_bounds(filled, rules)
    return {**fields, **filled}


def check_bounds(fields: Mapping[str, Any], rules: KeyRules) -> None:
    """Raise BadRequestError, naming the field, for a value beyond `upperbound_key_generate_params`."""
    for name, most in rules.upper.items():
        value = fields.get(name)
        if value is not None and _amount(value) > _amount(most):
            raise BadRequestError(
                f"{name} is more than is allowed here: {value}, at most {most}.",
                param=name,
                error_type="bad_request_error",
            )


def fill_bounds(fields: dict[str, Any], rules: KeyRules) -> dict[str, Any]:
    """What is left out takes its upper bound: a key without a limit would be beyond it."""
    missing = {name: most for name, most in rules.upper.items() if fields.get(name) is None}
    return {**fields, **missing}


def within_bounds(fields: Mapping[str, Any], rules: KeyRules) -> dict[str, Any]:
    """A change: what it sets is within the bounds, and what it takes away becomes the bound."""
    check_bounds(fields, rules)
    return {**fields, **{name: most for name, most in rules.upper.items() if name in fields and fields[name] is None}}


def _amount(value: Any) -> float:
    """A number, or a duration in seconds; -1 has no end."""
    if isinstance(value, str):
        end = expires_at(value, 0.0)
        return math.inf if end is None else end
    return float(value)


def columns_of(fields: Mapping[str, Any], management: Management, before: Row | None = None) -> dict[str, Any]:
    """The columns that change. `before`: the row that is changed; None for a new key."""
    now = management.now()
    kept = {name: value for name, value in fields.items() if name not in _OF_REQUESTS}
    row = with_metadata(kept, (before or {}).get("metadata"))
    duration = fields.get("duration")
    if duration is not None:
        row["expires"] = expires_at(duration, now)
    if fields.get("key_type") is not None:
        row["allowed_routes"] = [*(fields.get("allowed_routes") or ()), *routes_of_key_type(fields["key_type"])]
    if "budget_duration" in fields:
        row |= window_columns(fields["budget_duration"], management, before)
    if fields.get("budget_limits"):
        row["budget_limits"] = [
            {
                "budget_duration": entry["budget_duration"],
                "max_budget": entry["max_budget"],
                "reset_at": None,
            }
            for entry in fields["budget_limits"]
        ]
    if fields.get("rotation_interval") is not None:
        row["key_rotation_at"] = expires_at(fields["rotation_interval"], now)
    if fields.get("spend") is not None:
        row["spend"] = round(fields["spend"] * 10**9)
    for flag in ("blocked", "auto_rotate"):
        if flag in row:
            row[flag] = bool(row[flag])
    return row


def window_columns(duration: str | None, management: Management, before: Row | None) -> dict[str, Any]:
    """The end of the budget's window. A window that is new begins with no spend: what was spent before is not in it."""
    if duration is None:
        return {"budget_reset_at": None}
    now = management.now()
    anchor = (before or {}).get("created_at") or now
    columns: dict[str, Any] = {"budget_reset_at": management.window_end(duration, anchor, now)}
    if before is not None and before.get("budget_duration") is None:
        columns["spend"] = 0
    return columns
