"""Google's search results and citations as OpenAI's annotations.

https://ai.google.dev/gemini-api/docs/google-search
"""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.providers.translation.json_reading import mapping, mappings

_KEPT: Mapping[str, str] = {
    "groundingMetadata": "grounding_metadata",
    "citationMetadata": "citation_metadata",
    "urlContextMetadata": "url_context_metadata",
}


def kept(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """The provider's own words, for `provider_specific_fields`."""
    return {name: candidate[member] for member, name in _KEPT.items() if candidate.get(member)}


def annotations(candidate: Mapping[str, Any], text: str) -> list[dict[str, Any]]:
    """`url_citation` annotations. Google counts bytes of `text`, OpenAI characters."""
    encoded = text.encode()
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "url": url,
                "title": title,
                "start_index": _characters(encoded, start),
                "end_index": _characters(encoded, end),
            },
        }
        for url, title, start, end in (*_supported(candidate), *_cited(candidate))
    ]


def _characters(encoded: bytes, position: object) -> int:
    return len(encoded[:position].decode("utf-8", "ignore")) if isinstance(position, int) else 0


def _supported(candidate: Mapping[str, Any]) -> Iterator[tuple[str, str, object, object]]:
    metadata = mapping(candidate.get("groundingMetadata"))
    chunks = mappings(metadata.get("groundingChunks"))
    for support in mappings(metadata.get("groundingSupports")):
        segment = mapping(support.get("segment"))
        indices = support.get("groundingChunkIndices")
        for index in indices if isinstance(indices, list) else ():
            source = _source(chunks[index]) if isinstance(index, int) and 0 <= index < len(chunks) else {}
            yield from _span(source, segment)


def _cited(candidate: Mapping[str, Any]) -> Iterator[tuple[str, str, object, object]]:
    """`citationSources` in the Gemini API, `citations` in Vertex AI."""
    metadata = mapping(candidate.get("citationMetadata"))
    for citation in mappings(metadata.get("citationSources") or metadata.get("citations")):
        yield from _span(citation, citation)


def _source(chunk: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((mapping(chunk[kind]) for kind in ("web", "retrievedContext", "maps") if kind in chunk), {})


def _span(source: Mapping[str, Any], segment: Mapping[str, Any]) -> Iterator[tuple[str, str, object, object]]:
    if isinstance(source.get("uri"), str):
        yield source["uri"], source.get("title") or "", segment.get("startIndex", 0), segment.get("endIndex", 0)
