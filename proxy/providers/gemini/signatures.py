"""Gemini's thought signatures on their way through OpenAI's messages, which have no place for them.

They are where LiteLLM puts them: in `provider_specific_fields`, and for clients that keep only the fields they know
once more at the end of the tool call's id (call_ids.py). A signature is good only for the service that made it: Vertex
AI answers "Corrupted thought signature" to one of the Gemini API and the other way round. So each carries its maker
(`maker`), and a fallback between the two leaves them out.

https://ai.google.dev/gemini-api/docs/thought-signatures
"""

import base64
from collections.abc import Mapping
from typing import Any

from proxy.providers.translation.call_ids import is_base64, split_id
from proxy.providers.translation.json_reading import mapping, text_of

# For function calls that another model made. The Gemini API documents both words, Vertex AI the first:
# https://cloud.google.com/vertex-ai/generative-ai/docs/thought-signatures. The field takes base64.
_WORDS = (b"skip_thought_signature_validator", b"context_engineering_is_the_way_to_go")
_VERTEX, _GEMINI = (base64.b64encode(word).decode() for word in _WORDS)
_SKIPS = frozenset((*(word.decode() for word in _WORDS), _VERTEX, _GEMINI))


def skip_for(maker: str) -> str:
    """The signature of a call that has none of its own."""
    return _GEMINI if maker == "gemini" else _VERTEX


def signed_fields(signature: str, maker: str) -> dict[str, Any]:
    """`provider_specific_fields` of a tool call or an image."""
    return {"thought_signature": signature, "signed_by": maker}


def read_signature(item: Mapping[str, Any], maker: str) -> str | None:
    """The signature of a tool call or an image that `maker` understands; None if there is none.

    Google's own spelling for OpenAI clients, `extra_content.google.thought_signature`, is understood too.
    """
    signed = split_id(text_of(item.get("id")))
    if signed.maker not in (None, maker):
        return None
    if signed.signature:
        return skip_for(maker) if signed.signature in _SKIPS else signed.signature
    fields = mapping(item.get("provider_specific_fields"))
    own = fields.get("thought_signature") if fields.get("signed_by", maker) == maker else None
    googles = mapping(mapping(item.get("extra_content")).get("google")).get("thought_signature")
    return read_whole(own, maker) or read_whole(googles, maker)


def read_whole(signature: object, maker: str) -> str | None:
    """A signature as Google gave it; None for one that a client cut or cleaned, which Google would refuse."""
    if not isinstance(signature, str) or not signature:
        return None
    if signature in _SKIPS:
        return skip_for(maker)
    return signature if is_base64(signature) else None


def read_text_signatures(message: Mapping[str, Any], maker: str) -> list[str]:
    """The signatures of a message's text that `maker` understands."""
    fields = mapping(message.get("provider_specific_fields"))
    signatures = fields.get("thought_signatures")
    if not isinstance(signatures, list) or fields.get("signed_by", maker) != maker:
        return []
    return [whole for signature in signatures if (whole := read_whole(signature, maker))]
