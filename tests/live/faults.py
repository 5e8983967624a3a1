"""A provider that misbehaves on cue: raw sockets, four wire formats, and a fault that the URL's path names.

A path is `/<fault>/<moment>/<seed>/...`: the moment is `before` or `after` the first content, the seed makes the text and
where in it the fault strikes. `good` answers well; asked for the rest of a broken answer it gives exactly that.
"""

import asyncio
import base64
import binascii
import json
import random
import re
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NamedTuple

WORDS = "the river ran quietly past our old house while seven grey geese crossed a field of rye under clouds".split()


def text_of(seed: int) -> str:
    """The answer of this seed: no stretch of it comes twice."""
    dice = random.Random(seed)
    return " ".join(f"{dice.choice(WORDS)}{dice.choice('.,;:') if dice.random() < 0.2 else ''}" for _ in range(40))


def break_of(seed: int) -> int:
    """After how many characters the fault strikes."""
    return random.Random(seed + 1).randrange(1, len(text_of(seed)) - 1)


class Format(NamedTuple):
    """What one provider sends: `opening` without content, `content`, `closing`; `ending` is the very last event."""

    content_type: str
    opening: list[bytes]
    content: Callable[[str], bytes]
    closing: list[bytes]
    ending: list[bytes]
    error: bytes
    garbage: bytes


def sse(data: Any, name: str = "") -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


def frame(name: str, data: Any, kind: str = "event") -> bytes:
    """A frame of AWS's event stream."""
    payload = data if isinstance(data, bytes) else json.dumps(data).encode()
    headers = b""
    for key, value in ((":message-type", kind), (f":{kind}-type", name), (":content-type", "application/json")):
        headers += struct.pack("!B", len(key)) + key.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack("!I", binascii.crc32(prelude)) + headers + payload
    return message + struct.pack("!I", binascii.crc32(message))


def openai_chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return sse(chunk)


def claude(kind: str, **members: Any) -> bytes:
    return sse({"type": kind, **members}, kind)


def gemini(text: str | None, **members: Any) -> bytes:
    parts = [] if text is None else [{"text": text}]
    return sse({"candidates": [{"content": {"role": "model", "parts": parts}, **members}], "modelVersion": "g"})


FORMATS = {
    "openai": Format(
        "text/event-stream",
        [openai_chunk({"role": "assistant", "content": ""})],
        lambda text: openai_chunk({"content": text}),
        [openai_chunk({}, "stop")],
        [sse("[DONE]")],
        sse({"error": {"message": "overloaded", "type": "server_error", "code": None}}),
        sse("{not json"),
    ),
    "anthropic": Format(
        "text/event-stream",
        [
            claude(
                "message_start", message={"id": "m", "model": "claude", "usage": {"input_tokens": 9}, "content": []}
            ),
            claude("ping"),
            claude("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        ],
        lambda text: claude("content_block_delta", index=0, delta={"type": "text_delta", "text": text}),
        [
            claude("content_block_stop", index=0),
            claude("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 7}),
        ],
        [claude("message_stop")],
        claude("error", error={"type": "overloaded_error", "message": "Overloaded"}),
        sse("{not json", "content_block_delta"),
    ),
    "gemini": Format(
        "text/event-stream",
        [sse({"usageMetadata": {"promptTokenCount": 9}, "modelVersion": "g"})],
        gemini,
        [gemini(None, finishReason="STOP")],
        [],
        sse({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}),
        sse("{not json"),
    ),
    "bedrock": Format(
        "application/vnd.amazon.eventstream",
        [frame("messageStart", {"role": "assistant"})],
        lambda text: frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}}),
        [frame("contentBlockStop", {"contentBlockIndex": 0}), frame("messageStop", {"stopReason": "end_turn"})],
        [frame("metadata", {"usage": {"inputTokens": 9, "outputTokens": 7, "totalTokens": 16}})],
        frame("serviceUnavailableException", {"message": "overloaded"}, "exception"),
        frame("contentBlockDelta", b"{not json"),
    ),
}


def invoked(kind: str, **members: Any) -> bytes:
    """One of Anthropic's events in a frame, as InvokeModel has it."""
    event = json.dumps({"type": kind, **members}).encode()
    return frame("chunk", {"bytes": base64.b64encode(event).decode()})


# Asked for by clients that speak Anthropic's form only.
NATIVE_FORMATS = {
    "bedrock-invoke": Format(
        "application/vnd.amazon.eventstream",
        [
            invoked(
                "message_start", message={"id": "m", "model": "claude", "usage": {"input_tokens": 9}, "content": []}
            ),
            invoked("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        ],
        lambda text: invoked("content_block_delta", index=0, delta={"type": "text_delta", "text": text}),
        [
            invoked("content_block_stop", index=0),
            invoked("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 7}),
        ],
        [invoked("message_stop")],
        frame("serviceUnavailableException", {"message": "overloaded"}, "exception"),
        frame("chunk", {"bytes": "bm90IEpTT04="}),
    ),
}


def response_event(kind: str, **members: Any) -> bytes:
    return sse({"type": f"response.{kind}", **members}, f"response.{kind}")


_OPENED = {"id": "resp_1", "object": "response", "model": "m", "status": "in_progress", "output": []}
# Asked for by clients that speak the Responses API only.
RESPONSE_FORMATS = {
    "responses": Format(
        "text/event-stream",
        [response_event("created", response=_OPENED), response_event("in_progress", response=_OPENED)],
        lambda text: response_event("output_text.delta", item_id="i", output_index=0, content_index=0, delta=text),
        [response_event("output_item.done", output_index=0, item={"id": "i", "type": "message"})],
        [
            response_event(
                "completed",
                response={**_OPENED, "status": "completed", "usage": {"input_tokens": 9, "output_tokens": 7}},
            )
        ],
        sse({"type": "error", "code": "server_error", "message": "overloaded"}, "error"),
        sse("{not json", "response.completed"),
    ),
}

# In the order of the table. The first five can only strike before the first content.
BEFORE_ONLY = ("refused", "reset before the head", "head, then nothing", "status 500", "a page of HTML")
ANYTIME = (
    "error event",
    "clean end without a finish",
    "connection reset",
    "stall",
    "event that is not JSON",
    "invalid UTF-8",
    "half an event",
    "half a frame of HTTP",
    "never-ending",
    "dribble, a byte at a time",
)
AFTER_ONLY = ("finished, last event missing", "finished, connection stays open", "finished, connection reset")
FAULTS = (*BEFORE_ONLY, *ANYTIME, *AFTER_ONLY)
# Those that break an answer at once, without a clock.
QUICK = ("error event", "clean end without a finish", "connection reset", "event that is not JSON", "half an event")

_CUT_OFF = re.compile(r"Your last message was cut off.*from there: (\".*\")$", re.DOTALL)


class Exchange:
    """One answer being given."""

    def __init__(self, writer: asyncio.StreamWriter, form: Format) -> None:
        self._writer = writer
        self.form = form

    async def head(self, status: str = "200 OK", content_type: str = "") -> None:
        content_type = content_type or self.form.content_type
        lines = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
        await self.raw(lines.encode())

    async def send(self, *events: bytes) -> None:
        for event in events:
            await self.raw(b"%x\r\n%b\r\n" % (len(event), event))

    async def raw(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def end(self) -> None:
        await self.raw(b"0\r\n\r\n")

    def reset(self) -> None:
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


async def whole(exchange: Exchange, text: str) -> None:
    form = exchange.form
    await exchange.head()
    await exchange.send(*form.opening)
    for start in range(0, len(text), 9):
        await exchange.send(form.content(text[start : start + 9]))
    await exchange.send(*form.closing, *form.ending)
    await exchange.end()


async def strike(exchange: Exchange, fault: str, text: str, rest: str) -> None:  # noqa: PLR0912
    """The fault, after what `text` says and before `rest`; with no text, before the first content."""
    form = exchange.form
    if fault == "reset before the head":
        return exchange.reset()
    if fault == "status 500":
        await exchange.head("500 Internal Server Error", "application/json")
        await exchange.send(b'{"error": {"message": "broken", "type": "server_error"}, "message": "broken"}')
        return await exchange.end()
    if fault == "a page of HTML":
        await exchange.head("200 OK", "text/html")
        await exchange.send(b"<html>Sorry</html>")
        return await exchange.end()
    await exchange.head()
    if fault == "head, then nothing":
        await asyncio.sleep(60)
    opening = form.opening + [form.content(text[start : start + 9]) for start in range(0, len(text), 9)]
    if fault.startswith("dribble"):
        opening = opening[: len(form.opening) + 2]
        for byte in b"".join([*opening, *([] if text else [form.content("all")]), *form.closing, *form.ending]):
            await exchange.send(bytes([byte]))
        return await exchange.end()
    await exchange.send(*opening)
    if text:
        # So that what was said is not taken for a part of the fault.
        await asyncio.sleep(0.1)
    if fault == "error event":
        await exchange.send(form.error)
    elif fault == "connection reset":
        return exchange.reset()
    elif fault == "stall":
        await asyncio.sleep(60)
    elif fault == "event that is not JSON":
        await exchange.send(form.garbage)
    elif fault == "invalid UTF-8":
        await exchange.send(form.content("#").replace(b"#", b"\xff\xfe") if form.error[:1] != b"\x00" else _bad_frame())
    elif fault == "half an event":
        await exchange.send(form.content("half")[:-12])
    elif fault == "half a frame of HTTP":
        return await exchange.raw(b"ff\r\ndata: ")
    elif fault == "never-ending":
        for character in rest * 1000:
            await exchange.send(form.content(character) if text else form.opening[-1])
            await asyncio.sleep(0.25 if text else 0.05)
    elif fault.startswith("finished"):
        await exchange.send(*form.closing)
        if fault.endswith("open"):
            await exchange.send(*form.ending)
            await asyncio.sleep(60)
        if fault.endswith("reset"):
            await exchange.send(*form.ending)
            await asyncio.sleep(0.05)
            return exchange.reset()
    return await exchange.end()


def _bad_frame() -> bytes:
    return frame("contentBlockDelta", b'{"contentBlockIndex": 0, "delta": {"text": "\xff\xfe"}}')


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(inner)


def rest_of(text: str, body: dict[str, Any]) -> str:
    """What is left to say of `text`, given what the request's last message tells."""
    turns = body.get("messages") or body.get("contents")
    if not turns:
        return text
    last = turns[-1]
    said = list(strings(last.get("content") or last.get("parts")))[-1]
    asked = _CUT_OFF.search(said)
    if asked:
        return text[text.index(json.loads(asked[1])) :]
    return text[len(said) :] if last["role"] == "assistant" else text


class FaultyProvider:
    """Runs in a thread of its own. `open` counts the connections that are open, `asked` the requests."""

    def __init__(self) -> None:
        self.open = 0
        self.asked = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "FaultyProvider":
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=2048))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            self.open -= 1
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False when the connection can't serve another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        body = json.loads(await reader.readexactly(int(length[1]))) if length else {}
        self.asked += 1
        _, form, fault, moment, seed, *_ = head.split(" ")[1].split("/")
        exchange = Exchange(writer, {**FORMATS, **NATIVE_FORMATS, **RESPONSE_FORMATS}[form])
        text = text_of(int(body_seed(body) or seed))
        if fault == "good":
            await self._unless_left(reader, whole(exchange, rest_of(text, body)))
            return True
        if fault == "broken":
            number = int(body_seed(body) or seed)
            said = text[: break_of(number)] if random.Random(number + 2).random() < 0.8 else ""
            await self._unless_left(reader, strike(exchange, random.Random(number + 3).choice(QUICK), said, text))
            return False
        said = text[: break_of(int(seed))] if moment == "after" else ""
        await self._unless_left(reader, strike(exchange, FAULTS[int(fault)], said, text[len(said) :]))
        return False

    @staticmethod
    async def _unless_left(reader: asyncio.StreamReader, answering: Coroutine[Any, Any, None]) -> None:
        """Give the answer; stop when the other side closes the connection."""
        task = asyncio.ensure_future(answering)
        left = asyncio.ensure_future(reader.read(1))
        await asyncio.wait([task, left], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            raise ConnectionResetError
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        task.result()


def body_seed(body: dict[str, Any]) -> str | None:
    """A request may name the seed itself, in its first message."""
    turns = body.get("messages") or body.get("contents") or []
    for text in strings(turns[0]) if turns else ():
        found = re.fullmatch(r"seed (\d+)", text)
        if found:
            return found[1]
    return None


def deployment(port: int, form: str, fault: str, moment: str = "before", seed: int = 1) -> dict[str, Any]:
    """litellm_params of a provider that misbehaves so."""
    at = 1 if fault == "refused" else port
    base = f"http://127.0.0.1:{at}/{form}/{FAULTS.index(fault) if fault in FAULTS else fault}/{moment}/{seed}"
    if form == "openai":
        return {"model": "openai/m", "api_base": base, "api_key": "sk-x"}
    if form == "responses":
        return {"model": "openai/m", "api_base": base, "api_key": "sk-x", "use_responses_api": True}
    if form == "anthropic":
        return {"model": "anthropic/claude-sonnet-4-5", "api_base": base, "api_key": "sk-x"}
    if form == "gemini":
        return {"model": "gemini/gemini-2.5-flash", "api_base": base, "api_key": "sk-x"}
    name = "anthropic.claude-3-5-sonnet-20240620-v1:0"
    return {
        "model": f"bedrock/{name}" if form == "bedrock-invoke" else f"bedrock/converse/{name}",
        "aws_bedrock_runtime_endpoint": base,
        "aws_region_name": "us-east-1",
        "api_key": "bedrock-key",
    }
