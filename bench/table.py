"""What was measured as a table for people, and as a chart."""

import statistics
from collections.abc import Mapping, Sequence
from html import escape

Figures = Mapping[str, Sequence[float]]


def middle(values: Sequence[float]) -> float:
    return statistics.median(values) if values else float("nan")


def cell(values: Sequence[float]) -> str:
    """`median (least-most)`; a single value alone."""
    if not values:
        return "-"
    if len(values) == 1:
        return short(values[0])
    return f"{short(middle(values))} ({short(min(values))}-{short(max(values))})"


def short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def comparison(title: str, rates: Figures, costs: Figures, own: str = "Patchbay") -> str:
    """A line for each gateway: requests a second, CPU for each, and how many times as much our own does of both."""
    lines = [f"| {title} | requests/s | CPU ms a request | Patchbay: rate | Patchbay: CPU |", "|---|---|---|---|---|"]
    for name, values in rates.items():
        rate, cpu = times(rates[own], values), times(costs[name], costs[own])
        told = "| |" if name == own else f"{rate} | {cpu} |"
        lines.append(f"| {name} | {cell(values)} | {cell(costs[name])} | {told}")
    return "\n".join(lines)


def times(values: Sequence[float], others: Sequence[float]) -> str:
    return f"{middle(values) / middle(others):.2f}x" if middle(others) else "-"


def facts(title: str, rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join([f"| {title} | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def summary(names: Sequence[str], columns: Mapping[str, Mapping[str, str]]) -> str:
    """A line for each gateway; columns by their titles."""
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(column[name] for column in columns.values())} |" for name in names]
    return "\n".join(lines)


def chart(panels: Mapping[str, Figures]) -> str:
    """For each panel a bar for each gateway, as SVG; the figures stand beside the bars."""
    drawn, top = [], 0
    for title, figures in panels.items():
        drawn.append(_panel(title, figures, top))
        top += 40 + 28 * len(figures)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{top}" font-family="sans-serif" font-size="13">'
        f'<rect width="640" height="{top}" fill="#ffffff"/>{"".join(drawn)}</svg>\n'
    )


def _panel(title: str, figures: Figures, top: int) -> str:
    largest = max(middle(values) for values in figures.values())
    bars = [f'<text x="10" y="{top + 20}" font-weight="bold">{escape(title)}</text>']
    for number, (name, values) in enumerate(figures.items()):
        y, width = top + 34 + 28 * number, max(2.0, 420 * middle(values) / largest)
        colour = "#2f6f4f" if name == "Patchbay" else "#9aa5b1"
        bars.append(
            f'<text x="100" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="110" y="{y}" width="{width:.0f}" height="20" fill="{colour}"/>'
            f'<text x="{118 + width:.0f}" y="{y + 14}">{short(middle(values))}</text>'
        )
    return "".join(bars)
