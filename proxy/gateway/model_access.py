"""What a virtual key may ask for: its aliases rewrite the asked models, and each model that a client names must be allowed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from proxy.accounts.check import find_model_refusal
from proxy.accounts.model_access import AccessGroups, find_denial
from proxy.domain.account import Account
from proxy.domain.call import NO_OPTIONS, Call, Options
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT

PREFIX = "litellm_proxy/"

_MOST_REMEMBERED = 4096


class ModelAccess:
    """One per application."""

    def __init__(self, deployments: Sequence[Deployment]) -> None:
        self._groups = build_access_groups(deployments)
        # What was allowed a moment ago: the account by its identity and the model. An account that changes is another object.
        self._allowed: dict[tuple[int, str], Account] = {}
        self._prefixed = [one.group.rstrip("*") for one in deployments if one.group.startswith(PREFIX)]

    def admit(self, call: Call, account: Account) -> Call:
        """The call with the key's aliases applied. Raise GatewayError for a model that the account may not use."""
        asked = (id(account), call.model)
        if self._allowed.get(asked) is account and call.options.fallbacks is None and _names_one(call.options):
            return call
        call = rewrite_model(call, account.aliases) if account.aliases else call
        refusal = find_model_refusal(account, named_models(call), self._groups)
        if refusal is not None:
            raise refusal
        if not account.aliases and "," not in call.model:
            if len(self._allowed) >= _MOST_REMEMBERED:
                self._allowed.clear()
            self._allowed[asked] = account
        return call

    def without_prefix(self, call: Call) -> Call:
        """The call without LiteLLM's prefix before its models, which its SDK and its users leave there."""
        names = split_models(call) or (call.model,)
        plain = {name: name.removeprefix(PREFIX) for name in names if not name.startswith(tuple(self._prefixed))}
        return rewrite_model(call, plain)

    def may_use(self, account: Account, model: str) -> bool:
        return find_denial(account, model, self._groups) is None

    def usable(self, account: Account, names: Mapping[str, str]) -> dict[str, str]:
        """Of the names with their owners those that the account may use, its own aliases first."""
        aliases = {alias: names[name] for alias, name in account.aliases.items() if name in names}
        listed = {**aliases, **names}
        return {name: owner for name, owner in listed.items() if self.may_use(account, account.aliases.get(name, name))}


def _names_one(options: Options) -> bool:
    """Whether no option names further models."""
    return options is NO_OPTIONS or not (options.context_window_fallbacks or options.content_policy_fallbacks)


def build_access_groups(deployments: Sequence[Deployment]) -> AccessGroups:
    """The model groups by `model_info.access_groups`."""
    groups: dict[str, dict[str, None]] = {}
    for deployment in deployments:
        given = deployment.info.get("access_groups") or ()
        for name in [given] if isinstance(given, str) else given:
            groups.setdefault(str(name), {})[deployment.group] = None
    return {name: tuple(models) for name, models in groups.items()}


def split_models(call: Call) -> tuple[str, ...]:
    """The models of a batch (`"a, b"`), or nothing where the call asks for a single one."""
    if call.operation is not CHAT or "," not in call.model:
        return ()
    return tuple(name.strip() for name in call.model.split(",") if name.strip())


def rewrite_model(call: Call, aliases: Mapping[str, str]) -> Call:
    """The call with its aliases replaced by their models, in each form of its body."""
    models = split_models(call)
    model = ",".join(aliases.get(name, name) for name in models) if models else aliases.get(call.model, call.model)
    if model == call.model:
        return call
    native = None if call.native is None else call.native.edit({"model": model})
    return call._replace(model=model, document=call.document.edit({"model": model}), native=native)


def named_models(call: Call) -> Iterator[str]:
    """Each model that the client names: the requested ones, and those of its fallbacks."""
    yield from split_models(call) or (call.model,)
    options = call.options
    if options is NO_OPTIONS:
        return
    for rules in (options.fallbacks, options.context_window_fallbacks, options.content_policy_fallbacks):
        for entry in rules or ():
            yield from _targets(entry)


def _targets(entry: object) -> Iterable[str]:
    """A name, an object with a `model`, or a rule `{group: [names]}`."""
    if isinstance(entry, str):
        return (entry,)
    if not isinstance(entry, Mapping):
        return ()
    if isinstance(entry.get("model"), str):
        return (entry["model"],)
    return [name for targets in entry.values() for name in _names(targets)]


def _names(targets: Any) -> Iterable[str]:
    if isinstance(targets, str):
        return (targets,)
    return [name for name in targets if isinstance(name, str)] if isinstance(targets, list | tuple) else ()
