"""Images, documents, video and audio of a message as Converse blocks.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.providers.translation.content import bad_content, is_web_url, parse_data_url, read_url
from proxy.providers.translation.media_type import (
    OCTETS,
    canonical_type,
    find_media_type,
    guess_media_type,
    is_known_type,
)

_IMAGES = {"png": "png", "jpeg": "jpeg", "jpg": "jpeg", "gif": "gif", "webp": "webp"}
_VIDEOS = {
    "mp4": "mp4", "webm": "webm", "mov": "mov", "quicktime": "mov", "mkv": "mkv", "x-matroska": "mkv", "flv": "flv",
    "x-flv": "flv", "mpeg": "mpeg", "mpg": "mpg", "wmv": "wmv", "x-ms-wmv": "wmv",
    "3gp": "three_gp", "3gpp": "three_gp",
}  # fmt: skip
_AUDIOS = {
    "mp3": "mp3", "mpeg": "mp3", "wav": "wav", "x-wav": "wav", "wave": "wav", "opus": "opus", "aac": "aac",
    "flac": "flac", "ogg": "ogg", "mp4": "mp4", "m4a": "m4a", "webm": "webm", "pcm": "pcm", "pcm16": "pcm",
}  # fmt: skip
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/x-markdown": "md",
}
_EXTENSIONS = frozenset(_DOCUMENTS.values())
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9\s\-()\[\]]+")
_NAME_LENGTH = 200


class File(NamedTuple):
    """A part's description of its bytes: `source` is Converse's, `media_type` and `filename` may be empty."""

    source: dict[str, Any]
    media_type: str
    filename: str

    @property
    def extension(self) -> str:
        return self.filename.rpartition(".")[2].lower()


class Kind(NamedTuple):
    """A kind of block, its media types' first half, and Bedrock's formats by their second half or a file's ending."""

    name: str
    formats: Mapping[str, str]

    def fits(self, file: File) -> bool:
        """Whether a file is of this kind: by its type, or by its ending where it has none."""
        if file.media_type:
            return file.media_type.startswith(self.name + "/")
        return file.extension in self.formats

    def find_format(self, file: File, param: str) -> str:
        word = file.media_type.partition("/")[2] or file.extension
        if word not in self.formats:
            raise bad_content(f"Bedrock takes no {self.name} of type {file.media_type or word!r}", param)
        return self.formats[word]


IMAGE, VIDEO, AUDIO = Kind("image", _IMAGES), Kind("video", _VIDEOS), Kind("audio", _AUDIOS)
_KINDS = (IMAGE, VIDEO, AUDIO)


def build_media(part: Mapping[str, Any], param: str, names: dict[str, int]) -> dict[str, Any] | None:
    """The block of a media part; None for another kind of part.

    `names` are the document names that the request has used, each with the number for its next namesake: Bedrock
    refuses a second document of the same name.
    """
    kind = part.get("type")
    if kind == "image_url":
        return _by_url(IMAGE, read_url(part, param), part, param, names)
    if kind == "video_url":
        return _by_url(VIDEO, _member_url(part, "video_url", param), part, param, names)
    if kind == "input_audio":
        return _input_audio(part.get("input_audio"), param)
    if kind == "file":
        return _file(part, param, names)
    return None


def _file(part: Mapping[str, Any], param: str, names: dict[str, int]) -> dict[str, Any]:
    holder = part.get("file")
    if not isinstance(holder, Mapping):
        raise bad_content("A file part has no file", param)
    url = holder.get("file_data") or holder.get("file_id")
    if not isinstance(url, str) or not url:
        raise bad_content("A file part has no file_data", param)
    filename = holder.get("filename")
    file = _open(url, _format(holder), filename if isinstance(filename, str) else "", param)
    return _build_block(file, part, holder, param, names)


def _by_url(kind: Kind, url: str, part: Mapping[str, Any], param: str, names: dict[str, int]) -> dict[str, Any]:
    """The block of an `image_url` or `video_url`; what its bytes show is another kind, as a PDF, is sent as that."""
    holder = part.get(f"{kind.name}_url")
    file = _open(url, _format(holder), "", param)
    is_other = file.media_type in _DOCUMENTS or any(other.fits(file) for other in _KINDS)
    if is_other and not kind.fits(file):
        return _build_block(file, part, holder if isinstance(holder, Mapping) else {}, param, names)
    return {kind.name: {"format": kind.find_format(file, param), "source": file.source}}


def _build_block(
    file: File, part: Mapping[str, Any], holder: Mapping[str, Any], param: str, names: dict[str, int]
) -> dict[str, Any]:
    kind = next((kind for kind in _KINDS if kind.fits(file)), None)
    if kind is not None:
        return {kind.name: {"format": kind.find_format(file, param), "source": file.source}}
    return {"document": _document(file, part, holder, param, names)}


def _document(
    file: File, part: Mapping[str, Any], holder: Mapping[str, Any], param: str, names: dict[str, int]
) -> dict[str, Any]:
    known = _DOCUMENTS.get(file.media_type) or (file.extension if file.extension in _EXTENSIONS else None)
    if known is None:
        raise bad_content(f"Bedrock takes no documents of type {file.media_type or file.extension!r}", param)
    document: dict[str, Any] = {"format": known, "name": _document_name(file.filename, names), "source": file.source}
    for option in ("citations", "context"):
        value = holder.get(option) or part.get(option)
        if value:
            document[option] = value
    return document


def _document_name(filename: str, names: dict[str, int]) -> str:
    """The file's name without its ending and in the characters that Bedrock allows; a number makes it unique."""
    stem = filename.rpartition(".")[0] or filename
    clean = " ".join(_NOT_IN_NAMES.sub("-", stem).split())[: _NAME_LENGTH - 8] or "document"
    number = names.get(clean, 1)
    name = clean if clean not in names else f"{clean} ({number})"
    while name in names:
        number += 1
        name = f"{clean} ({number})"
    names[clean] = number + 1
    names.setdefault(name, 2)
    return name


def _input_audio(holder: object, param: str) -> dict[str, Any]:
    if not isinstance(holder, Mapping) or not isinstance(holder.get("data"), str):
        raise bad_content("An input_audio part has no data", param)
    media_type, data = f"audio/{holder.get('format') or 'wav'}", holder["data"]
    file = _open(data if data.startswith("data:") else f"data:{media_type};base64,{data}", media_type, "", param)
    return {AUDIO.name: {"format": AUDIO.find_format(file, param), "source": file.source}}


def _open(url: str, media_type: str, filename: str, param: str) -> File:
    """The source of a data URL, of plain base64, or of an object in S3. The type is the one that the bytes show."""
    media_type = canonical_type(media_type) if is_known_type(media_type) else ""
    if url.startswith("s3://"):
        name = filename or url.rpartition("/")[2]
        return File({"s3Location": {"uri": url}}, media_type or guess_media_type(name) or "", name)
    if is_web_url(url):
        raise bad_content("Bedrock takes bytes, not web addresses: send a data URL", param)
    if not url.startswith("data:"):
        url = f"data:{media_type or OCTETS};base64,{url}"
    media = parse_data_url(url, param, OCTETS)
    found = find_media_type(media_type, media.data) if media_type else media.media_type
    return File({"bytes": media.data}, "" if found == OCTETS else found, filename)


def _format(holder: object) -> str:
    value = holder.get("format") if isinstance(holder, Mapping) else None
    return value.lower() if isinstance(value, str) and "/" in value else ""


def _member_url(part: Mapping[str, Any], name: str, param: str) -> str:
    value = part.get(name)
    url = value.get("url") if isinstance(value, Mapping) else value
    if not isinstance(url, str) or not url:
        raise bad_content(f"A {name} part has no url", param)
    return url
