"""Building OpenAI's answers, whole and in chunks, for formats that are translated."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from proxy.domain.answer import Answer, Chunk
from proxy.domain.call import Call
from proxy.domain.json_text.codec import dumps
from proxy.domain.usage import Usage


class ChunkWriter:
    """Writes the chunks of one choice. What is the same in all of them is serialised once, for speed."""

    __slots__ = ("_end", "_head", "_start")

    def __init__(self, answer_id: str, created: int, model: str, index: int = 0) -> None:
        head = dumps({"id": answer_id, "object": "chat.completion.chunk", "created": created, "model": model})
        self._head = head[:-1]
        self._start = self._head + b',"choices":[{"index":%d,"delta":' % index
        self._end = b',"finish_reason":null,"logprobs":null}]}'

    def role(self) -> Chunk:
        """The first chunk."""
        return self.delta({"role": "assistant", "content": ""}, content=False)

    def delta(
        self, delta: Mapping[str, Any], *, content: bool = True, logprobs: Mapping[str, Any] | None = None
    ) -> Chunk:
        end = self._end
        if logprobs is not None:
            end = b',"finish_reason":null,"logprobs":' + dumps(logprobs) + b"}]}"
        return Chunk(self._start + dumps(delta) + end, content)

    def finish(self, reason: str) -> Chunk:
        """The chunk that carries the finish_reason."""
        end = b',"finish_reason":' + dumps(reason) + b',"logprobs":null}]}'
        return Chunk(self._start + b"{}" + end, finished=True)

    def usage(self, usage: Usage, more: Mapping[str, Any] | None = None) -> Chunk:
        """The last chunk, without choices. `more`: further members of the usage object."""
        document = {**usage.to_openai(), **(more or {})}
        return Chunk(self._head + b',"choices":[],"usage":' + dumps(document) + b"}", usage=usage, without_choices=True)


def created_at(call: Call) -> int:
    """`created` for providers that don't send it: Unix seconds."""
    return int(call.started_at)


class Completion(NamedTuple):
    """A whole answer of one choice. `more` and `more_usage`: further members of the answer and of its usage."""

    id: str
    created: int
    model: str
    message: Mapping[str, Any]
    finish_reason: str
    usage: Usage | None = None
    logprobs: Mapping[str, Any] | None = None
    more: Mapping[str, Any] = MappingProxyType({})
    more_usage: Mapping[str, Any] = MappingProxyType({})

    def to_answer(self, headers: Mapping[str, str]) -> Answer:
        """`headers` are the provider's."""
        choice = {"index": 0, "message": self.message, "finish_reason": self.finish_reason, "logprobs": self.logprobs}
        document: dict[str, Any] = {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [choice],
        }
        if self.usage is not None:
            document["usage"] = {**self.usage.to_openai(), **self.more_usage}
        document.update(self.more)
        return Answer(dumps(document), self.usage, self.model, headers)
