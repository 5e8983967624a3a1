"""Which entries of a model_list can't serve, and why; the others do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxy.domain.deployment import Deployment, is_connection_param
from proxy.providers.contract import Provider
from proxy.settings.references import Fault

_ENTRY = re.compile(r"model_list\[(\d+)\](?:\.|$)")
_CREDENTIAL = re.compile(r"credential_list\[(\d+)\](?:\.|$)")
_PARAM = re.compile(r"(?:litellm_params|credential_values)\.([^.\[]+)")
# Replaces a model that is not known, so that the rest of its entry is still checked.
PLACEHOLDER = "openai/not-set"
_KEYS = frozenset({"api_key", "token"})
# Connection parameters that a provider can do without.
_OPTIONAL = frozenset({"organization", "headers", "extra_headers", "extra_body", "aws_session_token"})


def empty_values(document: Mapping[str, Any]) -> Iterator[Fault]:
    """The parameters without a value, such as `api_key: ""`; in `document` they are left out."""
    for position, params in _params_of(document):
        for name in [name for name, value in params.items() if isinstance(value, str) and not value.strip()]:
            del params[name]
            yield Fault(f"model_list[{position}].litellm_params.{name}", "must not be empty")


def wrong_entries(document: Mapping[str, Any]) -> Iterator[Fault]:
    """The entries that are no mapping; in `document` an empty one replaces them."""
    found = document.get("model_list")
    entries: list[Any] = found if isinstance(found, list) else []
    for position, entry in enumerate(entries):
        if not isinstance(entry, dict):
            entries[position] = {}
            yield Fault(f"model_list[{position}]", "must be a mapping of names to values")


def find_broken(
    document: Mapping[str, Any], missing: Sequence[Fault], wrong: Sequence[Fault], providers: Mapping[str, Provider]
) -> dict[int, Fault]:
    """The entries that lack something they need or have a wrong value, by position.

    A credential's fault counts for each entry that uses it. What is wrong in model_info stops nothing.
    """
    params = dict(_params_of(document))
    broken: dict[int, Fault] = {}
    for fault in (*missing, *wrong):
        if found := _ENTRY.match(fault.path):
            users = [int(found[1])]
        elif found := _CREDENTIAL.match(fault.path):
            users = list(_users_of_credential(document, int(found[1])))
        else:
            continue
        for position in users:
            if (fault in wrong and _PARAM.search(fault.path)) or _is_needed(
                fault.path, params.get(position, {}), providers
            ):
                broken.setdefault(position, fault)
    return broken


def complete(entries: Sequence[dict[str, Any]], broken: Mapping[int, Fault]) -> None:
    """What deployments are built from, for the broken ones as well."""
    for position in broken:
        entry = entries[position]
        entry.setdefault("model_name", "not-set")
        params = entry.setdefault("litellm_params", {})
        params.setdefault("model", PLACEHOLDER)


def reasons_by_name(
    entries: Sequence[Sequence[Deployment]], broken: Mapping[int, Fault], deployments: Sequence[Deployment]
) -> dict[str, str]:
    """The reasons by deployment id, and by group where none of `deployments` serves it."""
    served = {deployment.group for deployment in deployments}
    reasons: dict[str, str] = {}
    for position, item in broken.items():
        for deployment in entries[position]:
            reasons[deployment.id] = item.reason
            if deployment.group not in served:
                reasons.setdefault(deployment.group, item.reason)
    return reasons


def _is_needed(path: str, params: Mapping[str, Any], providers: Mapping[str, Provider]) -> bool:
    """Whether an entry can't serve without the value at `path`."""
    found = _PARAM.search(path)
    if found is None:
        return ".model_info" not in path and ".credential_info" not in path
    name = found[1]
    if name in _KEYS:
        provider = providers.get(_provider_name(params))
        # Where there are other credentials than a key, those of the gateway's own environment would replace it.
        return provider is None or provider.needs_key or provider.auth is not None
    return name in ("model", "custom_llm_provider") or (is_connection_param(name) and name not in _OPTIONAL)


def _provider_name(params: Mapping[str, Any]) -> str:
    custom, model = params.get("custom_llm_provider"), params.get("model")
    if isinstance(custom, str):
        return custom
    return model.partition("/")[0] if isinstance(model, str) else ""


def _params_of(document: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    entries = document.get("model_list")
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        params = entry.get("litellm_params") if isinstance(entry, dict) else None
        if isinstance(params, dict):
            yield position, params


def _users_of_credential(document: Mapping[str, Any], position: int) -> Iterator[int]:
    """The entries that name the credential at `position` of credential_list."""
    credentials = document.get("credential_list")
    credential = credentials[position] if isinstance(credentials, list) else None
    name = credential.get("credential_name") if isinstance(credential, dict) else None
    for user, params in _params_of(document):
        if name is not None and params.get("litellm_credential_name") == name:
            yield user
