"""Anthropic's stream of events as OpenAI chunks.

https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

from proxy.domain.answer import Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import loads
from proxy.domain.usage import Usage
from proxy.domain.wire import Event
from proxy.errors import TruncatedStreamError
from proxy.providers.anthropic.errors import message_error
from proxy.providers.anthropic.response import (
    answers_by_tool,
    finish_reason,
    is_call,
    model_name,
    specific_fields,
)
from proxy.providers.anthropic.structure import without_fence
from proxy.providers.anthropic.usage import merge_usage, parse_usage, shown_usage
from proxy.providers.translation.chunks import ChunkWriter, created_at
from proxy.providers.translation.json_reading import dump_arguments, mapping, parse_event

# The kinds of delta that lengthen a text of the block: kind -> member of the delta.
_TEXTS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


class _Block:
    """A content block that is arriving: what it began with, and the text that its deltas add up to."""

    __slots__ = ("call", "citations", "opening", "text")

    def __init__(self, opening: Mapping[str, Any], call: int | None) -> None:
        self.opening = dict(opening)
        self.call = call
        self.text = StringIO()
        self.citations: list[Any] = []

    def build(self) -> dict[str, Any]:
        """The whole block, as a message that is not streamed has it."""
        kind, text = self.opening.get("type"), self.text.getvalue()
        if self.citations:
            self.opening["citations"] = self.citations
        if kind in ("text", "thinking"):
            return {**self.opening, kind: f"{self.opening.get(kind) or ''}{text}"}
        if text:
            return {**self.opening, "input": _parse_input(text)}
        return self.opening


class MessagesStream:
    """Finished means message_stop came. `reasoning_content` streams, a thinking block comes whole with its signature.

    Before message_stop nothing of the end is sent: neither the finish_reason nor the usage, whose counts are running
    totals, nor what specific_fields() tells of the whole.
    """

    def __init__(self, call: Call, deployment: Deployment) -> None:
        self._deployment = deployment
        self._by_tool = answers_by_tool(call, deployment)
        self._fallback_id = f"msg_{call.id}"
        self._created = created_at(call)
        self._writer = ChunkWriter(self._fallback_id, self._created, deployment.label)
        self._message: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._open: dict[Any, _Block] = {}
        self._done: list[dict[str, Any]] = []
        self._calls = 0
        self._thoughts = 0
        self._finished = False

    def feed(self, event: Event) -> list[Chunk]:
        if self._finished or not event.data:
            return []
        data = parse_event(event.data, self._deployment)
        if not isinstance(data, dict):
            return []
        kind = data.get("type")
        if kind == "error" or event.name == "error":
            raise message_error(event.data, self._deployment)
        handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
        return handler(self, data) if handler else []

    def finish(self) -> list[Chunk]:
        if not self._finished:
            raise self._truncated("closed the stream before it had finished")
        return []

    def usage_so_far(self) -> Usage | None:
        return parse_usage(self._usage) if self._usage else None

    def _truncated(self, what: str) -> TruncatedStreamError:
        provider = self._deployment.provider
        return TruncatedStreamError(f"{provider} {what}", provider=provider)

    def _on_message_start(self, data: Mapping[str, Any]) -> list[Chunk]:
        message = mapping(data.get("message"))
        self._message = {name: value for name, value in message.items() if name != "content"}
        self._usage = dict(mapping(message.get("usage")))
        answer_id = str(message.get("id") or self._fallback_id)
        self._writer = ChunkWriter(answer_id, self._created, model_name(message, self._deployment))
        return [self._writer.role()]

    def _on_block_start(self, data: Mapping[str, Any]) -> list[Chunk]:
        opening = mapping(data.get("content_block"))
        is_tool_call = is_call(opening, self._by_tool)
        block = _Block(opening, self._calls if is_tool_call else None)
        self._open[_index(data)] = block
        if is_tool_call:
            self._calls += 1
            function = {"name": opening.get("name"), "arguments": ""}
            call = {"index": block.call, "id": opening.get("id"), "type": "function", "function": function}
            return [self._writer.delta({"tool_calls": [call]})]
        kind = opening.get("type")
        text = opening.get(kind) if kind in ("text", "thinking") else None
        return self._on_text(block, f"{kind}_delta", text) if isinstance(text, str) and text else []

    def _on_delta(self, data: Mapping[str, Any]) -> list[Chunk]:
        block, delta = self._open.get(_index(data)), data.get("delta")
        if block is None or not isinstance(delta, Mapping):
            return []
        kind = delta.get("type", "")
        member = _TEXTS.get(kind) if isinstance(kind, str) else None
        if member is not None:
            text = delta.get(member)
            if not isinstance(text, str) or not text:
                return []
            block.text.write(text)
            return self._on_text(block, kind, text)
        if kind == "signature_delta":
            block.opening["signature"] = f"{block.opening.get('signature') or ''}{delta.get('signature') or ''}"
        elif kind == "citations_delta":
            block.citations.append(delta.get("citation"))
        elif kind == "compaction_delta":
            block.opening["content"] = f"{block.opening.get('content') or ''}{delta.get('content') or ''}"
        return []

    def _on_text(self, block: _Block, kind: str, text: str) -> list[Chunk]:
        """The chunk for a piece of text, of a thought, of a call's arguments."""
        if kind == "text_delta":
            # Text beside an answer that comes as a tool's arguments would spoil its JSON: see _held_text.
            return [] if self._by_tool else [self._writer.delta({"content": text})]
        if kind == "thinking_delta":
            return [self._writer.delta({"reasoning_content": text})]
        if block.call is not None:
            return [self._writer.delta({"tool_calls": [{"index": block.call, "function": {"arguments": text}}]})]
        is_answer = block.opening.get("type") == "tool_use"
        return [self._writer.delta({"content": text})] if is_answer else []

    def _on_block_stop(self, data: Mapping[str, Any]) -> list[Chunk]:
        block = self._open.pop(_index(data), None)
        if block is None:
            return []
        built = block.build()
        self._done.append(built)
        if built.get("type") in ("thinking", "redacted_thinking"):
            # Clients that gather deltas need an index in lists; it is taken off on the way back.
            indexed = {**built, "index": self._thoughts}
            self._thoughts += 1
            return [self._writer.delta({"thinking_blocks": [indexed]})]
        if built.get("type") == "tool_use" and not block.text.getvalue():
            # A call without arguments has no deltas; its input, if it has any, came at the start.
            return self._on_text(block, "input_json_delta", dump_arguments(built.get("input")))
        return []

    def _on_message_delta(self, data: Mapping[str, Any]) -> list[Chunk]:
        news = mapping(data.get("delta"))
        self._message.update({name: value for name, value in news.items() if value is not None})
        self._usage = merge_usage(self._usage, mapping(data.get("usage")))
        return []

    def _on_message_stop(self, _: Mapping[str, Any]) -> list[Chunk]:
        self._finished = True
        chunks = [*self._held_text(), *self._specific()]
        reason = finish_reason(self._message.get("stop_reason"), self._calls > 0)
        usage = parse_usage(self._usage)
        return [*chunks, self._writer.finish(reason), self._writer.usage(usage, shown_usage(self._usage))]

    def _held_text(self) -> list[Chunk]:
        """The text of an answer that was to come as a tool's arguments, and did not."""
        kinds = [block.get("type") for block in self._done]
        if not self._by_tool or kinds.count("tool_use") > self._calls:
            return []
        text = "".join(str(block.get("text") or "") for block in self._done if block.get("type") == "text")
        return [self._writer.delta({"content": without_fence(text)})] if text else []

    def _specific(self) -> list[Chunk]:
        fields = specific_fields(self._message, [] if self._by_tool else self._done)
        return [self._writer.delta(fields, content=False)] if fields else []


_HANDLERS: Mapping[str, Callable[[MessagesStream, Mapping[str, Any]], list[Chunk]]] = {
    "content_block_delta": MessagesStream._on_delta,
    "content_block_start": MessagesStream._on_block_start,
    "content_block_stop": MessagesStream._on_block_stop,
    "message_start": MessagesStream._on_message_start,
    "message_delta": MessagesStream._on_message_delta,
    "message_stop": MessagesStream._on_message_stop,
}


def _index(data: Mapping[str, Any]) -> Any:
    index = data.get("index")
    return index if isinstance(index, int) else None


def _parse_input(text: str) -> Any:
    """A call's input; the answer was cut off where it is not JSON."""
    try:
        return loads(text)
    except ValueError:
        return {}
