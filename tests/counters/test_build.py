"""Which store the configuration asks for."""

from pathlib import Path

import pytest

from proxy.counters.build import build_counters
from proxy.counters.host import HostCounters
from proxy.counters.store import MemoryCounters
from proxy.counters.values import LIFETIME, Amounts, Reservation, Usage
from proxy.domain.router_settings import RouterSettings
from proxy.domain.secrets import Secret
from tests.counters.stores import START, limit


def test_the_store_follows_the_configuration(tmp_path: Path) -> None:
    redis = pytest.importorskip("proxy.counters.redis")
    path = tmp_path / "a.counters"
    assert isinstance(build_counters(RouterSettings()), MemoryCounters)
    assert isinstance(build_counters(RouterSettings(), path), HostCounters)
    assert isinstance(build_counters(RouterSettings(state_store="memory"), path), MemoryCounters)
    named = RouterSettings(redis_url=Secret("redis://127.0.0.1:1/0"))
    assert isinstance(build_counters(named, path), redis.RedisCounters)


def test_each_process_counts_when_the_file_can_not_be_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = build_counters(RouterSettings(), tmp_path / "gone" / "a.counters")
    assert isinstance(store, MemoryCounters)
    assert "No such file" in caplog.text


def test_what_is_spent_is_kept_when_the_gateway_starts_again_at_the_same_path(tmp_path: Path) -> None:
    budget = limit("key", "spend", 100, LIFETIME)
    first = build_counters(RouterSettings(), tmp_path / "a.counters")
    reservation = first.reserve([budget], Amounts(0, 60), START)
    assert isinstance(reservation, Reservation)
    first.settle(reservation, Amounts(0, 40), START)
    assert build_counters(RouterSettings(), tmp_path / "a.counters").read([budget], START) == [Usage(40, 0)]
