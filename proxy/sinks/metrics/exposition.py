"""The text of /metrics out of the files of all workers, made in small steps: a worker that is asked for it goes on serving.

Counters and histograms are added up here; the library does it in one go, which takes 0.3 s where a hundred models have
been called, and that is how long each call would wait. Gauges are few and have rules of their own, so they are the library's.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import orjson
import prometheus_client
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

# Called after every _STEP values: lets others have their turn.
Pause = Callable[[], None]
_STEP = 200

_number: Callable[[float | None], str] = floatToGoString

# A child's values by the bound of their bucket; the sum of all observations, and a counter's value, by None.
Values = dict[str | None, float]
Labels = tuple[tuple[str, str], ...]


class Exposed(NamedTuple):
    """A metric with its children."""

    help: str
    children: dict[Labels, Values]


def render_directory(directory: Path, pause: Pause) -> bytes:
    """The text for all workers whose files are in the directory."""
    blocks = [_gauges(directory)]
    for kind, lines_of in (("counter", _counter_lines), ("histogram", _histogram_lines)):
        for name, exposed in _read(_files(directory, kind), pause).items():
            shown = f"{name}_total" if kind == "counter" else name
            lines = [f"# HELP {shown} {exposed.help}\n# TYPE {shown} {kind}\n"]
            for number, (labels, values) in enumerate(exposed.children.items(), 1):
                lines += lines_of(name, _label_text(labels), values)
                if number % (_STEP // 10) == 0:
                    pause()
            blocks.append("".join(lines).encode())
    return b"".join(blocks)


def _files(directory: Path, kind: str) -> Iterator[Path]:
    return filter(_is_filled, directory.glob(f"{kind}_*.db"))


def _is_filled(path: Path) -> bool:
    """The library can't read a file that a worker has opened just now, and has not filled yet."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:  # its worker has just ended
        return False


def _gauges(directory: Path) -> bytes:
    registry = prometheus_client.CollectorRegistry()
    registry.register(_Merged([str(path) for path in _files(directory, "gauge")]))
    return prometheus_client.generate_latest(registry)


class _Merged(Collector):
    def __init__(self, files: list[str]) -> None:
        self._files = files

    def collect(self) -> Iterable[prometheus_client.Metric]:
        merged: Iterable[prometheus_client.Metric] = MultiProcessCollector.merge(self._files)  # type: ignore[no-untyped-call]
        return merged


def _read(paths: Iterable[Path], pause: Pause) -> Mapping[str, Exposed]:
    """By metric. Equal keys of several workers are added up before they are parsed."""
    totals: defaultdict[str, float] = defaultdict(float)
    for path in paths:
        for number, (key, value, _, _) in enumerate(MmapedDict.read_all_values_from_file(path), 1):  # type: ignore[no-untyped-call]
            totals[key] += value
            if number % _STEP == 0:
                pause()
    metrics: dict[str, Exposed] = {}
    for number, (key, total) in enumerate(totals.items(), 1):
        metric, _, labels, help_text = orjson.loads(key)
        bound = labels.pop("le", None)
        exposed = metrics.get(metric) or metrics.setdefault(metric, Exposed(help_text, {}))
        exposed.children.setdefault(tuple(labels.items()), {})[bound] = total
        if number % _STEP == 0:
            pause()
    return metrics


def _counter_lines(name: str, labels: str, values: Values) -> Iterator[str]:
    yield f"{name}_total{_braced(labels)} {_number(values[None])}\n"


def _histogram_lines(name: str, labels: str, values: Values) -> Iterator[str]:
    """A bucket's line counts all observations up to its bound."""
    total = values.pop(None)
    comma = "," if labels else ""
    count = 0.0
    for bound, amount in sorted(values.items(), key=lambda one: float(one[0] or 0)):
        count += amount
        yield f'{name}_bucket{{{labels}{comma}le="{bound}"}} {_number(count)}\n'
    yield f"{name}_count{_braced(labels)} {_number(count)}\n"
    yield f"{name}_sum{_braced(labels)} {_number(total)}\n"


def _braced(labels: str) -> str:
    return f"{{{labels}}}" if labels else ""


def _label_text(labels: Labels) -> str:
    return ",".join([f'{name}="{_escaped(value)}"' for name, value in labels])


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
