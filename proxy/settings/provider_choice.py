"""Which provider a `litellm_params.model` means, as LiteLLM decides it."""

import fnmatch
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from proxy.providers.contract import Provider

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
)


# Providers of LiteLLM's that are not served here; a file that names one is no mistake.
UNSERVED = frozenset(
    [
        *("aleph_alpha", "anthropic_text", "auto_router", "aws_polly", "azure_text", "black_forest_labs", "bytez"),
        *(
            "chatgpt",
            "cursor",
            "custom",
            "deepgram",
            "elevenlabs",
            "fal_ai",
            "gigachat",
            "github_copilot",
            "google_pse",
        ),
        *("langflow", "langgraph", "manus", "nlp_cloud", "oci", "palm", "petals", "predibase", "recraft", "replicate"),
        *("runwayml", "sagemaker", "sagemaker_chat", "sagemaker_nova", "sap", "soniox", "stability", "topaz"),
        *("transcribe", "triton", "vllm", "watsonx", "watsonx_text"),
    ]
)


class UnknownProviderError(ValueError):
    """Nothing says who serves the model; the message says what to write."""


class Choice(NamedTuple):
    """`model` is what the provider is asked for."""

    provider: str
    model: str


def choose_provider(model: str, custom: str | None, api_base: str | None, providers: Mapping[str, Provider]) -> Choice:
    """`custom_llm_provider` where it is given, else the first segment of `model`, the host of `api_base`, or the family
    that the name belongs to; any other name without a segment in front, at an `api_base`, speaks OpenAI's format."""
    first, slash, rest = model.partition("/")
    if custom is not None:
        if custom not in providers:
            raise UnknownProviderError(f"there is no provider {custom!r}{_nearest(custom, providers)}")
        return Choice(custom, rest if slash and first == custom else model)
    if slash and first in providers:
        return Choice(first, rest)
    name = _by_host(api_base, providers) or infer_provider(model)
    if name is None and api_base is not None and not rest:
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
    """The host of the provider's own; this machine belongs to nobody."""
    host = urlsplit(provider.base_url).hostname if provider.base_url else None
    return None if host in ("localhost", "127.0.0.1") else host


def infer_provider(model: str) -> str | None:
    """The provider of a well-known name without one in front, such as `gpt-4o`."""
    return next((provider for pattern, provider in FAMILIES if fnmatch.fnmatchcase(model, pattern)), None)


def _advice(model: str, first: str, rest: str, providers: Mapping[str, Provider]) -> str:
    if rest:
        return (
            f"there is no provider {first!r}{_nearest(first, providers)}; for a server that speaks OpenAI's format "
            f"write openai/{model} and give its api_base"
        )
    return f"says no provider: write provider/{model}, such as openai/{model}"


def _nearest(name: str, providers: Mapping[str, Provider]) -> str:
    near = [known for known in providers if known.startswith(name[:4])][:5]
    return f" (there are {', '.join(near)})" if near else ""
