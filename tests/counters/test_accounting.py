"""Reserved and spent never exceed the limit, nothing is negative, nothing stays reserved: in all stores alike."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from proxy.counters.host import HostCounters
from proxy.counters.store import CounterStore, MemoryCounters
from proxy.counters.values import DAY, LIFETIME, Amounts, Limit, Refused, Reservation
from tests.counters.stores import START, limit, redis_counters, wait_until

LIMITS = (
    limit("key", "requests", 6),
    limit("key", "tokens", 400, DAY),
    limit("key", "parallel", 4),
    limit("key", "spend", 1000, partial=True),
    limit("team", "spend", 3000, LIFETIME),
    limit("user", "spend", None),
    limit("tag", "tokens", 150),
)
SUBSETS = st.lists(st.sampled_from(LIMITS), min_size=1, unique=True)
QUICK = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


class Accounting(RuleBasedStateMachine):
    """The same steps in several stores: their answers are equal, and the laws of accounting hold."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.folder = tempfile.TemporaryDirectory()
        self.stores = self.build()
        self.open: list[list[Reservation]] = []

    def build(self) -> list[CounterStore]:
        path = Path(self.folder.name) / "host.counters"
        # Two processes' views of one file count as one store: they take turns. Few rows, so that rows are replaced.
        self.turns = [HostCounters(path, rows=8, chunks=1), HostCounters(path)]
        return [MemoryCounters(), self.turns[0]]

    def teardown(self) -> None:
        for reservations in self.open:
            self.each("settle", reservations, Amounts(1, 1))
        for one in LIMITS:
            for store in self.stores:
                self.at_rest(store, one)
        for store in self.stores:
            store.close()
        self.folder.cleanup()

    def at_rest(self, store: CounterStore, one: Limit) -> None:
        assert store.read([one], self.now)[0].reserved == 0

    def each(self, step: str, reservations: list[Reservation], *arguments: object) -> None:
        answers = [
            getattr(store, step)(reservation, *arguments, self.now)
            for store, reservation in zip(self.stores, reservations, strict=True)
        ]
        assert len(set(answers)) == 1

    @rule(target=calls, limits=SUBSETS, tokens=st.integers(0, 200), money=st.integers(0, 700))
    def reserve(self, limits: list[Limit], tokens: int, money: int) -> object:
        answers = [store.reserve(limits, Amounts(tokens, money), self.now) for store in self.stores]
        first = answers[0]
        if isinstance(first, Refused):
            assert answers == [first] * len(answers)
            return None
        assert all(isinstance(one, Reservation) and one.shares == first.shares for one in answers)
        self.open.append(answers)  # type: ignore[arg-type]
        return answers

    @rule(reservations=consumes(calls), share=st.floats(0.0, 1.0), known=st.booleans())
    def settle(self, reservations: list[Reservation] | None, share: float, known: bool) -> None:
        """The truth is at most what was reserved: only then can a limit hold for the sum."""
        if reservations is not None:
            held = [one.amount for one in reservations[0].shares if one.limit.counter.measure == "spend"]
            tokens = [one.amount for one in reservations[0].shares if one.limit.counter.measure == "tokens"]
            amounts = Amounts(int(min(tokens, default=0) * share), int(min(held, default=0) * share))
            self.each("settle", reservations, amounts if known else Amounts())
            self.each("release", reservations)
            self.open.remove(reservations)

    @rule(reservations=consumes(calls))
    def release(self, reservations: list[Reservation] | None) -> None:
        if reservations is not None:
            self.each("release", reservations)
            self.each("settle", reservations, Amounts(50, 50))
            self.open.remove(reservations)

    @rule(seconds=st.sampled_from([-90.0, -1.0, 0.5, 20.0, 61.0, 90000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(one=st.sampled_from([one for one in LIMITS if one.counter.measure == "spend"]))
    def reset(self, one: Limit) -> None:
        for store in self.stores:
            store.reset(one, self.now)

    @rule(one=st.sampled_from([one for one in LIMITS if one.counter.measure == "spend"]), spent=st.integers(0, 600))
    def restore(self, one: Limit, spent: int) -> None:
        """Only while nothing runs, as at a start: what is stored does not know what is reserved."""
        if not self.open:
            for store in self.stores:
                store.restore(one, spent, self.now)

    @invariant()
    def laws_hold(self) -> None:
        usages = [store.read(LIMITS, self.now) for store in self.stores]
        assert all(one == usages[0] for one in usages)
        for one, usage in zip(LIMITS, usages[0], strict=True):
            assert usage.spent >= 0 and usage.reserved >= 0
            beyond = 700 if one.partial else 0
            assert one.maximum is None or usage.spent + usage.reserved <= one.maximum + beyond


class HostTakesTurns(Accounting):
    """Each step is another process's: what one has reserved, another settles."""

    def each(self, step: str, reservations: list[Reservation], *arguments: object) -> None:
        self.turns.reverse()
        self.stores[1] = self.turns[0]
        super().each(step, reservations, *arguments)


TestAccounting = Accounting.TestCase
TestAccounting.settings = QUICK
TestHostTakesTurns = HostTakesTurns.TestCase
TestHostTakesTurns.settings = QUICK


@pytest.mark.usefixtures("port")
def test_redis_answers_as_one_process_does(shared_port: int) -> None:
    """Redis is written in the background, so each settlement is waited for."""
    import random

    rng = random.Random(7)
    memory, hosts = MemoryCounters(), [redis_counters(shared_port), redis_counters(shared_port)]
    running: list[tuple[Reservation, Reservation, CounterStore]] = []
    now, refusals = START, 0
    for _ in range(400):
        host = rng.choice(hosts)
        if running and rng.random() < 0.5:
            one, other, its_host = running.pop(rng.randrange(len(running)))
            step, arguments = rng.choice([("settle", (Amounts(3, 40),)), ("settle", (Amounts(),)), ("release", ())])
            getattr(memory, step)(one, *arguments, now)
            getattr(its_host, step)(other, *arguments, now)
            wait_until(lambda at=now: hosts[0].read(LIMITS, at) == memory.read(LIMITS, at))  # type: ignore[misc]
        limits = rng.sample(LIMITS, rng.randrange(1, len(LIMITS)))
        amounts = Amounts(rng.randrange(120), rng.randrange(500))
        expected, answer = memory.reserve(limits, amounts, now), host.reserve(limits, amounts, now)
        if isinstance(expected, Refused) or isinstance(answer, Refused):
            assert answer == expected
            refusals += 1
        else:
            assert answer.shares == expected.shares
            running.append((expected, answer, host))
        now += rng.choice([0.0, 0.0, 5.0, 61.0])
    assert refusals > 20
    for one, other, host in running:
        memory.settle(one, Amounts(1, 1), now)
        host.settle(other, Amounts(1, 1), now)
    wait_until(lambda: hosts[1].read(LIMITS, now) == memory.read(LIMITS, now))
    assert all(usage.reserved == 0 for usage in hosts[0].read(LIMITS, now))
