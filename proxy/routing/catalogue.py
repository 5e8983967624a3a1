"""What a model name means: the deployments of a group, found without looking at any other group."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import Alias

# No model's name is longer.
LONGEST_MATCHED = 1000

# The provider that a bare name such as `gpt-4o` belongs to; None when it is unknown.
Infer = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Group:
    """Deployments that serve the same model name. `levels` holds them by `order`, the lowest first, those without one last.

    `key` is the same for all names that a wildcard's clients make up, so that what is kept by it stays bounded.
    """

    name: str
    key: str
    deployments: tuple[Deployment, ...]
    levels: tuple[tuple[Deployment, ...], ...]

    @classmethod
    def of(cls, name: str, deployments: Iterable[Deployment], key: str | None = None) -> "Group":
        members = tuple(deployments)
        orders = sorted({_order(member) for member in members})
        if len(orders) == 1:
            return cls(name, name if key is None else key, members, (members,))
        levels = tuple(tuple(one for one in members if _order(one) == order) for order in orders)
        return cls(name, name if key is None else key, members, levels)


def _order(deployment: Deployment) -> float:
    return float("inf") if deployment.order is None else deployment.order


class Catalogue:
    """Indexes built once; `find` costs the same with one deployment and with a thousand.

    A name is, in this order: an alias, a group, a deployment's id, a match of a wildcard group, the `provider/model`
    (or the bare model) that some deployments ask for.
    """

    def __init__(
        self, deployments: Sequence[Deployment], aliases: Mapping[str, Alias] | None = None, infer: Infer | None = None
    ) -> None:
        self._infer = infer or _unknown
        self.deployments = tuple(deployments)
        served = [one for one in deployments if not one.info.get("blocked")]
        exact = [one for one in served if not one.wildcard]
        self._groups = _grouped(exact, lambda one: one.group)
        self._models = _grouped(exact, lambda one: one.label)
        self._bare_models = _grouped(exact, lambda one: one.model)
        self._ids = {one.id: Group.of(one.group, [one], f"id {one.id}") for one in exact}
        self._patterns = _patterns([one for one in served if one.wildcard])
        self.aliases = dict(aliases or {})
        self._alias_ends = alias_ends(self.aliases)
        if cyclic := [name for name in self.aliases if name not in self._alias_ends]:
            raise ValueError(f"model_group_alias: these lead back to themselves: {', '.join(cyclic[:5])}")

    def find(self, name: str) -> Group | None:
        """The group of a name, an alias, an id or a wildcard's match; None for any other."""
        name = self._alias_ends.get(name, name)
        return (
            self._groups.get(name)
            or self._ids.get(name)
            or self._wildcard(name)
            or self._models.get(name)
            or self._bare_models.get(name)
        )

    def names(self) -> list[str]:
        """The model names to list: aliases that are not hidden, then groups, then patterns."""
        shown = [name for name, alias in self.aliases.items() if not alias.hidden]
        return list(dict.fromkeys([*shown, *self._groups, *(pattern.group for pattern in self._patterns)]))

    def groups(self) -> list[Group]:
        """Every group of the configuration, wildcards under their pattern."""
        return [*self._groups.values(), *(Group.of(one.group, one.deployments) for one in self._patterns)]

    def _wildcard(self, name: str) -> Group | None:
        if not self._patterns or len(name) > LONGEST_MATCHED:
            return None
        provider = None if "/" in name else self._infer(name)
        names = [name] if provider is None else [name, f"{provider}/{name}"]
        for pattern in self._patterns:
            for spelling in names:
                parts = pattern.match(spelling)
                if parts is not None:
                    filled = [_filled(one, name, parts) for one in pattern.deployments]
                    return Group.of(name, filled, pattern.group)
        return None


def alias_ends(aliases: Mapping[str, Alias]) -> dict[str, str]:
    """The name at the end of each chain of aliases, found in one pass; an alias of its own name is the group.

    An alias that leads back to itself has no entry.
    """
    ends: dict[str, str] = {}
    cyclic: set[str] = set()
    for name in aliases:
        path: dict[str, None] = {}
        while name in aliases and name != aliases[name].group and not (name in ends or name in cyclic or name in path):
            path[name] = None
            name = aliases[name].group  # noqa: PLW2901 - the walk along the chain
        if name in path or name in cyclic:
            cyclic.update(path)
        else:
            ends.update(dict.fromkeys([*path, name] if name in aliases else path, ends.get(name, name)))
    return ends


@dataclass(frozen=True, slots=True)
class _Pattern:
    group: str
    texts: tuple[str, ...]
    deployments: tuple[Deployment, ...]

    def match(self, name: str) -> tuple[str, ...] | None:
        """What is in the place of the stars, each as long as it can be, the first one first; None if the name differs.

        From the right, so that the time grows with the name alone, whatever clients bring as names and patterns.
        """
        first, *middle, last = self.texts
        end = len(name) - len(last)
        if end < len(first) or not name.startswith(first) or not name.endswith(last):
            return None
        found: list[str] = []
        for text in reversed(middle):
            at = name.rfind(text, len(first), end)
            if at < 0:
                return None
            found.append(name[at + len(text) : end])
            end = at
        found.append(name[len(first) : end])
        return tuple(reversed(found))


def _filled(deployment: Deployment, name: str, parts: Sequence[str]) -> Deployment:
    """The deployment with what the client's name put in the place of its stars."""
    return replace(deployment, group=name, model=fill(deployment.model, parts, name))


def fill(model: str, parts: Sequence[str], name: str) -> str:
    """`parts` in the place of the stars of `model`; with more parts than stars it is the client's own `name`."""
    if "*" not in model:
        return model
    if len(parts) > model.count("*"):
        return name
    for part in parts:
        model = model.replace("*", part, 1)
    return model


def _patterns(deployments: Sequence[Deployment]) -> list[_Pattern]:
    """The most particular first: the longest, then the one with fewer stars."""
    grouped = _grouped(deployments, lambda one: one.group)
    ranked = sorted(grouped, key=lambda name: (-len(name.replace("*", "")), name.count("*"), name))
    return [_Pattern(name, tuple(name.split("*")), grouped[name].deployments) for name in ranked]


def _grouped(deployments: Iterable[Deployment], key: Callable[[Deployment], str]) -> dict[str, Group]:
    members: dict[str, list[Deployment]] = {}
    for deployment in deployments:
        members.setdefault(key(deployment), []).append(deployment)
    return {name: Group.of(name, found) for name, found in members.items()}


def _unknown(name: str) -> str | None:
    return None
