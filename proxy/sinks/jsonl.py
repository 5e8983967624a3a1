"""Records as JSON lines, to standard output or to a rotating file."""

from collections.abc import Sequence
from pathlib import Path

import orjson

from proxy.domain.record import CallRecord
from proxy.sinks.contract import SinkContext
from proxy.sinks.each import each
from proxy.sinks.lines import Descriptor, LineWriter, RotatingFile


class JsonLines:
    name = "json"
    tries = 1
    anonymous = False

    def __init__(self, writer: LineWriter) -> None:
        self._writer = writer

    def write(self, records: Sequence[CallRecord]) -> None:
        self._writer.write([*each(records, _line)])

    def close(self) -> None:
        self._writer.close()


def _line(record: CallRecord) -> bytes:
    return orjson.dumps(record.to_dict(), option=orjson.OPT_APPEND_NEWLINE)


def build(context: SinkContext) -> JsonLines:
    """`callback_settings.json`: `path` (none: standard output), `max_bytes`, `backups`."""
    options = context.options("json")
    path = options.get("path")
    if not path:
        return JsonLines(LineWriter(Descriptor(1)))
    return JsonLines(
        LineWriter(
            RotatingFile(Path(path), int(options.get("max_bytes", 100 * 1024 * 1024)), int(options.get("backups", 5)))
        )
    )
