"""The content of input items and of tools' outputs as chat's content parts."""

from collections.abc import Mapping
from typing import Any

from proxy.errors import BadRequestError

Part = dict[str, Any]

_TEXTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
# Chat knows no `original`.
_DETAILS: Mapping[Any, str] = {"low": "low", "high": "high", "original": "high", "auto": "auto"}


def read_parts(content: Any, place: str) -> list[Part]:
    """Chat's parts of a content: a text, a list of parts, or nothing. Raise BadRequestError, naming the place."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise BadRequestError(f"The content is neither text nor an array ({place})", param=place)
    return [_read_part(part, f"{place}[{index}]") for index, part in enumerate(content)]


def _read_part(part: Any, place: str) -> Part:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, Mapping):
        raise BadRequestError(f"A content part is not an object ({place})", param=place)
    kind = part.get("type")
    if kind in _TEXTS:
        text = part.get("text")
        if not isinstance(text, str):
            raise BadRequestError(f"A text part has no text ({place})", param=f"{place}.text")
        return {"type": "text", "text": text}
    if kind == "refusal":
        return {"type": "refusal", "refusal": str(part.get("refusal") or "")}
    if kind in ("input_image", "computer_screenshot", "output_image"):
        return _read_image(part, place)
    if kind == "input_file":
        return _read_file(part, place)
    if kind in ("input_audio", "image_url", "file", "video_url"):
        # Chat's own parts, which some clients send here.
        return dict(part)
    raise BadRequestError(f"The content part '{kind}' is not available for this model.", param=f"{place}.type")


def _read_image(part: Mapping[str, Any], place: str) -> Part:
    url = part.get("image_url")
    if isinstance(url, Mapping):
        url = url.get("url")
    if not isinstance(url, str) or not url:
        wanted = "has no image_url; a file_id is not available for this model"
        raise BadRequestError(f"An image {wanted} ({place})", param=f"{place}.image_url")
    image = {"url": url}
    if part.get("detail") in _DETAILS:
        image["detail"] = _DETAILS[part["detail"]]
    return {"type": "image_url", "image_url": image}


def _read_file(part: Mapping[str, Any], place: str) -> Part:
    """A file by its data, its id or its address; providers fetch an address in the id's place."""
    file: dict[str, Any] = {}
    if part.get("filename"):
        file["filename"] = part["filename"]
    if part.get("file_data"):
        file["file_data"] = part["file_data"]
    elif part.get("file_url") or part.get("file_id"):
        file["file_id"] = part.get("file_url") or part.get("file_id")
    else:
        raise BadRequestError(f"A file has neither file_data nor file_url ({place})", param=f"{place}.file_data")
    return {"type": "file", "file": file}


def join_texts(parts: list[Part], separator: str = "") -> str:
    return separator.join(part["text"] for part in parts if part["type"] == "text")


def content_of(parts: list[Part]) -> str | list[Part]:
    """A message's content: one text as text."""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return str(parts[0]["text"])
    return parts or ""
