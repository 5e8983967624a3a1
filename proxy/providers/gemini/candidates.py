"""A candidate, whole or a piece of a streamed one, as members of an OpenAI message.

https://ai.google.dev/api/generate-content#candidate
"""

import hashlib
from collections.abc import Mapping
from itertools import chain, repeat
from typing import Any

from proxy.domain.call import Call
from proxy.providers.gemini.signatures import signed_fields
from proxy.providers.translation.call_ids import sign_id
from proxy.providers.translation.json_reading import dump_arguments, mapping, mappings

_FINISH: Mapping[str, str] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "JAILBREAK": "content_filter",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
_PLAIN_FINISH = frozenset({"STOP", "MAX_TOKENS"})
# Where enumerations come as numbers (`enum-encoding=int`), in the order of
# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/GenerateContentResponse#FinishReason
_NUMBERED = ("", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
             "MALFORMED_FUNCTION_CALL", "MODEL_ARMOR")  # fmt: skip


def read_reason(candidate: Mapping[str, Any]) -> str | None:
    """The candidate's finishReason by its name; None while it has none."""
    reason = candidate.get("finishReason")
    if isinstance(reason, int):
        reason = _NUMBERED[reason] if 0 <= reason < len(_NUMBERED) else str(reason)
    return reason if isinstance(reason, str) and reason else None


def finish_reason(reason: str | None, has_calls: bool) -> str:
    """Gemini sends STOP for function calls too. Reasons without an OpenAI equivalent are a stop (see `native_finish`)."""
    mapped = _FINISH.get(reason or "", "stop")
    return "tool_calls" if has_calls and mapped == "stop" else mapped


def native_finish(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """Details beside the finish_reason; none for an ordinary end."""
    reason = read_reason(candidate)
    if reason is None or reason in _PLAIN_FINISH:
        return {}
    names = {"finishMessage": "finish_message", "safetyRatings": "safety_ratings"}
    details = {new: candidate[old] for old, new in names.items() if candidate.get(old)}
    return {"native_finish_reason": reason, **details}


class CandidateReader:
    """Reads the parts of one choice, in as many pieces as they come in.

    `fields` gathers the members of `provider_specific_fields`. Ids that Gemini doesn't give are made of the call's
    id and the position, so that a repeated reading gives the same.
    """

    __slots__ = ("_call", "_index", "_maker", "calls", "fields", "images", "thoughts")

    def __init__(self, call: Call, maker: str, index: int) -> None:
        self._call = call
        self._maker = maker
        self._index = index
        self.calls = 0
        self.images = 0
        self.thoughts = 0
        self.fields: dict[str, Any] = {}

    def read(self, candidate: Mapping[str, Any]) -> dict[str, Any]:
        """The members that this piece adds: content, reasoning_content, tool_calls, images, audio, thinking_blocks."""
        added: dict[str, Any] = {}
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, Mapping) else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, Mapping):
                self._add(added, part)
        return added

    def _add(self, added: dict[str, Any], part: Mapping[str, Any]) -> None:
        text = part.get("text")
        if isinstance(text, str):
            self._add_text(added, text, part)
        elif isinstance(part.get("functionCall"), Mapping):
            added.setdefault("tool_calls", []).append(self._tool_call(part))
        elif isinstance(part.get("inlineData"), Mapping):
            self._add_media(added, part)
        elif part:
            # Code that Google ran, and its like: no word of OpenAI's; goes back as it came.
            self.fields.setdefault("server_parts", []).append(part)
            self.fields["signed_by"] = self._maker

    def _add_text(self, added: dict[str, Any], text: str, part: Mapping[str, Any]) -> None:
        signature = part.get("thoughtSignature")
        name = "reasoning_content" if part.get("thought") else "content"
        added[name] = added.get(name, "") + text
        if not isinstance(signature, str):
            return
        if part.get("thought"):
            block = {"type": "thinking", "thinking": text, "signature": signature, "signed_by": self._maker}
            added.setdefault("thinking_blocks", []).append({**block, "index": self.thoughts})
            self.thoughts += 1
            return
        self.fields.setdefault("thought_signatures", []).append(signature)
        self.fields["signed_by"] = self._maker

    def _tool_call(self, part: Mapping[str, Any]) -> dict[str, Any]:
        function, signature = part["functionCall"], part.get("thoughtSignature")
        given, name, arguments = function.get("id"), function.get("name"), function.get("args")
        call: dict[str, Any] = {
            "index": self.calls,
            "id": given if isinstance(given, str) and given else self._call_id(),
            "type": "function",
            "function": {
                "name": name if isinstance(name, str) else "",
                "arguments": dump_arguments(mapping(arguments)),
            },
        }
        if isinstance(signature, str):
            call["id"] = sign_id(call["id"], signature, self._maker)
            call["provider_specific_fields"] = signed_fields(signature, self._maker)
        self.calls += 1
        return call

    def _call_id(self) -> str:
        digest = hashlib.blake2s(self._call.id.encode(), digest_size=8).hexdigest()
        return f"call_{digest}{self._index}_{self.calls}"

    def _add_media(self, added: dict[str, Any], part: Mapping[str, Any]) -> None:
        data, signature = part["inlineData"], part.get("thoughtSignature")
        media_type = str(data.get("mimeType") or "application/octet-stream")
        if media_type.startswith("audio/"):
            self._add_audio(added, str(data.get("data") or ""))
            return
        image: dict[str, Any] = {
            "index": self.images,
            "type": "image_url",
            "image_url": {"url": f"data:{media_type};base64,{data.get('data') or ''}"},
        }
        if isinstance(signature, str):
            image["provider_specific_fields"] = signed_fields(signature, self._maker)
        self.images += 1
        added.setdefault("images", []).append(image)

    def _add_audio(self, added: dict[str, Any], data: str) -> None:
        known = added.get("audio") or {}
        expires_at = int(self._call.started_at) + 3600
        added["audio"] = {
            "id": f"audio_{self._call.id}",
            "data": known.get("data", "") + data,
            "expires_at": expires_at,
            "transcript": "",
        }


def logprobs(candidate: Mapping[str, Any]) -> dict[str, Any] | None:
    """OpenAI's `logprobs` of a choice. https://ai.google.dev/api/generate-content#LogprobsResult"""
    result = candidate.get("logprobsResult")
    if not isinstance(result, Mapping) or not isinstance(result.get("chosenCandidates"), list):
        return None
    rows = chain(mappings(result.get("topCandidates")), repeat({}))
    return {
        "content": [
            {**_token(token), "top_logprobs": [_token(other) for other in mappings(row.get("candidates"))]}
            for token, row in zip(mappings(result["chosenCandidates"]), rows, strict=False)
        ]
    }


def _token(token: Mapping[str, Any]) -> dict[str, Any]:
    text, logprob = str(token.get("token") or ""), token.get("logProbability")
    return {
        "token": text,
        "logprob": logprob if isinstance(logprob, int | float) else 0.0,
        "bytes": list(text.encode()),
    }
