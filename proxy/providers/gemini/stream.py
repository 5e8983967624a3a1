"""`streamGenerateContent?alt=sse` as chunks: each event is a whole answer that holds only what is new.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from collections.abc import Mapping
from typing import Any

from proxy.domain.answer import Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.usage import Usage
from proxy.domain.wire import Event
from proxy.errors import TruncatedStreamError
from proxy.providers.gemini.candidates import CandidateReader, finish_reason, logprobs, native_finish, read_reason
from proxy.providers.gemini.errors import event_error
from proxy.providers.gemini.grounding import annotations, kept
from proxy.providers.gemini.models import family
from proxy.providers.gemini.response import answer_id, answering_model, block_reason
from proxy.providers.gemini.usage import parse_usage
from proxy.providers.translation.chunks import ChunkWriter, created_at
from proxy.providers.translation.json_reading import parse_event

# All that most pieces of a candidate have.
_PLAIN = frozenset({"content", "index"})
# Some events bring a usage that counts nothing; the last that counts is the whole one.
_COUNTED = frozenset({"promptTokenCount", "candidatesTokenCount"})


class _Choice:
    """One streamed candidate. `last` collects what comes once, at its end; `reason` is the last finishReason."""

    __slots__ = ("last", "reader", "reason", "text", "writer")

    def __init__(self, writer: ChunkWriter, reader: CandidateReader) -> None:
        self.writer = writer
        self.reader = reader
        self.text: list[str] = []
        self.last: dict[str, Any] = {}
        self.reason: str | None = None

    def feed(self, candidate: Mapping[str, Any]) -> list[Chunk]:
        delta = self.reader.read(candidate)
        if delta.get("content"):
            self.text.append(delta["content"])
        elif "content" in delta and len(delta) == 1:
            delta = {}
        if candidate.keys() <= _PLAIN:
            return [self.writer.delta(delta)] if delta else []
        self.reason = read_reason(candidate) or self.reason
        self.last.update({name: value for name, value in candidate.items() if name not in _PLAIN})
        return [self.writer.delta(delta, logprobs=logprobs(candidate))] if delta else []

    def finish(self) -> list[Chunk]:
        """Annotations and signatures, then the finish_reason."""
        ending: dict[str, Any] = {}
        cited = annotations(self.last, "".join(self.text))
        if cited:
            ending["annotations"] = cited
        own = {**self.reader.fields, **kept(self.last), **native_finish(self.last)}
        if own:
            ending["provider_specific_fields"] = own
        chunks = [self.writer.delta(ending, content=bool(cited))] if ending else []
        return [*chunks, self.writer.finish(finish_reason(self.reason, self.reader.calls > 0))]


class GeminiStream:
    """Finished means every candidate had its finishReason, or the prompt was blocked. The finish is sent when the body
    ends: some models repeat finishReason in every event, and usage and signatures may still follow it."""

    def __init__(self, call: Call, deployment: Deployment) -> None:
        self._call = call
        self._deployment = deployment
        self._choices: dict[int, _Choice] = {}
        self._head: tuple[str, str] | None = None
        self._usage: Mapping[str, Any] | None = None

    def feed(self, event: Event) -> list[Chunk]:
        if not event.data or event.data == b"[DONE]":
            return []
        fields = self._read(event)
        if self._head is None:
            self._head = answer_id(fields, self._call), answering_model(fields, self._deployment)
        usage = fields.get("usageMetadata")
        if isinstance(usage, dict) and not _COUNTED.isdisjoint(usage):
            self._usage = usage
        candidates = fields.get("candidates")
        if not isinstance(candidates, list):
            blocked = block_reason(fields)
            candidates = [blocked] if blocked else []
        chunks: list[Chunk] = []
        for candidate in candidates:
            if isinstance(candidate, dict):
                chunks += self._feed_candidate(candidate)
        return chunks

    def finish(self) -> list[Chunk]:
        choices = [self._choices[index] for index in sorted(self._choices)]
        if not choices or any(choice.reason is None for choice in choices):
            raise TruncatedStreamError(
                f"{self._deployment.provider} closed the stream before it had finished",
                provider=self._deployment.provider,
            )
        chunks = [chunk for choice in choices for chunk in choice.finish()]
        usage = parse_usage(self._usage)
        return [*chunks, choices[0].writer.usage(usage)] if usage else chunks

    def usage_so_far(self) -> Usage | None:
        return parse_usage(self._usage)

    def _read(self, event: Event) -> Mapping[str, Any]:
        fields = parse_event(event.data, self._deployment)
        first = fields[0] if isinstance(fields, list) and fields else fields
        if event.name == "error" or (isinstance(first, dict) and first.get("error")):
            raise event_error(event.data, self._deployment)
        return first if isinstance(first, dict) else {}

    def _feed_candidate(self, candidate: Mapping[str, Any]) -> list[Chunk]:
        given = candidate.get("index")
        index = given if isinstance(given, int) else 0
        choice = self._choices.get(index)
        if choice is not None:
            return choice.feed(candidate)
        choice = self._choices[index] = self._open_choice(index)
        return [choice.writer.role(), *choice.feed(candidate)]

    def _open_choice(self, index: int) -> _Choice:
        answer, model = self._head or (f"chatcmpl-{self._call.id}", self._deployment.label)
        writer = ChunkWriter(answer, created_at(self._call), model, index)
        return _Choice(writer, CandidateReader(self._call, family(self._deployment), index))


def open_stream(call: Call, deployment: Deployment) -> GeminiStream:
    return GeminiStream(call, deployment)
