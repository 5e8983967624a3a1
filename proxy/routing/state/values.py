"""The values of the shared state: a deployment's row, a reservation, and the result of a try."""

from ctypes import Structure, c_double, c_int64
from typing import Literal, NamedTuple

RefusalReason = Literal["cooling", "probing", "rpm", "tpm", "parallel", "budget"]


class Limits(NamedTuple):
    """Of one deployment, the first two per minute; None is no limit. What is not `hard` only weighs."""

    rpm: int | None = None
    tpm: int | None = None
    parallel: int | None = None
    hard: bool = False


class BudgetRule(NamedTuple):
    """`key`: what shares the budget (a provider in a group). `share`: extra tries per first one. `floor`: always allowed."""

    key: str
    share: float
    floor: int


class ReservationRequest(NamedTuple):
    """One try of a deployment, checked and counted in one step.

    `extra`: a further try of this request upon the same budget, or one of a deployment that cools. `last_resort` passes over
    the cooldown. `probe_seconds`: how long a half-open deployment waits for its one probe's result (as long as a call may
    take, but not longer than this). `requests`: how many requests the provider gets, where a call is split.
    """

    deployment: str
    limits: Limits | None
    tokens: int
    budget: BudgetRule
    extra: bool = False
    last_resort: bool = False
    probe_seconds: float = 60.0
    requests: int = 1


class Refusal(NamedTuple):
    """Why a deployment can't be tried now; `until` is the Unix time when another attempt is worthwhile."""

    reason: RefusalReason
    until: float


class Reservation(NamedTuple):
    """A try that is counted and has to be settled or cancelled. `tokens` is the estimate in the count of `minute`."""

    deployment: str
    minute: int
    tokens: int
    started: float
    probe: bool
    budget: BudgetRule
    extra: bool
    requests: int = 1


class Cooling(NamedTuple):
    """How a deployment is taken out of service. `alternatives`: its group can do without it.

    `allowed_fails` None is LiteLLM's default rule. `seconds` 0 never cools.
    """

    seconds: float
    own_seconds: bool
    alternatives: bool
    allowed_fails: int | None
    allowed_fails_policy: tuple[tuple[str, int], ...] = ()


class TryResult(NamedTuple):
    """How a try ended, for the shared state.

    `failed` is None for a result without meaning for the deployment's health (a client's mistake, a client that left).
    `tokens` None: unknown, the estimate counts. `allowed_fails`: the failures that this kind of error may have, None
    for the default rule. `latency` and `first` are samples in seconds, None for no sample.
    """

    failed: bool | None
    status: int = 200
    tokens: int | None = None
    allowed_fails: int | None = None
    cooldown: float = 0.0
    alternatives: bool = False
    latency: float | None = None
    first: float | None = None


class DeploymentState(Structure):
    """One deployment's row, in a process's own memory or in the host's file: its bytes are all that is kept.

    Only a state store changes it, under its lock; the order of the fields is that of the file.
    `minute` is the Unix minute that `requests`, `tokens`, `answers` and `failures` count. `in_a_row` is the number of
    failures since the last success, `streak` that of cooldowns without a success between: with `streak` and past
    `cooling_until` it is half-open, without it nothing is wrong. Latencies are moving means.
    """

    minute: int
    requests: int
    tokens: int
    answers: int
    failures: int
    inflight: int
    streak: int
    fails: int
    in_a_row: int
    last_status: int
    latency_samples: int
    first_samples: int
    cooling_until: float
    cooled_at: float
    probe_until: float
    fails_until: float
    latency: float
    first: float
    sampled_at: float


DeploymentState._fields_ = [
    (name, c_int64 if kind is int else c_double) for name, kind in DeploymentState.__annotations__.items()
]
