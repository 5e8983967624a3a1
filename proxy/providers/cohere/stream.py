"""Cohere's stream of events as OpenAI chunks: https://docs.cohere.com/docs/streaming"""

from collections.abc import Callable, Mapping
from typing import Any

from proxy.domain.answer import Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.wire import Event
from proxy.errors import TruncatedStreamError
from proxy.providers.cohere.response import (
    call_id,
    finish_reason,
    parse_logprobs,
    parse_usage,
    specific_fields,
)
from proxy.providers.translation.chunks import ChunkWriter, created_at
from proxy.providers.translation.errors import error_from_event
from proxy.providers.translation.json_reading import mapping, parse_event


class ChatStream:
    """Finished means message-end came. Citations are sent at the end.

    The plan of a model that shows no thoughts streams as `reasoning_content`.
    """

    def __init__(self, call: Call, deployment: Deployment) -> None:
        self._call = call
        self._deployment = deployment
        self._writer = self._write(f"chatcmpl-{call.id}")
        self._calls = 0
        self._arguments = False
        self._thought = False
        self._citations: list[Any] = []
        self._finished = False

    def feed(self, event: Event) -> list[Chunk]:
        if self._finished or not event.data or event.data == b"[DONE]":
            return []
        data = parse_event(event.data, self._deployment)
        if not isinstance(data, dict):
            return []
        kind = data.get("type", event.name)
        handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
        if handler is not None:
            return handler(self, data)
        if kind == "error" or isinstance(data.get("message"), str):
            raise error_from_event(event.data, self._deployment)
        return []

    def finish(self) -> list[Chunk]:
        if not self._finished:
            raise self._truncated("closed the stream before it had finished")
        return []

    def _write(self, answer_id: str) -> ChunkWriter:
        return ChunkWriter(answer_id, created_at(self._call), self._deployment.label)

    def _truncated(self, what: str) -> TruncatedStreamError:
        provider = self._deployment.provider
        return TruncatedStreamError(f"{provider} {what}", provider=provider)

    def _on_message_start(self, data: Mapping[str, Any]) -> list[Chunk]:
        if data.get("id"):
            self._writer = self._write(str(data["id"]))
        return [self._writer.role()]

    def _on_content(self, data: Mapping[str, Any]) -> list[Chunk]:
        content = mapping(_message(data).get("content"))
        item = data.get("logprobs")
        logprobs = parse_logprobs([item]) if isinstance(item, Mapping) else None
        text, thinking = content.get("text"), content.get("thinking")
        chunks = []
        if _is_text(thinking):
            self._thought = True
            chunks.append(self._writer.delta({"reasoning_content": thinking}))
        if _is_text(text):
            chunks.append(self._writer.delta({"content": text}, logprobs=logprobs))
        return chunks

    def _on_plan(self, data: Mapping[str, Any]) -> list[Chunk]:
        plan = _message(data).get("tool_plan")
        if not _is_text(plan):
            return []
        reasoning = {} if self._thought else {"reasoning_content": plan}
        return [self._writer.delta({**reasoning, "provider_specific_fields": {"tool_plan": plan}})]

    def _on_call_start(self, data: Mapping[str, Any]) -> list[Chunk]:
        tool_call = mapping(_message(data).get("tool_calls"))
        function = mapping(tool_call.get("function"))
        arguments = function.get("arguments")
        self._arguments = _is_text(arguments)
        self._calls += 1
        index = self._calls - 1
        started = {
            "index": index,
            "id": call_id(tool_call, self._call, index),
            "type": "function",
            "function": {"name": function.get("name"), "arguments": arguments if self._arguments else ""},
        }
        return [self._writer.delta({"tool_calls": [started]})]

    def _on_call_delta(self, data: Mapping[str, Any]) -> list[Chunk]:
        function = mapping(mapping(_message(data).get("tool_calls")).get("function"))
        return self._add_arguments(function.get("arguments"))

    def _on_call_end(self, _: Mapping[str, Any]) -> list[Chunk]:
        """A call without arguments still has an object of them."""
        return [] if self._arguments else self._add_arguments("{}")

    def _add_arguments(self, arguments: object) -> list[Chunk]:
        if not self._calls or not _is_text(arguments):
            return []
        self._arguments = True
        return [self._writer.delta({"tool_calls": [{"index": self._calls - 1, "function": {"arguments": arguments}}]})]

    def _on_citation(self, data: Mapping[str, Any]) -> list[Chunk]:
        citation = _message(data).get("citations")
        self._citations.extend(citation if isinstance(citation, list) else [citation])
        return []

    def _on_message_end(self, data: Mapping[str, Any]) -> list[Chunk]:
        delta = mapping(data.get("delta"))
        reason = finish_reason(delta.get("finish_reason"), self._deployment, delta.get("error"))
        self._finished = True
        specific = specific_fields(self._citations)
        cited = [self._writer.delta(specific, content=False)] if specific else []
        return [*cited, self._writer.finish(reason), self._writer.usage(parse_usage(delta.get("usage")))]


_HANDLERS: Mapping[str, Callable[[ChatStream, Mapping[str, Any]], list[Chunk]]] = {
    "content-delta": ChatStream._on_content,
    "content-start": ChatStream._on_content,
    "message-start": ChatStream._on_message_start,
    "message-end": ChatStream._on_message_end,
    "tool-plan-delta": ChatStream._on_plan,
    "tool-call-start": ChatStream._on_call_start,
    "tool-call-delta": ChatStream._on_call_delta,
    "tool-call-end": ChatStream._on_call_end,
    "citation-start": ChatStream._on_citation,
}


def _message(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(mapping(data.get("delta")).get("message"))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""
