"""The list of models as each dialect's clients read it: OpenAI's, Anthropic's, Google's, and that of Codex."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple


class ListedModel(NamedTuple):
    """`created` is in Unix seconds. `facts` are limits and abilities by LiteLLM's names, as far as they are known."""

    name: str
    owner: str
    created: int
    facts: Mapping[str, Any] = MappingProxyType({})


def openai_entry(model: ListedModel) -> dict[str, Any]:
    return {"id": model.name, "object": "model", "created": model.created, "owned_by": model.owner}


def anthropic_entry(model: ListedModel) -> dict[str, Any]:
    """https://platform.claude.com/docs/en/api/models-list"""
    created = datetime.fromtimestamp(model.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": "model", "id": model.name, "display_name": model.name, "created_at": created}


def anthropic_page(models: Sequence[ListedModel], *, has_more: bool) -> dict[str, Any]:
    return {
        "data": [anthropic_entry(model) for model in models],
        "has_more": has_more,
        "first_id": models[0].name if models else None,
        "last_id": models[-1].name if models else None,
    }


def google_entry(model: ListedModel) -> dict[str, Any]:
    """https://ai.google.dev/api/models"""
    facts = model.facts
    methods = ["generateContent", "streamGenerateContent", "countTokens"]
    entry = {
        "name": f"models/{model.name}",
        "displayName": model.name,
        "inputTokenLimit": facts.get("max_input_tokens"),
        "outputTokenLimit": facts.get("max_output_tokens"),
        "supportedGenerationMethods": ["embedContent"] if facts.get("mode") == "embedding" else methods,
        "thinking": facts.get("supports_reasoning"),
    }
    return {name: value for name, value in entry.items() if value is not None}


def google_page(models: Sequence[ListedModel], *, next_page: str | None) -> dict[str, Any]:
    page: dict[str, Any] = {"models": [google_entry(model) for model in models]}
    return page if next_page is None else {**page, "nextPageToken": next_page}


def codex_list(models: Sequence[ListedModel]) -> dict[str, Any]:
    """Codex's catalogue: https://github.com/openai/codex. Without `base_instructions`, so that its own prompt stays."""
    return {"models": [_codex_entry(model, position) for position, model in enumerate(models)]}


def _codex_entry(model: ListedModel, position: int) -> dict[str, Any]:
    facts = model.facts
    thinks, sees = bool(facts.get("supports_reasoning")), bool(facts.get("supports_vision"))
    efforts = [{"effort": effort, "description": effort} for effort in ("low", "medium", "high")] if thinks else []
    window = facts.get("max_input_tokens")
    return {
        "slug": model.name,
        "display_name": model.name,
        "description": None,
        **({"default_reasoning_level": "medium"} if thinks else {}),
        "supported_reasoning_levels": efforts,
        "shell_type": "shell_command",
        "visibility": "list",
        "supported_in_api": True,
        "priority": position,
        "availability_nux": None,
        "upgrade": None,
        "supports_reasoning_summaries": thinks,
        "support_verbosity": False,
        "default_verbosity": None,
        "apply_patch_tool_type": None,
        "truncation_policy": {"mode": "tokens", "limit": 10_000},
        "supports_parallel_tool_calls": bool(facts.get("supports_parallel_function_calling")),
        "input_modalities": ["text", "image"] if sees else ["text"],
        "experimental_supported_tools": [],
        **({"context_window": window, "max_context_window": window} if window else {}),
    }
