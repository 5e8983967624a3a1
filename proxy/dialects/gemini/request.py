"""A request of Google's as a request of OpenAI's form: a chat, or embeddings.

What OpenAI's form has no place for is named; what only Google does is refused by its name.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.dialects.gemini.config import build_parameters
from proxy.dialects.gemini.content import Conversation
from proxy.dialects.gemini.reading import camel, entries, read_object, whole_number
from proxy.dialects.gemini.tool import build_tools
from proxy.domain.bridged import Pivot
from proxy.domain.json_text.document import Document
from proxy.errors import BadRequestError

_TRANSLATED = frozenset({"model", "stream", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig"})
# Asks for a conversation that is kept at Google: without it the answer would be another.
_REFUSED = ("cachedContent",)
# A provider may go without these: they say how, not what.
_OPTIONAL = frozenset(
    {
        "reasoning_effort",
        "service_tier",
        "top_k",
        "temperature",
        "top_p",
        "seed",
        "presence_penalty",
        "frequency_penalty",
    }
)
_TIERS: Mapping[str, str] = {"standard": "default"}
_EMBEDDING_SETTINGS = frozenset({"model", "content", "outputDimensionality"})


def build_pivot(document: Document) -> Pivot:
    """The pivot: embeddings where there is a `content` or a list of `requests`, else a chat.

    countTokens may have the whole request in a member.
    """
    fields = camel(document.fields)
    if "generateContentRequest" in fields:
        fields = {**camel(fields["generateContentRequest"]), "model": fields.get("model")}
    if "requests" in fields or "content" in fields:
        return _build_embeddings(fields)
    for name in _REFUSED:
        if name in fields:
            raise BadRequestError(f"'{name}' is not available for this model: only Google's have it.", param=name)
    conversation = Conversation()
    if "systemInstruction" in fields:
        conversation.add_system(fields["systemInstruction"])
    conversation.add_contents(fields["contents"])
    parameters = build_parameters(fields.get("generationConfig"))
    tools = build_tools(fields)
    pivot: dict[str, Any] = {"model": fields.get("model"), "messages": conversation.messages, **parameters.fields}
    if fields.get("stream"):
        pivot["stream"] = True
    if tools.functions:
        pivot["tools"] = list(tools.functions)
    if tools.choice is not None:
        pivot["tool_choice"] = tools.choice
    if tools.searches:
        pivot["web_search_options"] = {}
    tier = fields.get("serviceTier")
    if isinstance(tier, str) and tier != "unspecified":
        pivot["service_tier"] = _TIERS.get(tier, tier)
    others = (name for name in fields if name not in _TRANSLATED and name != "serviceTier")
    return Pivot(pivot, (*others, *parameters.left_out, *conversation.left_out), _OPTIONAL)


def _build_embeddings(fields: Mapping[str, Any]) -> Pivot:
    """The texts of all requests. Their settings must be the same: OpenAI's form has them once."""
    requests = entries(fields["requests"], "requests") if "requests" in fields else [("", camel(fields))]
    if not requests:
        raise BadRequestError("There are no requests.", param="requests")
    texts = [text for place, request in requests for text in [_text_of(request.get("content"), place)]]
    settings = [{name: value for name, value in request.items() if name != "content"} for _, request in requests]
    if any(each != settings[0] for each in settings):
        raise BadRequestError("All requests of a batch have the same settings here.", param="requests")
    pivot: dict[str, Any] = {"model": fields.get("model"), "input": texts}
    if "outputDimensionality" in settings[0]:
        dimensions = whole_number(settings[0]["outputDimensionality"])
        if dimensions is None:
            raise BadRequestError("Expected an integer (outputDimensionality).", param="outputDimensionality")
        pivot["dimensions"] = dimensions
    left_out = tuple(name for name in settings[0] if name not in _EMBEDDING_SETTINGS)
    return Pivot(pivot, left_out, frozenset({"dimensions"}))


def _text_of(content: object, place: str) -> str:
    where = f"{place}.content" if place else "content"
    parts = read_object(content, where).get("parts", [])
    return "".join(_texts(parts, f"{where}.parts"))


def _texts(parts: object, place: str) -> Iterator[str]:
    for where, part in entries(parts, place):
        if not isinstance(part.get("text"), str):
            raise BadRequestError(f"Only texts can be embedded here ({where}).", param=where)
        yield part["text"]
