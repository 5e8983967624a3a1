"""Figures into charts."""

import pytest

from proxy.pages import numbers as figures
from proxy.pages.charts import HEIGHT, WIDTH, build_charts
from proxy.sinks.history import MINUTES, History
from proxy.sinks.recent_calls import RecentCalls
from tests.sinks.records import make_failure, make_record

NOW = 1_700_000_040.0


def history(*minutes_ago: int) -> History:
    board = RecentCalls()
    for minute in sorted(minutes_ago, reverse=True):
        board.write([make_record(end_time=NOW - 60 * minute), make_failure(end_time=NOW - 60 * minute)])
    return board.read(NOW)


def test_bars_stand_in_their_places_when_minutes_are_apart() -> None:
    requests, tokens, cost, _ = build_charts(history(0, MINUTES - 1, 30))
    assert [round(bar.x) for bar in requests.bars] == [0, WIDTH // 2 - 10, WIDTH - 10]
    assert requests.bars[0].parts == (("good", HEIGHT / 2, HEIGHT / 2), ("bad", 0.0, HEIGHT / 2))
    assert requests.bars[-1].description == f"{figures.clock(NOW)}: 2 requests, 1 errors"
    assert (tokens.top, cost.top) == ("46", "$0.00031")


def test_line_has_gaps_when_minutes_are_without_calls() -> None:
    latency = build_charts(history(0, 1, 5, 20, 21, 22))[3]
    assert [len(line.paths) for line in latency.lines] == [2, 2]
    assert [len(line.dots) for line in latency.lines] == [1, 1]


def test_charts_are_empty_when_nothing_has_happened() -> None:
    charts = build_charts(history())
    assert [chart.bars for chart in charts] == [(), (), (), ()]
    assert charts[0].description == "0 requests and 0 errors in the last hour, at most 0 a minute."


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (figures.count(0), "0"),
        (figures.count(9999), "9,999"),
        (figures.count(56_700), "56.7k"),
        (figures.count(8_900_000), "8.9M"),
        (figures.money(None), "–"),
        (figures.money(0), "$0.00"),
        (figures.money(12.5), "$12.50"),
        (figures.money(0.0123), "$0.0123"),
        (figures.money(0.00031), "$0.00031"),
        (figures.money(0.0000021), "$0.0000021"),
        (figures.duration(None), "–"),
        (figures.duration(0.0004), "0.4 ms"),
        (figures.duration(0.25), "250 ms"),
        (figures.duration(1.26), "1.3 s"),
        (figures.duration(600), "10 min"),
        (figures.share(1, 8), "12.5 %"),
        (figures.share(0, 0), "–"),
    ],
)
def test_figure_is_readable_when_it_is_large_or_small(shown: str, expected: str) -> None:
    assert shown == expected
