"""What a walk is given: its router's parts, and the permit to try a deployment."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import RouterSettings
from proxy.routing.catalogue import Catalogue, Group
from proxy.routing.plan import Rules
from proxy.routing.profile import GroupProfile, Profile
from proxy.routing.state.memory import StateStore
from proxy.routing.state.values import Reservation
from proxy.routing.strategies import SelectionInput, Strategy
from proxy.runtime import Runtime

# Called when a cooldown begins: the deployment, and the status that took it out of service.
OnCooldown = Callable[[Deployment, int], None]


class RoutingContext(Protocol):
    """What a walk needs of its router. `all_fit`: see `candidates.all_fit`."""

    settings: RouterSettings
    runtime: Runtime
    state: StateStore
    catalogue: Catalogue
    strategy: Strategy
    on_cooldown: OnCooldown
    all_fit: bool

    def profile(self, group: Group) -> GroupProfile: ...

    def requests(self, call: Call, deployment: Deployment) -> int: ...

    def rules(self, call: Call) -> Rules: ...

    def selection_input(self, call: Call, now: float) -> SelectionInput: ...


class Permit(NamedTuple):
    """A deployment to call, with the client's overrides applied, and its counted try."""

    deployment: Deployment
    profile: Profile
    reservation: Reservation
