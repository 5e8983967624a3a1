"""What is served when there is no file: the demo model, and every provider whose key is in the environment."""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.providers.contract import Provider

DEMO_MODEL = "demo"
# The names in LiteLLM's and OpenAI's examples are the demo, too, until OpenAI's key makes most of them the real ones.
_OPENAI_NAMES = ("gpt-3.5-turbo", "text-embedding-ada-002", "text-moderation-stable", "omni-moderation-latest")
_OTHER_NAMES = ("llama3",)


def demo_document(environ: Mapping[str, str], providers: Mapping[str, Provider]) -> dict[str, Any]:
    """A configuration as a file would have it. `demo` needs no key and no network."""
    names = list(_reachable(environ, providers))
    examples = _OTHER_NAMES if "openai" in names else (*_OPENAI_NAMES, *_OTHER_NAMES)
    return {
        "model_list": [
            {"model_name": DEMO_MODEL, "litellm_params": {"model": f"mock/{DEMO_MODEL}"}},
            *({"model_name": f"{name}/*", "litellm_params": {"model": f"{name}/*"}} for name in names),
        ],
        "router_settings": {"model_group_alias": {name: {"model": DEMO_MODEL, "hidden": True} for name in examples}},
    }


def single_model_document(model: str) -> dict[str, Any]:
    """One model without a file, under its own name, under any other, and for requests that name none."""
    names = (model,) if "*" in model else (model, "*")
    document: dict[str, Any] = {
        "model_list": [{"model_name": name, "litellm_params": {"model": model}} for name in names]
    }
    if "*" not in model:
        document["general_settings"] = {"completion_model": model}
    return document


def _reachable(environ: Mapping[str, str], providers: Mapping[str, Provider]) -> Iterator[str]:
    for name, provider in providers.items():
        given = {param for param, variables in provider.variables.items() if any(map(environ.get, variables))}
        has_base = provider.base_url is not None or "api_base" in given or provider.auth is not None
        if given and has_base and (not provider.needs_key or "api_key" in given):
            yield name
