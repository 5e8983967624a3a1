"""What the fake provider answers: a pure function of the request, with settable delays and faults.

A request steers it by its model's name (`fail-429`, `slow-500`) or, in full, by the body field `mock`:
{"reply": text, "status": 429, "headers": {...}, "delay": seconds, "chunk_delay": seconds, "fault": name, "chunks": n}.
`echo_request` refuses with an error that repeats the request's headers, as some providers do.
Faults: `cut` (the connection breaks after half of the answer), `stall` (silence after half of it), `garbage` (bytes that
are no answer), `error_event` (an error inside a stream), `no_done` (ends without [DONE]), `no_finish`.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

CREATED = 1_700_000_000
# It may answer within the gateway's own process: a request must not make it take much of that.
_MOST_CHOICES = 16
_MOST_CHUNKS = 10_000
_MOST_DIMENSIONS = 4096
_MOST_REPEATED = 4000
_STEERING_MODEL = re.compile(r"(?:^|/)(fail|slow)-(\d+)$")
_WORD = re.compile(r"\s*\S+\s*")


@dataclass(frozen=True)
class Behaviour:
    """How one answer is given; times in seconds. `chunks`: how many pieces a streamed reply is cut into (0: a word each)."""

    reply: str | None = None
    status: int = 200
    headers: Mapping[str, str] | None = None
    delay: float = 0.0
    chunk_delay: float = 0.0
    chunks: int = 0
    fault: str | None = None
    echo_request: bool = False
    code: str | None = None
    answer: Mapping[str, Any] | None = None
    tool_calls: Sequence[Mapping[str, Any]] | None = None
    embedding: Sequence[float] | None = None
    usage: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Pause:
    """A silence between two pieces of a body."""

    seconds: float


class Broken(Exception):
    """Raised while a body is produced, to break the connection."""


@dataclass(frozen=True)
class MockAnswer:
    """`body` yields bytes and Pauses; it raises Broken where the connection is to break."""

    status: int
    headers: Mapping[str, str]
    body: Iterator[bytes | Pause]


def answer(
    path: str, raw: bytes, defaults: Behaviour | None = None, headers: Mapping[str, str] | None = None
) -> MockAnswer:
    """The answer to a POST of `raw` to `path`, or to a GET of models (`raw` empty)."""
    operation = "/".join(path.rstrip("/").rsplit("/", 2)[-2:])
    if operation.endswith("models"):
        return _whole(Behaviour(), {"object": "list", "data": [_model("demo")]})
    try:
        body = orjson.loads(raw)
    except ValueError:
        return _error(Behaviour(status=400), "the body is not JSON")
    if not isinstance(body, dict):
        return _error(Behaviour(status=400), "the body is not an object")
    behaviour = _behaviour(body, defaults or Behaviour())
    if behaviour.echo_request:
        said = " ".join((headers or {}).values())
        return _error(replace(behaviour, status=401, headers={"x-echo": said}), f"refused: {said}")
    if behaviour.status >= 300:
        return _error(behaviour, behaviour.reply or f"mock error {behaviour.status}")
    if behaviour.answer is not None and not body.get("stream"):
        return _whole(behaviour, behaviour.answer)
    if behaviour.fault == "garbage" and not body.get("stream"):
        return _paced(behaviour, "text/html", [b"<html>not an answer"])
    if operation == "chat/completions":
        return (
            _stream(behaviour, body, _chat_chunk) if body.get("stream") else _whole(behaviour, _chat(body, behaviour))
        )
    if operation.endswith("/completions") or operation == "completions":
        return (
            _stream(behaviour, body, _text_chunk) if body.get("stream") else _whole(behaviour, _text(body, behaviour))
        )
    if operation.endswith("embeddings"):
        return _whole(behaviour, _embeddings(body, behaviour))
    if operation.endswith("moderations"):
        return _whole(behaviour, _moderations(body))
    return _error(replace(behaviour, status=404), f"no such operation: {path}")


def _behaviour(body: Mapping[str, Any], defaults: Behaviour) -> Behaviour:
    steering = _STEERING_MODEL.search(str(body.get("model", "")))
    if steering:
        number = int(steering[2])
        defaults = replace(defaults, status=number) if steering[1] == "fail" else replace(defaults, delay=number / 1000)
    wanted = body.get("mock")
    if not isinstance(wanted, dict):
        return defaults
    known = {name: value for name, value in wanted.items() if name in Behaviour.__dataclass_fields__}
    return replace(defaults, **known)


def _reply(body: Mapping[str, Any], behaviour: Behaviour) -> str:
    if behaviour.reply is not None:
        return behaviour.reply
    messages = body.get("messages") or [{"content": body.get("prompt", "")}]
    content = messages[-1].get("content") if isinstance(messages[-1], dict) else ""
    if isinstance(content, list):
        content = " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return f"This is Patchbay's built-in demo model. You said: {str(content)[:_MOST_REPEATED]}"


def _usage(body: Mapping[str, Any], reply: str) -> dict[str, int]:
    prompt = _tokens(orjson.dumps(body.get("messages") or body.get("prompt") or body.get("input") or "").decode())
    completion = _tokens(reply)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _tokens(text: str) -> int:
    return max(1, len(text) // 4)


def _identity(prefix: str, body: Mapping[str, Any]) -> str:
    return f"{prefix}-{hashlib.sha256(orjson.dumps(body, default=str)).hexdigest()[:24]}"


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "patchbay"}


def _chat(body: Mapping[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    reply = _reply(body, behaviour)
    message: dict[str, Any] = {"role": "assistant", "content": reply, "refusal": None}
    finish = "stop"
    if behaviour.tool_calls:
        message, finish = {**message, "content": behaviour.reply, "tool_calls": behaviour.tool_calls}, "tool_calls"
    return {
        "id": _identity("chatcmpl", body),
        "object": "chat.completion",
        "created": CREATED,
        "model": body.get("model"),
        "choices": [
            {"index": index, "message": message, "logprobs": None, "finish_reason": finish}
            for index in range(min(int(body.get("n") or 1), _MOST_CHOICES))
        ],
        "usage": behaviour.usage or _usage(body, reply),
        "system_fingerprint": None,
    }


def _text(body: Mapping[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    reply = _reply(body, behaviour)
    return {
        "id": _identity("cmpl", body),
        "object": "text_completion",
        "created": CREATED,
        "model": body.get("model"),
        "choices": [{"index": 0, "text": reply, "logprobs": None, "finish_reason": "stop"}],
        "usage": behaviour.usage or _usage(body, reply),
    }


def _embeddings(body: Mapping[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    given = body.get("input")
    texts = given if isinstance(given, list) and given and not isinstance(given[0], int) else [given]
    size = min(int(body.get("dimensions") or 8), _MOST_DIMENSIONS)
    data = [
        {"object": "embedding", "index": index, "embedding": behaviour.embedding or _vector(text, size)}
        for index, text in enumerate(texts)
    ]
    usage = _usage(body, "")
    return {
        "object": "list",
        "data": data,
        "model": body.get("model"),
        "usage": {"prompt_tokens": usage["prompt_tokens"], "total_tokens": usage["prompt_tokens"]},
    }


def _vector(text: Any, size: int) -> list[float]:
    digest = hashlib.sha256(orjson.dumps(text)).digest()
    return [round(digest[position % 32] / 127.5 - 1, 6) for position in range(size)]


_CATEGORIES = (
    "harassment harassment/threatening hate hate/threatening self-harm self-harm/instructions self-harm/intent "
    "sexual sexual/minors violence violence/graphic"
).split()


def _moderations(body: Mapping[str, Any]) -> dict[str, Any]:
    given = body.get("input")
    texts = given if isinstance(given, list) and given and isinstance(given[0], str) else [given]
    result = {
        "flagged": False,
        "categories": dict.fromkeys(_CATEGORIES, False),
        "category_scores": dict.fromkeys(_CATEGORIES, 0.0),
    }
    return {
        "id": _identity("modr", body),
        "model": body.get("model") or "mock-moderation",
        "results": [result] * len(texts),
    }


def _chat_chunk(base: Mapping[str, Any], text: str | None, finish: str | None, first: bool) -> dict[str, Any]:
    delta: dict[str, Any] = {"role": "assistant", "content": ""} if first else {}
    if text is not None:
        delta["content"] = text
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**base, "object": "chat.completion.chunk", "choices": [choice]}


def _text_chunk(base: Mapping[str, Any], text: str | None, finish: str | None, first: bool) -> dict[str, Any]:
    choice = {"index": 0, "text": text or "", "logprobs": None, "finish_reason": finish}
    return {**base, "object": "text_completion", "choices": [choice]}


def _stream(behaviour: Behaviour, body: Mapping[str, Any], build: Any) -> MockAnswer:
    headers = {
        "content-type": "text/event-stream; charset=utf-8",
        "x-request-id": "mock-request",
        **(behaviour.headers or {}),
    }
    return MockAnswer(200, headers, _events(behaviour, body, build))


def _events(behaviour: Behaviour, body: Mapping[str, Any], build: Any) -> Iterator[bytes | Pause]:
    reply = _reply(body, behaviour)
    base = {
        "id": _identity("chatcmpl", body),
        "created": CREATED,
        "model": body.get("model"),
        "system_fingerprint": None,
    }
    calls = [{"index": index, **call} for index, call in enumerate(behaviour.tool_calls or ())]
    pieces = _pieces(reply, behaviour.chunks) if behaviour.reply or not calls else []
    if behaviour.delay:
        yield Pause(behaviour.delay)
    yield _event(build(base, None, None, True))
    if calls:
        delta = {"tool_calls": calls}
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
        yield _event({**base, "object": "chat.completion.chunk", "choices": [choice]})
    for position, piece in enumerate(pieces):
        yield _event(build(base, piece, None, False))
        if behaviour.chunk_delay:
            yield Pause(behaviour.chunk_delay)
        if behaviour.fault and position == len(pieces) // 2:
            yield from _fault(behaviour.fault)
    if behaviour.fault != "no_finish":
        yield _event(build(base, None, "tool_calls" if behaviour.tool_calls else "stop", False))
    if (body.get("stream_options") or {}).get("include_usage"):
        last = {**build(base, None, None, False), "choices": [], "usage": behaviour.usage or _usage(body, reply)}
        yield _event(last)
    if behaviour.fault not in ("no_done", "no_finish"):
        yield b"data: [DONE]\n\n"


def _fault(fault: str) -> Iterator[bytes | Pause]:
    if fault == "cut":
        raise Broken
    if fault == "stall":
        yield Pause(3600)
    if fault == "garbage":
        yield b"data: {not json\n\n"
    if fault == "error_event":
        yield _event({"error": {"message": "mock error in the stream", "type": "server_error", "code": "server_error"}})
        raise Broken


def _pieces(reply: str, count: int) -> list[str]:
    if count <= 0:
        return _WORD.findall(reply) or [reply]
    size = max(1, -(-len(reply) // count))
    return [reply[start : start + size] or " " for start in range(0, size * min(count, _MOST_CHUNKS), size)]


def _event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _whole(behaviour: Behaviour, answered: Mapping[str, Any]) -> MockAnswer:
    raw = orjson.dumps(answered)
    if behaviour.fault == "cut":
        return _paced(behaviour, "application/json", [raw[: len(raw) // 2]], cut_of=len(raw))
    return _paced(behaviour, "application/json", [raw])


def _error(behaviour: Behaviour, message: str) -> MockAnswer:
    kind = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}.get(behaviour.status)
    kind = kind or ("invalid_request_error" if behaviour.status < 500 else "server_error")
    error = {"message": message, "type": kind, "param": None, "code": behaviour.code}
    return _paced(behaviour, "application/json", [orjson.dumps({"error": error})])


def _paced(behaviour: Behaviour, content_type: str, pieces: list[bytes], cut_of: int | None = None) -> MockAnswer:
    length = cut_of if cut_of is not None else sum(map(len, pieces))
    headers = {
        "content-type": content_type,
        "content-length": str(length),
        "x-request-id": "mock-request",
        "x-ratelimit-remaining-requests": "9999",
        **(behaviour.headers or {}),
    }

    def body() -> Iterator[bytes | Pause]:
        if behaviour.delay:
            yield Pause(behaviour.delay)
        yield from pieces
        if cut_of is not None:
            raise Broken

    return MockAnswer(behaviour.status, headers, body())
