"""Google's inline data and file addresses as parts of OpenAI's messages. https://ai.google.dev/api/caching#Part"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from proxy.dialects.gemini.reading import read_object
from proxy.errors import BadRequestError

_AUDIO: Mapping[str, str] = {"mpeg": "mp3", "mpga": "mp3", "x-wav": "wav", "wave": "wav", "x-m4a": "m4a", "mp4": "m4a"}
# Types of documents that are text although their names do not begin with text/.
_TEXTS = frozenset({"application/json", "application/xml", "application/x-javascript", "application/x-python"})
_GOOGLES = ("https://generativelanguage.googleapis.com/", "gs://", "files/")


def build_inline(value: object, place: str) -> dict[str, Any]:
    """A part of bytes: a picture, a sound, a film, text, or a document."""
    fields = read_object(value, place)
    kind, data = fields.get("mimeType"), fields.get("data")
    if not isinstance(kind, str) or not kind or not isinstance(data, str):
        missing = "mimeType" if not isinstance(kind, str) or not kind else "data"
        raise BadRequestError(f"Inline data has a mimeType and base64 data ({place}).", param=f"{place}.{missing}")
    data, kind = _standard(data, place), kind.partition(";")[0].strip().lower()
    family, _, name = kind.partition("/")
    url = f"data:{kind};base64,{data}"
    if family == "image":
        return {"type": "image_url", "image_url": {"url": url}}
    if family == "audio":
        return {"type": "input_audio", "input_audio": {"data": data, "format": _AUDIO.get(name, name)}}
    if family == "video":
        return {"type": "video_url", "video_url": {"url": url}}
    if family == "text" or kind in _TEXTS:
        return {"type": "text", "text": _decode(data, place)}
    name = str(fields.get("displayName") or f"document.{name}")
    return {"type": "file", "file": {"file_data": url, "filename": name}}


def build_file(value: object, place: str) -> dict[str, Any]:
    """A part with a public URL. Files uploaded to Google are refused: other providers cannot read them."""
    fields = read_object(value, place)
    address, kind = fields.get("fileUri"), fields.get("mimeType")
    if not isinstance(address, str) or not address:
        raise BadRequestError(f"File data has a fileUri ({place}).", param=f"{place}.fileUri")
    if address.startswith(_GOOGLES) or not address.startswith(("https://", "http://")):
        raise BadRequestError(
            f"Another provider's model reads only addresses of the web, not {address[:60]!r} ({place}.fileUri).",
            param=f"{place}.fileUri",
        )
    family = str(kind or "").partition("/")[0]
    if family in ("image", ""):
        return {"type": "image_url", "image_url": {"url": address}}
    if family == "video":
        return {"type": "video_url", "video_url": {"url": address}}
    return {"type": "file", "file": {"file_data": address, "format": kind}}


def _standard(data: str, place: str) -> str:
    """The base64 in its usual alphabet: Google takes that of URLs too."""
    text = data.translate(str.maketrans("-_", "+/")) if "-" in data or "_" in data else data
    text = text if len(text) % 4 == 0 else text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    try:
        binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise BadRequestError(f"The data is not base64 ({place}.data).", param=f"{place}.data") from None
    return text


def _decode(data: str, place: str) -> str:
    try:
        return base64.b64decode(data).decode()
    except UnicodeDecodeError:
        raise BadRequestError(f"The text is not UTF-8 ({place}.data).", param=f"{place}.data") from None
