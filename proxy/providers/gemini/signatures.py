"""Gemini's thought signatures on their way through OpenAI's messages, which have no place for them.

They stand where LiteLLM puts them: in `provider_specific_fields`, and for clients that keep only the fields they know
once more at the end of the tool call's id (call_ids.py). A signature is good only for the service that made it: Vertex
AI answers "Corrupted thought signature" to one of the Gemini API and the other way round. So ours say who made them
(`maker`), and a fallback between the two leaves them out.

https://ai.google.dev/gemini-api/docs/thought-signatures
"""

import base64
from collections.abc import Mapping
from typing import Any

from proxy.providers.translation.call_ids import split_id
from proxy.providers.translation.json_reading import mapping

# What the documentation gives for function calls that another model made; the field takes base64.
SKIP = base64.b64encode(b"context_engineering_is_the_way_to_go").decode()


def signed_fields(signature: str, maker: str) -> dict[str, Any]:
    """`provider_specific_fields` of a tool call or an image."""
    return {"thought_signature": signature, "signed_by": maker}


def read_signature(item: Mapping[str, Any], maker: str) -> str | None:
    """The signature of a tool call or an image that `maker` understands; None if there is none.

    Google's own spelling for OpenAI clients, `extra_content.google.thought_signature`, is understood too.
    """
    signed = split_id(_text(item.get("id")) or "")
    if signed.signature:
        return signed.signature if signed.maker in (None, maker) else None
    fields = mapping(item.get("provider_specific_fields"))
    if fields.get("signed_by", maker) == maker and _text(fields.get("thought_signature")):
        return _text(fields.get("thought_signature"))
    return _text(mapping(mapping(item.get("extra_content")).get("google")).get("thought_signature"))


def read_text_signatures(message: Mapping[str, Any], maker: str) -> list[str]:
    """The signatures of a message's text that `maker` understands."""
    fields = mapping(message.get("provider_specific_fields"))
    signatures = fields.get("thought_signatures")
    if not isinstance(signatures, list) or fields.get("signed_by", maker) != maker:
        return []
    return [signature for signature in signatures if isinstance(signature, str)]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
