"""`router_settings`, and its names in litellm_settings, as RouterSettings; the checks across sections."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import Alias, FallbackRules, RouterSettings
from proxy.domain.secrets import Secret
from proxy.routing.catalogue import Catalogue, alias_ends
from proxy.routing.error_kinds import policy_names
from proxy.routing.strategies import STRATEGIES
from proxy.settings.provider_choice import infer_provider
from proxy.settings.values import LiteLLM
from schemas.config import ConfigProblem

# Settings of either section; router_settings wins.
_SHARED = (
    "num_retries", "allowed_fails", "fallbacks", "context_window_fallbacks", "content_policy_fallbacks",
    "default_fallbacks",
)  # fmt: skip
# A client's router lives in the gateway: the operator chooses where its state is kept.
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
    place: Callable[[str], str],
) -> Iterator[ConfigProblem]:
    """Aliases and fallbacks that lead nowhere, and aliases that lead back to themselves.

    `deployments` includes those that are out of service. `place` puts the section before a setting's name.
    """
    ends = alias_ends(settings.model_group_alias)
    known = known_names(deployments, settings.model_group_alias)
    if settings.routing_strategy not in STRATEGIES:
        yield ConfigProblem(place("routing_strategy"), f"must be one of {', '.join(STRATEGIES)}")
    yield from _unknown_kinds(settings, place)
    for alias, target in settings.model_group_alias.items():
        path = f"{place('model_group_alias')}.{alias}"
        if alias not in ends:
            yield ConfigProblem(path, "leads back to itself: an alias must end at a model_name of model_list")
        elif not known(target.group):
            yield ConfigProblem(path, _unknown(target.group))
    for name in _FALLBACK_NAMES:
        yield from _check_rules(place(name), getattr(settings, name), known)
    for position, target_name in enumerate(settings.default_fallbacks):
        if not known(target_name):
            yield ConfigProblem(f"{place('default_fallbacks')}[{position}]", _unknown(target_name))


def without_dead_ends(settings: RouterSettings, deployments: Sequence[Deployment]) -> RouterSettings:
    """The settings without what check_groups finds. A fallback to an unknown group is harmless: routing passes it over."""
    known, ends = known_names(deployments, settings.model_group_alias), alias_ends(settings.model_group_alias)
    aliases = settings.model_group_alias.items()
    retries, fails = set(policy_names("Retries")), set(policy_names("AllowedFails"))
    strategy = settings.routing_strategy
    return replace(
        settings,
        model_group_alias={name: alias for name, alias in aliases if name in ends and known(alias.group)},
        routing_strategy=strategy if strategy in STRATEGIES else RouterSettings().routing_strategy,
        retry_policy=_only(settings.retry_policy, retries),
        allowed_fails_policy=_only(settings.allowed_fails_policy, fails),
        model_group_retry_policy={
            group: _only(policy, retries) for group, policy in settings.model_group_retry_policy.items()
        },
    )


def _only(policy: Mapping[str, int], names: Set[str]) -> dict[str, int]:
    return {name: count for name, count in policy.items() if name in names}


def _unknown_kinds(settings: RouterSettings, place: Callable[[str], str]) -> Iterator[ConfigProblem]:
    """Names in the policies that are no kind of error."""
    retries, fails = policy_names("Retries"), policy_names("AllowedFails")
    policies = [
        (place("retry_policy"), settings.retry_policy, retries),
        (place("allowed_fails_policy"), settings.allowed_fails_policy, fails),
        *(
            (f"{place('model_group_retry_policy')}.{group}", policy, retries)
            for group, policy in settings.model_group_retry_policy.items()
        ),
    ]
    for path, policy, names in policies:
        for name in policy:
            if name not in names:
                yield ConfigProblem(f"{path}.{name}", f"is unknown; the names are {', '.join(names)}")


def idle_rules(
    settings: RouterSettings,
    deployments: Sequence[Deployment],
    place: Callable[[str], str],
) -> Iterator[ConfigProblem]:
    """Fallbacks for groups that do not exist: no harm, but probably a slip."""
    known = known_names(deployments, settings.model_group_alias)
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


def known_names(deployments: Sequence[Deployment], aliases: Mapping[str, Alias]) -> Callable[[str], bool]:
    """Whether a request may ask for a name: the catalogue's own rule, and models that the operator has blocked."""
    ends = alias_ends(aliases)
    every = [replace(one, info={}) if one.info.get("blocked") else one for one in deployments]
    catalogue = Catalogue(every, {name: aliases[name] for name in ends}, infer_provider)
    return lambda name: catalogue.find(name) is not None
