"""A chat answer's deltas as output items and the events that announce them, in the Responses API's order.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from proxy.dialects.responses.items import SEALED_MEMBERS
from proxy.dialects.responses.tools import ToolName, read_custom_input
from proxy.domain.conversation import REASONING_PREFIX
from proxy.domain.json_text.codec import loads
from proxy.domain.sealing import Sealer

Event = tuple[str, dict[str, Any]]

_PLAIN = ToolName("function", "")
# Strings of a delta's list items that grow; all others are replaced.
_FIXED = frozenset({"type", "id", "format", "signed_by"})


class Output:
    """Items of one answer as they come. Each method returns the events to send; `items` are those that are complete.

    `call_id` makes the items' ids; `names` are the client's tools by their functions' names (tools.py).
    """

    def __init__(self, call_id: str, names: Mapping[str, ToolName], sealer: Sealer) -> None:
        self.items: list[dict[str, Any]] = []
        self._call_id = call_id
        self._names = names
        self._sealer = sealer
        self._count = 0
        self._reasoning: _Reasoning | None = None
        self._message: _Message | None = None
        self._calls: dict[int, _ToolCall] = {}
        # The indices of calls that are closed: a nameless piece for one of them is none.
        self._closed: set[int] = set()
        self._done: dict[int, dict[str, Any]] = {}

    def add(self, delta: Mapping[str, Any], logprobs: Any = None) -> list[Event]:
        """A chat delta, or a whole chat message."""
        events: list[Event] = []
        if any(delta.get(name) for name in SEALED_MEMBERS):
            events += self._add_reasoning(delta)
        text, refusal = delta.get("content"), delta.get("refusal")
        if (isinstance(text, str) and text) or (isinstance(refusal, str) and refusal) or delta.get("annotations"):
            events += self._add_text(delta, logprobs)
        for position, image in enumerate(delta.get("images") or ()):
            events += self._add_image(image, position)
        for position, call in enumerate(delta.get("tool_calls") or ()):
            if isinstance(call, Mapping):
                events += self._add_call(call, position)
        return events

    def close(self) -> list[Event]:
        """The end of all items that are open."""
        events = self._close_reasoning() + self._close_message()
        for index in list(self._calls):
            events += self._close_call(index)
        self.items = [self._done[place] for place in sorted(self._done)]
        return events

    def _add_reasoning(self, delta: Mapping[str, Any]) -> list[Event]:
        sealed = {name: delta[name] for name in SEALED_MEMBERS if delta.get(name)}
        own = sealed.get("provider_specific_fields")
        if own is not None and not (isinstance(own, Mapping) and own.get("thought_signatures")):
            del sealed["provider_specific_fields"]
        if not sealed:
            return []
        events: list[Event] = []
        if self._reasoning is None:
            is_late = bool(self._message or self._calls or self._done)
            self._reasoning = _Reasoning(*self._place("rs"), is_late=is_late)
            events += self._reasoning.opening()
        return events + self._reasoning.add(sealed)

    def _add_text(self, delta: Mapping[str, Any], logprobs: Any) -> list[Event]:
        events = self._close_reasoning()
        if self._message is None:
            for index in list(self._calls):
                events += self._close_call(index)
            self._message = _Message(*self._place("msg"))
            events += self._message.opening()
        return events + self._message.add(delta, logprobs)

    def _add_image(self, image: Any, position: int) -> list[Event]:
        url = image.get("image_url") if isinstance(image, Mapping) else None
        url = url.get("url") if isinstance(url, Mapping) else url
        if not isinstance(url, str):
            return []
        events = self._close_reasoning() + self._close_message()
        identifier, place = self._place("ig")
        item = {"id": identifier, "type": "image_generation_call", "status": "completed"}
        self._done[place] = {**item, "result": url.partition("base64,")[2] or url}
        added = {**item, "status": "in_progress", "result": None}
        return [*events, _added(added, place), _done(self._done[place], place)]

    def _add_call(self, call: Mapping[str, Any], position: int) -> list[Event]:
        given = call.get("index")
        index = given if isinstance(given, int) else position
        events: list[Event] = []
        if index not in self._calls:
            events += self._close_reasoning() + self._close_message()
            for other in [other for other, opened in self._calls.items() if opened.is_whole]:
                events += self._close_call(other)
            function = call.get("function")
            name = str(function.get("name") or "") if isinstance(function, Mapping) else ""
            if not name and index in self._closed:
                return events
            tool = self._names.get(name) or _PLAIN._replace(name=name)
            self._calls[index] = _ToolCall(*self._place(_CALL_IDS[tool.kind]), tool, str(call.get("id") or ""))
            events += self._calls[index].opening()
        return events + self._calls[index].add(call)

    def _place(self, prefix: str) -> tuple[str, int]:
        """(id, output index) of the next item."""
        place = self._count
        self._count += 1
        digest = hashlib.blake2s(f"{self._call_id}:{place}".encode(), digest_size=20).hexdigest()
        return f"{prefix}_{digest}", place

    def _close_reasoning(self) -> list[Event]:
        opened, self._reasoning = self._reasoning, None
        if opened is None:
            return []
        self._done[opened.place] = opened.item(self._sealer)
        return opened.closing(self._done[opened.place])

    def _close_message(self) -> list[Event]:
        opened, self._message = self._message, None
        if opened is None:
            return []
        self._done[opened.place] = opened.item("completed")
        return opened.closing(self._done[opened.place])

    def _close_call(self, index: int) -> list[Event]:
        opened = self._calls.pop(index)
        self._closed.add(index)
        self._done[opened.place] = opened.item("completed")
        return opened.closing(self._done[opened.place])


class _Reasoning:
    """A reasoning item: its summary streams, what its provider wants back unchanged is sealed at its end."""

    def __init__(self, identifier: str, place: int, is_late: bool) -> None:
        self.place = place
        self._id = identifier
        self._text: list[str] = []
        self._sealed: dict[str, Any] = {"late": True} if is_late else {}

    def opening(self) -> list[Event]:
        return [_added({"id": self._id, "type": "reasoning", "summary": []}, self.place)]

    def add(self, sealed: Mapping[str, Any]) -> list[Event]:
        for name, value in sealed.items():
            self._sealed[name] = _grown(self._sealed.get(name), value)
        text = sealed.get("reasoning_content")
        if not isinstance(text, str):
            return []
        events = [] if self._text else [self._event("summary_part.added", part=_summary(""))]
        self._text.append(text)
        return [*events, self._event("summary_text.delta", delta=text)]

    def item(self, sealer: Sealer) -> dict[str, Any]:
        if "thinking_blocks" in self._sealed:
            self._sealed["thinking_blocks"] = [_without_index(block) for block in self._sealed["thinking_blocks"]]
        summary = [_summary("".join(self._text))] if self._text else []
        sealed = sealer.seal(REASONING_PREFIX, self._sealed)
        return {"id": self._id, "type": "reasoning", "summary": summary, "encrypted_content": sealed}

    def closing(self, item: dict[str, Any]) -> list[Event]:
        text = "".join(self._text)
        ends = [self._event("summary_text.done", text=text), self._event("summary_part.done", part=_summary(text))]
        return [*(ends if self._text else ()), _done(item, self.place)]

    def _event(self, kind: str, **members: Any) -> Event:
        where = {"item_id": self._id, "output_index": self.place, "summary_index": 0}
        return f"response.reasoning_{kind}", {**where, **members}


class _Message:
    """A message item with one part of text, and one of a refusal where the model refuses."""

    def __init__(self, identifier: str, place: int) -> None:
        self.place = place
        self._id = identifier
        # The parts in their order: [kind, texts, annotations, logprobs].
        self._parts: list[tuple[str, list[str], list[Any], list[Any]]] = []

    def opening(self) -> list[Event]:
        return [_added(self.item("in_progress"), self.place)]

    def add(self, delta: Mapping[str, Any], logprobs: Any) -> list[Event]:
        events: list[Event] = []
        text, refusal = delta.get("content"), delta.get("refusal")
        if isinstance(text, str) and text:
            events += self._write("output_text", text, logprobs)
        if isinstance(refusal, str) and refusal:
            events += self._write("refusal", refusal, None)
        for annotation in delta.get("annotations") or ():
            events += self._annotate(annotation)
        return events

    def _write(self, kind: str, text: str, logprobs: Any) -> list[Event]:
        events = self._part(kind)
        position = len(self._parts) - 1
        self._parts[position][1].append(text)
        if kind == "refusal":
            return [*events, self._event("refusal.delta", position, delta=text)]
        probabilities = logprobs if isinstance(logprobs, list) else []
        self._parts[position][3].extend(probabilities)
        return [*events, self._event("output_text.delta", position, delta=text, logprobs=probabilities)]

    def _part(self, kind: str) -> list[Event]:
        """The part that is written: a new one after one of another kind."""
        if self._parts and self._parts[-1][0] == kind:
            return []
        closing = self._close_part(len(self._parts) - 1) if self._parts else []
        self._parts.append((kind, [], [], []))
        position = len(self._parts) - 1
        return [*closing, self._event("content_part.added", position, part=self._built(position))]

    def _annotate(self, annotation: Any) -> list[Event]:
        cited = annotation.get("url_citation") if isinstance(annotation, Mapping) else None
        if not isinstance(cited, Mapping):
            return []
        events = self._part("output_text")
        position = len(self._parts) - 1
        notes = self._parts[position][2]
        notes.append({"type": "url_citation", **cited})
        note = {"annotation_index": len(notes) - 1, "annotation": notes[-1]}
        return [*events, self._event("output_text.annotation.added", position, **note)]

    def item(self, status: str) -> dict[str, Any]:
        content = [self._built(position) for position in range(len(self._parts))]
        return {"id": self._id, "type": "message", "status": status, "role": "assistant", "content": content}

    def closing(self, item: dict[str, Any]) -> list[Event]:
        return [*self._close_part(len(self._parts) - 1), _done(item, self.place)]

    def _close_part(self, position: int) -> list[Event]:
        kind, texts, _, logprobs = self._parts[position]
        text = "".join(texts)
        if kind == "refusal":
            end = self._event("refusal.done", position, refusal=text)
        else:
            end = self._event("output_text.done", position, text=text, logprobs=logprobs)
        return [end, self._event("content_part.done", position, part=self._built(position))]

    def _built(self, position: int) -> dict[str, Any]:
        kind, texts, annotations, logprobs = self._parts[position]
        if kind == "refusal":
            return {"type": kind, "refusal": "".join(texts)}
        return {"type": kind, "annotations": [*annotations], "logprobs": [*logprobs], "text": "".join(texts)}

    def _event(self, kind: str, position: int, **members: Any) -> Event:
        where = {"item_id": self._id, "output_index": self.place, "content_index": position}
        return f"response.{kind}", {**where, **members}


_CALL_IDS = {"function": "fc", "custom": "ctc", "tool_search": "tsc"}


class _ToolCall:
    """A call of a client's tool. A custom tool's input is known when its function's arguments are complete."""

    def __init__(self, identifier: str, place: int, tool: ToolName, call_id: str) -> None:
        self.place = place
        self._id = identifier
        self._tool = tool
        self._call_id = call_id or identifier
        self._arguments: list[str] = []

    @property
    def is_whole(self) -> bool:
        """Whether the arguments are complete: no further piece is expected when the next call begins."""
        try:
            loads("".join(self._arguments) or "{}")
        except ValueError:
            return False
        return True

    def opening(self) -> list[Event]:
        return [_added(self.item("in_progress"), self.place)]

    def add(self, call: Mapping[str, Any]) -> list[Event]:
        function = call.get("function")
        text = function.get("arguments") if isinstance(function, Mapping) else None
        if not isinstance(text, str) or not text:
            return []
        self._arguments.append(text)
        return [self._event("function_call_arguments.delta", delta=text)] if self._tool.kind == "function" else []

    def item(self, status: str) -> dict[str, Any]:
        text = "".join(self._arguments)
        item: dict[str, Any] = {"id": self._id, "type": _CALL_TYPES[self._tool.kind], "status": status}
        item["call_id"] = self._call_id
        if self._tool.kind == "tool_search":
            return {**item, "execution": "client", "arguments": _parsed(text) if status == "completed" else {}}
        item["name"] = self._tool.name
        if self._tool.namespace is not None:
            item["namespace"] = self._tool.namespace
        if self._tool.kind == "custom":
            return {**item, "input": read_custom_input(text) if status == "completed" else ""}
        return {**item, "arguments": text if status == "completed" else ""}

    def closing(self, item: dict[str, Any]) -> list[Event]:
        if self._tool.kind == "function":
            ends = [self._event("function_call_arguments.done", arguments=item["arguments"])]
        elif self._tool.kind == "custom":
            ends = [
                self._event("custom_tool_call_input.delta", delta=item["input"]),
                self._event("custom_tool_call_input.done", input=item["input"]),
            ]
        else:
            ends = []
        return [*ends, _done(item, self.place)]

    def _event(self, kind: str, **members: Any) -> Event:
        return f"response.{kind}", {"item_id": self._id, "output_index": self.place, **members}


_CALL_TYPES = {"function": "function_call", "custom": "custom_tool_call", "tool_search": "tool_search_call"}


def _added(item: dict[str, Any], place: int) -> Event:
    return "response.output_item.added", {"output_index": place, "item": item}


def _done(item: dict[str, Any], place: int) -> Event:
    return "response.output_item.done", {"output_index": place, "item": item}


def _summary(text: str) -> dict[str, Any]:
    return {"type": "summary_text", "text": text}


def _parsed(arguments: str) -> Any:
    try:
        return loads(arguments or "{}")
    except ValueError:
        return {"query": arguments}


def _grown(earlier: Any, piece: Any) -> Any:
    """A member of a message with a further piece of it: texts grow, list items with an index are merged by it."""
    if isinstance(earlier, str) and isinstance(piece, str):
        return earlier + piece
    if isinstance(piece, Sequence) and not isinstance(piece, str):
        items = list(earlier) if isinstance(earlier, list) else []
        for item in piece:
            _merge(items, item)
        return items
    if isinstance(earlier, Mapping) and isinstance(piece, Mapping):
        return {**earlier, **{name: _grown(earlier.get(name), value) for name, value in piece.items()}}
    return piece


def _merge(items: list[Any], item: Any) -> None:
    index = item.get("index") if isinstance(item, Mapping) else None
    for position, known in enumerate(items):
        if index is not None and isinstance(known, Mapping) and known.get("index") == index:
            merged = dict(known)
            for name, value in item.items():
                grows = isinstance(value, str) and isinstance(merged.get(name), str) and name not in _FIXED
                merged[name] = merged[name] + value if grows else value
            items[position] = merged
            return
    items.append(item)


def _without_index(block: Any) -> Any:
    return {name: value for name, value in block.items() if name != "index"} if isinstance(block, Mapping) else block
