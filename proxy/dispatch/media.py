"""Parts that a provider needs as bytes: fetched through the address guard and put in as data URLs."""

import base64
from collections.abc import Callable, Collection, Mapping
from typing import Any

from proxy.domain.call import Call
from proxy.domain.json_text.document import Document
from proxy.domain.wire import Fetch, WireRequest
from proxy.errors import BadRequestError, GatewayError
from proxy.providers.translation.media_type import OCTETS, find_media_type, guess_media_type

# As much as one answer may have: all that a request makes the gateway fetch is in memory at once.
MAX_BYTES = 64 * 1024 * 1024


def inline_media(call: Call, urls: Collection[str], fetch: Fetch) -> Call:
    """The call with each of `urls` replaced, wherever it occurs, by a data URL of its content.

    Raise BadRequestError for an address that may not be fetched, or that doesn't answer with 200, and for too much.
    """
    if not urls:
        return call
    fetched: dict[str, str] = {}
    for url in dict.fromkeys(urls):
        fetched[url] = _read(url, fetch)
        if sum(map(len, fetched.values())) > MAX_BYTES:
            raise BadRequestError("The media that the request names are too large together.", param="messages")
    replaced = _replace(call.fields["messages"], fetched.get)
    return call.asking(call.model, Document.of({**call.fields, "messages": replaced}))


def _read(url: str, fetch: Fetch) -> str:
    request = WireRequest(url=url, body=b"", headers={"accept": "*/*"}, method="GET", guarded=True)
    try:
        response = fetch(request)
        status, content_type = response.status, response.headers.get("content-type", "")
        body = response.read()
    except BadRequestError as error:
        raise BadRequestError(error.message, param="messages") from None
    except GatewayError as error:
        if not error.blames_deployment:
            raise
        raise BadRequestError(f"Could not fetch a media URL: {error.message}", param="messages") from None
    if status != 200:
        raise BadRequestError(f"Could not fetch a media URL: it answered with status {status}.", param="messages")
    data = base64.b64encode(body).decode()
    media_type = find_media_type(content_type, data)
    if media_type == OCTETS:
        media_type = guess_media_type(url) or OCTETS
    return f"data:{media_type};base64,{data}"


def _replace(value: Any, find: Callable[[str], str | None]) -> Any:
    """A copy of JSON in which every string with a replacement in `find` is replaced."""
    if isinstance(value, str):
        return find(value) or value
    if isinstance(value, list):
        return [_replace(item, find) for item in value]
    if isinstance(value, Mapping):
        return {name: _replace(item, find) for name, item in value.items()}
    return value
