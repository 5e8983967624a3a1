"""One atomic step for all subjects of a call, the same in all three stores."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from proxy.counters.store import CounterStore, MemoryCounters
from proxy.counters.values import DAY, LIFETIME, MINUTE, Amounts, FixedWindow, Refused, Reservation, Usage
from tests.counters.stores import START, call, limit, wait_until

KEY_REQUESTS = limit("key", "requests", 2)
KEY_TOKENS = limit("key", "tokens", 100)
TEAM_PARALLEL = limit("team", "parallel", 2)
TEAM_BUDGET = limit("team", "spend", 1000)
USER_BUDGET = limit("user", "spend", 5000, LIFETIME)
ALL = (KEY_REQUESTS, KEY_TOKENS, TEAM_PARALLEL, TEAM_BUDGET, USER_BUDGET)


def reserved(store: CounterStore, limits: object, amounts: Amounts, now: float = START) -> Reservation:
    answer = store.reserve(limits, amounts, now)  # type: ignore[arg-type]
    assert isinstance(answer, Reservation), answer
    return answer


def refused(store: CounterStore, limits: object, amounts: Amounts, now: float = START) -> Refused:
    answer = store.reserve(limits, amounts, now)  # type: ignore[arg-type]
    assert isinstance(answer, Refused), answer
    return answer


def becomes(store: CounterStore, usages: list[tuple[int, int]], now: float = START) -> None:
    """Redis is written in the background."""
    wait_until(lambda: [tuple(usage) for usage in store.read(ALL, now)] == usages)


def test_all_subjects_are_counted_and_settled_when_a_call_is_reserved(store: CounterStore) -> None:
    reservation = reserved(store, ALL, call(40, 300))
    assert [share.used for share in reservation.shares] == [1, 40, 1, 300, 300]
    becomes(store, [(1, 0), (40, 0), (0, 1), (0, 300), (0, 300)])
    assert store.settle(reservation, call(25, 120), START + 1)
    becomes(store, [(1, 0), (25, 0), (0, 0), (120, 0), (120, 0)])


def test_nothing_changes_when_a_call_is_settled_again(store: CounterStore) -> None:
    reservation = reserved(store, ALL, call(40, 300))
    assert store.settle(reservation, call(25, 120), START)
    assert not store.settle(reservation, call(25, 120), START)
    assert not store.release(reservation, START)
    becomes(store, [(1, 0), (25, 0), (0, 0), (120, 0), (120, 0)])


def test_nothing_is_left_when_a_call_is_released(store: CounterStore) -> None:
    assert store.release(reserved(store, ALL, call(40, 300)), START)
    becomes(store, [(0, 0)] * 5)


def test_the_estimate_stands_when_the_truth_is_unknown(store: CounterStore) -> None:
    store.settle(reserved(store, ALL, call(40, 300)), Amounts(), START)
    becomes(store, [(1, 0), (40, 0), (0, 0), (300, 0), (300, 0)])


@pytest.mark.parametrize(
    ("limits", "used", "seconds"),
    [
        ((limit("key", "requests", 1),), 1, 60.0),
        ((limit("key", "tokens", 100),), 60, 60.0),
        ((limit("key", "tokens", 100, DAY),), 60, 86400 - START % 86400),
        ((limit("key", "parallel", 1),), 1, 0.0),
        ((limit("key", "spend", 1000),), 600, 86400 - START % 86400),
        ((limit("key", "spend", 1000, FixedWindow("1h", 3600)),), 600, 3600 - START % 3600),
        ((limit("key", "spend", 1000, LIFETIME),), 600, None),
    ],
)
def test_the_refusal_names_the_limit_and_counts_nothing_when_it_is_reached(
    store: CounterStore, limits: object, used: int, seconds: float | None
) -> None:
    others = limit("team", "requests", None), limit("team", "spend", None)
    assert isinstance(limits, tuple)
    reserved(store, limits, call(60, 600))
    refusal = refused(store, (*others, *limits), call(60, 600))
    assert (refusal.limit, refusal.used) == (limits[0], used)
    assert refusal.seconds == (None if seconds is None else pytest.approx(seconds))
    assert store.read(others, START) == [Usage(), Usage()]


def test_counts_begin_anew_when_the_window_ends(store: CounterStore) -> None:
    reservation = reserved(store, ALL, call(100, 900))
    store.settle(reservation, call(100, 900), START)
    becomes(store, [(1, 0), (100, 0), (0, 0), (900, 0), (900, 0)])
    refused(store, ALL, call(1, 200))
    later = START + 86400
    store.settle(reserved(store, ALL, call(1, 200), later), call(1, 200), later)
    becomes(store, [(1, 0), (1, 0), (0, 0), (200, 0), (1100, 0)], later)


def test_money_is_spent_in_the_new_window_when_a_call_outlives_the_old(store: CounterStore) -> None:
    reservation = reserved(store, ALL, call(40, 300))
    later = START + 86400
    reserved(store, ALL, call(7, 100), later)
    becomes(store, [(1, 0), (7, 0), (0, 2), (0, 400), (0, 400)], later)
    store.settle(reservation, call(40, 250), later)
    becomes(store, [(1, 0), (7, 0), (0, 1), (250, 100), (250, 100)], later)


def test_the_count_stays_when_the_clock_steps_back(store: CounterStore) -> None:
    only = limit("key", "requests", 1)
    reserved(store, (only,), call(), START + 60)
    refused(store, (only,), call(), START)
    reserved(store, (only,), call(), START - 7200)


def test_a_call_larger_than_the_limit_passes_when_nothing_else_is_counted(store: CounterStore) -> None:
    only = limit("key", "tokens", 100)
    reservation = reserved(store, (only,), call(5000))
    assert reservation.shares[0].amount == 100
    refused(store, (only,), call(1))


def test_a_call_passes_while_anything_is_left_when_the_budget_allows_it(store: CounterStore) -> None:
    partial = limit("key", "spend", 1000, partial=True)
    reserved(store, (partial,), call(0, 900))
    reservation = reserved(store, (partial,), call(0, 900))
    assert reservation.shares[0].amount == 900
    assert refused(store, (partial,), call(0, 1)).used == 1800


def test_as_many_calls_pass_as_the_budget_is_for_when_each_is_estimated_too_high(store: CounterStore) -> None:
    partial, passed = limit("key", "spend", 1000, partial=True), 0
    for _ in range(20):
        running = [store.reserve((partial,), call(0, 130), START) for _ in range(4)]
        for one in running:
            if isinstance(one, Reservation):
                passed += 1
                store.settle(one, call(0, 100), START)
    assert (passed, store.read((partial,), START)[0]) == (10, Usage(1000, 0))


def test_a_spent_budget_refuses_when_the_call_is_thought_to_cost_nothing(store: CounterStore) -> None:
    store.settle(reserved(store, (TEAM_BUDGET,), call(0, 1000)), call(0, 1200), START)
    wait_until(lambda: store.read((TEAM_BUDGET,), START) == [Usage(1200, 0)])
    assert refused(store, (TEAM_BUDGET,), call(0, 0)).used == 1200


def test_a_stored_spend_counts_when_it_is_restored(store: CounterStore) -> None:
    store.restore(USER_BUDGET, 4900, START)
    assert refused(store, (USER_BUDGET,), call(0, 200)).used == 4900
    store.restore(USER_BUDGET, 100, START)
    assert store.read((USER_BUDGET,), START) == [Usage(4900, 0)]


def test_the_budget_is_whole_again_when_it_is_reset(store: CounterStore) -> None:
    store.settle(reserved(store, (TEAM_BUDGET,), call(0, 900)), Amounts(), START)
    wait_until(lambda: store.read((TEAM_BUDGET,), START) == [Usage(900, 0)])
    running = reserved(store, (TEAM_BUDGET,), call(0, 100))
    store.reset(TEAM_BUDGET, START)
    assert store.read((TEAM_BUDGET,), START) == [Usage(0, 100)]
    reserved(store, (TEAM_BUDGET,), call(0, 900))
    store.settle(running, call(0, 80), START)
    wait_until(lambda: store.read((TEAM_BUDGET,), START) == [Usage(80, 900)])


def test_exactly_the_limit_passes_when_threads_reserve_at_once(store: CounterStore) -> None:
    limits = limit("key", "spend", 1000), limit("team", "requests", 1000), limit("user", "parallel", 1000)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: store.reserve(limits, call(0, 77), START), range(40)))
    assert sum(isinstance(answer, Reservation) for answer in answers) == 1000 // 77
    assert store.read(limits, START) == [Usage(0, 924), Usage(12, 0), Usage(0, 12)]


def test_a_count_never_falls_below_nothing_when_numbers_are_wrong(store: CounterStore) -> None:
    store.settle(reserved(store, ALL, Amounts(-5, -7)), Amounts(-9, -9), START)
    becomes(store, [(1, 0), (0, 0), (0, 0), (0, 0), (0, 0)])


def test_rows_at_rest_are_forgotten_and_spend_stays_when_there_are_very_many() -> None:
    store = MemoryCounters(most_rows=100)
    for number in range(1000):
        subject = limit("key", "requests", 5)._replace(counter=KEY_REQUESTS.counter._replace(id=str(number)))
        money = TEAM_BUDGET._replace(counter=TEAM_BUDGET.counter._replace(id=str(number)))
        limits = (subject, money) if number % 10 == 0 else (subject,)
        store.settle(reserved(store, limits, call(0, 5), START + number * 60), call(0, 5), START + number * 60)
    assert store.facts()["rows"] < 400
    money = TEAM_BUDGET._replace(counter=TEAM_BUDGET.counter._replace(id="990"))
    assert store.read((money,), START + 1000 * 60) == [Usage(5, 0)]


def test_windows_are_aligned_when_they_have_a_fixed_length() -> None:
    assert MINUTE.bounds(START + 59) == (START, START + 60)
    assert LIFETIME.bounds(START) == (0, 0)
