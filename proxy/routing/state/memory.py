"""What all tries share: the protocol, the rules of one step, and the store for one process."""

import threading
from collections.abc import Sequence
from typing import Any, Protocol

from proxy.routing.state import budget, health, latency, limits
from proxy.routing.state.budget import Spending
from proxy.routing.state.values import DeploymentState, Refusal, Reservation, ReservationRequest, TryResult


class StateStore(Protocol):
    """Safe for threads, greenlets and, where the store is shared, processes. `now` is Unix seconds."""

    def view(self, deployments: Sequence[str], now: float) -> list[DeploymentState]:
        """These deployments' rows. Read only: a store may hand out its own rows."""

    def reserve(self, request: ReservationRequest, now: float) -> Reservation | Refusal:
        """Count one try, or the reason why not; a refused try counts nowhere."""

    def settle(self, reservation: Reservation, result: TryResult, now: float) -> bool:
        """A reserved try has ended; to be called once. True when a cooldown begins with it."""

    def cancel(self, reservation: Reservation, now: float) -> None:
        """A reserved try was never sent; to be called instead of `settle`."""

    def spending(self, key: str, now: float) -> tuple[int, int]:
        """First tries and extra ones of a budget in the last minute."""

    def facts(self) -> dict[str, Any]:
        """The kind of store and its condition; nothing secret."""

    def close(self) -> None:
        """Close what the store holds open."""


def reserve(row: DeploymentState, spending: Spending, request: ReservationRequest, now: float) -> Reservation | Refusal:
    """The rules of one reservation upon two rows."""
    if request.extra and not budget.allows(spending, request.budget, now):
        return Refusal("budget", now + budget.WINDOW_SECONDS)
    if row.streak:
        health.follow_clock(row, now)
    if row.streak and not request.last_resort:
        refused = health.refusal(row, now)
        if refused is not None:
            return refused
    limits.roll(row, now)
    if request.limits is not None:
        refused = limits.refusal(row, request.limits, request.tokens, now, request.requests)
        if refused is not None:
            return refused
    probe = row.streak > 0 and health.claim_probe(row, now, request.probe_seconds)
    limits.take(row, request.tokens, request.requests)
    budget.count(spending, request.extra, now)
    return Reservation(
        request.deployment, row.minute, request.tokens, now, probe, request.budget, request.extra, request.requests
    )


def settle(row: DeploymentState, reservation: Reservation, result: TryResult, now: float) -> bool:
    """The rules of one settlement upon the deployment's row; True when a cooldown begins with it."""
    limits.roll(row, now)
    limits.settle(row, reservation.minute, reservation.tokens, result.tokens)
    latency.settle(row, result, now)
    return health.settle(row, result, reservation.started, reservation.probe, now)


def cancel(row: DeploymentState, spending: Spending, reservation: Reservation, now: float) -> None:
    """The rules of a reservation taken back."""
    limits.roll(row, now)
    limits.give_back(row, reservation.minute, reservation.tokens, reservation.requests)
    budget.count(spending, reservation.extra, now, -1)
    if reservation.probe:
        row.probe_until = 0.0


class MemoryState:
    """The state of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deployments: dict[str, DeploymentState] = {}
        self._spendings: dict[str, Spending] = {}

    def view(self, deployments: Sequence[str], now: float) -> list[DeploymentState]:
        with self._lock:
            rows = [self._deployment(deployment) for deployment in deployments]
            for row in rows:
                limits.roll(row, now)
                health.follow_clock(row, now)
            return rows

    def reserve(self, request: ReservationRequest, now: float) -> Reservation | Refusal:
        with self._lock:
            return reserve(self._deployment(request.deployment), self._spending(request.budget.key), request, now)

    def settle(self, reservation: Reservation, result: TryResult, now: float) -> bool:
        with self._lock:
            return settle(self._deployment(reservation.deployment), reservation, result, now)

    def cancel(self, reservation: Reservation, now: float) -> None:
        with self._lock:
            cancel(self._deployment(reservation.deployment), self._spending(reservation.budget.key), reservation, now)

    def spending(self, key: str, now: float) -> tuple[int, int]:
        with self._lock:
            spending = self._spending(key)
            budget.roll(spending, now)
            return sum(spending.firsts), sum(spending.extras)

    def facts(self) -> dict[str, Any]:
        return {"store": "memory"}

    def close(self) -> None:
        """Nothing is held open."""

    def _deployment(self, deployment: str) -> DeploymentState:
        found = self._deployments.get(deployment)
        if found is None:
            found = self._deployments[deployment] = DeploymentState()
        return found

    def _spending(self, key: str) -> Spending:
        found = self._spendings.get(key)
        if found is None:
            found = self._spendings[key] = Spending()
        return found
