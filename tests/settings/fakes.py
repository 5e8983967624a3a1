"""Providers that only have a name and variables; files on a disk; a config in a line."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from proxy.providers.compatible.openai import Compatible, build_provider
from proxy.providers.contract import Auth, Provider


def provider(
    name: str,
    variables: Mapping[str, tuple[str, ...]] | None = None,
    *,
    base_url: str | None = None,
    needs_key: bool = True,
    auth: Auth | None = None,
) -> Provider:
    names = {"api_key": (f"{name.upper()}_API_KEY",), "api_base": (f"{name.upper()}_API_BASE",)}
    return replace(
        build_provider(name, Compatible(base_url)),
        variables=names if variables is None else variables,
        needs_key=needs_key,
        auth=auth,
    )


PROVIDERS: Mapping[str, Provider] = {
    "openai": provider("openai", base_url="https://api.openai.com/v1"),
    "groq": provider("groq", base_url="https://api.groq.com/openai/v1"),
    "anthropic": provider("anthropic", base_url="https://api.anthropic.com"),
    "azure": provider("azure"),
    "bedrock": provider("bedrock", {"aws_access_key_id": ("AWS_ACCESS_KEY_ID",)}, needs_key=False, auth="aws"),
    "ollama": provider("ollama", base_url="http://localhost:11434", needs_key=False),
    "mock": provider("mock", {}, base_url="mock://local/v1", needs_key=False),
}


def write(folder: Path, name: str, document: Mapping[str, Any] | str) -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(dict(document)), encoding="utf-8")
    return path


def entry(name: str, model: str, **params: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": model, **params}}
