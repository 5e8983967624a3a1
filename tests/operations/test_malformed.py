"""Bad requests to every operation of this gateway that is not chat's kin: OpenAI's 400 or 413, which names the field."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask.testing import FlaskClient

from app import create_app
from proxy.domain.sample_files import DOT, SILENCE
from proxy.settings import load

BOUNDARY = "----boundary"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
RERANK, IMAGES, EDITS, VARIATIONS = "rerank", "images/generations", "images/edits", "images/variations"
SPEECH, TRANSCRIPTIONS, TRANSLATIONS = "audio/speech", "audio/transcriptions", "audio/translations"


class Part(NamedTuple):
    name: str
    value: bytes = b"model"
    filename: str | None = None
    head: str = ""


def form(*parts: Part, boundary: str = BOUNDARY, end: str = "--\r\n") -> bytes:
    pieces = []
    for part in parts:
        name = "" if part.filename is None else f'; filename="{part.filename}"'
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{part.name}"{name}\r\n{part.head}\r\n'
        pieces.append(head.encode() + part.value + b"\r\n")
    return b"".join(pieces) + f"--{boundary}{end}".encode()


MODEL = Part("model")
SOUND = Part("file", SILENCE.data, "a.wav")
PICTURE = Part("image", DOT.data, "a.png")
PROMPT = Part("prompt", b"a cat")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    path = Path(tmp_path_factory.mktemp("malformed")) / "config.json"
    model = {"model_name": "model", "litellm_params": {"model": "mock/m"}}
    path.write_text(json.dumps({"model_list": [model], "general_settings": {"max_upload_size_mb": 0.5}}))
    app = create_app(load(path, {}))
    yield app.test_client()
    app.extensions["patchbay"].close()


JSON_CASES: tuple[tuple[str, Any, str], ...] = (
    (RERANK, {}, "model"),
    (RERANK, {"model": "model"}, "query"),
    (RERANK, {"model": "model", "query": "q"}, "documents"),
    (RERANK, {"model": "model", "documents": ["a"]}, "query"),
    (RERANK, {"model": "model", "query": "", "documents": ["a"]}, "query"),
    (RERANK, {"model": "model", "query": 7, "documents": ["a"]}, "query"),
    (RERANK, {"model": "model", "query": None, "documents": ["a"]}, "query"),
    (RERANK, {"model": "model", "query": "q", "documents": []}, "documents"),
    (RERANK, {"model": "model", "query": "q", "documents": "a"}, "documents"),
    (RERANK, {"model": "model", "query": "q", "documents": {"a": "b"}}, "documents"),
    (RERANK, {"model": "model", "query": "q", "documents": ["a", 7]}, "documents[1]"),
    (RERANK, {"model": "model", "query": "q", "documents": ["a", None]}, "documents[1]"),
    (RERANK, {"model": "model", "query": "q", "documents": [{}]}, "documents[0]"),
    (RERANK, {"model": "model", "query": "q", "documents": ["a"] * 10_001}, "documents"),
    (RERANK, {"model": "model", "query": "q", "documents": ["a"], "top_n": 0}, "top_n"),
    (RERANK, {"model": "model", "query": "q", "documents": ["a"], "top_n": "2"}, "top_n"),
    (RERANK, {"model": "model", "query": "q", "documents": ["a"], "top_n": 1.5}, "top_n"),
    (RERANK, {"model": "model", "query": "q", "documents": ["a"], "top_n": True}, "top_n"),
    (RERANK, {"model": "model", "query": "q", "documents": ["a"], "return_documents": "yes"}, "return_documents"),
    (RERANK, {"model": "model", "query": "q", "documents": ["a"], "rank_fields": []}, "rank_fields"),
    (RERANK, {"model": "model", "query": "q", "documents": ["a"], "rank_fields": [1]}, "rank_fields[0]"),
    (RERANK, {"model": "model", "query": "q", "documents": ["a"], "max_chunks_per_doc": -1}, "max_chunks_per_doc"),
    (RERANK, {"model": 7, "query": "q", "documents": ["a"]}, "model"),
    (RERANK, {"model": "missing", "query": "q", "documents": ["a"]}, "model"),
    (IMAGES, {}, "model"),
    (IMAGES, {"model": "model"}, "prompt"),
    (IMAGES, {"model": "model", "prompt": ""}, "prompt"),
    (IMAGES, {"model": "model", "prompt": ["a"]}, "prompt"),
    (IMAGES, {"model": "model", "prompt": "a", "n": 0}, "n"),
    (IMAGES, {"model": "model", "prompt": "a", "n": 11}, "n"),
    (IMAGES, {"model": "model", "prompt": "a", "n": "1"}, "n"),
    (IMAGES, {"model": "model", "prompt": "a", "size": 1024}, "size"),
    (IMAGES, {"model": "model", "prompt": "a", "partial_images": 4}, "partial_images"),
    (IMAGES, {"model": "model", "prompt": "a", "output_compression": 101}, "output_compression"),
    (IMAGES, {"model": "model", "prompt": "a", "stream": "true"}, "stream"),
    (IMAGES, {"model": "model", "prompt": "a", "quality": 1}, "quality"),
    (EDITS, {"model": "model", "prompt": "a"}, "image"),
    (EDITS, {"model": "model", "prompt": "a", "images": []}, "images"),
    (EDITS, {"model": "model", "prompt": "a", "images": ["url"]}, "images[0]"),
    (EDITS, {"model": "model", "prompt": "a", "images": [{"image_url": "u"}], "mask": "m"}, "mask"),
    (VARIATIONS, {"model": "model"}, "image"),
    (SPEECH, {}, "model"),
    (SPEECH, {"model": "model"}, "input"),
    (SPEECH, {"model": "model", "input": ""}, "input"),
    (SPEECH, {"model": "model", "input": ["a"]}, "input"),
    (SPEECH, {"model": "model", "input": "a", "voice": 7}, "voice"),
    (SPEECH, {"model": "model", "input": "a", "speed": 0}, "speed"),
    (SPEECH, {"model": "model", "input": "a", "speed": "fast"}, "speed"),
    (SPEECH, {"model": "model", "input": "a", "stream_format": "chunks"}, "stream_format"),
    (SPEECH, {"model": "model", "input": "a", "response_format": ""}, "response_format"),
    (TRANSCRIPTIONS, {"model": "model"}, "file"),
    (TRANSCRIPTIONS, {"model": "model", "file": "a.wav"}, "file"),
    (TRANSLATIONS, {"model": "model"}, "file"),
    (TRANSLATIONS, [], "request_body"),
    (RERANK, [], "request_body"),
)
FORM_CASES: Mapping[str, tuple[str, bytes, str, str]] = {
    "no model": (TRANSCRIPTIONS, form(SOUND), TYPE, "model"),
    "no file": (TRANSCRIPTIONS, form(MODEL), TYPE, "file"),
    "an empty file": (TRANSCRIPTIONS, form(MODEL, Part("file", b"", "a.wav")), TYPE, "file"),
    "a text for the file": (TRANSCRIPTIONS, form(MODEL, Part("file", b"abc")), TYPE, "file"),
    "two files": (TRANSCRIPTIONS, form(MODEL, SOUND, SOUND), TYPE, "file"),
    "17 images": (EDITS, form(MODEL, PROMPT, *[PICTURE] * 17), TYPE, "image"),
    "two masks": (EDITS, form(MODEL, PROMPT, PICTURE, *[Part("mask", b"x", "m.png")] * 2), TYPE, "mask"),
    "no prompt": (EDITS, form(MODEL, PICTURE), TYPE, "prompt"),
    "a model twice": (TRANSCRIPTIONS, form(MODEL, MODEL, SOUND), TYPE, "model"),
    "an object and a text": (
        TRANSCRIPTIONS, form(MODEL, SOUND, Part("chunking_strategy", b"auto"), Part("chunking_strategy[type]", b"x")), TYPE,
        "chunking_strategy",
    ),
    "a member twice": (
        TRANSCRIPTIONS, form(MODEL, SOUND, *[Part("chunking_strategy[type]", b"x")] * 2), TYPE, "chunking_strategy"
    ),
    "a wrong format": (TRANSCRIPTIONS, form(MODEL, SOUND, Part("response_format", b"xml")), TYPE, "response_format"),
    "a warm temperature": (TRANSCRIPTIONS, form(MODEL, SOUND, Part("temperature", b"2")), TYPE, "temperature"),
    "a wordy temperature": (TRANSCRIPTIONS, form(MODEL, SOUND, Part("temperature", b"warm")), TYPE, "temperature"),
    "an endless temperature": (TRANSCRIPTIONS, form(MODEL, SOUND, Part("temperature", b"9" * 5000)), TYPE, "temperature"),
    "a wordy flag": (TRANSCRIPTIONS, form(MODEL, SOUND, Part("stream", b"maybe")), TYPE, "stream"),
    "a wrong granularity": (
        TRANSCRIPTIONS, form(MODEL, SOUND, Part("timestamp_granularities[]", b"letter")), TYPE, "timestamp_granularities[0]"
    ),
    "a refused field": (TRANSCRIPTIONS, form(MODEL, SOUND, Part("model_list", b"[]")), TYPE, "model_list"),
    "many images asked for": (EDITS, form(MODEL, PROMPT, PICTURE, Part("n", b"99")), TYPE, "n"),
    "a half image": (EDITS, form(MODEL, PROMPT, PICTURE, Part("n", b"1.5")), TYPE, "n"),
    "a path upwards": (TRANSCRIPTIONS, form(MODEL, Part("file", b"x", "../../etc/passwd")), TYPE, "file"),
    "a path": (TRANSCRIPTIONS, form(MODEL, Part("file", b"x", "/etc/passwd")), TYPE, "file"),
    "a path of Windows": (TRANSCRIPTIONS, form(MODEL, Part("file", b"x", "..\\\\x.wav")), TYPE, "file"),
    "two dots": (TRANSCRIPTIONS, form(MODEL, Part("file", b"x", "..")), TYPE, "file"),
    "a NUL in the name": (TRANSCRIPTIONS, form(MODEL, Part("file", b"x", "a\x00.wav")), TYPE, "file"),
    "no name of the file": (TRANSCRIPTIONS, form(MODEL, Part("file", b"x", "")), TYPE, "file"),
    "a long name": (TRANSCRIPTIONS, form(MODEL, Part("file", b"x", "a" * 201)), TYPE, "file"),
    "a bad field name": (TRANSCRIPTIONS, form(MODEL, Part("a\x01", b"x")), TYPE, "request_body"),
    "a long field name": (TRANSCRIPTIONS, form(MODEL, Part("a" * 201, b"x")), TYPE, "request_body"),
    "a field without a name": (
        TRANSCRIPTIONS, b"--%b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--%b--\r\n" % ((BOUNDARY.encode(),) * 2), TYPE,
        "request_body",
    ),
    "a part without a disposition": (
        TRANSCRIPTIONS, b"--%b\r\nA: b\r\n\r\nx\r\n--%b--\r\n" % ((BOUNDARY.encode(),) * 2), TYPE, "request_body"
    ),
    "no end": (TRANSCRIPTIONS, form(MODEL, SOUND, end=""), TYPE, "request_body"),
    "cut in the file": (TRANSCRIPTIONS, form(MODEL, SOUND)[:2000], TYPE, "request_body"),
    "no parts": (TRANSCRIPTIONS, form(), TYPE, "model"),
    "only noise": (TRANSCRIPTIONS, b"noise" * 100, TYPE, "request_body"),
    "no boundary": (TRANSCRIPTIONS, form(MODEL, SOUND), "multipart/form-data", "content-type"),
    "an empty boundary": (TRANSCRIPTIONS, form(MODEL, SOUND), 'multipart/form-data; boundary=""', "content-type"),
    "a long boundary": (TRANSCRIPTIONS, form(MODEL, SOUND), f"multipart/form-data; boundary={'a' * 71}", "content-type"),
    "an odd boundary": (TRANSCRIPTIONS, form(MODEL, SOUND), 'multipart/form-data; boundary="a;b"', "content-type"),
    "another boundary": (TRANSCRIPTIONS, form(MODEL, SOUND, boundary="other"), TYPE, "request_body"),
    "a text that is no UTF-8": (TRANSCRIPTIONS, form(MODEL, SOUND, Part("prompt", b"\xff\xfe")), TYPE, "prompt"),
    "a form where JSON is asked for": (SPEECH, form(MODEL), TYPE, "content-type"),
    "plain text": (TRANSCRIPTIONS, b"hello", "text/plain", "content-type"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "body", "param"), JSON_CASES, ids=lambda value: str(value)[:60])
def test_field_is_named_when_json_is_wrong(client: FlaskClient, path: str, body: Any, param: str) -> None:
    check(client.post(f"/v1/{path}", json=body), param)


@pytest.mark.parametrize("case", FORM_CASES.values(), ids=FORM_CASES.keys())
def test_field_is_named_when_a_form_is_wrong(client: FlaskClient, case: tuple[str, bytes, str, str]) -> None:
    path, body, content_type, param = case
    check(client.post(f"/v1/{path}", data=body, content_type=content_type), param)


def check(answer: Any, param: str) -> None:
    error = answer.get_json()["error"]
    assert answer.status_code in (400, 404, 415), error
    assert error["param"] == param, error
    assert error["message"] and error["type"] == "invalid_request_error"


LARGE: Mapping[str, tuple[bytes, int, str | None]] = {
    "a file beyond the limit": (form(MODEL, Part("file", b"x" * 600_000, "a.wav")), 413, None),
    "too many parts": (form(*[Part(f"f{index}", b"") for index in range(200)], SOUND), 400, "request_body"),
    "a long head": (form(MODEL, Part("file", b"x", "a.wav", head=f"X: {'y' * 400_000}\r\n")), 400, "request_body"),
    "a long preamble": (b"p" * 400_000 + form(MODEL, SOUND), 400, "request_body"),
    "a long epilogue": (form(MODEL, SOUND) + b"e" * 400_000, 400, "request_body"),
}


@pytest.mark.parametrize("case", LARGE.values(), ids=LARGE.keys())
def test_form_is_refused_when_a_part_has_no_measure(client: FlaskClient, case: tuple[bytes, int, str | None]) -> None:
    body, status, param = case
    answer = client.post(f"/v1/{TRANSCRIPTIONS}", data=body, content_type=TYPE)
    assert (answer.status_code, answer.get_json()["error"]["param"]) == (status, param)


def test_field_is_refused_when_it_is_as_long_as_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_list": [{"model_name": "model", "litellm_params": {"model": "mock/m"}}]}))
    body = form(MODEL, SOUND, Part("prompt", b"x" * (2**20 + 1)))
    answer = create_app(load(path, {})).test_client().post(f"/v1/{TRANSCRIPTIONS}", data=body, content_type=TYPE)
    assert (answer.status_code, answer.get_json()["error"]["param"]) == (400, "prompt")


def test_dashes_behind_a_boundary_cost_no_time(client: FlaskClient) -> None:
    """CVE-2024-8984: a boundary that is followed by characters without end."""
    body = form(MODEL, SOUND)[:-4] + b"-" * 300_000
    answer = client.post(f"/v1/{TRANSCRIPTIONS}", data=body, content_type=TYPE)
    assert answer.status_code == 400


def test_form_is_understood_when_its_boundary_is_nearly_in_the_file(client: FlaskClient) -> None:
    content = SILENCE.data + b"".join(f"\r\n--{BOUNDARY[:cut]}".encode() for cut in range(len(BOUNDARY))) * 500
    body = form(MODEL, Part("file", content, "a.wav"), Part("response_format", b"json"))
    answer = client.post(f"/v1/{TRANSCRIPTIONS}", data=body, content_type=TYPE)
    assert (answer.status_code, answer.get_json()["text"]) == (200, "A demo of silence.")
