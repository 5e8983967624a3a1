"""Figures as people read them."""

from datetime import UTC, datetime

_THOUSANDS = ((1e9, "G"), (1e6, "M"), (1e4, "k"))


def count(value: float) -> str:
    """`1,234`, `56.7k`, `8.9M`."""
    for size, sign in _THOUSANDS:
        if value >= size:
            return f"{value / (1000 if sign == 'k' else size):.1f}{sign}"
    return f"{value:,.0f}"


def money(value: float | None) -> str:
    """US dollars: two decimals where that is enough, else two significant digits."""
    if value is None:
        return "–"
    if value == 0 or value >= 0.1:
        return f"${value:,.2f}"
    return f"${value:.4f}" if value >= 0.001 else f"${value:.2g}" if value >= 0.0001 else f"${value:.7f}"


def duration(seconds: float | None) -> str:
    """`0.4 ms`, `12 ms`, `1.3 s`, `4 min`."""
    if seconds is None:
        return "–"
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def share(part: float, whole: float) -> str:
    """`2.5 %`."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def clock(moment: float) -> str:
    """`14:05` in UTC."""
    return f"{datetime.fromtimestamp(moment, UTC):%H:%M}"


def exact_clock(moment: float) -> str:
    """`14:05:09` in UTC."""
    return f"{datetime.fromtimestamp(moment, UTC):%H:%M:%S}"
