"""The events of a stream as the response that they add up to, for the log of an operator who wants to see answers."""

from collections.abc import Iterable, Mapping
from typing import Any

from proxy.domain.json_text.codec import loads


def gather_response(events: Iterable[bytes]) -> dict[str, Any]:
    """The last event's response; of a stream that broke the first one's, with the items and texts that had come.

    Each item holds one event or more, with their `event:` lines.
    """
    response: dict[str, Any] = {"object": "response"}
    items: dict[int, Any] = {}
    texts: dict[int, str] = {}
    for text in events:
        for block in text.split(b"\n\n"):
            data = b"\n".join(line[6:] for line in block.split(b"\n") if line.startswith(b"data: "))
            if data:
                _add(response, items, texts, loads(data))
    if not response.get("output"):
        unfinished = {place: {"type": "text", "text": text} for place, text in texts.items()}
        found = {**unfinished, **items}
        response["output"] = [found[place] for place in sorted(found)]
    return response


def _add(response: dict[str, Any], items: dict[int, Any], texts: dict[int, str], event: Mapping[str, Any]) -> None:
    place = event.get("output_index")
    if isinstance(event.get("response"), Mapping):
        response.update(event["response"])
    elif event.get("type") == "response.output_item.done" and isinstance(place, int):
        items[place] = event.get("item")
    elif isinstance(event.get("delta"), str) and isinstance(place, int):
        texts[place] = texts.get(place, "") + event["delta"]
