"""When budgets begin anew."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from proxy.counters.values import LIFETIME
from proxy.gateway.budget_windows import Calendar

WEDNESDAY = datetime(2026, 11, 18, 14, 37, 20, tzinfo=UTC).timestamp()


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("duration", "start", "end"),
    [
        ("30s", "2026-11-18T14:37:00", "2026-11-18T14:37:30"),
        ("5m", "2026-11-18T14:35:00", "2026-11-18T14:40:00"),
        ("1h", "2026-11-18T14:00:00", "2026-11-18T15:00:00"),
        ("12h", "2026-11-18T12:00:00", "2026-11-19T00:00:00"),
        ("24h", "2026-11-18T00:00:00", "2026-11-19T00:00:00"),
        ("1d", "2026-11-18T00:00:00", "2026-11-19T00:00:00"),
        ("daily", "2026-11-18T00:00:00", "2026-11-19T00:00:00"),
        ("7d", "2026-11-16T00:00:00", "2026-11-23T00:00:00"),
        ("1w", "2026-11-16T00:00:00", "2026-11-23T00:00:00"),
        ("14d", "2026-11-18T00:00:00", "2026-12-02T00:00:00"),
        ("30d", "2026-11-01T00:00:00", "2026-12-01T00:00:00"),
        ("1mo", "2026-11-01T00:00:00", "2026-12-01T00:00:00"),
        ("31d", "2026-11-18T00:00:00", "2026-12-19T00:00:00"),
        ("2mo", "2026-11-01T00:00:00", "2027-01-01T00:00:00"),
        ("5h", "2026-11-18T10:00:00", "2026-11-18T15:00:00"),
        ("36h", "2026-11-18T00:00:00", "2026-11-19T12:00:00"),
    ],
)
def test_windows_snap_as_litellms_do(duration: str, start: str, end: str) -> None:
    assert Calendar().window(duration, WEDNESDAY).bounds(WEDNESDAY) == (at(start), at(end))


def test_no_duration_is_the_whole_lifetime() -> None:
    assert Calendar().window(None) is LIFETIME


@pytest.mark.parametrize("duration", ["30s", "5m", "7h", "1d", "7d", "14d", "45d", "1mo", "3mo", "30d", "36h"])
def test_windows_follow_each_other_without_gaps(duration: str) -> None:
    window = Calendar(ZoneInfo("Europe/Berlin"), time(6, 30)).window(duration, WEDNESDAY)
    moment = WEDNESDAY
    for _ in range(40):
        start, end = window.bounds(moment)
        assert start <= moment < end
        assert window.bounds(end)[0] == end
        moment = end


def test_days_begin_in_the_operators_zone_at_the_operators_hour() -> None:
    calendar = Calendar(ZoneInfo("America/New_York"), time(6))
    before = datetime(2026, 11, 18, 10, 59, tzinfo=UTC).timestamp()
    assert calendar.window("1d").bounds(before) == (at("2026-11-17T11:00:00"), at("2026-11-18T11:00:00"))
    assert calendar.window("1mo").bounds(before) == (at("2026-11-01T11:00:00"), at("2026-12-01T11:00:00"))


@pytest.mark.parametrize("duration", ["", "0d", "-1d", "1y", "1.5d", "9999999d", "1mo2"])
def test_other_words_are_no_durations(duration: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        Calendar().window(duration)
