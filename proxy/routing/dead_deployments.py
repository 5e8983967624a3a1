"""The deployments that routing leaves out because health checks found them dead."""

from collections.abc import Callable, Iterator

from proxy.routing.catalogue import Catalogue


class DeadDeployments:
    """`dead` gives the ids that checks found dead, a new set when they change. A group whose last one is dead keeps it."""

    def __init__(self, catalogue: Catalogue, dead: Callable[[], frozenset[str]]) -> None:
        self._catalogue = catalogue
        self._dead = dead
        self._known: frozenset[str] = frozenset()
        self._avoidable: tuple[str, ...] = ()

    def __call__(self) -> tuple[str, ...]:
        dead = self._dead()
        if dead is not self._known:
            self._avoidable, self._known = tuple(self._find(dead)), dead
        return self._avoidable

    def _find(self, dead: frozenset[str]) -> Iterator[str]:
        for group in self._catalogue.groups() if dead else ():
            members = [deployment.id for deployment in group.deployments if deployment.id in dead]
            if len(members) < len(group.deployments):
                yield from members
