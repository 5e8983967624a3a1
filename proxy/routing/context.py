"""What a walk is given: its router's parts, and leave to try a deployment."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import RouterSettings
from proxy.routing.catalogue import Catalogue, Group
from proxy.routing.plan import Rules
from proxy.routing.profile import GroupProfile, Profile
from proxy.routing.state.memory import StateStore
from proxy.routing.state.values import Lease
from proxy.routing.strategies import Strategy, Wish
from proxy.runtime import Runtime

# Told of each cooldown that begins: the deployment, and the status that took it out of service.
OnCooldown = Callable[[Deployment, int], None]


class Equipment(Protocol):
    """What a walk needs of its router. `all_fit`: see `candidates.all_fit`."""

    settings: RouterSettings
    runtime: Runtime
    state: StateStore
    catalogue: Catalogue
    strategy: Strategy
    on_cooldown: OnCooldown
    all_fit: bool

    def profile(self, group: Group) -> GroupProfile: ...

    def rules(self, call: Call) -> Rules: ...

    def wish(self, call: Call, now: float) -> Wish: ...


class Grant(NamedTuple):
    """A deployment as it is to be asked, with a client's overrides in it, and its try counted."""

    deployment: Deployment
    profile: Profile
    lease: Lease
