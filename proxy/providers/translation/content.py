"""What a client's messages are made of, whatever the provider: parts, data URLs, and errors that name their place."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from proxy.errors import BadRequestError
from proxy.providers.translation.media_type import OCTETS, find_media_type

_DATA_URL = re.compile(
    r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?P<parameters>(?:;[\w.+-]+=[^;,]*)*)(?P<base64>;base64)?,", re.IGNORECASE
)


class Media(NamedTuple):
    """Bytes that came inside a message: `data` is base64."""

    media_type: str
    data: str

    def text(self, param: str) -> str:
        """The bytes as UTF-8 text; a BadRequestError where they are none."""
        try:
            return base64.b64decode(self.data, validate=True).decode()
        except ValueError:
            raise bad_content("The file is not base64 of UTF-8 text", param) from None


def bad_content(message: str, param: str) -> BadRequestError:
    """The client's mistake, at a place like `messages[2].content[0]`."""
    return BadRequestError(f"{message} ({param})", param=param)


def is_web_url(url: str) -> bool:
    return url.startswith(("http://", "https://"))


def parse_data_url(url: str, param: str, default_type: str = "text/plain") -> Media:
    """The parts of a base64 data URL; its bytes are checked for being base64, not decoded for keeps.

    The type is what the first bytes show, else the declared one; `default_type` where the URL declares none.
    """
    match = _DATA_URL.match(url)
    if match is None or not match["base64"]:
        raise bad_content("Not a base64 data URL, as in data:image/png;base64,...", param)
    data = url[match.end() :]
    try:
        binascii.a2b_base64(data, strict_mode=True)
    except binascii.Error:
        raise bad_content("The data URL's base64 is broken", param) from None
    found = find_media_type(match["type"] or "", data)
    return Media(default_type if found == OCTETS and not match["type"] else found, data)


def with_true_type(url: str, param: str) -> str:
    """A data URL with the type that its bytes show; any other address as it is."""
    if not url.startswith("data:"):
        return url
    media = parse_data_url(url, param)
    return f"data:{media.media_type};base64,{media.data}"


def list_messages(fields: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each message with its place, `messages[0]` and so on."""
    messages = fields.get("messages")
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        raise bad_content("The messages are not a list", "messages")
    for index, message in enumerate(messages):
        param = f"messages[{index}]"
        if not isinstance(message, Mapping):
            raise bad_content("A message is not an object", param)
        yield param, message


def list_objects(value: object, param: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each object of a list with its place; null is an empty list."""
    if value is None:
        return
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise bad_content("Not a list", param)
    for index, item in enumerate(value):
        if not isinstance(item, Mapping):
            raise bad_content("Not an object", f"{param}[{index}]")
        yield f"{param}[{index}]", item


def read_object(value: object, param: str) -> Mapping[str, Any]:
    """An object; null is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise bad_content("Not an object", param)
    return value


def list_parts(content: object, param: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each part of a message's content with its place; a string is one text part, null is none."""
    if content is None:
        return
    if isinstance(content, str):
        yield f"{param}.content", {"type": "text", "text": content}
        return
    if not isinstance(content, Sequence):
        raise bad_content("The content is neither text nor a list of parts", f"{param}.content")
    for index, part in enumerate(content):
        place = f"{param}.content[{index}]"
        if isinstance(part, str):
            yield place, {"type": "text", "text": part}
        elif isinstance(part, Mapping):
            yield place, part
        else:
            raise bad_content("A content part is not an object", place)


def read_text(part: Mapping[str, Any], param: str) -> str:
    """The text of a text part."""
    text = part.get("text")
    if not isinstance(text, str):
        raise bad_content("A text part has no text", param)
    return text


def read_url(part: Mapping[str, Any], param: str) -> str:
    """The URL of an `image_url` part, which may be an object or, as some clients send it, a string."""
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    if not isinstance(url, str) or not url:
        raise bad_content("An image_url part has no url", param)
    return url


def media_urls(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The web addresses of images and files in the messages, for providers that want bytes; broken parts have none."""
    messages = fields.get("messages")
    found = []
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, Mapping) else None
        for part in content if isinstance(content, list) else ():
            url = _media_url(part) if isinstance(part, Mapping) else None
            if isinstance(url, str) and is_web_url(url):
                found.append(url)
    return tuple(dict.fromkeys(found))


def _media_url(part: Mapping[str, Any]) -> Any:
    image, file = part.get("image_url") or part.get("video_url"), part.get("file")
    if image is not None:
        return image.get("url") if isinstance(image, Mapping) else image
    if isinstance(file, Mapping):
        return file.get("file_data") or file.get("file_id")
    return None
