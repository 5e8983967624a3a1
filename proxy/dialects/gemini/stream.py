"""A streamed chat completion as Google's answers, each of which holds what is new: as events, or as the items of an array.

Google's streams have no end mark: an answer is finished when its candidates have a finishReason. So that is written with the
end only, and a broken stream never has one.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from proxy.dialects.gemini.answer import (
    AUDIO_TYPE,
    build_calls,
    finish_reason,
    grounding,
    log_probabilities,
    mapping,
    pictures,
)
from proxy.dialects.gemini.usage import build_usage
from proxy.domain.answer import Chunk
from proxy.domain.carried_thoughts import pack_thoughts
from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.usage import Usage


class Framing(Protocol):
    """How the answers of one stream follow each other."""

    def write(self, data: bytes) -> bytes:
        """One answer, as JSON."""

    def ping(self) -> bytes:
        """Keeps a silent stream alive. It is white space: Google's SDKs take a comment for an answer."""

    def end(self) -> bytes: ...


class EventFraming:
    """`alt=sse`: events of data without names."""

    def write(self, data: bytes) -> bytes:
        # Some clients read line by line.
        text = dumps(loads(data)) if b"\n" in data else data
        return b"data: %b\r\n\r\n" % text

    def ping(self) -> bytes:
        return b"\r\n"

    def end(self) -> bytes:
        return b""


class ArrayFraming:
    """One JSON array. A broken one ends with the error as its last item."""

    def __init__(self) -> None:
        self._before = b"["

    def write(self, data: bytes) -> bytes:
        before, self._before = self._before, b",\r\n"
        return before + data

    def ping(self) -> bytes:
        return b"\r\n"

    def end(self) -> bytes:
        return b"]" if self._before != b"[" else b"[]"


class ForwardingWriter:
    """The answers of a provider that speaks the client's dialect, as they are."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing

    def frames(self, chunks: list[Chunk]) -> bytes:
        return b"".join([self._framing.write(chunk.data) for chunk in chunks])

    def ping(self, notice: str | None) -> bytes:
        return self._framing.ping()

    def end(self) -> bytes:
        return self._framing.end()

    def error(self, body: bytes) -> bytes:
        return self._framing.write(body) + self._framing.end()


class _Call:
    """A tool call that is arriving."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments = ""

    def add(self, piece: Mapping[str, Any]) -> None:
        function = mapping(piece.get("function"))
        self.id = self.id or str(piece.get("id") or "")
        self.name = self.name or str(function.get("name") or "")
        arguments = function.get("arguments")
        self.arguments += arguments if isinstance(arguments, str) else dumps(arguments).decode() if arguments else ""


class _Candidate:
    """One streamed choice. Google's calls are whole: they are written with the end."""

    def __init__(self) -> None:
        self.calls: dict[Any, _Call] = {}
        self.finish: object = None
        self.thoughts: dict[str, Any] = {"reasoning_content": "", "thinking_blocks": [], "reasoning_details": []}
        self.annotations: list[Any] = []
        self.specific: dict[str, Any] = {}

    def read(self, delta: Mapping[str, Any], *, shows_thoughts: bool) -> list[dict[str, Any]]:
        """The parts that can be written at once."""
        parts: list[dict[str, Any]] = []
        thought = delta.get("reasoning_content")
        if isinstance(thought, str) and thought:
            self.thoughts["reasoning_content"] += thought
            parts += [{"text": thought, "thought": True}] if shows_thoughts else []
        text = delta.get("content") or delta.get("refusal")
        if isinstance(text, str) and text:
            parts.append({"text": text})
        parts += pictures(delta.get("images"))
        if data := mapping(delta.get("audio")).get("data"):
            parts.append({"inlineData": {"mimeType": AUDIO_TYPE, "data": data}})
        self._keep(delta)
        return parts

    def _keep(self, delta: Mapping[str, Any]) -> None:
        for block in _items(delta.get("thinking_blocks")):
            self.thoughts["thinking_blocks"].append({name: block[name] for name in block if name != "index"})
        for detail in _items(delta.get("reasoning_details")):
            _lengthen(self.thoughts["reasoning_details"], detail)
        for piece in _items(delta.get("tool_calls")):
            self.calls.setdefault(piece.get("index", 0), _Call()).add(piece)
        self.annotations += _items(delta.get("annotations"))
        self.specific.update(mapping(delta.get("provider_specific_fields")))

    def end(self, index: int) -> dict[str, Any]:
        calls = [(call.id, call.name, call.arguments) for call in self.calls.values()]
        parts = [*build_calls(calls, pack_thoughts(self.thoughts))] or [{"text": ""}]
        reason = finish_reason(self.finish, self.specific)
        candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": reason, "index": index}
        return candidate | grounding(self.annotations)


class GeminiWriter:
    """See StreamWriter. `answer_id` is for an answer whose chunks have no id."""

    def __init__(self, framing: Framing, answer_id: str, *, shows_thoughts: bool) -> None:
        self._framing = framing
        self._id = answer_id
        self._model = ""
        self._shows_thoughts = shows_thoughts
        self._candidates: dict[int, _Candidate] = {}
        self._usage: Usage | None = None

    def frames(self, chunks: list[Chunk]) -> bytes:
        return b"".join([self._frame(chunk) for chunk in chunks])

    def ping(self, notice: str | None) -> bytes:
        return self._framing.ping()

    def end(self) -> bytes:
        candidates = [candidate.end(index) for index, candidate in sorted(self._candidates.items())]
        return self._write(candidates, **build_usage(self._usage)) + self._framing.end()

    def error(self, body: bytes) -> bytes:
        return self._framing.write(body) + self._framing.end()

    def _frame(self, chunk: Chunk) -> bytes:
        fields = loads(chunk.data)
        if chunk.usage is not None:
            self._usage = chunk.usage
        self._id = str(fields.get("id") or self._id)
        self._model = str(fields.get("model") or self._model)
        written = [self._choice(choice) for choice in _items(fields.get("choices"))]
        candidates = [candidate for candidate in written if candidate is not None]
        return self._write(candidates) if candidates else b""

    def _choice(self, choice: Mapping[str, Any]) -> dict[str, Any] | None:
        index = choice.get("index") or 0
        candidate = self._candidates.setdefault(index, _Candidate())
        candidate.finish = choice.get("finish_reason") or candidate.finish
        parts = candidate.read(mapping(choice.get("delta")), shows_thoughts=self._shows_thoughts)
        if not parts:
            return None
        built = {"content": {"parts": parts, "role": "model"}, "index": index}
        return built | log_probabilities(choice.get("logprobs"))

    def _write(self, candidates: list[dict[str, Any]], **more: Any) -> bytes:
        answer = {"candidates": candidates, **more, "modelVersion": self._model, "responseId": self._id}
        return self._framing.write(dumps(answer))


def _lengthen(details: list[dict[str, Any]], piece: Mapping[str, Any]) -> None:
    """OpenRouter's details come in pieces: those of one type and index are one."""
    key = (piece.get("type"), piece.get("index"))
    for known in details:
        if (known.get("type"), known.get("index")) == key:
            for name, value in piece.items():
                longer = name in ("text", "summary", "data") and isinstance(value, str)
                known[name] = str(known.get(name) or "") + value if longer else value
            return
    details.append(dict(piece))


def _items(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
