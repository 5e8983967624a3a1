"""Images and sound of providers with formats of their own: what they are asked, and their answers in OpenAI's form."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import OPERATIONS
from proxy.domain.sample_files import DOT, SILENCE
from proxy.domain.usage import Amount
from proxy.domain.wire import Event
from proxy.errors import (
    BadRequestError,
    ContentPolicyViolationError,
    InvalidProviderResponseError,
    TruncatedStreamError,
)
from proxy.providers.registry import PROVIDERS
from tests.providers.recordings import build_call

AWS = {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret", "aws_region_name": "us-east-1"}
WORDS = [
    {"word": "hello", "punctuated_word": "Hello", "start": 0.1, "end": 0.5, "speaker": 0},
    {"word": "there", "punctuated_word": "there.", "start": 0.6, "end": 1.25, "speaker": 1},
]
HEARD = {
    "metadata": {"duration": 1.5},
    "results": {
        "channels": [{"detected_language": "en", "alternatives": [{"transcript": "Hello there.", "words": WORDS}]}]
    },
}
SCRIBED = {
    "language_code": "en",
    "text": "Hello there.",
    "words": [
        {"text": "Hello", "type": "word", "start": 0.1, "end": 0.5, "speaker_id": "speaker_0"},
        {"text": " ", "type": "spacing", "start": 0.5, "end": 0.6},
        {"text": "there.", "type": "word", "start": 0.6, "end": 1.25, "speaker_id": "speaker_1"},
    ],
}


def deployment(provider: str, model: str, **connection: Any) -> Deployment:
    return Deployment("1", "group", provider, model, {"api_key": "test-key", **connection})


def build(provider: str, model: str, operation: str, fields: Mapping[str, Any], **connection: Any) -> Any:
    call = build_call(operation, {"model": "group", **fields})
    form = PROVIDERS[provider].form_for(OPERATIONS[operation])
    return form.build_request(call, deployment(provider, model, **connection))


def parse(provider: str, model: str, operation: str, reply: Any, **fields: Any) -> Any:
    call = build_call(operation, {"model": "group", "prompt": "a cat", **fields})
    form = PROVIDERS[provider].form_for(OPERATIONS[operation])
    return form.parse_response(json.dumps(reply).encode(), {}, call, deployment(provider, model))


def body_of(request: Any) -> Any:
    return json.loads(bytes(request.body))


def test_gemini_is_asked_for_images_by_generate_content() -> None:
    request = build("gemini", "gemini-2.5-flash-image", "images", {"prompt": "a cat", "size": "1536x1024", "n": 2})
    assert request.url.endswith("/v1beta/models/gemini-2.5-flash-image:generateContent")
    assert request.headers["x-goog-api-key"] == "test-key"
    assert body_of(request) == {
        "contents": [{"role": "user", "parts": [{"text": "a cat"}]}],
        "generationConfig": {
            "responseModalities": ["TEXT", "IMAGE"],
            "imageConfig": {"aspectRatio": "3:2"},
            "candidateCount": 2,
        },
    }


def test_gemini_gets_the_picture_that_is_edited() -> None:
    parts = body_of(build("gemini", "gemini-2.5-flash-image", "image_edits", {"prompt": "a hat"}))["contents"][0][
        "parts"
    ]
    assert parts[0]["inlineData"]["mimeType"] == "image/png" and parts[1] == {"text": "a hat"}


@pytest.mark.parametrize("provider", ["gemini", "vertex_ai"])
def test_imagen_is_asked_by_predict(provider: str) -> None:
    place = {"vertex_project": "project", "vertex_location": "us-central1"} if provider == "vertex_ai" else {}
    request = build(provider, "imagen-4.0-generate-001", "images", {"prompt": "a cat", "size": "1024x1024"}, **place)
    assert request.url.endswith("models/imagen-4.0-generate-001:predict")
    assert body_of(request) == {
        "instances": [{"prompt": "a cat"}],
        "parameters": {"sampleCount": 1, "aspectRatio": "1:1"},
    }


def test_pictures_of_gemini_and_imagen_are_base64() -> None:
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 1290, "totalTokenCount": 1295}
    parts = [{"text": "Here"}, {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}]
    made = parse("gemini", "m", "images", {"candidates": [{"content": {"parts": parts}}], "usageMetadata": usage})
    assert json.loads(made.body)["data"] == [{"b64_json": "QUJD"}]
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (5, 1290)
    predicted = {"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": "QUJD"}] * 2}
    answer = parse("gemini", "imagen-4", "images", predicted)
    assert answer.usage.amounts[0].quantity == 2
    with pytest.raises(InvalidProviderResponseError):
        parse("gemini", "m", "images", {"candidates": [{"content": {"parts": [{"text": "no"}]}}]})


@pytest.mark.parametrize(
    ("provider", "reply"),
    [
        ("gemini", {"promptFeedback": {"blockReason": "SAFETY"}}),
        ("gemini", {"candidates": [{"finishReason": "IMAGE_SAFETY"}]}),
        ("gemini", {"predictions": [{"raiFilteredReason": "x"}]}),
        ("bedrock", {"images": [], "error": "content filters"}),
        ("bedrock", {"images": [None], "finish_reasons": ["Filter reason: prompt"]}),
    ],
)
def test_refusal_is_one_of_content(provider: str, reply: Any) -> None:
    with pytest.raises(ContentPolicyViolationError):
        parse(provider, "amazon.nova-canvas-v1:0", "images", reply)


def test_mask_is_refused_when_gemini_has_no_word_for_it() -> None:
    call = build_call("image_edits", {"model": "group", "prompt": "a hat"})
    assert call.upload is not None
    masked = [*call.upload.files, *call.upload.files]
    masked[1] = type(masked[0])("mask", "m.png", "image/png", masked[0].content)
    form = PROVIDERS["gemini"].form_for(OPERATIONS["image_edits"])
    with pytest.raises(BadRequestError) as caught:
        form.build_request(call._replace(upload=type(call.upload)(masked, "b")), deployment("gemini", "m"))
    assert caught.value.param == "mask"


def test_nova_canvas_has_a_task() -> None:
    fields = {
        "prompt": "a cat",
        "size": "1024x512",
        "quality": "hd",
        "n": 3,
        "textToImageParams": {"negativeText": "dog"},
    }
    request = build("bedrock", "amazon.nova-canvas-v1:0", "images", fields, **AWS)
    assert request.url == "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-canvas-v1%3A0/invoke"
    assert body_of(request) == {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": "a cat", "negativeText": "dog"},
        "imageGenerationConfig": {"numberOfImages": 3, "width": 1024, "height": 512, "quality": "premium"},
    }


def test_stability_takes_a_ratio() -> None:
    fields = {"prompt": "a cat", "size": "1920x1080", "output_format": "png", "seed": 7}
    request = build("bedrock", "stability.stable-image-core-v1:1", "images", fields, **AWS)
    assert body_of(request) == {"prompt": "a cat", "aspect_ratio": "16:9", "output_format": "png", "seed": 7}
    answer = parse("bedrock", "stability.x", "images", {"seeds": [1], "finish_reasons": [None], "images": ["QUJD"]})
    assert json.loads(answer.body)["data"] == [{"b64_json": "QUJD"}]


@pytest.mark.parametrize(
    ("provider", "operation"),
    [("gemini", "images"), ("bedrock", "images"), ("deepgram", "transcriptions"), ("cohere", "rerank")],
)
def test_stream_is_named_when_a_provider_has_none(provider: str, operation: str) -> None:
    call = build_call(operation, {"model": "group", "prompt": "a", "stream": True})
    with pytest.raises(BadRequestError) as caught:
        PROVIDERS[provider].form_for(OPERATIONS[operation]).open_stream(call, deployment(provider, "m"))
    assert caught.value.param == "stream"


@pytest.mark.parametrize("provider", ["gemini", "bedrock"])
@pytest.mark.parametrize("size", ["large", "0x0", "1024x", "-1x5"])
def test_size_is_named_when_it_is_none(provider: str, size: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        build(provider, "amazon.nova-canvas-v1:0", "images", {"prompt": "a", "size": size}, **AWS)
    assert caught.value.param == "size"


def test_deepgram_gets_the_bytes_of_the_recording() -> None:
    request = build(
        "deepgram", "nova-3", "transcriptions", {"language": "de", "numerals": True, "response_format": "diarized_json"}
    )
    assert request.url == (
        "https://api.deepgram.com/v1/listen?model=nova-3&smart_format=true&language=de&numerals=true&diarize=true"
    )
    assert request.headers["authorization"] == "Token test-key"
    assert (request.headers["content-type"], bytes(request.body)) == ("audio/wav", SILENCE.data)


def test_elevenlabs_gets_a_form() -> None:
    request = build("elevenlabs", "scribe_v2", "transcriptions", {"language": "en"})
    assert request.url == "https://api.elevenlabs.io/v1/speech-to-text"
    assert request.headers["xi-api-key"] == "test-key"
    body = bytes(request.body)
    assert b'name="model_id"\r\n\r\nscribe_v2\r\n' in body and b'name="language_code"\r\n\r\nen\r\n' in body
    assert SILENCE.data in body and b'name="model"' not in body


HEARD_BY = pytest.mark.parametrize(("provider", "reply"), [("deepgram", HEARD), ("elevenlabs", SCRIBED)])


@HEARD_BY
def test_transcript_has_the_form_that_is_asked_for(provider: str, reply: Any) -> None:
    written = parse(provider, "m", "transcriptions", reply, response_format="srt")
    assert written.body.decode() == "1\n00:00:00,100 --> 00:00:01,250\nHello there.\n"
    assert written.content_type == "text/plain; charset=utf-8"
    subtitles = parse(provider, "m", "transcriptions", reply, response_format="vtt")
    assert subtitles.body.decode() == "WEBVTT\n\n00:00:00.100 --> 00:00:01.250\nHello there.\n"
    assert parse(provider, "m", "transcriptions", reply, response_format="text").body == b"Hello there.\n"


@HEARD_BY
def test_transcript_names_speakers_and_words(provider: str, reply: Any) -> None:
    told = json.loads(parse(provider, "m", "transcriptions", reply, response_format="diarized_json").body)
    assert [segment["text"] for segment in told["segments"]] == ["Hello", "there."]
    assert len({segment["speaker"] for segment in told["segments"]}) == 2
    wanted = {"response_format": "verbose_json", "timestamp_granularities": ["word"]}
    timed = json.loads(parse(provider, "m", "transcriptions", reply, **wanted).body)
    assert timed["words"][1] == {"word": "there.", "start": 0.6, "end": 1.25}
    assert timed["language"] == "en"


def test_length_is_the_providers_or_that_of_the_file() -> None:
    assert parse("deepgram", "m", "transcriptions", HEARD).usage.amounts == (Amount("second", 1.5),)
    assert parse("elevenlabs", "m", "transcriptions", SCRIBED).usage.amounts == (Amount("second", 0.5),)
    assert parse("openai", "whisper-1", "transcriptions", {"text": "hi"}).usage.amounts == (Amount("second", 0.5),)


def test_speech_is_asked_in_each_form() -> None:
    spoken = build(
        "deepgram", "aura-2-thalia-en", "speech", {"input": "hi", "voice": "alloy", "response_format": "opus"}
    )
    assert spoken.url == "https://api.deepgram.com/v1/speak?model=aura-2-thalia-en&encoding=opus&container=ogg"
    assert body_of(spoken) == {"text": "hi"}
    voiced = build("elevenlabs", "eleven_v3", "speech", {"input": "hi", "voice": "../x", "speed": 1.1})
    assert voiced.url == "https://api.elevenlabs.io/v1/text-to-speech/..%2Fx/stream?output_format=mp3_44100_128"
    assert body_of(voiced) == {"text": "hi", "model_id": "eleven_v3", "voice_settings": {"speed": 1.1}}
    for field, value in {"voice": None, "response_format": "midi"}.items():
        with pytest.raises(BadRequestError) as caught:
            build("elevenlabs", "eleven_v3", "speech", {"input": "hi", "voice": "v", field: value})
        assert caught.value.param == field


def test_older_words_are_refused_for_the_newer_images() -> None:
    refused = PROVIDERS["openai"].form_for(OPERATIONS["images"]).refused
    assert refused is not None
    assert refused({}, deployment("openai", "gpt-image-1")) == {"response_format", "style"}
    assert refused({}, deployment("openai", "dall-e-3")) == frozenset()


def test_together_takes_sides_and_azure_its_own_address() -> None:
    request = build("together_ai", "flux", "images", {"prompt": "a", "size": "512x256", "response_format": "b64_json"})
    assert body_of(request) == {
        "model": "flux",
        "prompt": "a",
        "response_format": "base64",
        "width": 512,
        "height": 256,
    }
    azure = build("azure", "pictures", "images", {"prompt": "a"}, api_base="https://r.openai.azure.com")
    assert azure.url.startswith(
        "https://r.openai.azure.com/openai/deployments/pictures/images/generations?api-version="
    )
    fireworks = build("fireworks_ai", "whisper-v3-turbo", "transcriptions", {})
    assert fireworks.url == "https://audio-turbo.api.fireworks.ai/v1/audio/transcriptions"


def relay(stream: bool = True) -> tuple[Any, Call]:
    fields = {"model": "group", "prompt": "a", "size": "1024x1024", "stream": stream}
    call = build_call("images", fields)
    return PROVIDERS["openai"].form_for(OPERATIONS["images"]).open_stream(
        call, deployment("openai", "gpt-image-1")
    ), call


def test_events_pass_and_their_usage_is_read() -> None:
    decoder, _ = relay()
    partial = b'{"type":"image_generation.partial_image","b64_json":"A"}'
    done = b'{"type":"image_generation.completed","b64_json":"A","usage":{"input_tokens":3,"output_tokens":9,"total_tokens":12}}'
    (first,) = decoder.feed(Event(partial, "image_generation.partial_image"))
    assert first.data == b"event: image_generation.partial_image\ndata: " + partial + b"\n\n"
    (last,) = decoder.feed(Event(done))
    assert last.finished and (last.usage.prompt_tokens, last.usage.completion_tokens) == (3, 9)
    assert last.usage.amounts[0].quantity == 1
    assert decoder.finish() == []


def test_stream_is_broken_when_no_image_was_completed() -> None:
    decoder, _ = relay()
    decoder.feed(Event(b'{"type":"image_generation.partial_image"}'))
    with pytest.raises(TruncatedStreamError):
        decoder.finish()


def test_error_event_is_raised() -> None:
    decoder, _ = relay()
    with pytest.raises(ContentPolicyViolationError):
        decoder.feed(Event(b'{"error":{"code":"moderation_blocked","message":"content_policy_violation"}}', "error"))


def test_probe_files_are_what_they_are_called() -> None:
    call = build_call("transcriptions", {"model": "group"})
    assert call.upload is not None
    assert call.upload.files[0].seconds == pytest.approx(0.5)
    assert DOT.data.startswith(b"\x89PNG")
