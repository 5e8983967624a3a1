"""A stream of the Responses API as its readers see it: its events, checked for order and completeness."""

import json
from typing import Any


def events_of(text: str) -> list[dict[str, Any]]:
    """The data of each event; its `event:` line names its type, and the sequence has no gap."""
    found = []
    for block in text.strip().split("\n\n"):
        if block.startswith(":"):
            continue
        first, second = block.split("\n")
        data = json.loads(second.removeprefix("data: "))
        assert first == f"event: {data['type']}"
        found.append(data)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def check_order(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Each item is added, filled and done, its deltas add up to it; the last event's response has the same items."""
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    done: dict[int, dict[str, Any]] = {}
    texts: dict[tuple[int, str], str] = {}
    added: set[int] = set()
    for event in events[2:-1]:
        kind, place = event["type"], event.get("output_index")
        if kind == "response.in_progress":
            continue
        if kind == "response.output_item.added":
            assert place == len(added)
            added.add(place)
        else:
            assert place in added and place not in done, event
        if kind.endswith(".delta"):
            key = (place, kind)
            texts[key] = texts.get(key, "") + event["delta"]
        elif kind.endswith(("text.done", "arguments.done", "input.done", "refusal.done")):
            value = next(event[name] for name in ("text", "arguments", "input", "refusal") if name in event)
            assert value == texts.get((place, kind.replace(".done", ".delta")), ""), event
        elif kind == "response.output_item.done":
            done[place] = event["item"]
    response: dict[str, Any] = events[-1]["response"]
    if events[-1]["type"] != "response.failed":
        assert set(done) == added
        assert response["output"] == [done[place] for place in sorted(done)]
    return response
