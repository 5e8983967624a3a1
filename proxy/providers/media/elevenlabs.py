"""ElevenLabs: speech by a voice's address, recordings as a form with its own names.

https://elevenlabs.io/docs/api-reference/text-to-speech/stream and .../speech-to-text/convert
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import SPEECH, TRANSCRIPTIONS
from proxy.domain.upload import Upload
from proxy.domain.wire import WireRequest
from proxy.errors import AuthenticationError, BadRequestError
from proxy.providers.compatible.openai import find_base
from proxy.providers.compatible.rows import ROWS
from proxy.providers.contract import Form
from proxy.providers.media.relay import open_relay, parse_bytes
from proxy.providers.media.transcript import Transcript, Word, build_answer, find_file
from proxy.providers.translation.json_reading import mapping, mappings, parse_object, text_of
from proxy.providers.translation.multipart import build_form

_ROW = ROWS["elevenlabs"]
_LISTENING = frozenset({"language", "response_format", "temperature", "timestamp_granularities"})
_SPEAKING = frozenset({"response_format", "speed", "voice"})
_READ = frozenset({"model", "file", "stream", "input", "user"}) | TRANSCRIPTIONS.parameters | SPEECH.parameters
_FORMATS = {"mp3": "mp3_44100_128", "opus": "opus_48000_64", "pcm": "pcm_24000", "wav": "wav_44100"}


def build_listening(call: Call, deployment: Deployment) -> WireRequest:
    file, fields = find_file(call), call.fields
    body: dict[str, Any] = {"model_id": deployment.model, **_own(fields)}
    if fields.get("language"):
        body["language_code"] = fields["language"]
    if fields.get("temperature") is not None:
        body["temperature"] = fields["temperature"]
    if fields.get("response_format") == "diarized_json":
        body["diarize"] = True
    assert call.upload is not None
    content_type, form = build_form(body, Upload([file], call.upload.boundary), {})
    url = f"{find_base(deployment, deployment.provider, _ROW.base_url)}/speech-to-text"
    return WireRequest(url, form, _headers(deployment, content_type), guarded=deployment.guarded)


def parse_listening(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    reply = parse_object(body, deployment)
    words = [
        Word(text_of(word.get("text")), word.get("start"), word.get("end"), word.get("speaker_id"))
        for word in mappings(reply.get("words"))
        if word.get("type", "word") == "word"
    ]
    language, seconds = reply.get("language_code"), reply.get("audio_duration_secs")
    return build_answer(call, deployment, headers, Transcript(reply.get("text"), words, language, seconds))


def build_speaking(call: Call, deployment: Deployment) -> WireRequest:
    """Raise BadRequestError, naming the field, for a voice or a format that is not there."""
    fields, voice = call.fields, call.fields.get("voice")
    wanted = str(fields.get("response_format") or "mp3")
    if wanted not in _FORMATS and "_" not in wanted:
        known = ", ".join(_FORMATS)
        message = f"ElevenLabs speaks {known}, or a format of its own such as mp3_22050_32"
        raise BadRequestError(message, param="response_format")
    voice = mapping(voice).get("id", voice)
    if not isinstance(voice, str) or not voice:
        raise BadRequestError("ElevenLabs needs the id of a voice", param="voice")
    body: dict[str, Any] = {"text": fields["input"], "model_id": deployment.model, **_own(fields)}
    if fields.get("speed") is not None:
        body["voice_settings"] = {"speed": fields["speed"], **mapping(body.get("voice_settings"))}
    base = find_base(deployment, deployment.provider, _ROW.base_url)
    query = urlencode({"output_format": _FORMATS.get(wanted, wanted)})
    url = f"{base}/text-to-speech/{quote(voice, safe='')}/stream?{query}"
    headers = {**_headers(deployment, "application/json"), "accept": "*/*"}
    return WireRequest(url, dumps(body), headers, guarded=deployment.guarded)


def _own(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in _READ and value is not None}


def _headers(deployment: Deployment, content_type: str) -> dict[str, str]:
    if not deployment.api_key:
        raise AuthenticationError(f"{deployment.provider} has no api_key", provider=deployment.provider)
    return {"xi-api-key": deployment.api_key, "content-type": content_type, "accept": "application/json"}


FORMS: Mapping[str, tuple[Form, ...]] = {
    "elevenlabs": (
        Form(TRANSCRIPTIONS, build_listening, parse_listening, _LISTENING),
        Form(SPEECH, build_speaking, parse_bytes, _SPEAKING, open_relay, passes_bytes=True),
    )
}
