"""Images and sound in OpenAI's own form, and in that of the providers that copy it: a row each.

https://platform.openai.com/docs/api-reference/images and .../audio
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from proxy.domain.amounts import read_usage
from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import (
    IMAGE_EDITS,
    IMAGE_VARIATIONS,
    IMAGES,
    SPEECH,
    TRANSCRIPTIONS,
    TRANSLATIONS,
    Operation,
)
from proxy.domain.wire import Content, WireRequest
from proxy.errors import InvalidProviderResponseError
from proxy.providers.azure import openai as azure
from proxy.providers.compatible.lenient import find_error
from proxy.providers.compatible.openai import Compatible, build_headers, find_base, name_model
from proxy.providers.compatible.rows import ROWS
from proxy.providers.contract import Form
from proxy.providers.media.relay import open_relay, with_length
from proxy.providers.translation.errors import error_from_event
from proxy.providers.translation.json_reading import parse_object
from proxy.providers.translation.multipart import build_form

# What changes in a body: (changed members, left out).
Ask = Callable[[Mapping[str, Any], Deployment], tuple[Mapping[str, Any], Collection[str]]]
_PLAIN_TEXTS: Mapping[str, str] = {"text": "text/plain", "srt": "text/plain", "vtt": "text/vtt"}


@dataclass(frozen=True)
class Speaker:
    """How a provider's copy differs for one operation.

    unsupported: the operation's parameters that it refuses. ask: what can't be said in data. path, base: where its
    address is another than OpenAI's, or another host's by the deployment's model.
    """

    unsupported: frozenset[str] = frozenset()
    ask: Ask | None = None
    path: str | None = None
    base: Callable[[Deployment], str | None] | None = None
    refused: Callable[[Mapping[str, Any], Deployment], frozenset[str]] | None = None


@dataclass(frozen=True)
class Address:
    """Where a provider is and how it is shown its key."""

    url: Callable[[Call, Deployment, Speaker], str]
    headers: Callable[[Call, Deployment], dict[str, str]]
    name_model: Callable[[str], str] = field(default=lambda model: model)


def build_forms(address: Address, speakers: Mapping[Operation, Speaker]) -> tuple[Form, ...]:
    return tuple(_build_form(operation, address, speaker) for operation, speaker in speakers.items())


def _build_form(operation: Operation, address: Address, speaker: Speaker) -> Form:
    is_text = operation in (TRANSCRIPTIONS, TRANSLATIONS)
    return Form(
        operation,
        partial(build_request, address=address, speaker=speaker),
        parse_text if is_text else parse_images,
        operation.parameters - speaker.unsupported if speaker.unsupported else None,
        open_relay,
        passes_bytes=operation is SPEECH,
        refused=speaker.refused,
    )


def build_request(call: Call, deployment: Deployment, address: Address, speaker: Speaker) -> WireRequest:
    """The client's body with the provider's model in it; a form is built anew, its files read from where they are kept."""
    changes: dict[str, Any] = {"model": address.name_model(deployment.model)}
    drop: Collection[str] = ()
    if speaker.ask is not None:
        asked, drop = speaker.ask(call.fields, deployment)
        changes.update(asked)
    document = call.document.edit(changes, drop)
    headers = address.headers(call, deployment)
    body: Content
    if call.upload is None:
        body = document.to_content()
    else:
        headers["content-type"], body = build_form(document.fields, call.upload, {})
    if call.operation is SPEECH and not call.stream:
        headers["accept"] = "*/*"
    return WireRequest(address.url(call, deployment, speaker), body, headers, guarded=deployment.guarded)


def parse_images(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """The provider's bytes. Raise InvalidProviderResponseError for an answer without images."""
    reply = _read_object(body, deployment)
    if not isinstance(reply.get("data"), list):
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered without images", provider=deployment.provider
        )
    return Answer(body, read_usage(call.fields, reply, call.operation.amounts), None, headers)


def parse_text(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """The provider's bytes: JSON, or the plain text or subtitles that were asked for."""
    plain = _PLAIN_TEXTS.get(str(call.fields.get("response_format")))
    if plain is not None:
        counted = read_usage(call.fields, with_length({}, call), call.operation.amounts)
        return Answer(body, counted, None, headers, content_type=f"{plain}; charset=utf-8")
    reply = _read_object(body, deployment)
    if not isinstance(reply.get("text"), str):
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered without a text", provider=deployment.provider
        )
    return Answer(body, read_usage(call.fields, with_length(reply, call), call.operation.amounts), None, headers)


def _read_object(body: bytes, deployment: Deployment) -> Mapping[str, Any]:
    reply = parse_object(body, deployment)
    failure = find_error(reply)
    if failure is not None:
        raise error_from_event(dumps(failure), deployment)
    return reply


def _row_address(name: str, row: Compatible) -> Address:
    def url(call: Call, deployment: Deployment, speaker: Speaker) -> str:
        own = speaker.base(deployment) if speaker.base is not None and not deployment.api_base else None
        return f"{own or find_base(deployment, name, row.base_url)}/{speaker.path or call.operation.path}"

    return Address(url, partial(build_headers, row=row), partial(name_model, row=row))


_AZURE = Address(
    lambda call, deployment, _: azure.build_url(call, deployment), azure.build_headers, azure.name_deployment
)

_NEWEST = re.compile(r"(?:.*/)?(?:chatgpt|gpt)-image")


def refuse_older(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    """GPT's image models answer with base64 only, and have no styles: OpenAI refuses the words for them."""
    return frozenset({"response_format", "style"}) if _NEWEST.match(deployment.model) else frozenset()


def _size_as_sides(fields: Mapping[str, Any], deployment: Deployment) -> tuple[Mapping[str, Any], Collection[str]]:
    """Together takes width and height, and calls base64 so: https://docs.together.ai/reference/post-images-generations"""
    changes: dict[str, Any] = {}
    size = re.fullmatch(r"(\d{1,5})x(\d{1,5})", str(fields.get("size")))
    if size:
        changes.update(width=int(size[1]), height=int(size[2]))
    if fields.get("response_format") == "b64_json":
        changes["response_format"] = "base64"
    return changes, ("size",)


def _fireworks_base(deployment: Deployment) -> str:
    """Recordings have hosts of their own: https://docs.fireworks.ai/api-reference/audio-transcriptions"""
    host = "audio-turbo" if "turbo" in deployment.model else "audio-prod"
    return f"https://{host}.api.fireworks.ai/v1"


def _short_model(fields: Mapping[str, Any], deployment: Deployment) -> tuple[Mapping[str, Any], Collection[str]]:
    return {"model": deployment.model.rpartition("/")[2]}, ()


_ANY = Speaker()
_PLAIN_IMAGES = Speaker(
    frozenset({"background", "moderation", "output_compression", "output_format", "partial_images", "quality", "style"})
)
_PLAIN_SPEECH = Speaker(frozenset({"instructions", "stream_format"}))
_WHISPER = Speaker(frozenset({"chunking_strategy", "include", "known_speaker_names", "known_speaker_references"}))
_NEWER = Speaker(refused=refuse_older)
_EVERYTHING: Mapping[Operation, Speaker] = {
    IMAGES: _NEWER,
    IMAGE_EDITS: _NEWER,
    IMAGE_VARIATIONS: _ANY,
    SPEECH: _ANY,
    TRANSCRIPTIONS: _ANY,
    TRANSLATIONS: _ANY,
}
_SOUND: Mapping[Operation, Speaker] = {SPEECH: _PLAIN_SPEECH, TRANSCRIPTIONS: _WHISPER, TRANSLATIONS: _ANY}
_FIREWORKS = Speaker(_WHISPER.unsupported, base=_fireworks_base, ask=_short_model)

# Sources: https://console.groq.com/docs/api-reference#audio, https://docs.x.ai/developers/rest-api-reference/inference/images,
# https://deepinfra.com/docs/openai_api, https://www.recraft.ai/docs/api-reference/endpoints,
# https://docs.mistral.ai/api/endpoint/audio/transcriptions, https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html,
# https://docs.nebius.com/studio/inference/api, https://docs.nscale.com/api-reference, https://docs.bigmodel.cn,
# https://inference.readthedocs.io/en/latest/models/model_abilities/index.html, https://www.volcengine.com/docs/82379/1541523
_SPEAKERS: Mapping[str, Mapping[Operation, Speaker]] = {
    "custom_openai": _EVERYTHING,
    "deepinfra": {IMAGES: _PLAIN_IMAGES, IMAGE_EDITS: _PLAIN_IMAGES, **_SOUND},
    "fireworks_ai": {TRANSCRIPTIONS: _FIREWORKS, TRANSLATIONS: Speaker(base=_fireworks_base, ask=_short_model)},
    "hosted_vllm": _EVERYTHING,
    "litellm_proxy": _EVERYTHING,
    "mock": dict.fromkeys(_EVERYTHING, _ANY),
    "nebius": {IMAGES: _PLAIN_IMAGES},
    "nscale": {IMAGES: _PLAIN_IMAGES},
    "openai_like": _EVERYTHING,
    "recraft": {IMAGES: Speaker(_PLAIN_IMAGES.unsupported - {"style"})},
    "together_ai": {
        IMAGES: Speaker(_PLAIN_IMAGES.unsupported, ask=_size_as_sides),
        SPEECH: _PLAIN_SPEECH,
        TRANSCRIPTIONS: _WHISPER,
        TRANSLATIONS: _ANY,
    },
    "volcengine": {IMAGES: _PLAIN_IMAGES},
    "xinference": {IMAGES: _PLAIN_IMAGES, IMAGE_EDITS: _PLAIN_IMAGES, IMAGE_VARIATIONS: _ANY, **_SOUND},
    "zai": {IMAGES: Speaker(_PLAIN_IMAGES.unsupported - {"quality"})},
}
# Providers with a file of their own, as far as their images and sound are OpenAI's.
_OPENAI = Compatible("https://api.openai.com/v1")
_OTHERS: Mapping[str, tuple[Compatible, Mapping[Operation, Speaker]]] = {
    "groq": (Compatible("https://api.groq.com/openai/v1"), _SOUND),
    "mistral": (Compatible("https://api.mistral.ai/v1"), {TRANSCRIPTIONS: _WHISPER}),
    "openai": (_OPENAI, _EVERYTHING),
    "xai": (
        Compatible("https://api.x.ai/v1"),
        {IMAGES: Speaker(_PLAIN_IMAGES.unsupported | {"size"})},
    ),
}
FORMS: Mapping[str, tuple[Form, ...]] = {
    **{name: build_forms(_row_address(name, ROWS[name]), speakers) for name, speakers in _SPEAKERS.items()},
    **{name: build_forms(_row_address(name, row), speakers) for name, (row, speakers) in _OTHERS.items()},
    "azure": build_forms(_AZURE, {key: value for key, value in _EVERYTHING.items() if key is not IMAGE_VARIATIONS}),
}
