"""What the fake provider reads of a request's body: JSON, or the fields of a form and what its files are."""

from io import BytesIO
from typing import Any

import orjson
from werkzeug.formparser import parse_form_data


def read_body(raw: bytes, content_type: str) -> Any:
    """Raise ValueError for JSON that is none."""
    if not content_type.startswith("multipart/form-data"):
        return orjson.loads(raw)
    environ = {"wsgi.input": BytesIO(raw), "CONTENT_LENGTH": str(len(raw)), "CONTENT_TYPE": content_type}
    _, fields, files = parse_form_data(environ, silent=False)
    body: dict[str, Any] = {}
    for name, text in fields.items(multi=True):
        plain, bracket, key = name.partition("[")
        if not bracket:
            body[plain] = _typed(text)
        elif key == "]":
            body.setdefault(plain, []).append(text)
        else:
            body.setdefault(plain, {})[key.removesuffix("]")] = _typed(text)
    for name, file in files.items(multi=True):
        found = {"filename": file.filename, "type": file.mimetype, "size": len(file.stream.read())}
        body.setdefault("files", []).append({"name": name, **found})
    return body


def _typed(text: str) -> Any:
    """Numbers, flags and objects; anything else is a text."""
    try:
        return orjson.loads(text)
    except ValueError:
        return text
