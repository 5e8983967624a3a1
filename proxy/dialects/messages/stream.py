"""A streamed chat completion as Anthropic's events, in their exact order.

message_start, for each block content_block_start, its deltas and content_block_stop, then message_delta and message_stop.
Blocks do not overlap: a tool call whose pieces come amid another's waits until that one is complete.
"""

from collections.abc import Mapping
from typing import Any

from proxy.dialects.messages.answer import build_citations, mapping, sign, stop_reason
from proxy.dialects.messages.usage import build_usage
from proxy.domain.answer import Chunk
from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.usage import Usage

PING = b'event: ping\ndata: {"type":"ping"}\n\n'


def event(kind: str, **members: Any) -> bytes:
    """One event with its `event:` line, without which Claude Code sees an empty stream."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), dumps({"type": kind, **members}))


def error_event(body: bytes) -> bytes:
    return b"event: error\ndata: %b\n\n" % body


class ForwardingWriter:
    """The events of a provider that speaks the client's dialect, as they are."""

    def frames(self, chunks: list[Chunk]) -> bytes:
        return b"".join([chunk.data for chunk in chunks])

    def ping(self, notice: str | None) -> bytes:
        return PING

    def end(self) -> bytes:
        return b""

    def error(self, body: bytes) -> bytes:
        return error_event(body)


class _Call:
    """A tool call that is arriving."""

    __slots__ = ("arguments", "id", "is_over", "name", "sent")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments = ""
        self.sent = 0
        self.is_over = False

    def is_complete(self) -> bool:
        try:
            loads(self.arguments)
        except ValueError:
            return False
        return True


class MessagesWriter:
    """See StreamWriter. `message_id` is for an answer whose chunks have no id."""

    def __init__(self, message_id: str) -> None:
        self._id = message_id
        self._index = -1
        self._open: str | None = None
        self._started = False
        self._calls: dict[Any, _Call] = {}
        self._current: _Call | None = None
        self._finish: object = None
        self._specific: dict[str, Any] = {}
        self._usage: Usage | None = None

    def frames(self, chunks: list[Chunk]) -> bytes:
        return b"".join([self._frame(chunk) for chunk in chunks])

    def ping(self, notice: str | None) -> bytes:
        return PING

    def end(self) -> bytes:
        rest = b"".join([self._complete(call) for call in self._calls.values() if not call.is_over])
        reason = stop_reason(self._finish, self._specific, bool(self._calls))
        delta = {"stop_reason": reason, "stop_sequence": self._specific.get("stop_sequence")}
        closing = event("message_delta", delta=delta, usage=build_usage(self._usage))
        return self._start({}) + rest + self._close() + closing + event("message_stop")

    def error(self, body: bytes) -> bytes:
        return error_event(body)

    def _frame(self, chunk: Chunk) -> bytes:
        fields = loads(chunk.data)
        if chunk.usage is not None:
            self._usage = chunk.usage
        written = self._start(fields)
        for choice in fields.get("choices") or ():
            if (choice.get("index") or 0) == 0:
                written += self._delta(mapping(choice.get("delta")))
                self._finish = choice.get("finish_reason") or self._finish
        return written

    def _start(self, fields: Mapping[str, Any]) -> bytes:
        if self._started:
            return b""
        self._started = True
        message: dict[str, Any] = {
            "id": str(fields.get("id") or self._id),
            "type": "message",
            "role": "assistant",
            "model": fields.get("model") or "",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": build_usage(self._usage),
        }
        return event("message_start", message=message)

    def _delta(self, delta: Mapping[str, Any]) -> bytes:
        written = b""
        text = delta.get("reasoning_content")
        if isinstance(text, str) and text:
            written += self._lengthen("thinking", text)
        blocks = delta.get("thinking_blocks")
        for block in blocks if isinstance(blocks, list) else ():
            written += self._thought(sign(mapping(block)))
        text = delta.get("content") or delta.get("refusal")
        if isinstance(text, str) and text:
            written += self._lengthen("text", text)
        for citation in build_citations(delta.get("annotations")):
            written += self._cite(citation)
        calls = delta.get("tool_calls")
        for piece in calls if isinstance(calls, list) else ():
            written += self._piece(mapping(piece))
        self._specific.update(mapping(delta.get("provider_specific_fields")))
        return written

    def _lengthen(self, kind: str, text: str) -> bytes:
        opened = b"" if self._open == kind else self._close() + self._open_block(kind, _EMPTY[kind])
        return opened + self._block_delta({"type": f"{kind}_delta", kind: text})

    def _thought(self, block: Mapping[str, Any]) -> bytes:
        """A whole thought: its text has come already where it was streamed, its signature closes the block."""
        if block.get("type") == "redacted_thinking":
            return self._close() + self._open_block("redacted", block) + self._close()
        written = b""
        if self._open != "thinking":
            written = self._close() + self._open_block("thinking", _EMPTY["thinking"])
            if block.get("thinking"):
                written += self._block_delta({"type": "thinking_delta", "thinking": block["thinking"]})
        if block.get("signature"):
            written += self._block_delta({"type": "signature_delta", "signature": block["signature"]})
        return written + self._close()

    def _cite(self, citation: Mapping[str, Any]) -> bytes:
        opened = b"" if self._open == "text" else self._close() + self._open_block("text", _EMPTY["text"])
        return opened + self._block_delta({"type": "citations_delta", "citation": citation})

    def _piece(self, piece: Mapping[str, Any]) -> bytes:
        """A piece of a tool call: sent on at once where its call is the one that is open, or can be opened."""
        key = piece.get("index", 0)
        call = self._calls.setdefault(key, _Call())
        function = mapping(piece.get("function"))
        call.id = call.id or str(piece.get("id") or "")
        call.name = call.name or str(function.get("name") or "")
        arguments = function.get("arguments")
        call.arguments += arguments if isinstance(arguments, str) else dumps(arguments).decode() if arguments else ""
        if self._current is None and not call.is_over and call.name:
            return self._send(call)
        if self._current is call:
            return self._send(call)
        if self._current is not None and self._current.is_complete():
            return self._next()
        return b""

    def _next(self) -> bytes:
        """The next calls that have waited."""
        written = b""
        for call in self._calls.values():
            if call.name and not call.is_over and call is not self._current:
                if self._current is not None and not self._current.is_complete():
                    break
                written += self._send(call)
        return written

    def _send(self, call: _Call) -> bytes:
        """What of the call's arguments has not been sent, after its beginning."""
        written = b""
        if self._current is not call:
            written = self._close()
            opening = {"type": "tool_use", "id": call.id or f"call_{self._index + 1}", "name": call.name, "input": {}}
            written += self._open_block("tool_use", opening)
            self._current = call
        text, call.sent = call.arguments[call.sent :], len(call.arguments)
        return written + self._block_delta({"type": "input_json_delta", "partial_json": text}) if text else written

    def _complete(self, call: _Call) -> bytes:
        """The rest of a call at the end of the answer."""
        return self._send(call) if call.name or call.arguments else b""

    def _open_block(self, kind: str, block: Mapping[str, Any]) -> bytes:
        self._index += 1
        self._open = kind
        return event("content_block_start", index=self._index, content_block=block)

    def _block_delta(self, delta: Mapping[str, Any]) -> bytes:
        return event("content_block_delta", index=self._index, delta=delta)

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        if self._current is not None:
            self._current.is_over = True
            self._current = None
        return event("content_block_stop", index=self._index)


_EMPTY: Mapping[str, Mapping[str, Any]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
