"""The answers of a stream as the one that they add up to, for the log of an operator who wants to see answers."""

from collections.abc import Iterable, Mapping
from typing import Any

from proxy.dialects.gemini.answer import mapping
from proxy.domain.json_text.codec import loads


def gather_answers(answers: Iterable[bytes]) -> dict[str, Any]:
    """Parts follow each other; texts of one kind are joined, and of everything else the last counts."""
    whole: dict[str, Any] = {}
    candidates: dict[int, dict[str, Any]] = {}
    for text in answers:
        answer = loads(text)
        whole.update({name: value for name, value in answer.items() if name != "candidates"})
        for position, candidate in enumerate(answer.get("candidates") or ()):
            known = candidates.setdefault(candidate.get("index", position), {})
            parts = mapping(candidate.get("content")).get("parts") or []
            gathered = known.get("content", {"role": "model", "parts": []})
            known.update(candidate)
            known["content"] = gathered
            for part in parts:
                _add(gathered["parts"], part)
    return {"candidates": [candidates[index] for index in sorted(candidates)], **whole}


def _add(parts: list[dict[str, Any]], part: Mapping[str, Any]) -> None:
    last = parts[-1] if parts else {}
    if "text" in part and "text" in last and part.get("thought") == last.get("thought"):
        parts[-1] = {**last, **part, "text": f"{last['text']}{part['text']}"}
    else:
        parts.append(dict(part))
