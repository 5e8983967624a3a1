"""What all tries share: the protocol, the rules of one step, and the store for one process."""

import threading
from collections.abc import Sequence
from typing import Any, Protocol

from proxy.routing.state import budget, health, latency, limits
from proxy.routing.state.budget import Spending
from proxy.routing.state.values import Ask, Finish, Lease, Refusal, Standing


class StateStore(Protocol):
    """Safe for threads, greenlets and, where the store is shared, processes. `now` is Unix seconds."""

    def view(self, deployments: Sequence[str], now: float) -> list[Standing]:
        """Where these deployments stand. Read only: a store may hand out its own rows."""

    def reserve(self, ask: Ask, now: float) -> Lease | Refusal:
        """Count one try, or say why not; what is refused counts nowhere."""

    def settle(self, lease: Lease, finish: Finish, now: float) -> bool:
        """A reserved try has ended; to be called once. True when a cooldown begins with it."""

    def cancel(self, lease: Lease, now: float) -> None:
        """A reserved try was never sent; to be called instead of `settle`."""

    def spending(self, key: str, now: float) -> tuple[int, int]:
        """First tries and extra ones of a budget in the last minute."""

    def facts(self) -> dict[str, Any]:
        """What the store is, and how it does; nothing secret."""

    def close(self) -> None:
        """Give up what the store holds open."""


def reserve(standing: Standing, spending: Spending, ask: Ask, now: float) -> Lease | Refusal:
    """The rules of one reservation upon two rows."""
    if ask.extra and not budget.allows(spending, ask.budget, now):
        return Refusal("budget", now + budget.WINDOW_SECONDS)
    if standing.streak and not ask.last_resort:
        refused = health.refusal(standing, now)
        if refused is not None:
            return refused
    limits.roll(standing, now)
    if ask.limits is not None:
        refused = limits.refusal(standing, ask.limits, ask.tokens, now)
        if refused is not None:
            return refused
    probe = standing.streak > 0 and health.claim_probe(standing, now, ask.probe_seconds)
    limits.take(standing, ask.tokens)
    budget.count(spending, ask.extra, now)
    return Lease(ask.deployment, standing.minute, ask.tokens, now, probe, ask.budget, ask.extra)


def settle(standing: Standing, lease: Lease, finish: Finish, now: float) -> bool:
    """The rules of one settlement upon the deployment's row; True when a cooldown begins with it."""
    limits.roll(standing, now)
    limits.settle(standing, lease.minute, lease.tokens, finish.tokens)
    latency.settle(standing, finish, now)
    return health.settle(standing, finish, lease.started, lease.probe, now)


def cancel(standing: Standing, spending: Spending, lease: Lease, now: float) -> None:
    """The rules of a reservation taken back."""
    limits.roll(standing, now)
    limits.give_back(standing, lease.minute, lease.tokens)
    budget.count(spending, lease.extra, now, -1)
    if lease.probe:
        standing.probe_until = 0.0


class MemoryState:
    """The state of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._standings: dict[str, Standing] = {}
        self._spendings: dict[str, Spending] = {}

    def view(self, deployments: Sequence[str], now: float) -> list[Standing]:
        with self._lock:
            standings = [self._standing(deployment) for deployment in deployments]
            for standing in standings:
                limits.roll(standing, now)
            return standings

    def reserve(self, ask: Ask, now: float) -> Lease | Refusal:
        with self._lock:
            return reserve(self._standing(ask.deployment), self._spending(ask.budget.key), ask, now)

    def settle(self, lease: Lease, finish: Finish, now: float) -> bool:
        with self._lock:
            return settle(self._standing(lease.deployment), lease, finish, now)

    def cancel(self, lease: Lease, now: float) -> None:
        with self._lock:
            cancel(self._standing(lease.deployment), self._spending(lease.budget.key), lease, now)

    def spending(self, key: str, now: float) -> tuple[int, int]:
        with self._lock:
            spending = self._spending(key)
            budget.roll(spending, now)
            return sum(spending.firsts), sum(spending.extras)

    def facts(self) -> dict[str, Any]:
        return {"store": "memory"}

    def close(self) -> None:
        """Nothing is held open."""

    def _standing(self, deployment: str) -> Standing:
        found = self._standings.get(deployment)
        if found is None:
            found = self._standings[deployment] = Standing()
        return found

    def _spending(self, key: str) -> Spending:
        found = self._spendings.get(key)
        if found is None:
            found = self._spendings[key] = Spending()
        return found
