"""Redis dies, loses its data and comes back: no spend is lost, and what is reserved comes back by expiry."""

import subprocess
import time
from pathlib import Path

import pytest

redis = pytest.importorskip("redis")

from proxy.counters.redis import RedisCounters  # noqa: E402
from proxy.counters.values import LIFETIME, Amounts, Refused, Reservation, Usage  # noqa: E402
from tests.counters.stores import START, limit, redis_counters, redis_port, wait_until  # noqa: E402

BUDGET = limit("key", "spend", 1000, LIFETIME)
PARALLEL = limit("key", "parallel", 1)


def host(port: int) -> RedisCounters:
    built = redis_counters(port)
    assert isinstance(built, RedisCounters)
    return built


def spend(store: RedisCounters, amount: int) -> None:
    reservation = store.reserve([BUDGET], Amounts(0, amount), START)
    assert isinstance(reservation, Reservation)
    store.settle(reservation, Amounts(0, amount), START)


def test_reservations_come_back_when_a_worker_is_not_heard_of_any_more(port: int) -> None:
    one, other = host(port), host(port)
    assert isinstance(one.reserve([BUDGET, PARALLEL], Amounts(0, 900), START), Reservation)
    refusal = other.reserve([PARALLEL], Amounts(), START)
    assert isinstance(refusal, Refused)
    redis.Redis(port=port).delete(f"patchbay:w:{one._worker}")
    assert isinstance(other.reserve([BUDGET, PARALLEL], Amounts(0, 900), START), Reservation)


def test_spend_arrives_later_when_redis_was_away(port: int) -> None:
    one, other = host(port), host(port)
    spend(one, 100)
    wait_until(lambda: other.read([BUDGET], START) == [Usage(100, 0)])
    one._rest()
    spend(one, 200)
    assert one.read([BUDGET], START) == [Usage(300, 0)]
    assert other.read([BUDGET], START) == [Usage(100, 0)]
    one._rests_until = 0.0
    wait_until(lambda: other.read([BUDGET], START) == [Usage(300, 0)])
    assert one.facts()["unsent"] == 0


def test_spend_is_known_when_redis_has_lost_it(port: int) -> None:
    store = host(port)
    spend(store, 700)
    wait_until(lambda: store.read([BUDGET], START) == [Usage(700, 0)])
    redis.Redis(port=port).flushall()
    refusal = store.reserve([BUDGET], Amounts(0, 400), START)
    assert isinstance(refusal, Refused)
    assert refusal.used == 700


def test_the_limit_holds_on_each_host_when_redis_dies_in_the_middle() -> None:
    with redis_port() as port:
        one, other = host(port), host(port)
        for _ in range(3):
            spend(one, 100)
            spend(other, 100)
        wait_until(lambda: one.read([BUDGET], START) == [Usage(600, 0)])
        # Each host has last seen what all had spent.
        spend(one, 10)
        spend(other, 10)
        wait_until(lambda: one.read([BUDGET], START) == [Usage(620, 0)])
        subprocess.run(["redis-cli", "-p", str(port), "shutdown", "nosave"], check=False, capture_output=True)
        passed = [
            sum(isinstance(store.reserve([BUDGET], Amounts(0, 100), START), Reservation) for _ in range(20))
            for store in (one, other)
        ]
        assert passed == [3, 3]


def test_one_round_trip_is_made_when_a_call_has_many_subjects(port: int) -> None:
    store, client = host(port), redis.Redis(port=port)
    limits = [limit(kind, "requests", 100) for kind in ("key", "team", "user", "tag")] + [BUDGET, PARALLEL]
    store.reserve(limits, Amounts(0, 1), START)
    time.sleep(0.1)
    before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    store.reserve(limits, Amounts(0, 1), START)
    assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 1


def test_a_host_keeps_its_counters_when_its_workers_are_new(port: int, tmp_path: Path) -> None:
    from proxy.counters.host import HostCounters

    path = tmp_path / "a.counters"
    first = redis_counters(port, HostCounters(path))
    reservation = first.reserve([BUDGET], Amounts(0, 300), START)
    assert isinstance(reservation, Reservation)
    first.settle(reservation, Amounts(0, 300), START)
    assert HostCounters(path).read([BUDGET], START) == [Usage(300, 0)]
