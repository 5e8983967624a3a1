"""A form with files for a provider: the text parts of a body, and the client's files in the blocks in which they are kept."""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.domain.json_text.codec import dumps
from proxy.domain.upload import Upload, UploadedFile
from proxy.domain.wire import StoredPieces

_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


def build_form(fields: Mapping[str, Any], upload: Upload, names: Mapping[str, str]) -> tuple[str, StoredPieces]:
    """(content type, body). `names`: what the provider calls a file's field; it has brackets where there are several."""
    pieces: list[Any] = []
    for name, text in _texts(fields):
        head = f'--{upload.boundary}\r\ncontent-disposition: form-data; name="{_quote(name)}"\r\n\r\n'
        pieces.append(head.encode() + text + b"\r\n")
    for file in upload.files:
        name = names.get(file.field, file.field) + ("[]" if len(upload.named(file.field)) > 1 else "")
        pieces += [_file_head(upload.boundary, name, file), file.content, b"\r\n"]
    pieces.append(f"--{upload.boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={upload.boundary}", StoredPieces(pieces)


def _file_head(boundary: str, name: str, file: UploadedFile) -> bytes:
    disposition = f'form-data; name="{_quote(name)}"; filename="{_quote(file.filename)}"'
    return f"--{boundary}\r\ncontent-disposition: {disposition}\r\ncontent-type: {file.content_type}\r\n\r\n".encode()


def _texts(fields: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Lists as `name[]`, objects as `name[key]`: OpenAI's SDKs write them so."""
    for name, value in fields.items():
        if isinstance(value, list):
            yield from ((f"{name}[]", _text(item)) for item in value)
        elif isinstance(value, Mapping):
            yield from ((f"{name}[{key}]", _text(item)) for key, item in value.items())
        elif value is not None:
            yield name, _text(value)


def _text(value: Any) -> bytes:
    return value.encode("utf-8", "replace") if isinstance(value, str) else dumps(value)


def _quote(text: str) -> str:
    return text.translate(_ESCAPES)
