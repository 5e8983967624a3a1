"""Media whose declared type is wrong, unknown or spelled in another way: the first bytes decide."""

import base64
from typing import Any

import pytest

from proxy.providers.translation.media_type import canonical_type, find_media_type
from tests.providers.wire_formats import (
    BEDROCK_CLAUDE,
    BEDROCK_NOVA,
    CLAUDE,
    COHERE,
    GOOGLE,
    MESSAGES_API,
    Wire,
    body_of,
    find_all,
)


def encode(head: bytes) -> str:
    return base64.b64encode(head + bytes(range(64))).decode()


PNG, JPEG = encode(b"\x89PNG\r\n\x1a\n"), encode(b"\xff\xd8\xff\xe0\x00\x10JFIF")
GIF, WEBP = encode(b"GIF89a"), encode(b"RIFF\x00\x01\x00\x00WEBPVP8 ")
PDF = encode(b"%PDF-1.7\n")
IMAGES = {"png": PNG, "jpeg": JPEG, "gif": GIF, "webp": WEBP}
WRONG_TYPES = (
    "image/png", "image/jpeg", "image/jpg", "IMAGE/JPEG", "application/octet-stream", "binary/octet-stream", "text/plain",
)  # fmt: skip


def image(url: str, **members: Any) -> list[dict[str, Any]]:
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url, **members}}]
    return [{"role": "user", "content": parts}]


def sent_type(wire: Wire, messages: list[dict[str, Any]]) -> str:
    """The type that the provider is given for the one image or document, as `image/png` or `png`."""
    body = body_of(wire, messages=messages)["messages" if wire not in GOOGLE else "contents"]
    names = ("mimeType", "media_type", "format")
    (found,) = [value for name in names for value in find_all(body, name)]
    return str(found)


@pytest.mark.parametrize("wire", (*CLAUDE, BEDROCK_NOVA, *GOOGLE), ids=lambda wire: wire.name)
@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("declared", WRONG_TYPES)
def test_image_has_the_type_of_its_bytes_when_another_is_declared(wire: Wire, kind: str, declared: str) -> None:
    assert sent_type(wire, image(f"data:{declared};base64,{IMAGES[kind]}")).removeprefix("image/") == kind


@pytest.mark.parametrize("wire", (*CLAUDE, *GOOGLE), ids=lambda wire: wire.name)
@pytest.mark.parametrize("given", ["image/jpg", "application/octet-stream", "image/png"])
def test_image_has_the_type_of_its_bytes_when_format_says_another(wire: Wire, given: str) -> None:
    found = sent_type(wire, image(f"data:image/png;base64,{JPEG}", format=given))
    assert found.removeprefix("image/") == "jpeg"


@pytest.mark.parametrize("declared", ["application/pdf", "image/png", "application/octet-stream"])
@pytest.mark.parametrize("wire", [*MESSAGES_API, BEDROCK_CLAUDE, BEDROCK_NOVA], ids=lambda wire: wire.name)
def test_pdf_is_a_document_when_it_comes_as_an_image(wire: Wire, declared: str) -> None:
    body = body_of(wire, messages=image(f"data:{declared};base64,{PDF}"))
    (content,) = [turn["content"] for turn in body["messages"]]
    assert PDF in str(content)
    if wire.provider == "bedrock":
        assert [block["document"]["format"] for block in content if "document" in block] == ["pdf"]
    else:
        assert [block["type"] for block in content] == ["text", "document"]


@pytest.mark.parametrize("wire", GOOGLE, ids=lambda wire: wire.name)
def test_named_file_has_the_type_of_its_name_when_its_bytes_show_none(wire: Wire) -> None:
    data = base64.b64encode(b"a,b\n1,2\n").decode()
    file = {"file_data": f"data:application/octet-stream;base64,{data}", "filename": "table.csv"}
    body = body_of(wire, messages=[{"role": "user", "content": [{"type": "file", "file": file}]}])
    assert find_all(body["contents"], "mimeType") == ["text/csv"]


@pytest.mark.parametrize(
    ("declared", "data"),
    [
        ("audio/wav", encode(b"RIFF\x00\x01\x00\x00WAVEfmt ")),
        ("audio/mp4", encode(b"\x00\x00\x00\x18ftypM4A ")),
        ("video/quicktime", encode(b"\x00\x00\x00\x14ftypqt  ")),
        ("audio/webm", encode(b"\x1a\x45\xdf\xa3")),
        ("text/plain", base64.b64encode(b"BMW and ID3 are words").decode()),
        ("image/png", base64.b64encode(b"no image at all").decode()),
        ("text/plain", ""),
    ],
)
def test_declared_type_stays_when_the_bytes_do_not_contradict_it(declared: str, data: str) -> None:
    assert find_media_type(declared, data) == declared


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"RIFF\x00\x01\x00\x00WAVE", "audio/wav"),
        (b"ID3\x04", "audio/mp3"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"\x00\x00\x00\x18ftypavif", "image/avif"),
        (b"\x00\x00\x00\x18ftypisom", "video/mp4"),
        (b"no magic", "application/octet-stream"),
    ],
)
def test_bytes_decide_when_nothing_is_declared(head: bytes, expected: str) -> None:
    assert find_media_type("binary/octet-stream", encode(head)) == expected


def test_one_name_is_used_when_a_type_has_several() -> None:
    assert canonical_type("image/JPG; charset=binary") == "image/jpeg"
    assert canonical_type("image/pjpeg") == canonical_type("image/jfif") == "image/jpeg"
    assert canonical_type("image/svg+xml") == "image/svg+xml"


@pytest.mark.parametrize("declared", WRONG_TYPES)
def test_data_url_has_the_type_of_its_bytes_when_cohere_is_sent_one(declared: str) -> None:
    body = body_of(COHERE, messages=image(f"data:{declared};base64,{JPEG}"))
    assert find_all(body["messages"], "url") == [f"data:image/jpeg;base64,{JPEG}"]
    address = "https://example.com/a.jpg"
    assert find_all(body_of(COHERE, messages=image(address))["messages"], "url") == [address]


@pytest.mark.parametrize("wire", MESSAGES_API, ids=lambda wire: wire.name)
@pytest.mark.parametrize(
    ("declared", "filename"),
    [
        ("application/json", None),
        ("application/octet-stream", "a.json"),
        ("text/csv", "a.csv"),
        ("binary/octet-stream", "a.md"),
    ],
)
def test_file_is_a_text_document_when_its_type_or_name_says_so(wire: Wire, declared: str, filename: str | None) -> None:
    data = base64.b64encode(b'{"a": 1}').decode()
    file = {"file_data": f"data:{declared};base64,{data}", **({"filename": filename} if filename else {})}
    body = body_of(wire, messages=[{"role": "user", "content": [{"type": "file", "file": file}]}])
    (source,) = find_all(body["messages"], "source")
    assert source == {"type": "text", "media_type": "text/plain", "data": '{"a": 1}'}
