"""What is served when there is no file: the demo model, and every provider whose key is in the environment."""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.providers.contract import Provider

DEMO_MODEL = "demo"


def demo_document(environ: Mapping[str, str], providers: Mapping[str, Provider]) -> dict[str, Any]:
    """A configuration as a file would have it. `demo` needs no key and no network.

    `gpt-3.5-turbo`, the name in most examples, is the demo too, until OpenAI's key makes it the real one.
    """
    names = list(_reachable(environ, providers))
    document: dict[str, Any] = {
        "model_list": [
            {"model_name": DEMO_MODEL, "litellm_params": {"model": f"mock/{DEMO_MODEL}"}},
            *({"model_name": f"{name}/*", "litellm_params": {"model": f"{name}/*"}} for name in names),
        ]
    }
    if "openai" not in names:
        alias = {"gpt-3.5-turbo": {"model": DEMO_MODEL, "hidden": True}}
        document["router_settings"] = {"model_group_alias": alias}
    return document


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
