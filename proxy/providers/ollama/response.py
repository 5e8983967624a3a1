"""Ollama's answers, whole and streamed, as OpenAI's.

https://docs.ollama.com/api/chat (response) and https://docs.ollama.com/api/streaming
"""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.domain.answer import Answer, Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.usage import Usage, token_count
from proxy.domain.wire import Event
from proxy.errors import InvalidProviderResponseError, TruncatedStreamError
from proxy.providers.compatible.stream import prefixed
from proxy.providers.translation.chunks import ChunkWriter, Completion, created_at
from proxy.providers.translation.embeddings import build_embeddings
from proxy.providers.translation.errors import error_from_event
from proxy.providers.translation.json_reading import dump_arguments, parse_event, parse_object, text_of


def parse_chat(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """The answer; raises InvalidProviderResponseError for one without a message, or the error that a 200 carries."""
    reply = _read(body, deployment)
    message = reply.get("message")
    if not isinstance(message, Mapping):
        raise InvalidProviderResponseError("Ollama answered without a message", provider=deployment.provider)
    calls = list(_tool_calls(message, call, 0))
    built: dict[str, Any] = {"role": "assistant", "content": text_of(message.get("content")) or (None if calls else "")}
    if calls:
        built["tool_calls"] = calls
    thinking = _thinking(message)
    if thinking:
        built["reasoning_content"] = thinking
    images = _images(message)
    if images:
        built["images"] = images
    answer = Completion(
        _answer_id(call),
        created_at(call),
        _model(reply, deployment),
        built,
        _finish_reason(reply, called=bool(calls)),
        usage=_usage(reply),
    ).to_answer(headers)
    logprobs = _logprobs(reply)
    return answer if logprobs is None else _with_logprobs(answer, logprobs)


def parse_embedding(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    reply = _read(body, deployment)
    # The older /api/embeddings, and servers that imitate it, have one vector only.
    rows = reply.get("embeddings") or [reply.get("embedding")]
    vectors = [row for row in rows if isinstance(row, list)] if isinstance(rows, list) else []
    if not vectors:
        raise InvalidProviderResponseError("Ollama answered without an embedding", provider=deployment.provider)
    return build_embeddings(
        call, _model(reply, deployment), vectors, token_count(reply.get("prompt_eval_count")), headers
    )


class OllamaStream:
    """One JSON object a line. Finished means that one has `done`; a line with `error` is the end, too."""

    def __init__(self, call: Call, deployment: Deployment) -> None:
        self._call = call
        self._deployment = deployment
        self._writer: ChunkWriter | None = None
        self._calls = 0
        self._finished = False

    def feed(self, event: Event) -> list[Chunk]:
        if self._finished or not event.data.strip():
            return []
        line = parse_event(event.data, self._deployment, "a line")
        if not isinstance(line, dict):
            return []
        if line.get("error"):
            raise error_from_event(event.data, self._deployment)
        chunks: list[Chunk] = []
        if self._writer is None:
            model = _model(line, self._deployment)
            self._writer = ChunkWriter(_answer_id(self._call), created_at(self._call), model)
            chunks.append(self._writer.role())
        delta = self._delta(line.get("message"))
        if delta:
            chunks.append(self._writer.delta(delta, logprobs=_logprobs(line)))
        if line.get("done"):
            self._finished = True
            chunks.append(self._writer.finish(_finish_reason(line, called=self._calls > 0)))
            chunks.append(self._writer.usage(_usage(line)))
        return chunks

    def finish(self) -> list[Chunk]:
        if not self._finished:
            raise TruncatedStreamError(
                "Ollama closed the stream before it was done", provider=self._deployment.provider
            )
        return []

    def _delta(self, message: object) -> dict[str, Any]:
        if not isinstance(message, Mapping):
            return {}
        delta: dict[str, Any] = {}
        thinking = _thinking(message)
        if thinking:
            delta["reasoning_content"] = thinking
        if text_of(message.get("content")):
            delta["content"] = message["content"]
        calls = [
            {"index": self._calls + offset, **one}
            for offset, one in enumerate(_tool_calls(message, self._call, self._calls))
        ]
        if calls:
            self._calls += len(calls)
            delta["tool_calls"] = calls
        images = _images(message)
        if images:
            delta["images"] = images
        return delta


def _read(body: bytes, deployment: Deployment) -> dict[str, Any]:
    reply = parse_object(body, deployment)
    if reply.get("error"):
        raise error_from_event(body, deployment)
    return reply


def _answer_id(call: Call) -> str:
    return f"chatcmpl-{call.id}"


def _model(reply: Mapping[str, Any], deployment: Deployment) -> str:
    return prefixed(reply.get("model"), deployment) or deployment.label


def _tool_calls(message: Mapping[str, Any], call: Call, first: int) -> Iterator[dict[str, Any]]:
    """The calls; older servers give no ids, so they are made of the position."""
    calls = message.get("tool_calls")
    functions = [one for one in calls if isinstance(one, Mapping)] if isinstance(calls, list) else []
    for position, one in enumerate(functions, first):
        function = one.get("function")
        function = function if isinstance(function, Mapping) else {}
        arguments = function.get("arguments")
        yield {
            "id": one.get("id") or f"call_{call.id}_{position}",
            "type": "function",
            "function": {
                "name": function.get("name") or "",
                "arguments": dump_arguments(arguments),
            },
        }


def _finish_reason(reply: Mapping[str, Any], *, called: bool) -> str:
    if called:
        return "tool_calls"
    return "length" if reply.get("done_reason") == "length" else "stop"


def _usage(reply: Mapping[str, Any]) -> Usage:
    prompt, completion = token_count(reply.get("prompt_eval_count")), token_count(reply.get("eval_count"))
    return Usage(prompt, completion, prompt + completion)


def _logprobs(reply: Mapping[str, Any]) -> dict[str, Any] | None:
    """Ollama's list has the members that OpenAI's `content` has."""
    found = reply.get("logprobs")
    return {"content": found, "refusal": None} if isinstance(found, list) and found else None


def _with_logprobs(answer: Answer, logprobs: Mapping[str, Any]) -> Answer:
    document = loads(answer.body)
    document["choices"][0]["logprobs"] = logprobs
    return Answer(dumps(document), answer.usage, answer.model, answer.headers)


def _images(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    images = message.get("images")
    return [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}}
        for image in (images if isinstance(images, list) else ())
        if isinstance(image, str)
    ]


def _thinking(message: Mapping[str, Any]) -> str:
    """The thoughts, also under the name that imitations of Ollama use."""
    return text_of(message.get("thinking")) or text_of(message.get("reasoning_content"))
