"""POST audio/speech, audio/transcriptions, audio/translations."""

from flask import Blueprint, Response

from proxy.domain.operations import SPEECH, TRANSCRIPTIONS, TRANSLATIONS
from proxy.endpoints.operation import route, serve

blueprint = Blueprint("audio", __name__)


@route(blueprint, SPEECH)
def create_speech(model: str | None = None) -> Response:
    return serve(SPEECH, model)


@route(blueprint, TRANSCRIPTIONS)
def create_transcription(model: str | None = None) -> Response:
    return serve(TRANSCRIPTIONS, model)


@route(blueprint, TRANSLATIONS)
def create_translation(model: str | None = None) -> Response:
    return serve(TRANSLATIONS, model)
