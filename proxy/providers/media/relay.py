"""Streams of images and sound, passed on as they come: whole events of OpenAI's, or the bytes of a file.

https://platform.openai.com/docs/api-reference/images-streaming and .../audio
"""

from collections.abc import Mapping
from typing import Any

from proxy.domain.amounts import read_usage
from proxy.domain.answer import BYTES, EVENTS, Answer, Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.usage import Usage
from proxy.domain.wire import Event
from proxy.errors import TruncatedStreamError
from proxy.providers.contract import StreamDecoder
from proxy.providers.translation.errors import error_from_event
from proxy.providers.translation.json_reading import mapping, parse_event, text_of

_DONE = b"[DONE]"
# How the type of an answer's last event ends: image_generation.completed, transcript.text.done, speech.audio.done.
_LAST = (".completed", ".done")
_SEGMENT = "transcript.text.segment"


class EventRelay:
    """Events as they came, their usage read; see StreamDecoder. An event that is an error is raised as one."""

    form = EVENTS

    def __init__(self, call: Call, deployment: Deployment) -> None:
        self._call = call
        self._deployment = deployment
        self._answers = 0

    def feed(self, event: Event) -> list[Chunk]:
        if event.data == _DONE:
            return [Chunk(b"data: [DONE]\n\n", finished=True)]
        fields = mapping(parse_event(event.data, self._deployment))
        if event.name == "error" or fields.get("error") or fields.get("type") == "error":
            raise error_from_event(dumps(fields.get("error") or fields), self._deployment)
        head = f"event: {event.name}\n".encode() if event.name else b""
        # A data field can't hold a line break: several of them are one.
        data = head + b"data: " + b"\ndata: ".join(event.data.split(b"\n")) + b"\n\n"
        finished = text_of(fields.get("type")).endswith(_LAST)
        return [Chunk(data, True, finished, self._read_usage(fields) if finished else Usage())]

    def finish(self) -> list[Chunk]:
        if not self._answers:
            raise TruncatedStreamError(
                f"{self._deployment.provider} broke off in the middle of its answer", provider=self._deployment.provider
            )
        return []

    def _read_usage(self, fields: Mapping[str, Any]) -> Usage:
        """Images are counted: each has a completed event of its own."""
        self._answers += 1
        images = {"data": [fields] * self._answers} if "b64_json" in fields or "url" in fields else {}
        answer = with_length({**fields, **images}, self._call)
        return read_usage(self._call.fields, answer, self._call.operation.amounts) or Usage()


class ByteRelay:
    """Blocks of a file as they came; see StreamDecoder. What is counted of the request is in the first."""

    form = BYTES

    def __init__(self, call: Call, deployment: Deployment) -> None:
        self._usage = read_usage(call.fields, {}, call.operation.amounts) or Usage()
        self._provider = deployment.provider
        self._begun = self._ended = False

    def feed(self, event: Event) -> list[Chunk]:
        if not event.data:
            self._ended = True
            return []
        usage, self._begun = (None if self._begun else self._usage), True
        return [Chunk(event.data, content=True, usage=usage)]

    def finish(self) -> list[Chunk]:
        """A file has no other end than that of its body."""
        if not self._ended:
            raise TruncatedStreamError(f"{self._provider} broke off in the middle of a file", provider=self._provider)
        return []


def open_relay(call: Call, deployment: Deployment) -> StreamDecoder:
    return EventRelay(call, deployment) if call.stream else ByteRelay(call, deployment)


def parse_bytes(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """A file that was read whole."""
    usage = read_usage(call.fields, {}, call.operation.amounts)
    return Answer(body, usage, None, headers, content_type=headers.get("content-type", ""))


def with_length(answer: Mapping[str, Any], call: Call) -> Mapping[str, Any]:
    """The answer with the `duration` that the recording's header has, where the provider counts nothing."""
    if call.upload is None or "duration" in answer or mapping(answer.get("usage")):
        return answer
    seconds = next((file.seconds for file in call.upload.named("file")), None)
    return answer if seconds is None else {**answer, "duration": seconds}
