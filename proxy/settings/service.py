"""Which entries of a model_list can't serve, and why; the others do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.providers.contract import Provider
from proxy.settings.provider_choice import UNSERVED
from proxy.settings.references import Missing

_ENTRY = re.compile(r"model_list\[(\d+)\]\.")
_CREDENTIAL = re.compile(r"credential_list\[(\d+)\]\.")
# Stands in for a model that is not known, so that the rest of its entry is still checked.
_PLACEHOLDER = "openai/not-set"


def replace_unserved(document: Mapping[str, Any], providers: Mapping[str, Provider]) -> list[Missing]:
    """The models of providers that LiteLLM has and we do not; in `document` they make way for a placeholder."""
    found: list[Missing] = []
    for position, params in _params_of(document):
        name = _unserved_name(params, providers)
        if name is not None:
            reason = f"the provider {params[name].partition('/')[0]} is not served here"
            found.append(Missing(f"model_list[{position}].litellm_params.{name}", reason))
            params.pop("custom_llm_provider", None)
            params["model"] = _PLACEHOLDER
    return found


def find_broken(document: Mapping[str, Any], missing: Sequence[Missing]) -> dict[int, Missing]:
    """The entries that lack something, and what; in `document` they are completed so that the schema can read them."""
    broken = {int(found[1]): item for item in missing if (found := _ENTRY.match(item.path))}
    for position in broken:
        entry = document["model_list"][position]
        entry.setdefault("model_name", "not-set")
        params = entry.setdefault("litellm_params", {})
        if isinstance(params, dict):
            params.setdefault("model", _PLACEHOLDER)
    return broken | _users_of_credentials(document, missing)


def reasons_by_name(
    entries: Sequence[Sequence[Deployment]], broken: Mapping[int, Missing], deployments: Sequence[Deployment]
) -> dict[str, str]:
    """Why, by deployment id, and by group where none of `deployments` serves it."""
    served = {deployment.group for deployment in deployments}
    reasons: dict[str, str] = {}
    for position, item in broken.items():
        for deployment in entries[position]:
            reasons[deployment.id] = item.reason
            if deployment.group not in served:
                reasons.setdefault(deployment.group, item.reason)
    return reasons


def _params_of(document: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    entries = document.get("model_list")
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        params = entry.get("litellm_params") if isinstance(entry, dict) else None
        if isinstance(params, dict):
            yield position, params


def _unserved_name(params: Mapping[str, Any], providers: Mapping[str, Provider]) -> str | None:
    """The parameter that names such a provider."""
    unserved = UNSERVED - set(providers)
    custom, model = params.get("custom_llm_provider"), params.get("model")
    if isinstance(custom, str):
        return "custom_llm_provider" if custom in unserved else None
    first, slash, _ = model.partition("/") if isinstance(model, str) else ("", "", "")
    return "model" if slash and first in unserved else None


def _users_of_credentials(document: Mapping[str, Any], missing: Sequence[Missing]) -> dict[int, Missing]:
    """The entries whose credential lacks something."""
    users: dict[int, Missing] = {}
    for item in missing:
        found = _CREDENTIAL.match(item.path)
        if found:
            credential = document["credential_list"][int(found[1])]
            credential.setdefault("credential_values", {})
            name = credential.get("credential_name")
            users |= {
                position: item
                for position, params in _params_of(document)
                if name is not None and params.get("litellm_credential_name") == name
            }
    return users
