"""Which provider a `litellm_params.model` means, as LiteLLM decides it."""

import fnmatch
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from proxy.providers.contract import Provider

# Bedrock's ids begin with the vendor, with a region's or a profile's prefix before it or not.
_BEDROCK = ("anthropic.claude*", "amazon.nova*", "amazon.titan*", "meta.llama*", "mistral.*", "cohere.command*",
            "cohere.embed*", "ai21.*", "deepseek.*")  # fmt: skip
# Names that need no provider in front; the first pattern that fits wins.
FAMILIES: tuple[tuple[str, str], ...] = (
    ("gpt-*", "openai"),
    ("o1*", "openai"),
    ("o3*", "openai"),
    ("o4*", "openai"),
    ("chatgpt-*", "openai"),
    ("text-embedding-*", "openai"),
    ("text-moderation*", "openai"),
    ("omni-moderation*", "openai"),
    ("dall-e*", "openai"),
    ("whisper*", "openai"),
    ("tts*", "openai"),
    ("davinci*", "openai"),
    ("babbage*", "openai"),
    ("ft:gpt-*", "openai"),
    ("claude-*", "anthropic"),
    ("gemini-*", "vertex_ai"),
    ("command-*", "cohere_chat"),
    ("embed-english-*", "cohere"),
    ("embed-multilingual-*", "cohere"),
    *((f"{region}{family}", "bedrock") for family in _BEDROCK for region in ("", "*.")),
)


class UnknownProviderError(ValueError):
    """The provider of a model is unknown; the message names what to write."""


class Choice(NamedTuple):
    """`model` is what the provider is asked for."""

    provider: str
    model: str


def choose_provider(model: str, custom: str | None, api_base: str | None, providers: Mapping[str, Provider]) -> Choice:
    """`custom_llm_provider` where it is given, else the first segment of `model`, or the host of `api_base`.

    A name without a segment in front belongs to its family's vendor, or uses OpenAI's format at any `api_base`; a
    segment that is no provider's makes no vendor's name of the rest.
    """
    first, slash, rest = model.partition("/")
    if custom is not None:
        if custom not in providers:
            raise UnknownProviderError(f"there is no provider {custom!r} here{_nearest(custom, providers)}")
        return Choice(custom, rest if slash and first == custom else model)
    if slash and first in providers:
        return Choice(first, rest)
    name = _by_host(api_base, providers) or (None if slash else infer_provider(model))
    if name is None and api_base is not None and not slash:
        name = "openai"
    if name is None or name not in providers:
        raise UnknownProviderError(_advice(model, first, rest, providers))
    return Choice(name, model)


def _by_host(api_base: str | None, providers: Mapping[str, Provider]) -> str | None:
    host = urlsplit(api_base).hostname if api_base else None
    if host is None:
        return None
    named = (name for name, provider in providers.items() if _host(provider) == host)
    return "openai" if host == "api.openai.com" else next(named, None)


def _host(provider: Provider) -> str | None:
    """The host of the provider's own base URL; None for this machine, which is no provider's."""
    host = urlsplit(provider.base_url).hostname if provider.base_url else None
    return None if host in ("localhost", "127.0.0.1") else host


def infer_provider(model: str) -> str | None:
    """The provider of a well-known name without one in front, such as `gpt-4o`."""
    return next((provider for pattern, provider in FAMILIES if fnmatch.fnmatchcase(model, pattern)), None)


def _advice(model: str, first: str, rest: str, providers: Mapping[str, Provider]) -> str:
    if rest:
        return (
            f"there is no provider {first!r} here{_nearest(first, providers)}; for a server with OpenAI's format "
            f"write openai/{model} and give its api_base"
        )
    return f"names no provider: write provider/{model}, such as openai/{model}"


def _nearest(name: str, providers: Mapping[str, Provider]) -> str:
    near = [known for known in providers if known.startswith(name[:4])][:5]
    return f" (there are {', '.join(near)})" if near else ""
