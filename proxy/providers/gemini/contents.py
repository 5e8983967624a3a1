"""OpenAI's messages into Gemini's `contents` and `systemInstruction`.

https://ai.google.dev/api/caching#Content
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.domain.deployment import Deployment
from proxy.providers.gemini.models import family, thinks_in_levels, wants_signatures
from proxy.providers.gemini.parts import build_media, build_part
from proxy.providers.gemini.signatures import read_signature, read_text_signatures, read_whole, skip_for
from proxy.providers.translation.call_ids import split_id
from proxy.providers.translation.content import bad_content, list_messages, list_parts
from proxy.providers.translation.json_reading import find_object, mappings, parse_arguments

Part = dict[str, Any]

# A turn that there must be, of a client that wrote nothing.
_NO_TEXT: Part = {"text": "(no text)"}


class Asked(NamedTuple):
    """A function call of an earlier message, and which of its calls it was: results go back in the calls' order."""

    name: str
    order: int


class Turn(NamedTuple):
    """`kind` is user, model or tool; `groups` are parts that belong together, with their place in the turn."""

    kind: str
    groups: list[tuple[int, list[Part]]]

    def content(self) -> dict[str, Any]:
        parts = [part for _, group in sorted(self.groups, key=lambda group: group[0]) for part in group]
        return {"role": "model" if self.kind == "model" else "user", "parts": parts}


def build_contents(fields: Mapping[str, Any], deployment: Deployment) -> dict[str, Any]:
    """`contents`, and `systemInstruction` where there is one. Neighbours of one role become one turn."""
    system: list[Part] = []
    turns: list[Turn] = []
    asked: dict[str, Asked] = {}
    role: Any = None
    for place, message in list_messages(fields):
        role = message.get("role")
        if role in ("system", "developer"):
            system += _content_parts(message, place)
        elif role == "user":
            _add(turns, "user", _content_parts(message, place))
        elif role == "assistant":
            _remember(asked, message)
            _add(turns, "model", _model_parts(message, place, deployment))
        elif role in ("tool", "function"):
            call = _find(asked, message, place)
            _add(turns, "tool", _result_parts(message, place, call, deployment), call.order)
        else:
            raise bad_content(f"Unknown role {role!r}", f"{place}.role")
    if not turns:
        # Gemini refuses a request without a turn; OpenAI takes one that is all instruction.
        return {"contents": [{"role": "user", "parts": system or [_NO_TEXT]}]}
    if role == "user" and turns[-1].kind == "model":
        # Without it the model would go on with its own turn.
        _add(turns, "user", [_NO_TEXT])
    contents = {"contents": [turn.content() for turn in turns]}
    return {**contents, "systemInstruction": {"parts": system}} if system else contents


def _add(turns: list[Turn], kind: str, parts: list[Part], order: int = 0) -> None:
    if not parts:
        return
    if not turns or turns[-1].kind != kind:
        turns.append(Turn(kind, []))
    turns[-1].groups.append((order, parts))


def _content_parts(message: Mapping[str, Any], place: str) -> list[Part]:
    """The parts, without empty texts, which Vertex AI refuses."""
    parts = (build_part(part, where) for where, part in list_parts(message.get("content"), place))
    return [part for part in parts if part.get("text") != ""]


def _model_parts(message: Mapping[str, Any], place: str, deployment: Deployment) -> list[Part]:
    maker = family(deployment)
    texts = _content_parts(message, place)
    return [
        *_thoughts(message, maker),
        *_server_parts(message, maker),
        *_sign_texts(texts, read_text_signatures(message, maker)),
        *_images(message, place, maker),
        *_calls(message, place, deployment),
    ]


def _thoughts(message: Mapping[str, Any], maker: str) -> list[Part]:
    """The signed thoughts of this maker; thoughts without a signature where none is signed, as Gemini sent them."""
    blocks, reasoning = message.get("thinking_blocks"), message.get("reasoning_content")
    if not blocks and isinstance(reasoning, str) and reasoning:
        return [{"text": reasoning, "thought": True}]
    return [
        {"text": block.get("thinking") or "", "thought": True, "thoughtSignature": signature}
        for block in mappings(blocks)
        if block.get("signed_by") == maker and (signature := read_whole(block.get("signature"), maker))
    ]


def _server_parts(message: Mapping[str, Any], maker: str) -> list[Part]:
    """Parts that OpenAI has no word for (code that Google ran, and its result), as they came."""
    fields = message.get("provider_specific_fields")
    if not isinstance(fields, Mapping) or fields.get("signed_by", maker) != maker:
        return []
    parts = fields.get("server_parts")
    return [dict(part) for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []


def _sign_texts(texts: list[Part], signatures: list[str]) -> list[Part]:
    """The signature goes onto the last text; a signature without text is a part of its own, as it comes in streams."""
    signed = [{"text": "", "thoughtSignature": signature} for signature in signatures]
    if texts and signed:
        return [*texts[:-1], {**texts[-1], "thoughtSignature": signatures[0]}, *signed[1:]]
    return [*texts, *signed]


def _images(message: Mapping[str, Any], place: str, maker: str) -> list[Part]:
    """Images that the model made, sent back for the next change."""
    parts = []
    images = message.get("images")
    for index, image in enumerate(images if isinstance(images, list) else ()):
        url = image.get("image_url") if isinstance(image, Mapping) else None
        url = url.get("url") if isinstance(url, Mapping) else url
        if not isinstance(url, str):
            raise bad_content("An image has no image_url", f"{place}.images[{index}]")
        signature = read_signature(image, maker)
        part = build_media(url, f"{place}.images[{index}]")
        parts.append({**part, "thoughtSignature": signature} if signature else part)
    return parts


def _calls(message: Mapping[str, Any], place: str, deployment: Deployment) -> list[Part]:
    parts = []
    for index, call in enumerate(_tool_calls(message)):
        part = _call_part(call, f"{place}.tool_calls[{index}]", deployment)
        signature = read_signature(call, family(deployment))
        parts.append({**part, "thoughtSignature": signature} if signature else part)
    if parts and wants_signatures(deployment.model):
        # Of parallel calls Gemini signs the first, and that is the one it looks at.
        parts[0].setdefault("thoughtSignature", skip_for(family(deployment)))
    return parts


def _tool_calls(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    calls = message.get("tool_calls")
    found = [call for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []
    legacy = message.get("function_call")
    return [*found, {"function": legacy}] if isinstance(legacy, Mapping) else found


def _call_part(call: Mapping[str, Any], place: str, deployment: Deployment) -> Part:
    function = call.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise bad_content("A tool call names no function", f"{place}.function")
    identifier = _identify(call.get("id"), deployment)
    arguments = parse_arguments(function.get("arguments"), f"{place}.function.arguments")
    return {"functionCall": {**identifier, "name": function["name"], "args": arguments}}


def _identify(identifier: object, deployment: Deployment) -> dict[str, str]:
    """`id`, which Vertex AI's first version doesn't support: there names and order identify calls."""
    known = isinstance(identifier, str) and family(deployment) == "gemini"
    return {"id": split_id(str(identifier)).id} if known else {}


def _remember(asked: dict[str, Asked], message: Mapping[str, Any]) -> None:
    for order, call in enumerate(_tool_calls(message)):
        function = call.get("function")
        name = function.get("name") if isinstance(function, Mapping) else None
        if isinstance(name, str):
            key = call.get("id")
            asked[split_id(key).id if isinstance(key, str) else name] = Asked(name, order)


def _find(asked: Mapping[str, Asked], message: Mapping[str, Any], place: str) -> Asked:
    identifier, name = message.get("tool_call_id"), message.get("name")
    key = split_id(identifier).id if isinstance(identifier, str) else name
    call = asked.get(key) if isinstance(key, str) else None
    if call is not None:
        return call
    if isinstance(name, str) and name:
        return Asked(name, len(asked))
    raise bad_content("The message answers no tool call of an earlier message", f"{place}.tool_call_id")


def _result_parts(message: Mapping[str, Any], place: str, call: Asked, deployment: Deployment) -> list[Part]:
    """A functionResponse; media are inside it since Gemini 3, beside it before.

    https://ai.google.dev/gemini-api/docs/function-calling#multimodal
    """
    parts = _content_parts(message, place)
    media = [part for part in parts if "text" not in part]
    response: dict[str, Any] = _identify(message.get("tool_call_id"), deployment)
    response |= {"name": call.name, "response": _read_result("".join(part.get("text", "") for part in parts))}
    if media and thinks_in_levels(deployment.model):
        return [{"functionResponse": {**response, "parts": media}}]
    return [{"functionResponse": response}, *media]


def _read_result(text: str) -> Mapping[str, Any]:
    """Gemini wants an object: the tool's own where it is one, else LiteLLM's wrapping.

    In an object `$ref` would be the name of an attached part: JSON that has one goes as text.
    """
    found = find_object(text) if text.lstrip().startswith("{") else None
    return {"content": text} if found is None or _has_reference(found) else found


def _has_reference(value: object) -> bool:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            if "$ref" in item:
                return True
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return False
