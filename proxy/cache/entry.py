"""One kept answer, and its form as bytes: JSON, so that a store of garbage is a miss and nothing is executed."""

from typing import Any, NamedTuple

import orjson

from proxy.domain.usage import Usage

_VERSION = 1
_COUNTS = 11


class Entry(NamedTuple):
    """An answer in OpenAI's form: `body` where it came whole, `chunks` where it came as a stream.

    `kept_at` is Unix seconds. The rest names the deployment that gave it.
    """

    kept_at: float
    body: str | None
    chunks: tuple[str, ...]
    usage: Usage | None
    model: str | None
    deployment_id: str
    group: str
    provider: str
    deployment_model: str


def encode(entry: Entry) -> bytes:
    usage = None if entry.usage is None else list(entry.usage[:_COUNTS])
    return orjson.dumps([_VERSION, *entry[:3], usage, *entry[4:]])


def decode(data: bytes) -> Entry | None:
    """None for what is no entry of this version."""
    try:
        version, kept_at, body, chunks, usage, *rest = orjson.loads(data)
        if version != _VERSION:
            return None
        counted = None if usage is None else Usage._make([*map(int, usage), (), None])
        model, *names = rest
        identifier, group, provider, deployment_model = map(_text, names)
        return Entry(
            float(kept_at),
            None if body is None else _text(body),
            tuple(map(_text, chunks)),
            counted,
            None if model is None else _text(model),
            identifier,
            group,
            provider,
            deployment_model,
        )
    except (ValueError, TypeError):
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
