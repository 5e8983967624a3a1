"""Answers into chunks and chunks into answers: one entry serves plain and streamed requests."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from proxy.domain.answer import Chunk, build_chunk, read_chunk
from proxy.domain.json_text.codec import dumps, loads

_TEXTS = frozenset({"content", "reasoning_content", "reasoning", "refusal", "arguments"})
# Lists whose items carry an index in a stream, and none in a whole answer.
_INDEXED = ("tool_calls", "thinking_blocks", "reasoning_details")


def split_answer(body: str, *, whole_text: bool) -> list[Chunk]:
    """The chunks of a stream with this whole answer. `whole_text`: a text completion, whose choices have no deltas."""
    answer = loads(body)
    head = {name: value for name, value in answer.items() if name not in ("choices", "usage", "object", "_response_ms")}
    head["object"] = "text_completion" if whole_text else "chat.completion.chunk"
    chunks = [build_chunk({**head, "choices": [_opened(choice)]}) for choice in answer.get("choices") or ()]
    chunks += [build_chunk({**head, "choices": [_closed(choice)]}) for choice in answer.get("choices") or ()]
    if answer.get("usage"):
        chunks.append(build_chunk({**head, "choices": [], "usage": answer["usage"]}))
    return chunks


def _opened(choice: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in choice.items() if name not in ("message", "finish_reason")}
    message = choice.get("message")
    if not isinstance(message, Mapping):
        return {**rest, "finish_reason": None}
    delta = {name: value for name, value in message.items() if value is not None}
    for name in _INDEXED:
        if isinstance(delta.get(name), list):
            delta[name] = [{"index": index, **item} for index, item in enumerate(delta[name])]
    return {**rest, "delta": delta, "finish_reason": None}


def _closed(choice: Mapping[str, Any]) -> dict[str, Any]:
    index = choice.get("index", 0)
    if "message" in choice:
        return {"index": index, "delta": {}, "finish_reason": choice.get("finish_reason")}
    return {"index": index, "text": "", "finish_reason": choice.get("finish_reason")}


def read_chunks(texts: Iterable[str]) -> Iterator[Chunk]:
    """Kept chunks as they came."""
    for text in texts:
        data = text.encode()
        yield read_chunk(data, loads(data))


def join_chunks(texts: Iterable[str]) -> bytes:
    """The whole answer that the chunks of a stream add up to."""
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    is_text = False
    for text in texts:
        chunk = loads(text)
        whole.update({name: value for name, value in chunk.items() if name != "choices" and value is not None})
        for piece in chunk.get("choices") or ():
            is_text = is_text or "text" in piece
            _join(choices.setdefault(piece.get("index") or 0, {}), piece)
    whole["object"] = "text_completion" if is_text else "chat.completion"
    found = [{"index": index, **_finished(choices[index])} for index in sorted(choices)]
    return dumps({**whole, "choices": found})


def _join(choice: dict[str, Any], piece: Mapping[str, Any]) -> None:
    for name, value in piece.items():
        if name == "delta" and isinstance(value, Mapping):
            _add(choice.setdefault("message", {"role": "assistant", "content": None}), value)
        elif name == "text":
            choice["text"] = choice.get("text", "") + (value or "")
        elif name == "logprobs" and isinstance(value, Mapping):
            _add(choice.setdefault("logprobs", {}), value)
        elif name != "index" and value is not None:
            choice[name] = value


def _add(into: dict[str, Any], delta: Mapping[str, Any]) -> None:
    for name, value in delta.items():
        known = into.get(name)
        if value is None:
            into.setdefault(name, None)
        elif name in _TEXTS and isinstance(value, str):
            into[name] = (known or "") + value
        elif isinstance(value, list):
            into[name] = _add_items(known or [], value)
        elif isinstance(value, Mapping) and isinstance(known, dict):
            _add(known, value)
        else:
            into[name] = dict(value) if isinstance(value, Mapping) else value


def _add_items(known: list[Any], items: list[Any]) -> list[Any]:
    """Items with the index of a known one lengthen it; others are new."""
    for item in items:
        index = item.get("index") if isinstance(item, Mapping) else None
        same = next(
            (have for have in known if isinstance(have, dict) and index is not None and have.get("index") == index),
            None,
        )
        if same is None:
            known.append(_copied(item))
        else:
            _add(same, {name: value for name, value in item.items() if name not in ("index", "id", "type")})
    return known


def _copied(item: Any) -> Any:
    """An item that may be lengthened, its function too."""
    if not isinstance(item, Mapping):
        return item
    function = item.get("function")
    return {**item, "function": dict(function)} if isinstance(function, Mapping) else dict(item)


def _finished(choice: dict[str, Any]) -> dict[str, Any]:
    message = choice.get("message")
    if not isinstance(message, dict):
        return choice
    for name in _INDEXED:
        items = message.get(name)
        if isinstance(items, list):
            message[name] = [
                {member: value for member, value in item.items() if member != "index"}
                if isinstance(item, dict)
                else item
                for item in items
            ]
    return choice
