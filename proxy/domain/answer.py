"""What the gateway answers, in OpenAI's form."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from proxy.domain.json_text.codec import dumps
from proxy.domain.usage import Usage
from proxy.errors import GatewayError

JSON_TYPE = "application/json"
# Forms of a StreamReply that are no dialect's: bytes of a file, and whole server-sent events of an operation's own.
BYTES = "bytes"
EVENTS = "events"


class Answer(NamedTuple):
    """A whole answer: `body` is a JSON object's bytes, or what `content_type` names; `headers` the provider's (lower case).

    `dropped` names the parameters that were left out; `provider_seconds` is the time spent on the wire. `form` names the
    dialect that the body is written in.
    """

    body: bytes
    usage: Usage | None = None
    model: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    dropped: tuple[str, ...] = ()
    provider_seconds: float = 0.0
    form: str = "openai"
    content_type: str = JSON_TYPE


class Chunk(NamedTuple):
    """One streamed chunk: `data` is the JSON of a `chat.completion.chunk`, or whole events of the reply's form.

    `content`: it carries text, reasoning, a tool call or audio, so the status line can be sent.
    `finished`: it carries a finish_reason. `usage`: the tokens, in the chunk that brings them.
    `without_choices`: it has no choices (only usage or nothing), so a client that did not ask for usage never sees it.
    """

    data: bytes
    content: bool = False
    finished: bool = False
    usage: Usage | None = None
    without_choices: bool = False


_CONTENT = (
    "content",
    "tool_calls",
    "reasoning_content",
    "reasoning",
    "refusal",
    "function_call",
    "audio",
    "thinking_blocks",
    "reasoning_details",
    "annotations",
    "images",
)


def build_chunk(chunk: Mapping[str, Any]) -> Chunk:
    """A Chunk out of a `chat.completion.chunk` (or text completion chunk) object."""
    return read_chunk(dumps(chunk), chunk)


def read_chunk(data: bytes, chunk: Mapping[str, Any]) -> Chunk:
    """A Chunk of bytes that are there already, and their parsed form."""
    choices = chunk.get("choices")
    if not isinstance(choices, list):
        choices = ()
    content = finished = False
    for choice in choices:
        if not isinstance(choice, Mapping):
            continue
        delta = choice.get("delta")
        if isinstance(delta, Mapping):
            for name in _CONTENT:
                if delta.get(name):
                    content = True
        elif choice.get("text"):
            content = True
        if choice.get("finish_reason"):
            finished = True
    usage = chunk.get("usage")
    return Chunk(data, content, finished, Usage.from_openai(usage) if usage else None, not choices)


class Notice(list[Chunk]):
    """An empty list of chunks, with a word for the client: it becomes a comment of the stream."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


def _nothing_known() -> Usage | None:
    return None


def _no_reader(error: GatewayError) -> None:
    """For a stream without another reader."""


@dataclass(slots=True)
class StreamReply:
    """An open stream whose first content has already arrived.

    `chunks` yields the chunks that arrived together as one list, and an empty list when the provider has been silent for
    a tick (see Clocks); it ends after the finish, or raises a GatewayError where the stream broke. `close` gives the
    provider's connection up now: it must be called when the client leaves, and is safe to call at any time.
    `spent` returns the tokens so far, estimated where the provider has not counted them; `interrupt` ends the stream from another
    thread: its reader gets the error. `attempts`: the tries (Attempt) that were made after the stream had opened.
    `form` names the dialect that the chunks are written in.
    """

    chunks: Iterator[list[Chunk]]
    close: Callable[[], None]
    headers: Mapping[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    provider_seconds: float = 0.0
    spent: Callable[[], Usage | None] = _nothing_known
    interrupt: Callable[[GatewayError], None] = _no_reader
    attempts: Callable[[], tuple[Any, ...]] = tuple
    form: str = "openai"


class StreamEnd(NamedTuple):
    """What a stream leaves behind: its tokens (estimated where the provider did not count), the error if it broke or
    was left, and one of its chunks, which has the answer's id and model. `chunks` are all of them, where prompts and
    answers may be logged.
    """

    usage: Usage | None = None
    error: GatewayError | None = None
    chunk: bytes = b""
    chunks: Sequence[bytes] = ()


Reply = Answer | StreamReply
