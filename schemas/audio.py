"""POST audio/speech, audio/transcriptions, audio/translations."""

from typing import Any, ClassVar

from marshmallow import ValidationError

from schemas.fields import Flag, ListOf, Number, OneOf, Text, check_object, check_text
from schemas.request import FileRule, RequestSchema

STREAM_FORMATS = ("audio", "sse")
TEXT_FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")


def _check_stream_format(value: Any) -> None:
    if value not in STREAM_FORMATS:
        raise ValidationError(f"must be one of {', '.join(STREAM_FORMATS)}")


def _check_text_format(value: Any) -> None:
    if value not in TEXT_FORMATS:
        raise ValidationError(f"must be one of {', '.join(TEXT_FORMATS)}")


def _check_granularity(value: Any) -> None:
    if value not in ("word", "segment"):
        raise ValidationError("must be word or segment")


class SpeechSchema(RequestSchema):
    input = Text(filled=True, required=True)
    voice = OneOf(check_text, check_object, expected="a string or an object", allow_none=True)
    instructions = Text(allow_none=True)
    response_format = Text(filled=True, allow_none=True)
    speed = Number(minimum=0.1, maximum=10, allow_none=True)
    stream_format = OneOf(_check_stream_format, expected="audio or sse", allow_none=True)


class _ListeningOptions(RequestSchema):
    files: ClassVar = {"file": FileRule()}

    prompt = Text(allow_none=True)
    response_format = OneOf(_check_text_format, expected=f"one of {', '.join(TEXT_FORMATS)}", allow_none=True)
    temperature = Number(minimum=0, maximum=1, allow_none=True)


class TranscriptionsSchema(_ListeningOptions):
    language = Text(allow_none=True)
    stream = Flag(allow_none=True)
    chunking_strategy = OneOf(check_text, check_object, expected="a string or an object", allow_none=True)
    timestamp_granularities = ListOf(_check_granularity, allow_none=True)
    include = ListOf(check_text, allow_none=True)
    known_speaker_names = ListOf(check_text, most=10, allow_none=True)
    known_speaker_references = ListOf(check_text, most=10, allow_none=True)


class TranslationsSchema(_ListeningOptions):
    pass
