"""What the counters cost a call: reserve and settle five limits of two subjects, in each store.

    python -m bench.counters

Prints microseconds a call (median, 99th percentile), alone and with 100,000 other subjects in the store.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from proxy.counters.host import HostCounters
from proxy.counters.store import CounterStore, MemoryCounters
from proxy.counters.values import DAY, LIFETIME, MINUTE, Amounts, Limit, Reservation, build_limit

CALLS, OTHERS = 4000, 100_000
ESTIMATE, ACTUAL = Amounts(100, 1000), Amounts(50, 500)


def limits_of(number: int) -> tuple[Limit, ...]:
    key, team = ("key", f"key-{number}"), ("team", "team")
    return (
        build_limit(key, "requests", 10**9, MINUTE),
        build_limit(key, "tokens", 10**12, MINUTE),
        build_limit(key, "parallel", 10**6, LIFETIME),
        build_limit(key, "spend", 10**15, DAY),
        build_limit(team, "spend", 10**15, LIFETIME),
    )


def measure(store: CounterStore) -> list[float]:
    limits, times = limits_of(0), []
    for _ in range(CALLS):
        now = time.time()
        started = time.perf_counter()
        reservation = store.reserve(limits, ESTIMATE, now)
        if isinstance(reservation, Reservation):
            store.settle(reservation, ACTUAL, now)
        times.append((time.perf_counter() - started) * 1e6)
    return times


def fill(store: CounterStore) -> None:
    for number in range(1, OTHERS + 1):
        reservation = store.reserve(limits_of(number)[3:], ESTIMATE, time.time())
        if isinstance(reservation, Reservation):
            store.settle(reservation, ACTUAL, time.time())


def show(name: str, build: Callable[[], CounterStore]) -> None:
    store = build()
    alone = measure(store)
    fill(store)
    for label, times in (("alone", alone), (f"with {OTHERS} others", measure(store))):
        ordered = sorted(times)
        late = ordered[int(0.99 * len(ordered))]
        print(f"{name:12} {label:20} median {statistics.median(ordered):6.1f}  p99 {late:6.1f} us")


def main() -> None:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        show("memory", MemoryCounters)
        show("mapped file", lambda: HostCounters(Path(folder) / "counters"))


if __name__ == "__main__":
    main()
