"""Hours in which a vendor charges less: https://api-docs.deepseek.com/quick_start/pricing."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

_DAY = tuple(range(1, 8))


class Window(NamedTuple):
    """From `start` up to `end`, both `HH:MM` in UTC, on these weekdays (1 is Monday). An end that is not after the start
    is on the next day; the same twice is the whole day."""

    start: str
    end: str
    weekdays: tuple[int, ...] = _DAY

    def holds(self, moment: str, weekday: int) -> bool:
        if weekday not in self.weekdays:
            return False
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


class Schedule(NamedTuple):
    """When the lower prices hold. `zone` is where the weekdays are counted."""

    windows: tuple[Window, ...]
    zone: str = "UTC"

    def holds(self, at: float) -> bool:
        """`at` is Unix seconds."""
        moment = datetime.fromtimestamp(at, UTC)
        weekday = moment.astimezone(ZoneInfo(self.zone)).isoweekday()
        return any(window.holds(f"{moment:%H:%M}", weekday) for window in self.windows)


def parse_public_schedule(fields: Mapping[str, Any]) -> Schedule | None:
    """The schedule in a row's `off_peak_pricing`; None if it names no hours."""
    windows = (*_windows(fields.get("hours_utc"), _DAY), *_day_windows(fields.get("windows")))
    return Schedule(windows, str(fields.get("weekday_timezone") or "UTC")) if windows else None


def _day_windows(rules: object) -> Iterator[Window]:
    for rule in rules if isinstance(rules, list) else ():
        yield from _windows(rule.get("hours_utc"), tuple(rule.get("weekdays") or _DAY))


def _windows(hours: object, weekdays: tuple[int, ...]) -> Iterator[Window]:
    texts: Sequence[object] = [hours] if isinstance(hours, str) else hours if isinstance(hours, list) else []
    for text in texts:
        start, _, end = str(text).partition("-")
        yield Window(start.strip(), end.strip(), weekdays)
