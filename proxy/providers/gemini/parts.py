"""Parts of a message's content into Gemini's parts: text, images, audio, video, files.

https://ai.google.dev/api/caching#Part
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from proxy.providers.translation.content import bad_content, is_web_url, media_urls, parse_data_url, read_text
from proxy.providers.translation.media_type import (
    OCTETS,
    canonical_type,
    find_media_type,
    guess_media_type,
    is_known_type,
)

FILES = "https://generativelanguage.googleapis.com/"
_VIDEO_HOSTS = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be"})


def build_part(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    """One part of a user's or a tool's message. `place` names it in errors."""
    kind = part.get("type")
    builder = _BUILDERS.get(kind) if isinstance(kind, str) else None
    if builder is None:
        raise bad_content(f"Gemini takes no content part of type {kind!r}", place)
    return builder(part, place)


def build_media(url: str, place: str, media_type: str | None = None) -> dict[str, Any]:
    """Bytes for a data URL; for any other the address, which Google reads itself.

    `media_type` is the client's, beside the URL. The first bytes of images and PDFs override it.
    """
    media_type = canonical_type(media_type) if media_type and is_known_type(media_type) else None
    if url.startswith("data:"):
        media = parse_data_url(url, place)
        found = find_media_type(media_type, media.data) if media_type else media.media_type
        return {"inlineData": {"mimeType": found, "data": media.data}}
    media_type = media_type or guess_media_type(url)
    return {"fileData": {"fileUri": url, **({"mimeType": media_type} if media_type else {})}}


def unknown_to_google(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The web addresses in the messages that must be fetched: all but uploaded files and YouTube."""
    return tuple(url for url in media_urls(fields) if not _is_googles(url))


def _is_googles(url: str) -> bool:
    return url.startswith(FILES) or urlsplit(url).hostname in _VIDEO_HOSTS


def _text_part(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    return {"text": read_text(part, place)}


def _refusal_part(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    return {"text": read_text({"text": part.get("refusal")}, place)}


def _url_part(name: str) -> Callable[[Mapping[str, Any], str], dict[str, Any]]:
    def build(part: Mapping[str, Any], place: str) -> dict[str, Any]:
        given = part.get(name)
        url, media_type = (given.get("url"), given.get("format")) if isinstance(given, Mapping) else (given, None)
        if not isinstance(url, str) or not url:
            raise bad_content(f"The {name} part has no url", place)
        if not url.startswith(("data:", "gs://")) and not is_web_url(url):
            raise bad_content(f"The {name} is neither a data URL nor a https:// or gs:// address", place)
        return build_media(url, place, media_type)

    return build


def _audio_part(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    audio = part.get("input_audio")
    if not isinstance(audio, Mapping) or not isinstance(audio.get("data"), str):
        raise bad_content("The input_audio part has no data", place)
    data = str(audio["data"])
    media_type = f"audio/{audio.get('format') or 'wav'}"
    return build_media(data if data.startswith("data:") else f"data:{media_type};base64,{data}", place, media_type)


def _file_part(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    """`file_data` is a data URL or plain base64 with a filename; `file_id` the address of an uploaded file."""
    file = part.get("file")
    given = (file.get("file_data") or file.get("file_id")) if isinstance(file, Mapping) else None
    if not isinstance(file, Mapping) or not isinstance(given, str):
        raise bad_content("The file part has neither file_data nor file_id", place)
    by_name = guess_media_type(str(file.get("filename") or ""))
    media_type = file.get("format") or by_name
    if given.startswith("files/"):
        given = f"{FILES}v1beta/{given}"
    if file.get("file_data") and not given.startswith(("data:", "gs://")) and not is_web_url(given):
        given = f"data:{media_type or 'application/pdf'};base64,{given}"
    built = build_media(given, place, file.get("format") or (None if given.startswith("data:") else media_type))
    # A data URL's own type, if it has one, counts more than a file's name.
    if by_name and built.get("inlineData", {}).get("mimeType") == OCTETS:
        built["inlineData"]["mimeType"] = by_name
    return built


_BUILDERS: Mapping[str, Callable[[Mapping[str, Any], str], dict[str, Any]]] = {
    "text": _text_part,
    "refusal": _refusal_part,
    "image_url": _url_part("image_url"),
    "video_url": _url_part("video_url"),
    "audio_url": _url_part("audio_url"),
    "input_audio": _audio_part,
    "file": _file_part,
}
