"""The names that a client may ask for: groups, aliases, and for a wildcard the models that are known of its provider."""

from collections.abc import Callable, Iterator, Sequence

from proxy.domain.deployment import Deployment
from proxy.providers.registry import find_provider
from proxy.routing.catalogue import Catalogue
from proxy.settings import Settings
from proxy.settings.credentials import secrets_of

# The models that are known of a provider, by the names that it gives them.
KnownModels = Callable[[str], Sequence[str]]


class ModelList:
    """One per application. The names are found when they are first asked for."""

    def __init__(self, settings: Settings, catalogue: Catalogue, known: KnownModels) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._known = known
        self._wildcards: dict[str, str] | None = None

    def names(self, *, patterns: bool = False) -> dict[str, str]:
        """Each name with its owner: aliases that are not hidden first; with `patterns` the wildcards themselves too."""
        served = self._settings.deployments
        by_group = {one.group: one.provider for one in served if patterns or not one.wildcard}
        aliases = {
            alias: owner
            for alias, target in self._settings.router.model_group_alias.items()
            if not target.hidden and (owner := self._provider(target.group)) is not None
        }
        if self._wildcards is None:
            self._wildcards = dict(self._expand(served))
        return {**aliases, **by_group, **{name: by for name, by in self._wildcards.items() if name not in by_group}}

    def owner(self, name: str) -> str | None:
        """The owner of a name that is listed, or that a pattern of a provider matches; None for any other.

        A hidden alias is none, nor is a name that nothing but the pattern `*` matches: that could be any word.
        """
        listed = self.names(patterns=True).get(name)
        alias = self._settings.router.model_group_alias.get(name)
        group = self._catalogue.find(name) if alias is None else None
        return listed if listed is not None or group is None or group.key == "*" else group.deployments[0].provider

    def _provider(self, name: str) -> str | None:
        group = self._catalogue.find(name)
        return group.deployments[0].provider if group is not None else None

    def _expand(self, deployments: Sequence[Deployment]) -> Iterator[tuple[str, str]]:
        for deployment in deployments:
            if deployment.wildcard and _has_key(deployment):
                for name in expand(deployment.group, deployment.model, self._known(deployment.provider)):
                    yield name, deployment.provider


def expand(group: str, model: str, known: Sequence[str]) -> Iterator[str]:
    """The names that match `group` for those of the `known` models that `model` matches. Both have one star, or none."""
    if group.count("*") != 1 or model.count("*") != 1:
        return
    before, _, after = model.partition("*")
    for name in known:
        if len(name) > len(before) + len(after) and name.startswith(before) and name.endswith(after):
            yield group.replace("*", name[len(before) : len(name) - len(after)])


def _has_key(deployment: Deployment) -> bool:
    """A provider without the key that it needs has nothing to offer."""
    provider = find_provider(deployment.provider)
    return provider is None or not provider.needs_key or any(secrets_of(deployment.connection))
