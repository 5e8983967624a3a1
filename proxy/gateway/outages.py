"""Which model names belong to a group that is out of service."""

from proxy.routing.catalogue import Catalogue, Infer
from proxy.settings import Settings


class Outages:
    """The names of all groups, those included that can't serve: the most particular pattern counts, as in routing.

    A call for a model of `anthropic/*` is refused while that entry is broken, and does not go to a general `*`.
    """

    def __init__(self, settings: Settings, infer: Infer) -> None:
        self._reasons = settings.out_of_service
        everything = (*settings.deployments, *settings.broken)
        self._names = Catalogue(everything, settings.router.model_group_alias, infer)

    def holds(self, name: str) -> bool:
        """Whether `name` is a group, or a deployment, that is out of service."""
        if name in self._reasons:
            return True
        group = self._names.find(name)
        return group is not None and all(member.id in self._reasons for member in group.deployments)
