"""A stream in OpenAI's format: chunks are relayed as they came, put in order where a server is careless."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from proxy.domain.answer import Chunk, build_chunk, read_chunk
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps, without_half_pairs
from proxy.domain.json_text.document import splice
from proxy.domain.wire import Event
from proxy.errors import TruncatedStreamError
from proxy.providers.compatible.chunk_template import ChunkTemplate
from proxy.providers.compatible.dialect import Rewrite
from proxy.providers.compatible.lenient import MOST_CALLS, ChunkRepair, find_error, read_index
from proxy.providers.translation.errors import WordRules, error_from_event
from proxy.providers.translation.json_reading import mapping, parse_event

# Providers whose answers name their model without a prefix.
_UNPREFIXED = frozenset({"openai", "azure", "text-completion-openai"})
# How often a stream's chunks may look new. Those of some providers carry the time of each.
_SAMPLES = 4
# Azure's members of a chunk without choices.
_OF_PROMPT = ("prompt_filter_results", "prompt_annotations")
# What some chunks call themselves.
_NO_CHUNK = ("", "chat.completion")
_MODEL_MEMBER = re.compile(rb'"model"\s*:\s*"(?:[^"\\]|\\.)*"')


def prefixed(model: object, deployment: Deployment) -> str | None:
    """`model` as the page shows it: `groq/llama3-8b-8192`, but plain for openai and azure."""
    if not isinstance(model, str) or not model:
        return None
    prefix = deployment.provider + "/"
    if deployment.provider in _UNPREFIXED or model.startswith(prefix):
        return model
    return prefix + model


class StreamRow(Protocol):
    """What a stream needs of a provider's row (openai.py)."""

    @property
    def chunk(self) -> Rewrite | None: ...

    @property
    def words(self) -> WordRules: ...


class CompatibleStream:
    """Relays chunks; finished means every choice had its finish_reason, and [DONE] or the end of the body came."""

    __slots__ = (
        "_choices",
        "_deployment",
        "_done",
        "_finished",
        "_held",
        "_last",
        "_member",
        "_model",
        "_repair",
        "_row",
        "_samples",
        "_template",
        "_unnamed",
    )  # fmt: skip

    def __init__(self, deployment: Deployment, row: StreamRow, choices: int = 1) -> None:
        self._deployment = deployment
        self._row = row
        self._choices = choices
        self._finished: set[int] = set()
        self._done = False
        self._member: bytes | None = None
        self._samples = _SAMPLES
        self._template: ChunkTemplate | None = None
        self._model: str | None = None
        self._repair = ChunkRepair()
        # The prompt's facts from a chunk without choices: they are sent with the next one.
        self._held: dict[str, Any] = {}
        # The choices whose finish reason is an empty text, and the last such chunk.
        self._unnamed: set[int] = set()
        self._last: Mapping[str, Any] = {}

    def feed(self, event: Event) -> list[Chunk]:
        data = event.data
        if self._done or not data:
            return []
        if data == b"[DONE]":
            self._done = True
            return []
        if self._template is not None and self._template.covers(data) and not event.name:
            return [Chunk(data if self._model is None else self._with_model(data, self._model), True)]
        fields = parse_event(data, self._deployment, "a chunk")
        if isinstance(fields, list) and fields:
            # Google's endpoint for OpenAI's format puts its errors into a list.
            fields = fields[0]
        if not isinstance(fields, dict):
            return []
        failure = fields if event.name == "error" else find_error(fields)
        if failure is not None:
            raise error_from_event(dumps(failure), self._deployment, words=self._row.words)
        return self._relay(event, fields)

    def _relay(self, event: Event, fields: dict[str, Any]) -> list[Chunk]:
        model = prefixed(fields.get("model"), self._deployment)
        other_model = model if model is not None and model != fields["model"] else None
        changes = self._change(fields)
        # Half a surrogate pair is no text that a client could read.
        data = without_half_pairs(event.data)
        if changes:
            fields = {**fields, **changes, **({"model": model} if model else {})}
            data = dumps(fields)
        elif other_model is not None:
            data = self._with_model(data, other_model)
        chunk = read_chunk(data, fields)
        if not changes and chunk.content and not chunk.finished and chunk.usage is None and self._samples:
            self._sample(event.data, fields, other_model)
        if chunk.without_choices:
            return self._relay_bare(chunk, fields)
        if chunk.finished:
            self._finished.update(_finished_choices(fields))
        return [chunk]

    def _change(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The members that must change: by the provider's row, and because the server is careless."""
        changes = dict(self._row.chunk(fields)) if self._row.chunk is not None else {}
        self._note_unnamed(fields)
        repaired = self._repair.repair({**fields, **changes} if changes else fields)
        if repaired is not None:
            changes["choices"] = repaired
            # A call may differ from its index: no chunk equals an earlier one from here on.
            self._template, self._samples = None, 0
        if fields.get("choices"):
            if self._held:
                changes, self._held = {**self._held, **changes}, {}
            if fields.get("object") in _NO_CHUNK and _has_delta(changes.get("choices") or fields["choices"]):
                changes["object"] = "chat.completion.chunk"
        return changes

    def _note_unnamed(self, fields: Mapping[str, Any]) -> None:
        """xAI ends calls of tools with an empty finish reason; others write it where nothing has finished yet."""
        choices = fields.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, Mapping) and choice.get("finish_reason") == "" and len(self._unnamed) < MOST_CALLS:
                self._unnamed.add(read_index(choice.get("index")) or 0)
                self._last = fields

    def _sample(self, data: bytes, fields: Mapping[str, Any], other_model: str | None) -> None:
        """Keep a chunk as a template, unless it names a tool: a name must not be sent twice."""
        self._samples -= 1
        if not any(_names_call(choice) for choice in fields["choices"]):
            self._template, self._model = ChunkTemplate(data), other_model

    def _relay_bare(self, chunk: Chunk, fields: Mapping[str, Any]) -> list[Chunk]:
        """A chunk without choices: usage goes out; of anything else only Azure's facts about the prompt, with the next chunk."""
        if chunk.usage is None:
            self._held.update({name: fields[name] for name in _OF_PROMPT if name in fields})
            return []
        return [chunk if fields.get("choices") == [] else build_chunk({**fields, "choices": []})]

    def _with_model(self, data: bytes, model: str) -> bytes:
        """The chunk's bytes with another model in them. How the member looks is remembered: all chunks have the same."""
        if self._member is None or data.count(self._member) != 1:
            found = _MODEL_MEMBER.findall(data)
            if len(found) != 1:
                return splice(data, {"model": model})
            self._member = found[0]
        return data.replace(self._member, b'"model":' + dumps(model), 1)

    def finish(self) -> list[Chunk]:
        if self._done and self._unnamed and len(self._finished | self._unnamed) >= self._choices:
            unfinished = sorted(self._unnamed - self._finished)
            return [self._build_finish(index) for index in unfinished]
        if len(self._finished) < self._choices:
            raise TruncatedStreamError(
                f"{self._deployment.provider} closed the stream before it had finished",
                provider=self._deployment.provider,
            )
        return []

    def _build_finish(self, index: int) -> Chunk:
        reason = "tool_calls" if index in self._repair.called else "stop"
        kept = {name: value for name, value in self._last.items() if name in ("id", "object", "created")}
        model = prefixed(self._last.get("model"), self._deployment)
        choice = {"index": index, "delta": {}, "finish_reason": reason}
        return build_chunk({**kept, "model": model, "choices": [choice]})


def _has_delta(choices: object) -> bool:
    listed = choices if isinstance(choices, list) else []
    return any(isinstance(choice, Mapping) and "delta" in choice for choice in listed)


def _names_call(choice: Any) -> bool:
    delta = choice.get("delta") if isinstance(choice, Mapping) else None
    calls = delta.get("tool_calls") if isinstance(delta, Mapping) else None
    return isinstance(calls, list) and any(
        call.get("id") or mapping(call.get("function")).get("name") for call in calls
    )


def _finished_choices(fields: Mapping[str, Any]) -> set[int]:
    choices = [choice for choice in fields["choices"] if isinstance(choice, Mapping)]
    return {read_index(choice.get("index")) or 0 for choice in choices if choice.get("finish_reason")}
