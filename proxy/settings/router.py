"""`router_settings`, and what litellm_settings says of the same, as RouterSettings; the checks across sections."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import Alias, FallbackRules, RouterSettings
from proxy.domain.secrets import Secret
from proxy.settings.values import LiteLLM
from schemas.config import ConfigProblem

# Said in either section; router_settings wins.
_SHARED = (
    "num_retries", "allowed_fails", "fallbacks", "context_window_fallbacks", "content_policy_fallbacks",
    "default_fallbacks",
)  # fmt: skip
# A client's router lives in the gateway: where its state is kept is not the client's to say.
_OPERATORS = ("redis_url", "redis_host", "redis_port", "redis_password", "redis_db", "state_store", "state_path")
_FALLBACK_NAMES = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
_FIELDS = frozenset(RouterSettings.__dataclass_fields__)


def build_router_settings(router: Mapping[str, Any], litellm: Mapping[str, Any] | None = None) -> RouterSettings:
    """The router's settings out of sections that schemas.config has loaded; `litellm` None is a client's own."""
    own = {name: value for name, value in router.items() if name in _FIELDS}
    shared = {name: litellm[name] for name in _SHARED if name in litellm} if litellm is not None else {}
    values = {**shared, **own}
    if litellm is None:
        values = {name: value for name, value in values.items() if name not in _OPERATORS} | {"state_store": "memory"}
    values.setdefault("timeout", (litellm or {}).get("request_timeout", LiteLLM().request_timeout))
    aliases = values.get("model_group_alias", {})
    values["model_group_alias"] = {name: Alias(group, hidden) for name, (group, hidden) in aliases.items()}
    for name in ("redis_url", "redis_password"):
        if name in values:
            values[name] = Secret(values[name])
    return RouterSettings(**values)


def check_groups(
    settings: RouterSettings,
    deployments: Sequence[Deployment],
    out_of_service: Sequence[str],
    place: Callable[[str], str],
) -> Iterator[ConfigProblem]:
    """Aliases and fallbacks that lead nowhere, and aliases that lead in a circle.

    `out_of_service` are groups that exist but can't serve now. `place` puts the section before a setting's name.
    """
    known = _known_names(deployments, out_of_service, settings.model_group_alias)
    for alias, target in settings.model_group_alias.items():
        path = f"{place('model_group_alias')}.{alias}"
        if _is_circle(alias, settings.model_group_alias):
            yield ConfigProblem(path, "leads back to itself: an alias must end at a model_name of model_list")
        elif not known(target.group):
            yield ConfigProblem(path, _unknown(target.group))
    for name in _FALLBACK_NAMES:
        yield from _check_rules(place(name), getattr(settings, name), known)
    for position, target_name in enumerate(settings.default_fallbacks):
        if not known(target_name):
            yield ConfigProblem(f"{place('default_fallbacks')}[{position}]", _unknown(target_name))


def idle_rules(
    settings: RouterSettings,
    deployments: Sequence[Deployment],
    out_of_service: Sequence[str],
    place: Callable[[str], str],
) -> Iterator[ConfigProblem]:
    """Fallbacks for groups that do not exist: no harm, but probably a slip."""
    known = _known_names(deployments, out_of_service, settings.model_group_alias)
    for name in _FALLBACK_NAMES:
        for position, (group, _) in enumerate(getattr(settings, name)):
            if group != "*" and not known(group):
                yield ConfigProblem(f"{place(name)}[{position}].{group}", "has no effect: there is no such model")


def _check_rules(path: str, rules: FallbackRules, known: Callable[[str], bool]) -> Iterator[ConfigProblem]:
    for position, (group, targets) in enumerate(rules):
        for target in targets:
            if not known(target):
                yield ConfigProblem(f"{path}[{position}].{group}", _unknown(target))


def _unknown(group: str) -> str:
    return f"there is no model {group!r}: write a model_name of model_list"


def _known_names(
    deployments: Sequence[Deployment], out_of_service: Sequence[str], aliases: Mapping[str, Alias]
) -> Callable[[str], bool]:
    """The names that a request may ask for: groups, wildcards, aliases, ids, and the deployments' own names."""
    names = {*out_of_service, *aliases}
    patterns: list[re.Pattern[str]] = []
    for deployment in deployments:
        names.update((deployment.group, deployment.id, deployment.label))
        if deployment.wildcard:
            patterns.append(re.compile(re.escape(deployment.group).replace(r"\*", "(.*)")))
    return lambda name: name in names or any(pattern.match(name) for pattern in patterns)


def _is_circle(alias: str, aliases: Mapping[str, Alias]) -> bool:
    seen = {alias}
    target = aliases[alias].group
    while target in aliases:
        if target in seen:
            return True
        seen.add(target)
        target = aliases[target].group
    return False
