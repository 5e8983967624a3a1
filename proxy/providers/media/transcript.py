"""What the transcription formats that are not OpenAI's share: the file of a request, and the answer in the form asked for.

https://platform.openai.com/docs/api-reference/audio/verbose-json-object
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from proxy.domain.amounts import read_usage
from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.upload import UploadedFile
from proxy.errors import BadRequestError, InvalidProviderResponseError
from proxy.providers.media.relay import with_length

# Words of one line of subtitles.
_LINE = 10
_LONGEST_SECONDS = 359_999.0


class Word(NamedTuple):
    """`start` and `end` are seconds; None where the provider has none."""

    text: str
    start: Any
    end: Any
    speaker: Any = None


def find_file(call: Call) -> UploadedFile:
    """The recording. Raise BadRequestError where none came."""
    files = call.upload.named("file") if call.upload is not None else ()
    if not files:
        raise BadRequestError("The form has no file 'file'.", param="file")
    return files[0]


class Transcript(NamedTuple):
    """What a provider understood: unchecked, as it came. `seconds` is the length of the recording."""

    text: Any
    words: Sequence[Word]
    language: Any = None
    seconds: Any = None


def build_answer(
    call: Call,
    deployment: Deployment,
    headers: Mapping[str, str],
    heard: Transcript,
) -> Answer:
    """Raise InvalidProviderResponseError without a text."""
    text, words, language, seconds = heard
    if not isinstance(text, str):
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered without a text", provider=deployment.provider
        )
    counted = with_length({"duration": seconds} if isinstance(seconds, int | float) else {}, call)
    usage = read_usage(call.fields, counted, call.operation.amounts)
    wanted, duration = call.fields.get("response_format") or "json", counted.get("duration")
    timed = [word for word in words if _is_timed(word)]
    if wanted in ("text", "srt", "vtt"):
        written = f"{text}\n" if wanted == "text" else _write_subtitles(text, timed, wanted, duration)
        content_type = f"text/{'vtt' if wanted == 'vtt' else 'plain'}; charset=utf-8"
        return Answer(written.encode(), usage, deployment.label, headers, content_type=content_type)
    reply: dict[str, Any] = {"text": text}
    if duration is not None:
        reply["usage"] = {"type": "duration", "seconds": duration}
    if wanted in ("verbose_json", "diarized_json"):
        reply |= _describe(timed, wanted, language, duration)
        if "word" in (call.fields.get("timestamp_granularities") or ()):
            reply["words"] = [{"word": word.text, "start": word.start, "end": word.end} for word in timed]
    return Answer(dumps(reply), usage, deployment.label, headers)


def _is_timed(word: Word) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in (word.start, word.end))


def _describe(words: Sequence[Word], wanted: str, language: Any, duration: Any) -> dict[str, Any]:
    described: dict[str, Any] = {"task": "transcribe", "duration": duration or 0.0}
    if isinstance(language, str):
        described["language"] = language
    segments: list[dict[str, Any]] = []
    for index, line in enumerate(_turns(words) if wanted == "diarized_json" else _lines(words)):
        segment = {"id": index, "start": line[0].start, "end": line[-1].end, "text": _join(line)}
        segments.append({**segment, "speaker": str(line[0].speaker)} if line[0].speaker is not None else segment)
    return {**described, "segments": segments}


def _lines(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    for start in range(0, len(words), _LINE):
        yield words[start : start + _LINE]


def _turns(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """The words of one speaker up to the next one's."""
    for _, turn in groupby(words, key=lambda word: str(word.speaker)):
        yield tuple(turn)


def _join(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _write_subtitles(text: str, words: Sequence[Word], form: str, duration: Any) -> str:
    comma = "," if form == "srt" else "."
    lines = [(line[0].start, line[-1].end, _join(line)) for line in _lines(words)] or [(0.0, duration or 0.0, text)]
    written = []
    for number, (start, end, words_of_line) in enumerate(lines, 1):
        head = f"{number}\n" if form == "srt" else ""
        written.append(f"{head}{_clock(start, comma)} --> {_clock(end, comma)}\n{words_of_line}\n")
    return ("" if form == "srt" else "WEBVTT\n\n") + "\n".join(written)


def _clock(seconds: float, comma: str) -> str:
    whole = round(max(0.0, min(float(seconds), _LONGEST_SECONDS)) * 1000)
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02}{comma}{whole % 1000:03}"
