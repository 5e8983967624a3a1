"""Whose models are called `vertex_ai/<model>`: the publisher decides path and wire format.

https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/use-partner-models
"""

import re
from enum import Enum
from typing import NamedTuple
from urllib.parse import quote

from proxy.providers.vertex_ai.place import Resource


class Format(Enum):
    """The wire format of a family."""

    GEMINI = "gemini"
    CLAUDE = "claude"
    OPENAI = "openai"


class Family(NamedTuple):
    """`publisher` None means: no path of its own, but the endpoint that all OpenAI-compatible models share."""

    format: Format
    publisher: str | None


class Target(NamedTuple):
    """A model, found: its family, and the name by which the body (OpenAI's format) or the path calls it."""

    family: Family
    name: str


_GEMINI = Family(Format.GEMINI, "google")
_SHARED = Family(Format.OPENAI, None)
# The first that matches the name without a leading `publishers/.../models/`.
_FAMILIES: tuple[tuple[re.Pattern[str], Family], ...] = (
    (re.compile(r"claude"), Family(Format.CLAUDE, "anthropic")),
    (re.compile(r"^(openai/)?\d+$"), _SHARED),
    (re.compile(r"^gemini/\d+$|^(google/)?(gemini|text|gemma)"), _GEMINI),
    (re.compile(r"^(mistralai/)?(mistral|codestral|magistral)(?!.*-maas)"), Family(Format.OPENAI, "mistralai")),
    (re.compile(r"^(ai21/)?jamba"), Family(Format.OPENAI, "ai21")),
    (re.compile(r"/|-maas$"), _SHARED),
)
# Names that LiteLLM takes without their publisher.
_PUBLISHERS = (("llama", "meta/"), ("deepseek", "deepseek-ai/"), ("qwen", "qwen/"), ("gpt-oss", "openai/"))


def find_target(model: str) -> Target:
    """Every other name is Gemini's."""
    model = re.sub(r"^publishers/[^/]+/models/", "", model)
    family = next((family for pattern, family in _FAMILIES if pattern.search(model)), _GEMINI)
    if family is not _SHARED:
        return Target(family, model.rpartition("/")[2])
    if "/" in model or model.isdigit():
        return Target(family, model)
    return Target(family, next((prefix for start, prefix in _PUBLISHERS if model.startswith(start)), "") + model)


def find_resource(target: Target, *, stream: bool) -> Resource:
    """What to call for a chat."""
    last = target.name.rpartition("/")[2]
    model = f"publishers/{target.family.publisher}/models/{quote(last, safe='@')}"
    if target.family.format is Format.GEMINI:
        # A tuned Gemini is an endpoint of the project's.
        path = f"endpoints/{last}" if last.isdigit() else model
        return Resource(path, ":streamGenerateContent?alt=sse" if stream else ":generateContent")
    if target.family.publisher is not None:
        return Resource(model, ":streamRawPredict" if stream else ":rawPredict")
    endpoint = last if last.isdigit() else "openapi"
    return Resource(f"endpoints/{endpoint}", "/chat/completions")
