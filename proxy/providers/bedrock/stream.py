"""ConverseStream's events as chunks.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

from proxy.domain.answer import Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.wire import Event
from proxy.errors import TruncatedStreamError
from proxy.providers.bedrock.errors import error_from_frame
from proxy.providers.bedrock.models import answer_model, read_family
from proxy.providers.bedrock.response import (
    answer_id,
    finish_reason,
    provider_fields,
    read_citation,
    read_image,
    read_usage,
)
from proxy.providers.bedrock.tools import JSON_TOOL, wants_json_tool
from proxy.providers.translation.chunks import ChunkWriter, created_at
from proxy.providers.translation.json_reading import mapping, parse_event


class ConverseStream:
    """Finished means that `messageStop` came; `metadata` with the usage follows it. Text blocks have no start event."""

    def __init__(self, call: Call, deployment: Deployment) -> None:
        self._call = call
        self._deployment = deployment
        self._json_tool = wants_json_tool(call.fields, read_family(deployment))
        self._writer = ChunkWriter(answer_id(call), created_at(call), answer_model(deployment))
        self._started = False
        self._finished = False
        # Per block index: the position of its tool call; -1 is the JSON tool, None one that the client doesn't see.
        self._calls: dict[int, int | None] = {}
        self._count = 0
        self._redacted: dict[int, list[str]] = {}
        self._texts: dict[int, StringIO] = {}
        self._signatures: dict[int, str] = {}
        self._thoughts = 0
        self._images = 0
        self._citations: list[Mapping[str, Any]] = []
        self._events: Mapping[str, Callable[[Mapping[str, Any]], list[Chunk]]] = {
            "messageStart": self._start,
            "contentBlockStart": self._block_start,
            "contentBlockDelta": self._block_delta,
            "contentBlockStop": self._block_stop,
            "messageStop": self._stop,
            "metadata": self._metadata,
        }

    def feed(self, event: Event) -> list[Chunk]:
        handle = self._events.get(event.name)
        if handle is None:
            if event.name.lower().endswith(("exception", "error", "failure")):
                raise error_from_frame(event.name, event.data, self._deployment)
            return []
        fields = parse_event(event.data, self._deployment, f"a {event.name} event")
        chunks = handle(fields) if isinstance(fields, dict) else []
        if chunks and not self._started:
            self._started = True
            return [self._writer.role(), *chunks]
        return chunks

    def finish(self) -> list[Chunk]:
        if not self._finished:
            raise TruncatedStreamError(
                "Bedrock closed the stream before the message had stopped", provider=self._deployment.provider
            )
        return []

    def _start(self, fields: Mapping[str, Any]) -> list[Chunk]:
        if self._started:
            return []
        self._started = True
        return [self._writer.role()]

    def _block_start(self, fields: Mapping[str, Any]) -> list[Chunk]:
        start = mapping(fields.get("start"))
        use = start.get("toolUse")
        if not isinstance(use, Mapping):
            return []
        index = _index(fields)
        if use.get("type") == "server_tool_use":
            self._calls[index] = None
            return []
        if self._json_tool and use.get("name") == JSON_TOOL:
            self._calls[index] = -1
            return []
        position = self._calls[index] = self._count
        self._count += 1
        call = {
            "index": position,
            "id": use.get("toolUseId") or f"call_{self._call.id}_{position}",
            "type": "function",
            "function": {"name": use.get("name") or "", "arguments": ""},
        }
        return [self._writer.delta({"tool_calls": [call]})]

    def _block_delta(self, fields: Mapping[str, Any]) -> list[Chunk]:
        delta = mapping(fields.get("delta"))
        text = delta.get("text")
        if isinstance(text, str):
            return [self._writer.delta({"content": text})] if text else []
        if "toolUse" in delta:
            return self._arguments(_index(fields), mapping(delta["toolUse"]).get("input"))
        if "reasoningContent" in delta:
            return self._thought(_index(fields), mapping(delta["reasoningContent"]))
        if "citation" in delta:
            self._citations.append(mapping(delta["citation"]))
        if "image" in delta and (image := read_image(mapping(delta["image"]))):
            self._images += 1
            return [self._writer.delta({"images": [{**image, "index": self._images - 1}]})]
        return []

    def _arguments(self, index: int, piece: object) -> list[Chunk]:
        position = self._calls.get(index)
        if not isinstance(piece, str) or not piece or position is None:
            return []
        if position < 0:
            return [self._writer.delta({"content": piece})]
        return [self._writer.delta({"tool_calls": [{"index": position, "function": {"arguments": piece}}]})]

    def _thought(self, index: int, reasoning: Mapping[str, Any]) -> list[Chunk]:
        text, signature, redacted = (reasoning.get(name) for name in ("text", "signature", "redactedContent"))
        if isinstance(redacted, str):
            self._redacted.setdefault(index, []).append(redacted)
            return []
        if isinstance(text, str) and text:
            self._texts.setdefault(index, StringIO()).write(text)
            return [self._writer.delta({"reasoning_content": text})]
        if isinstance(signature, str) and signature:
            self._signatures[index] = self._signatures.get(index, "") + signature
        return []

    def _block_stop(self, fields: Mapping[str, Any]) -> list[Chunk]:
        return self._whole_thought(_index(fields))

    def _whole_thought(self, index: int) -> list[Chunk]:
        """A thinking block whole, with its signature; clients that gather deltas need an index in lists."""
        pieces, text = self._redacted.pop(index, None), self._texts.pop(index, None)
        signature = self._signatures.pop(index, None)
        thought: dict[str, Any] = {"index": self._thoughts}
        if pieces:
            thought.update(type="redacted_thinking", data=_join_base64(pieces))
        elif text is not None or signature:
            signed = {"signature": signature} if signature else {}
            thought.update(type="thinking", thinking=text.getvalue() if text else "", **signed)
        else:
            return []
        self._thoughts += 1
        return [self._writer.delta({"thinking_blocks": [thought]})]

    def _stop(self, fields: Mapping[str, Any]) -> list[Chunk]:
        if self._finished:
            return []
        self._finished = True
        unstopped = sorted({*self._redacted, *self._texts, *self._signatures})
        chunks = [chunk for index in unstopped for chunk in self._whole_thought(index)]
        ending = self._ending(provider_fields(fields))
        if ending:
            chunks.append(self._writer.delta(ending, content=False))
        chunks.append(self._writer.finish(finish_reason(fields.get("stopReason"), called=self._count > 0)))
        return chunks

    def _ending(self, extra: Mapping[str, Any]) -> dict[str, Any]:
        """Facts about the whole answer: citations, once, and what OpenAI's form has no place for."""
        own = {**({"citations": self._citations} if self._citations else {}), **extra}
        ending: dict[str, Any] = {"provider_specific_fields": own} if own else {}
        annotations = [annotation for annotation in map(read_citation, self._citations) if annotation]
        return {**ending, "annotations": annotations} if annotations else ending

    def _metadata(self, fields: Mapping[str, Any]) -> list[Chunk]:
        usage = read_usage(fields.get("usage"))
        return [] if usage is None else [self._writer.usage(usage)]


def _join_base64(pieces: list[str]) -> str:
    """One base64 text of several, each of which is encoded separately; a single one stays as it came."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode()
    except binascii.Error:
        return "".join(pieces)


def _index(fields: Mapping[str, Any]) -> int:
    index = fields.get("contentBlockIndex")
    return index if isinstance(index, int) else 0
