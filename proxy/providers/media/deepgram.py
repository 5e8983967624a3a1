"""Deepgram: recordings as raw bytes to `listen`, speech from `speak`.

https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded and .../text-to-speech/speak-request
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import SPEECH, TRANSCRIPTIONS
from proxy.domain.wire import StoredPieces, WireRequest
from proxy.errors import AuthenticationError, BadRequestError
from proxy.providers.compatible.openai import find_base
from proxy.providers.compatible.rows import ROWS
from proxy.providers.contract import Form
from proxy.providers.media.relay import open_relay, parse_bytes
from proxy.providers.media.transcript import Transcript, Word, build_answer, find_file
from proxy.providers.translation.json_reading import mapping, mappings, parse_object, text_of

_ROW = ROWS["deepgram"]
_LISTENING = frozenset({"language", "response_format", "timestamp_granularities"})
_SPEAKING = frozenset({"response_format", "voice"})
_READ = frozenset({"model", "file", "stream", "input", "user"}) | TRANSCRIPTIONS.parameters | SPEECH.parameters
# OpenAI's name of a format: Deepgram's encoding and container.
_FORMATS: Mapping[str, Mapping[str, str]] = {
    "mp3": {"encoding": "mp3"},
    "opus": {"encoding": "opus", "container": "ogg"},
    "aac": {"encoding": "aac"},
    "flac": {"encoding": "flac"},
    "wav": {"encoding": "linear16", "container": "wav"},
    "pcm": {"encoding": "linear16", "container": "none"},
}


def build_listening(call: Call, deployment: Deployment) -> WireRequest:
    file, language = find_file(call), call.fields.get("language")
    found = {"language": language} if language else {"detect_language": "true"}
    query: dict[str, Any] = {"model": deployment.model, "smart_format": "true", **found, **_own(call)}
    if call.fields.get("response_format") == "diarized_json":
        query["diarize"] = "true"
    headers = _headers(deployment, file.content_type)
    url = _url(deployment, "listen", query)
    return WireRequest(url, StoredPieces([file.content]), headers, guarded=deployment.guarded)


def parse_listening(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    reply = parse_object(body, deployment)
    channel = next(iter(mappings(mapping(reply.get("results")).get("channels"))), {})
    best = next(iter(mappings(channel.get("alternatives"))), {})
    words = [
        Word(
            text_of(word.get("punctuated_word")) or text_of(word.get("word")),
            word.get("start"),
            word.get("end"),
            word.get("speaker"),
        )
        for word in mappings(best.get("words"))
    ]
    language, seconds = channel.get("detected_language"), mapping(reply.get("metadata")).get("duration")
    return build_answer(call, deployment, headers, Transcript(best.get("transcript"), words, language, seconds))


def build_speaking(call: Call, deployment: Deployment) -> WireRequest:
    """A voice is a model of Deepgram's; one of OpenAI's names leaves the deployment's."""
    voice = call.fields.get("voice")
    model = voice if isinstance(voice, str) and voice.startswith("aura") else deployment.model
    query = {"model": model, **_read_format(call.fields.get("response_format")), **_own(call)}
    headers = {**_headers(deployment, "application/json"), "accept": "*/*"}
    body = dumps({"text": call.fields["input"]})
    return WireRequest(_url(deployment, "speak", query), body, headers, guarded=deployment.guarded)


def _read_format(wanted: Any) -> Mapping[str, str]:
    """Raise BadRequestError for a format that Deepgram does not speak."""
    if wanted is not None and wanted not in _FORMATS:
        raise BadRequestError(f"Deepgram speaks {', '.join(_FORMATS)}", param="response_format")
    return _FORMATS.get(wanted, {})


def _own(call: Call) -> dict[str, Any]:
    """What only Deepgram knows goes into the query."""
    given = {name: value for name, value in call.fields.items() if name not in _READ and value is not None}
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()}


def _url(deployment: Deployment, path: str, query: Mapping[str, Any]) -> str:
    return f"{find_base(deployment, deployment.provider, _ROW.base_url)}/{path}?{urlencode(query, doseq=True)}"


def _headers(deployment: Deployment, content_type: str) -> dict[str, str]:
    if not deployment.api_key:
        raise AuthenticationError(f"{deployment.provider} has no api_key", provider=deployment.provider)
    key = f"Token {deployment.api_key}"
    return {"authorization": key, "content-type": content_type, "accept": "application/json"}


FORMS: Mapping[str, tuple[Form, ...]] = {
    "deepgram": (
        Form(TRANSCRIPTIONS, build_listening, parse_listening, _LISTENING),
        Form(SPEECH, build_speaking, parse_bytes, _SPEAKING, open_relay, passes_bytes=True),
    )
}
