"""Where a call may go, in which order: pure, so that it can be explained without calling anyone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from proxy.domain.call import Call, Options
from proxy.domain.deployment import is_connection_param
from proxy.domain.mocking import for_fallback
from proxy.domain.router_settings import FallbackRules, RouterSettings
from proxy.errors import (
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    GatewayError,
)
from proxy.routing.catalogue import Catalogue, Group
from schemas.request import OPTION_FIELDS, UNSUPPORTED_FIELDS

# They steer the gateway; in a fallback object they are as little the provider's as at the root.
_OWN_FIELDS = OPTION_FIELDS | UNSUPPORTED_FIELDS

Reason = Literal["first", "order", "fallback", "context_window_fallback", "content_policy_fallback"]


class Listed(NamedTuple):
    """A fallback by name; `changes` are the body fields and connection parameters that go with it."""

    model: str
    changes: Mapping[str, Any] = {}


class Target(NamedTuple):
    """One level of one group, and the call as it is sent there. Two targets with one `key` are the same."""

    group: Group
    call: Call
    asked: str
    level: int = 0
    reason: Reason = "first"
    variant: int = 0

    @property
    def key(self) -> tuple[str, int, int]:
        return (self.group.name, self.level, self.variant)


@dataclass(frozen=True, slots=True)
class Rules:
    """The fallbacks that hold for one call. `listed` is the client's own list, for the group that it asked for."""

    listed: tuple[Listed, ...] | None = None
    general: FallbackRules = ()
    context_window: FallbackRules = ()
    content_policy: FallbackRules = ()
    default: tuple[str, ...] = ()


def build_rules(options: Options, settings: RouterSettings) -> Rules:
    """The client's rules in place of the router's, kind by kind; its `fallbacks` replaces the defaults too."""
    if options.disable_fallbacks:
        return Rules()
    context_window = _said(options.context_window_fallbacks, settings.context_window_fallbacks)
    content_policy = _said(options.content_policy_fallbacks, settings.content_policy_fallbacks)
    if options.fallbacks is None:
        return Rules(None, settings.fallbacks, context_window, content_policy, settings.default_fallbacks)
    listed, general = parse_fallbacks(options.fallbacks)
    return Rules(listed or None, general, context_window, content_policy)


def parse_fallbacks(value: Sequence[Any]) -> tuple[tuple[Listed, ...], FallbackRules]:
    """A client's `fallbacks`: names, objects with a `model`, or `{group: [names]}`; a plain string is one name.

    Raise BadRequestError for anything else.
    """
    entries = [value] if isinstance(value, str) else list(value)
    listed: list[Listed] = []
    rules: list[tuple[str, tuple[str, ...]]] = []
    for entry in entries:
        if isinstance(entry, str):
            listed.append(Listed(entry))
        elif isinstance(entry, Mapping) and isinstance(entry.get("model"), str):
            listed.append(Listed(entry["model"], {name: entry[name] for name in entry if name != "model"}))
        elif isinstance(entry, Mapping):
            rules.extend((str(group), _names(targets)) for group, targets in entry.items())
        else:
            raise _malformed("fallbacks")
    return tuple(listed), tuple(rules)


def next_targets(target: Target, error: GatewayError, rules: Rules, catalogue: Catalogue) -> list[Target]:
    """Where to go after `target` failed with `error`: its group's next level, else the fallbacks of the kind."""
    specific = isinstance(error, ContextWindowExceededError | ContentPolicyViolationError)
    if target.level + 1 < len(target.group.levels) and not specific:
        return [Target(target.group, target.call, target.asked, target.level + 1, "order", target.variant)]
    reason, listed = fallbacks_for(target, error, rules)
    found = [_target(target, one, position, reason, catalogue) for position, one in enumerate(listed)]
    return [one for one in found if one is not None]


def fallbacks_for(target: Target, error: GatewayError | None, rules: Rules) -> tuple[Reason, Sequence[Listed]]:
    """The list of the error's kind; a specific list without an entry for the group leaves it to the general ones."""
    if rules.listed is not None and target.reason in ("first", "order"):
        return "fallback", rules.listed
    names = (target.asked, target.group.name)
    specific: tuple[tuple[type[GatewayError], Reason, FallbackRules], ...] = (
        (ContextWindowExceededError, "context_window_fallback", rules.context_window),
        (ContentPolicyViolationError, "content_policy_fallback", rules.content_policy),
    )
    for error_class, reason, kind in specific:
        found = _entry(kind, names) if isinstance(error, error_class) else None
        if found is not None:
            return reason, _listed(found)
    return "fallback", _listed(general_fallbacks(rules, names))


def general_fallbacks(rules: Rules, names: Sequence[str]) -> tuple[str, ...]:
    """The fallbacks of the group with these names, for any error."""
    found = _entry(rules.general, names)
    return rules.default if found is None else found


def _target(after: Target, listed: Listed, position: int, reason: Reason, catalogue: Catalogue) -> Target | None:
    group = catalogue.find(listed.model)
    if group is None:
        return None
    call = after.call._replace(model=listed.model, options=for_fallback(after.call.options))
    if not listed.changes:
        return Target(group, call, listed.model, reason=reason)
    return Target(group, changed(call, listed.changes), listed.model, reason=reason, variant=position + 1)


def changed(call: Call, changes: Mapping[str, Any]) -> Call:
    """The call with a fallback object's own fields: where and as whom to connect, and what to change in the body.

    An object that names connection parameters brings all of them: the request's own key is not for another destination.
    """
    connection = {name: value for name, value in changes.items() if is_connection_param(name)}
    body = {name: value for name, value in changes.items() if name not in connection and name not in _OWN_FIELDS}
    options = replace(call.options, overrides=connection) if connection else call.options
    return call.edited(body)._replace(options=options)


def _entry(rules: FallbackRules, names: Sequence[str]) -> tuple[str, ...] | None:
    """The targets for a group: by its name, by the name without or with a provider, by `*`."""
    table = dict(rules)
    for name in names:
        if name in table:
            return table[name]
    for name in names:
        bare = name.partition("/")[2]
        if bare in table:
            return table[bare]
        for group, targets in rules:
            if group.partition("/")[2] == name:
                return targets
    return table.get("*")


def _listed(names: Sequence[str]) -> tuple[Listed, ...]:
    return tuple(Listed(name) for name in names)


def _said(asked: Sequence[Mapping[str, Any]] | None, configured: FallbackRules) -> FallbackRules:
    if asked is None:
        return configured
    return tuple((str(group), _names(targets)) for entry in asked for group, targets in entry.items())


def _names(targets: object) -> tuple[str, ...]:
    if isinstance(targets, str):
        return (targets,)
    if isinstance(targets, Sequence) and all(isinstance(target, str) for target in targets):
        return tuple(targets)
    raise _malformed("fallbacks")


def _malformed(param: str) -> BadRequestError:
    return BadRequestError(
        f"{param} takes model names, objects with a `model`, or {{group: [model names]}}", param=param
    )
