"""A streamed answer as the Responses API's events, each with its name and its sequence number."""

import re
from collections.abc import Mapping
from typing import Any

from proxy.dialects.contract import Price
from proxy.dialects.responses.answer import ResponseBuilder
from proxy.dialects.responses.output import Event, Output
from proxy.domain.answer import Chunk
from proxy.domain.call import Call
from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.usage import Usage

_SEQUENCE = re.compile(rb'"sequence_number"\s*:\s*(\d{1,18})')
_IN_PROGRESS = b'"response.in_progress"'


def encode(event: Event, number: int) -> bytes:
    kind, members = event
    data = dumps({"type": kind, "sequence_number": number, **members})
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


class BridgedWriter:
    """Writes chat chunks as events. A finished answer ends with response.completed or response.incomplete, a broken one
    with response.failed. Silence is filled with response.in_progress: clients do not count comments as life."""

    def __init__(self, call: Call, price: Price) -> None:
        self._builder = ResponseBuilder(call)
        self._output = Output(call.id, self._builder.tools(), self._builder.conversation.sealer)
        self._price = price
        self._number = 0
        self._usage: Usage | None = None
        self._finish_reason: Any = None

    def frames(self, chunks: list[Chunk]) -> bytes:
        events: list[Event] = []
        for chunk in chunks:
            if chunk.usage is not None:
                self._usage = chunk.usage
            fields = loads(chunk.data)
            if isinstance(fields, Mapping):
                events += self._opening(fields)
                events += self._read(fields)
        return self._encode(events)

    def _opening(self, fields: Mapping[str, Any]) -> list[Event]:
        if self._number:
            return []
        self._number = 1
        self._builder.model = fields.get("model") or self._builder.model
        response = self._builder.build("in_progress")
        return [("response.created", {"response": response}), ("response.in_progress", {"response": response})]

    def _read(self, fields: Mapping[str, Any]) -> list[Event]:
        events: list[Event] = []
        for choice in fields.get("choices") or ():
            if not isinstance(choice, Mapping) or choice.get("index"):
                continue
            delta, logprobs = choice.get("delta"), choice.get("logprobs")
            if isinstance(delta, Mapping):
                events += self._output.add(delta, logprobs.get("content") if isinstance(logprobs, Mapping) else None)
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
        return events

    def _encode(self, events: list[Event]) -> bytes:
        # Numbers count from 0; `_number` is 1 as soon as the stream is open.
        first = self._number - 1
        self._number += len(events)
        return b"".join([encode(event, first + position) for position, event in enumerate(events)])

    def ping(self, notice: str | None) -> bytes:
        comment = b"" if notice is None else b": " + notice.encode() + b"\n\n"
        opening = self._opening({}) if not self._number else []
        again = opening or [("response.in_progress", {"response": self._builder.build("in_progress")})]
        return comment + self._encode(again)

    def end(self) -> bytes:
        events = self._opening({}) + self._output.close()
        cost = None if self._usage is None else self._price(self._usage)
        response = self._builder.finish(self._output.items, self._finish_reason, self._usage, cost)
        return self._encode([*events, (f"response.{response['status']}", {"response": response})])

    def error(self, body: bytes) -> bytes:
        events = self._opening({})
        self._output.close()
        response = self._builder.build("failed", self._output.items, error=read_failure(body))
        return self._encode([*events, ("response.failed", {"response": response})])


class NativeWriter:
    """Passes a provider's own events. `is_complete`: the last event was sent, so a client that leaves has all."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._last = b""
        self._in_progress = b""
        self.is_complete = False

    def frames(self, chunks: list[Chunk]) -> bytes:
        for chunk in chunks:
            self.is_complete = self.is_complete or chunk.finished
            if not self._in_progress and _IN_PROGRESS in chunk.data[:200]:
                self._in_progress = chunk.data
        self._last = chunks[-1].data
        return b"".join([chunk.data for chunk in chunks])

    def ping(self, notice: str | None) -> bytes:
        """The provider's own response.in_progress again; a comment before there is one."""
        comment = b"" if notice is None and self._in_progress else b": " + (notice or "keep-alive").encode() + b"\n\n"
        return comment + self._in_progress

    def end(self) -> bytes:
        return b""

    def error(self, body: bytes) -> bytes:
        builder = ResponseBuilder(self._call)
        found = re.search(rb'"id"\s*:\s*"(resp_[\w-]+)"', self._in_progress)
        builder.id = found[1].decode() if found else builder.id
        number = _SEQUENCE.search(self._last)
        response = builder.build("failed", error=read_failure(body))
        return encode(("response.failed", {"response": response}), int(number[1]) + 1 if number else 0)


def read_failure(body: bytes) -> dict[str, Any]:
    """The `error` member of a failed response, out of an error's body."""
    error = loads(body)["error"]
    return {"code": error.get("code") or "server_error", "message": error.get("message")}
