"""When a lifetime ends: exactly so long from now, a month being a month of the calendar."""

import calendar
import re
from datetime import UTC, datetime

_DURATION = re.compile(r"(\d+)(s|m|h|d|w|mo)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def expires_at(duration: str, now: float) -> float | None:
    """Unix seconds; None for "-1", which never ends. `duration` is as the schema has read it."""
    found = _DURATION.fullmatch(duration)
    if found is None:
        return None
    number, unit = int(found[1]), found[2]
    if unit != "mo":
        return now + number * _SECONDS[unit]
    start = datetime.fromtimestamp(now, UTC)
    months = start.year * 12 + start.month - 1 + number
    year, month = divmod(months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day).timestamp()
