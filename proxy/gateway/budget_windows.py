"""When budgets begin anew: durations such as "1h", "7d" or "1mo" as windows of a calendar. Pure.

LiteLLM's rules: a day begins at midnight, a week (7d, 1w) on Monday, a month (30d, 1mo) on the first; other numbers of days
are counted from the day on which the budget was made. Minutes and hours are counted from midnight.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from proxy.counters.values import LIFETIME, Window

_DURATION = re.compile(r"([1-9]\d{0,9})(mo|[smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_DAY = 86400
# A hundred years, in units.
_MOST = {"s": 3_155_760_000, "m": 52_596_000, "h": 876_600, "d": 36_525, "w": 5_218, "mo": 1_200}
_WORDS = {"hourly": "1h", "daily": "1d", "weekly": "7d", "monthly": "1mo"}

# (moment) -> (start, end) of its window, in Unix seconds.
Bounds = Callable[[float], tuple[int, int]]


class CalendarWindow:
    """Windows of one kind. The last one is remembered: most moments are in it."""

    __slots__ = ("_bounds", "_last", "name")

    def __init__(self, name: str, bounds: Bounds) -> None:
        self.name = name
        self._bounds = bounds
        self._last = (0, 0)

    def bounds(self, now: float) -> tuple[int, int]:
        start, end = last = self._last
        if start <= now < end:
            return last
        self._last = last = self._bounds(now)
        return last


@dataclass(frozen=True, slots=True)
class Calendar:
    """The operator's zone, and the time of day at which days, weeks and months of budgets begin."""

    zone: tzinfo = UTC
    begins: time = time()

    def window(self, duration: str | None, anchor: float = 0.0) -> Window:
        """The windows of a duration; None is the whole lifetime. `anchor`: a moment in the first window.

        Raise ValueError for what is no duration.
        """
        if duration is None:
            return LIFETIME
        number, unit = parse_duration(duration)
        if unit in _SECONDS and number * _SECONDS[unit] % _DAY:
            return CalendarWindow(duration, self._of_seconds(number * _SECONDS[unit], anchor))
        if unit == "mo":
            return CalendarWindow(duration, self._of_months(number, anchor))
        days = number * (7 if unit == "w" else 1) if unit in "dw" else number * _SECONDS[unit] // _DAY
        if days == 30:
            return CalendarWindow(duration, self._of_months(1, anchor))
        return CalendarWindow(duration, self._of_days(days, anchor))

    def _day(self, moment: float) -> date:
        """The day of a moment: one that begins later than at midnight goes on for as long."""
        local = datetime.fromtimestamp(moment, self.zone).replace(tzinfo=None)
        return (local - timedelta(hours=self.begins.hour, minutes=self.begins.minute)).date()

    def _start(self, day: date) -> int:
        return int(datetime.combine(day, self.begins, self.zone).timestamp())

    def _of_seconds(self, length: int, anchor: float) -> Bounds:
        """Within a day, from its begin on; longer ones from the day of the anchor on."""

        def bounds(now: float) -> tuple[int, int]:
            day = self._day(now)
            first = self._start(day if length < _DAY else self._day(anchor))
            start = first + int((now - first) // length) * length
            end = start + length
            return (start, min(end, self._start(day + timedelta(1)))) if length < _DAY else (start, end)

        return bounds

    def _of_days(self, days: int, anchor: float) -> Bounds:
        # 1970-01-05 is a Monday.
        first = date(1970, 1, 5) if days in (1, 7) else self._day(anchor)

        def bounds(now: float) -> tuple[int, int]:
            day = self._day(now)
            start = day - timedelta((day - first).days % days)
            return self._start(start), self._start(start + timedelta(days))

        return bounds

    def _of_months(self, months: int, anchor: float) -> Bounds:
        first = _month(self._day(anchor)) if months > 1 else 0

        def bounds(now: float) -> tuple[int, int]:
            month = _month(self._day(now))
            start = month - (month - first) % months
            return self._start(_first_of(start)), self._start(_first_of(start + months))

        return bounds


def parse_duration(duration: str) -> tuple[int, str]:
    """("30d" or "monthly") -> its number and unit. Raise ValueError."""
    found = _DURATION.fullmatch(_WORDS.get(duration, duration))
    if found is None or int(found[1]) > _MOST[found[2]]:
        raise ValueError(f"{duration!r} is no duration such as 30s, 5m, 2h, 7d, 1w or 1mo")
    return int(found[1]), found[2]


def seconds_of(duration: str) -> int:
    """About how long it is: a month has 30 days. Raise ValueError."""
    number, unit = parse_duration(duration)
    return number * {**_SECONDS, "d": _DAY, "w": 7 * _DAY, "mo": 30 * _DAY}[unit]


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _first_of(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)
