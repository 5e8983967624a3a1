"""Which stored spend is asked for. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

# Columns that rows are filtered by, as they are.
EQUAL = (
    "api_key",
    "user_id",
    "request_id",
    "session_id",
    "team_id",
    "organization_id",
    "model",
    "model_id",
    "model_group",
    "key_alias",
    "end_user",
    "status",
    "error_class",
)
SORTED_BY = ("spend", "total_tokens", "start_time", "end_time", "model")


class LogFilter(NamedTuple):
    """`equal` are values of columns; times are Unix seconds, spend is nano-dollars; None is open."""

    equal: Mapping[str, str] = {}
    start: float | None = None
    end: float | None = None
    least: int | None = None
    most: int | None = None


class Order(NamedTuple):
    column: str = "start_time"
    descending: bool = True


class DayFilter(NamedTuple):
    """Days are ISO dates, both included. `ids` of None are all entities of the kind."""

    kind: str
    start: str
    end: str
    ids: Sequence[str] | None = None
    without: Sequence[str] = ()
    model: str | None = None
    api_key: Sequence[str] | None = None
