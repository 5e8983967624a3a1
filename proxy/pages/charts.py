"""Figures into the geometry of small charts: numbers in, coordinates and labels out. The templates draw them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from proxy.pages.numbers import clock, count, duration, money
from proxy.sinks.history import History, Minute, quantile

# The drawing's own units; it is stretched to the room that it has.
WIDTH, HEIGHT = 600, 100
GAP = 2


class Bar(NamedTuple):
    """A minute's bar: `parts` are (class, y, height) from the ground up, `description` is its tooltip."""

    x: float
    width: float
    parts: tuple[tuple[str, float, float], ...]
    description: str


class Line(NamedTuple):
    """`paths` are the points of each unbroken piece: minutes without calls are gaps."""

    kind: str
    paths: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """`top` is the value at the upper edge, `description` the chart in a sentence; `legend` are (class, name)."""

    title: str
    top: str
    description: str
    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()


def build_charts(history: History) -> list[Chart]:
    return [requests_chart(history), tokens_chart(history), cost_chart(history), latency_chart(history)]


def requests_chart(history: History) -> Chart:
    total = history.totals
    rows = [(minute.totals.requests - minute.totals.errors, minute.totals.errors) for minute in history.minutes]
    description = [f"{count(good + bad)} requests, {count(bad)} errors" for good, bad in rows]
    top = max(sum(row) for row in rows)
    return Chart(
        "Requests a minute",
        count(top),
        f"{count(total.requests)} requests and {count(total.errors)} errors in the last hour, at most {count(top)} a minute.",
        bars=_bars(history.minutes, rows, ("good", "bad"), description),
        legend=(("good", "answered"), ("bad", "errors")),
    )


def tokens_chart(history: History) -> Chart:
    rows = [(minute.totals.prompt_tokens, minute.totals.completion_tokens) for minute in history.minutes]
    description = [f"{count(prompt)} tokens in, {count(completion)} out" for prompt, completion in rows]
    top = max(sum(row) for row in rows)
    return Chart(
        "Tokens a minute",
        count(top),
        f"{count(history.totals.tokens)} tokens in the last hour, at most {count(top)} a minute.",
        bars=_bars(history.minutes, rows, ("first", "second"), description),
        legend=(("first", "in"), ("second", "out")),
    )


def cost_chart(history: History) -> Chart:
    rows = [(minute.totals.cost,) for minute in history.minutes]
    top = max(row[0] for row in rows)
    return Chart(
        "Cost a minute",
        money(top),
        f"{money(history.totals.cost)} in the last hour, at most {money(top)} a minute.",
        bars=_bars(history.minutes, rows, ("first",), [money(row[0]) for row in rows]),
        legend=(("first", "US dollars"),),
    )


def latency_chart(history: History) -> Chart:
    rows = [(quantile(minute.latencies, 0.5), quantile(minute.latencies, 0.95)) for minute in history.minutes]
    top = max((slow for _, slow in rows if slow is not None), default=0.0)
    median, slow = quantile(history.latencies, 0.5), quantile(history.latencies, 0.95)
    return Chart(
        "Latency",
        duration(top),
        f"Half of the last hour's calls took up to {duration(median)}, 95 in a hundred up to {duration(slow)}.",
        lines=(
            _line("second", [row[1] for row in rows], top),
            _line("first", [row[0] for row in rows], top),
        ),
        legend=(("first", "median"), ("second", "95th percentile")),
    )


def _bars(
    minutes: Sequence[Minute], rows: Sequence[tuple[float, ...]], kinds: Sequence[str], description: Sequence[str]
) -> tuple[Bar, ...]:
    step = WIDTH / len(rows)
    top = max(sum(row) for row in rows) or 1
    return tuple(
        Bar(
            round(number * step, 2),
            step - GAP,
            _parts(row, kinds, top),
            f"{clock(minutes[number].start)}: {description[number]}",
        )
        for number, row in enumerate(rows)
        if any(row)
    )


def _parts(row: tuple[float, ...], kinds: Sequence[str], top: float) -> tuple[tuple[str, float, float], ...]:
    """The parts of a bar one upon the other; what is there at all can be seen."""
    parts = []
    ground = float(HEIGHT)
    for kind, value in zip(kinds, row, strict=True):
        if value:
            height = max(1.5, value / top * HEIGHT)
            ground = max(0.0, ground - height)
            parts.append((kind, round(ground, 2), round(height, 2)))
    return tuple(parts)


def _line(kind: str, values: Sequence[float | None], top: float) -> Line:
    step = WIDTH / len(values)
    pieces: list[list[tuple[float, float]]] = [[]]
    for number, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((round((number + 0.5) * step, 2), round(HEIGHT - value / (top or 1) * HEIGHT, 2)))
    paths = tuple(" ".join(f"{x},{y}" for x, y in piece) for piece in pieces if len(piece) > 1)
    return Line(kind, paths, tuple(piece[0] for piece in pieces if len(piece) == 1))
