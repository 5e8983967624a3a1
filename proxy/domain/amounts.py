"""How much an answer used of the units that are no tokens: counters for the rows of operations.

A counter reads the request body and the answer, and returns None where the unit cannot be counted: no number rather
than a wrong one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.domain.usage import Amount, CountAmount, Usage

_DEFAULT_SIZE = "1024x1024"
_DOCUMENTS_PER_QUERY = 100
# More of a unit is no honest count; it keeps a cost within what JSON's readers keep exactly.
_MOST = 1e9


def read_usage(request: Mapping[str, Any], answer: Mapping[str, Any], counters: Sequence[CountAmount]) -> Usage | None:
    """The tokens that an answer names, and the amounts of an operation's counters; None where nothing is counted."""
    usage = Usage.from_openai(answer.get("usage"))
    if not counters:
        return usage
    counted = tuple(amount for count in counters if (amount := count(request, answer)) is not None)
    return (usage or Usage())._replace(amounts=counted) if counted else usage


def count_images(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Amount | None:
    """The images of an answer. OpenAI's names: size and quality, which the answer states where they were chosen for it.

    https://platform.openai.com/docs/api-reference/images
    """
    images = answer.get("data")
    if not isinstance(images, list):
        return None
    size, quality = _chosen(request, answer, "size") or _DEFAULT_SIZE, _chosen(request, answer, "quality")
    # A price without a quality is that of the standard one.
    plain = (size,) if quality in (None, "standard") else ()
    return Amount("image", len(images), (f"{quality or 'standard'}/{size}", *plain))


def count_pixels(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Amount | None:
    """The pixels of all images of an answer."""
    images, size = answer.get("data"), _chosen(request, answer, "size") or _DEFAULT_SIZE
    width, _, height = size.partition("x")
    if not isinstance(images, list) or not (width.isdecimal() and height.isdecimal()):
        return None
    return Amount("pixel", len(images) * int(width) * int(height))


def _chosen(request: Mapping[str, Any], answer: Mapping[str, Any], name: str) -> str | None:
    for value in (answer.get(name), request.get(name)):
        if isinstance(value, str) and value and value != "auto":
            return value
    return None


def count_characters(request: Mapping[str, Any], _: Mapping[str, Any]) -> Amount | None:
    """The characters of a text to be spoken."""
    text = request.get("input")
    return Amount("character", len(text)) if isinstance(text, str) else None


def count_seconds(_: Mapping[str, Any], answer: Mapping[str, Any]) -> Amount | None:
    """The length of a transcribed recording: `usage.seconds`, or `duration` of the verbose form."""
    usage = answer.get("usage")
    seconds = usage.get("seconds") if isinstance(usage, Mapping) else None
    seconds = answer.get("duration") if seconds is None else seconds
    try:
        quantity = _quantity(float(seconds) if isinstance(seconds, str) else seconds)
    except ValueError:
        quantity = None
    return None if quantity is None else Amount("second", quantity)


def count_queries(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Amount | None:
    """Search units: as the answer bills them (Cohere's form), else one for each hundred documents.

    https://docs.cohere.com/reference/rerank, https://cohere.com/pricing
    """
    meta = answer.get("meta")
    billed = meta.get("billed_units") if isinstance(meta, Mapping) else None
    units = _quantity(billed.get("search_units")) if isinstance(billed, Mapping) else None
    if units is not None:
        return Amount("query", units)
    documents = request.get("documents")
    return Amount("query", max(1, -(-len(documents) // _DOCUMENTS_PER_QUERY)) if isinstance(documents, list) else 1)


def count_pages(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Amount | None:
    """The pages of a document that was read. https://docs.mistral.ai/api/endpoint/ocr"""
    usage = answer.get("usage_info")
    pages = _quantity(usage.get("pages_processed")) if isinstance(usage, Mapping) else None
    if pages is None:
        listed = answer.get("pages")
        pages = len(listed) if isinstance(listed, list) else None
    annotated = request.get("document_annotation_format") or request.get("bbox_annotation_format")
    return None if pages is None else Amount("annotated_page" if annotated else "page", pages)


def _quantity(value: object) -> float | None:
    """A count from a provider, from 0 to `_MOST`; None for what is no such number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value <= _MOST else None
