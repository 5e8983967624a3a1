"""What the fake provider answers where images and sound are asked for. See mock_answers."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from proxy.domain.mock_answers import Behaviour, count_usage
from proxy.domain.sample_files import DOT, SILENCE

_MOST_IMAGES = 10
_TEXT_FORMATS = {
    "text": "{}\n",
    "srt": "1\n00:00:00,000 --> 00:00:01,000\n{}\n",
    "vtt": "WEBVTT\n\n00:00.000 --> 00:01.000\n{}\n",
}
# (request body, behaviour) -> the events of a stream: name, data.
MockEvents = Callable[[Mapping[str, Any], Behaviour], Sequence[tuple[str, Mapping[str, Any]]]]


def images(body: Mapping[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    picture = {"b64_json": base64.b64encode(DOT.data).decode()}
    if body.get("response_format") == "url":
        picture = {"url": f"data:image/png;base64,{picture['b64_json']}"}
    usage = _image_usage(body)
    count = min(int(body.get("n") or 1), _MOST_IMAGES)
    return {"created": behaviour.created, "data": [picture] * count, "usage": usage}


def _image_usage(body: Mapping[str, Any]) -> dict[str, Any]:
    read = count_usage(body, "")["prompt_tokens"]
    details = {"text_tokens": read, "image_tokens": 0}
    return {"input_tokens": read, "output_tokens": 50, "total_tokens": read + 50, "input_tokens_details": details}


def image_events(kind: str) -> MockEvents:
    def build(body: Mapping[str, Any], behaviour: Behaviour) -> list[tuple[str, Mapping[str, Any]]]:
        picture = {"b64_json": base64.b64encode(DOT.data).decode(), "created_at": behaviour.created}
        partial, completed = f"{kind}.partial_image", f"{kind}.completed"
        events: list[tuple[str, Mapping[str, Any]]] = [
            (partial, {"type": partial, "partial_image_index": index, **picture})
            for index in range(int(body.get("partial_images") or 0))
        ]
        return [*events, (completed, {"type": completed, "usage": _image_usage(body), **picture})]

    return build


def speech(_: Mapping[str, Any], __: Behaviour) -> bytes:
    return SILENCE.data


def speech_events(body: Mapping[str, Any], _: Behaviour) -> list[tuple[str, Mapping[str, Any]]]:
    tokens = count_usage(body, "")["prompt_tokens"]
    usage = {"input_tokens": tokens, "output_tokens": 9, "total_tokens": tokens + 9}
    return [
        ("", {"type": "speech.audio.delta", "audio": base64.b64encode(SILENCE.data).decode()}),
        ("", {"type": "speech.audio.done", "usage": usage}),
    ]


def transcript(body: Mapping[str, Any], behaviour: Behaviour) -> Mapping[str, Any] | bytes:
    said = behaviour.reply or "A demo of silence."
    wanted = body.get("response_format")
    if wanted in _TEXT_FORMATS:
        return _TEXT_FORMATS[wanted].format(said).encode()
    answer = {"text": said, "usage": {"type": "duration", "seconds": 1}}
    if wanted in ("verbose_json", "diarized_json"):
        segment = {"id": 0, "start": 0.0, "end": 0.5, "text": said, "speaker": "A"}
        return {**answer, "task": "transcribe", "language": "english", "duration": 0.5, "segments": [segment]}
    return answer


def transcript_events(body: Mapping[str, Any], behaviour: Behaviour) -> list[tuple[str, Mapping[str, Any]]]:
    said = behaviour.reply or "A demo of silence."
    usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 5, "total_tokens": 19}
    return [
        ("", {"type": "transcript.text.delta", "delta": said}),
        ("", {"type": "transcript.text.done", "text": said, "usage": usage}),
    ]
