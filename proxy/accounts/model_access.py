"""Which models an account may ask for: allow-lists with names, patterns, access groups and LiteLLM's special names.

A key inherits: what it may use is what its own list and those of its team, member, user and organization all allow.
"""

from collections.abc import Iterator, Mapping, Sequence

from proxy.domain.account import Account, Entity

ALL_TEAM_MODELS = "all-team-models"
ALL_PROXY_MODELS = "all-proxy-models"
NO_DEFAULT_MODELS = "no-default-models"
# The model groups of each access group (`model_info.access_groups`), patterns among them.
AccessGroups = Mapping[str, Sequence[str]]
LONGEST_MATCHED = 1000


def find_denial(account: Account, model: str, groups: AccessGroups) -> Entity | None:
    """The first entity of the account that does not allow the model; None: the account may use it."""
    for entity in limiting_entities(account):
        if not allows(entity, model, groups, in_team=account.team is not None):
            return entity
    return None


def limiting_entities(account: Account) -> Iterator[Entity]:
    """Those with a list of models. A user's own counts for keys without a team only."""
    for entity in account.entities():
        if entity.models and (entity.kind != "user" or account.team is None):
            yield entity


def allows(entity: Entity, model: str, groups: AccessGroups, *, in_team: bool = True) -> bool:
    """An empty list allows everything; a key's may defer to its team's list."""
    models = entity.models
    if model in _SPECIAL:
        return False
    if not models or model in models or ALL_PROXY_MODELS in models:
        return True
    if entity.kind == "key" and in_team and ALL_TEAM_MODELS in models:
        return True
    return any(_fits(allowed, model) for allowed in _expanded(models, groups))


def _expanded(models: Sequence[str], groups: AccessGroups) -> Iterator[str]:
    for name in models:
        if name not in _SPECIAL:
            yield name
            yield from groups.get(name, ())


def _fits(allowed: str, model: str) -> bool:
    return allowed == model or ("*" in allowed and len(model) <= LONGEST_MATCHED and matches(allowed, model))


def matches(pattern: str, text: str) -> bool:
    """Whether `text` is `pattern` with something in the place of each star, in time that grows with the text alone."""
    first, *middle, last = pattern.split("*")
    end = len(text) - len(last)
    if end < len(first) or not text.startswith(first) or not text.endswith(last):
        return False
    at = len(first)
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


_SPECIAL = frozenset({ALL_TEAM_MODELS, ALL_PROXY_MODELS, NO_DEFAULT_MODELS})
