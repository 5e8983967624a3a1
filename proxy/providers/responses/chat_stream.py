"""A stream of the Responses API as chat chunks."""

from collections.abc import Mapping
from typing import Any

from proxy.domain.answer import Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.usage import Usage
from proxy.domain.wire import Event
from proxy.errors import TruncatedStreamError
from proxy.providers.compatible.stream import prefixed
from proxy.providers.contract import StreamDecoder
from proxy.providers.responses.chat_answer import build_annotations, build_image, build_thought, finish_reason
from proxy.providers.responses.native import error_of
from proxy.providers.translation.chunks import ChunkWriter, created_at
from proxy.providers.translation.errors import error_from_event
from proxy.providers.translation.json_reading import mapping, parse_event, text_of

_REASONING = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")
_ARGUMENTS = ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta")
_ENDS = ("response.completed", "response.incomplete")


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    return ChatStream(call, deployment)


class ChatStream:
    """Writes one choice. Finished means that response.completed or response.incomplete came."""

    def __init__(self, call: Call, deployment: Deployment) -> None:
        self._call = call
        self._deployment = deployment
        self._writer: ChunkWriter | None = None
        # The calls by their output index: their place among the calls, whether custom, whether their input came.
        self._calls: dict[Any, tuple[int, bool]] = {}
        self._filled: set[Any] = set()
        self._thoughts = 0
        self._finished = False

    def feed(self, event: Event) -> list[Chunk]:
        if self._finished or not event.data or event.data == b"[DONE]":
            return []
        fields = mapping(parse_event(event.data, self._deployment))
        kind = fields.get("type") or event.name
        response = mapping(fields.get("response"))
        if kind == "error":
            raise error_from_event(error_of(fields), self._deployment)
        if kind == "response.failed":
            raise error_from_event(dumps({"error": response.get("error") or {}}), self._deployment)
        opening = self._open(response)
        if kind in _ENDS:
            return [*opening, *self._finish(response)]
        return [*opening, *self._relay(kind, fields)]

    def _open(self, response: Mapping[str, Any]) -> list[Chunk]:
        if self._writer is not None:
            return []
        created = response.get("created_at")
        self._writer = ChunkWriter(
            str(response.get("id") or f"resp_{self._call.id}"),
            int(created) if isinstance(created, int | float) else created_at(self._call),
            prefixed(response.get("model"), self._deployment) or self._deployment.label,
        )
        return [self._writer.role()]

    def _relay(self, kind: Any, fields: Mapping[str, Any]) -> list[Chunk]:
        assert self._writer is not None
        delta, item = text_of(fields.get("delta")), mapping(fields.get("item"))
        if kind == "response.output_text.delta" and delta:
            logprobs = fields.get("logprobs")
            return [self._writer.delta({"content": delta}, logprobs={"content": logprobs} if logprobs else None)]
        if kind == "response.refusal.delta" and delta:
            return [self._writer.delta({"refusal": delta})]
        if kind in _REASONING and delta:
            return [self._writer.delta({"reasoning_content": delta})]
        if kind == "response.reasoning_summary_part.added" and fields.get("summary_index"):
            return [self._writer.delta({"reasoning_content": "\n\n"})]
        if kind in _ARGUMENTS and delta:
            return self._add_arguments(fields.get("output_index"), delta)
        if kind == "response.output_text.annotation.added":
            notes = list(build_annotations([fields.get("annotation")]))
            return [self._writer.delta({"annotations": notes})] if notes else []
        if kind == "response.output_item.added":
            return self._add_call(fields.get("output_index"), item)
        return self._end_item(fields.get("output_index"), item) if kind == "response.output_item.done" else []

    def _add_call(self, place: Any, item: Mapping[str, Any]) -> list[Chunk]:
        if item.get("type") not in ("function_call", "custom_tool_call") or place in self._calls:
            return []
        assert self._writer is not None
        is_custom = item["type"] == "custom_tool_call"
        index = len(self._calls)
        self._calls[place] = (index, is_custom)
        named = {"name": item.get("name"), "input" if is_custom else "arguments": ""}
        kind = "custom" if is_custom else "function"
        return [
            self._writer.delta({"tool_calls": [{"index": index, "id": item.get("call_id"), "type": kind, kind: named}]})
        ]

    def _add_arguments(self, place: Any, text: str) -> list[Chunk]:
        if place not in self._calls:
            return []
        assert self._writer is not None
        self._filled.add(place)
        index, is_custom = self._calls[place]
        piece = {"custom": {"input": text}} if is_custom else {"function": {"arguments": text}}
        return [self._writer.delta({"tool_calls": [{"index": index, **piece}]})]

    def _end_item(self, place: Any, item: Mapping[str, Any]) -> list[Chunk]:
        """What comes whole at an item's end only; a server may send calls without announcing them."""
        assert self._writer is not None
        thought, image = build_thought(item), build_image(item)
        if thought is not None:
            self._thoughts += 1
            return [self._writer.delta({"thinking_blocks": [{**thought, "index": self._thoughts - 1}]})]
        if image is not None:
            return [self._writer.delta({"images": [image]})]
        opened = self._add_call(place, item)
        text = text_of(item.get("arguments")) or text_of(item.get("input"))
        return [*opened, *(self._add_arguments(place, text) if text and place not in self._filled else ())]

    def _finish(self, response: Mapping[str, Any]) -> list[Chunk]:
        assert self._writer is not None
        self._finished = True
        usage = Usage.from_openai(response.get("usage"))
        finish = self._writer.finish(finish_reason(response, bool(self._calls)))
        return [finish] if usage is None else [finish, self._writer.usage(usage)]

    def finish(self) -> list[Chunk]:
        if not self._finished:
            provider = self._deployment.provider
            raise TruncatedStreamError(f"{provider} closed the stream before it had finished", provider=provider)
        return []
