"""What the fake provider answers: a pure function of the request, with settable delays and faults.

A request steers it by its model's name (`fail-429`, `slow-500`) or, in full, by the body field `mock`:
{"reply": text, "status": 429, "headers": {...}, "delay": seconds, "chunk_delay": seconds, "fault": name, "chunks": n}.
`echo_request` refuses with an error that repeats the request's headers, as some providers do.
Faults: `cut` (the connection breaks after half of the answer), `stall` (silence after half of it), `garbage` (bytes that
are no answer), `error_event` (an error inside a stream), `no_done` (ends without [DONE]), `no_finish`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from proxy.domain.mock_answers import Behaviour, MockChunk, count_usage, identity, reply_text
from proxy.domain.operations import find_by_path
from proxy.mock.form import read_body

# The fake provider may run within the gateway's own process: a request must not make it take much of that.
_MOST_CHUNKS = 10_000
_STEERING_MODEL = re.compile(r"(?:^|/)(fail|slow)-(\d+)$")
_WORD = re.compile(r"\s*\S+\s*")


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
    if path.rstrip("/").endswith("models"):
        return _whole(Behaviour(), _models(defaults or Behaviour()))
    try:
        body = read_body(raw, (headers or {}).get("content-type", ""))
    except ValueError:
        return _error(Behaviour(status=400), "the body is not JSON")
    if not isinstance(body, dict):
        return _error(Behaviour(status=400), "the body is not an object")
    behaviour = _behaviour(body, defaults or Behaviour())
    if behaviour.echo_request:
        echoed = " ".join((headers or {}).values())
        return _error(replace(behaviour, status=401, headers={"x-echo": echoed}), f"refused: {echoed}")
    if behaviour.status >= 300:
        return _error(behaviour, behaviour.reply or f"mock error {behaviour.status}")
    if behaviour.answer is not None and not body.get("stream"):
        return _whole(behaviour, behaviour.answer)
    if behaviour.fault == "garbage" and not body.get("stream"):
        return _paced(behaviour, "text/html", [b"<html>not an answer"])
    operation = find_by_path(path)
    if operation is not None and operation.mock_events and operation.wants_stream(body):
        return _event_stream(behaviour, operation.mock_events(body, behaviour))
    if operation is not None and body.get("stream") and operation.mock_chunk:
        return _stream(behaviour, body, operation.mock_chunk)
    if operation is not None and operation.mock:
        return _whole(behaviour, operation.mock(body, behaviour))
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
    if "headers" in known:
        given = known["headers"] if isinstance(known["headers"], dict) else {}
        known["headers"] = {name.lower(): str(value) for name, value in given.items()}
    return replace(defaults, **known)


def _models(behaviour: Behaviour) -> dict[str, Any]:
    model = {"id": "demo", "object": "model", "created": behaviour.created, "owned_by": "patchbay"}
    return {"object": "list", "data": [model]}


def _stream(behaviour: Behaviour, body: Mapping[str, Any], build: MockChunk) -> MockAnswer:
    headers = {
        "content-type": "text/event-stream; charset=utf-8",
        "x-request-id": "mock-request",
        **(behaviour.headers or {}),
    }
    return MockAnswer(200, headers, _events(behaviour, body, build))


def _events(behaviour: Behaviour, body: Mapping[str, Any], build: MockChunk) -> Iterator[bytes | Pause]:
    reply = reply_text(body, behaviour)
    base = {
        "id": identity("chatcmpl", body),
        "created": behaviour.created,
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
        last = {**build(base, None, None, False), "choices": [], "usage": behaviour.usage or count_usage(body, reply)}
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


def _event_stream(behaviour: Behaviour, events: Sequence[tuple[str, Mapping[str, Any]]]) -> MockAnswer:
    def body() -> Iterator[bytes | Pause]:
        if behaviour.delay:
            yield Pause(behaviour.delay)
        for name, data in events:
            yield (f"event: {name}\n".encode() if name else b"") + _event(data)
            if behaviour.fault:
                yield from _fault(behaviour.fault)

    return MockAnswer(200, {"content-type": "text/event-stream", "x-request-id": "mock-request"}, body())


def _event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _whole(behaviour: Behaviour, answered: Mapping[str, Any] | bytes) -> MockAnswer:
    if isinstance(answered, bytes):
        is_wave = answered.startswith(b"RIFF")
        return _paced(behaviour, "audio/wav" if is_wave else "text/plain; charset=utf-8", [answered])
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
