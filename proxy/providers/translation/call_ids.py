"""Tool call ids that carry a thought signature, for clients that keep only OpenAI's fields.

Gemini refuses a function call that comes back without its signature; the others refuse an id as long as one (OpenAI: 40
characters). So ids are signed on the way to the client, and everybody but Gemini is sent them without the signature.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.domain.json_text.document import Document

MARK = "__thought__"
# Ids of before there was a checksum have none.
_MAKER = re.compile(r"(gemini|vertex_ai)(?:[-_]([0-9a-f]{8}))?")
_OWN = "provider_specific_fields"


class SignedId(NamedTuple):
    """An id, taken apart; `maker`, whose signature it is, is None where the id doesn't show it (LiteLLM's own)."""

    id: str
    signature: str | None = None
    maker: str | None = None


def sign_id(call_id: str, signature: str, maker: str) -> str:
    """`maker` is `gemini` or `vertex_ai`. A checksum shows whether a client cut the id or cleaned its letters."""
    return f"{call_id}__{maker}-{_checksum(signature)}{MARK}{signature}"


def split_id(identifier: str) -> SignedId:
    """The id's parts. A signature that a client damaged counts as none."""
    head, mark, signature = identifier.partition(MARK)
    if not mark:
        return SignedId(identifier)
    call_id, _, word = head.rpartition("__")
    found = _MAKER.fullmatch(word)
    maker, checksum = found.groups() if found else (None, None)
    is_whole = is_base64(signature) if checksum is None else checksum == _checksum(signature)
    return SignedId(call_id if maker else head, signature if is_whole else None, maker)


def is_base64(signature: str) -> bool:
    """False for a signature that can't be one: cut amid four letters, or with letters that some client put in."""
    try:
        return bool(base64.b64decode(signature, validate=True))
    except ValueError:
        return False


def _checksum(signature: str) -> str:
    return hashlib.blake2s(signature.encode(errors="replace"), digest_size=4).hexdigest()


def without_signatures(document: Document) -> Document:
    """The request with plain tool call ids; the same document if they are plain already."""
    messages = document.fields.get("messages")
    if not isinstance(messages, list):
        return document
    # Few of many messages name calls: the others are not looked into.
    for message in messages:
        if type(message) is dict and ("tool_calls" in message or "tool_call_id" in message):
            break
    else:
        return document
    plain = [_plain_message(message) if isinstance(message, Mapping) else message for message in messages]
    if all(new is old for new, old in zip(plain, messages, strict=True)):
        return document
    return document.edit({"messages": plain})


def _plain_message(message: Mapping[str, Any]) -> Mapping[str, Any]:
    answered, calls = message.get("tool_call_id"), message.get("tool_calls")
    if isinstance(answered, str) and MARK in answered:
        return {**message, "tool_call_id": split_id(answered).id}
    if not isinstance(calls, list) or not any(_is_signed(call) for call in calls):
        return message
    return {**message, "tool_calls": [_plain_call(call) for call in calls]}


def _is_signed(call: object) -> bool:
    if not isinstance(call, Mapping):
        return False
    own = call.get(_OWN)
    return MARK in str(call.get("id")) or (isinstance(own, Mapping) and "thought_signature" in own)


def _plain_call(call: Any) -> Any:
    if not _is_signed(call):
        return call
    plain = {name: value for name, value in call.items() if name != _OWN}
    return {**plain, "id": split_id(call["id"]).id} if isinstance(call.get("id"), str) else plain
