"""Many clients at once out of one thread: each asks for one stream over HTTP/1.0, so that its body comes unchunked."""

import asyncio
import json
from typing import Any, NamedTuple


class Seen(NamedTuple):
    """What a client got: the status line, the events' payloads, the comments."""

    status: str
    events: list[str]
    comments: list[str]


class Client:
    """One stream. `started` is set with the first byte of its body."""

    def __init__(self, port: int, body: dict[str, Any], *, stream: bool = True) -> None:
        self._port = port
        self._body = json.dumps({**body, "stream": stream}).encode()
        self.started = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None

    async def run(self) -> Seen:
        """Read to the end, or to where it is cut."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        head = f"POST /chat/completions HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {len(self._body)}\r\n\r\n"
        self._writer.write(head.encode() + self._body)
        try:
            answered = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first = await reader.read(1)
            self.started.set()
            rest = await reader.read()
        finally:
            self._writer.close()
        lines = (first + rest).decode().split("\n\n")
        events = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return Seen(answered.splitlines()[0], events, [line for line in lines if line.startswith(": ")])

    def vanish(self) -> None:
        """Leave without a word."""
        if self._writer is not None:
            self._writer.transport.abort()


def text_in(seen: Seen) -> str:
    chunks = [json.loads(event) for event in seen.events if event != "[DONE]"]
    choices = [choice for chunk in chunks for choice in chunk.get("choices") or ()]
    return "".join(choice["delta"].get("content") or "" for choice in choices)
