"""What holds for every plan, failure and state."""

from collections import deque
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.errors import GatewayError
from proxy.routing.state import budget, health
from proxy.routing.state.budget import BUCKET_SECONDS, BUCKETS, WINDOW_SECONDS, Spending
from proxy.routing.state.host import HostState
from proxy.routing.state.memory import MemoryState
from proxy.routing.state.values import BudgetRule, Limits, Reservation, ReservationRequest, TryResult
from tests.routing.router_bench import START, build, deployment

QUICK = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
STATUSES = [200, 400, 401, 404, 408, 429, 500, 503]
NAMES = ["g", "h", "i", "j"]

statuses = st.lists(st.sampled_from(STATUSES), min_size=1, max_size=6)
rules = st.lists(
    st.tuples(st.sampled_from([*NAMES, "*"]), st.lists(st.sampled_from(NAMES), max_size=4).map(tuple)), max_size=4
)


@st.composite
def worlds(draw):
    """Deployments in up to four groups, what they answer, and a configuration."""
    served = [
        deployment(f"{group}{number}", group, order=draw(st.sampled_from([None, 1, 2])))
        for group in NAMES
        for number in range(draw(st.integers(0 if group != "g" else 1, 3)))
    ]
    return {
        "served": served,
        "script": {one.id: draw(statuses) for one in served},
        "seed": draw(st.integers(0, 1000)),
        "settings": {
            "num_retries": draw(st.integers(0, 4)),
            "max_fallbacks": draw(st.integers(0, 4)),
            "fallbacks": tuple(draw(rules)),
            "default_fallbacks": tuple(draw(st.lists(st.sampled_from(NAMES), max_size=2))),
            "routing_strategy": draw(st.sampled_from(["simple-shuffle", "least-busy", "latency-based-routing"])),
            "allowed_fails": draw(st.sampled_from([None, 0, 2])),
            "last_resort": draw(st.booleans()),
            "retry_budget_floor": draw(st.integers(0, 1)),
        },
        "requests": draw(st.integers(1, 15)),
        "gap": draw(st.sampled_from([0.0, 0.5, 4.0])),
    }


def walk(world, **changes):
    """(the bench, the attempts of each request)."""
    bench = build(*world["served"], seed=world["seed"], **{**world["settings"], **changes})
    bench.provider.script = {name: list(script) for name, script in world["script"].items()}
    walks = []
    for _ in range(world["requests"]):
        bench.clock.time += world["gap"]
        before = len(bench.ids)
        try:
            told = list(bench.run().attempts)
        except GatewayError as failure:
            told = list(failure.attempts)
        assert [attempt.deployment_id for attempt in told] == bench.ids[before:]
        walks.append(told)
    return bench, walks


@QUICK
@given(worlds())
def test_attempts_are_bounded_and_told_when_anything_fails(world):
    _, walks = walk(world)
    tries = world["settings"]["num_retries"] + 1
    for attempts in walks:
        assert len(attempts) <= tries * (world["settings"]["max_fallbacks"] + 1) + 1


@QUICK
@given(worlds())
def test_no_level_of_a_group_is_entered_twice_when_fallbacks_lead_anywhere(world):
    _, walks = walk(world)
    for attempts in walks:
        entered = [attempt for attempt in attempts if attempt.reason not in ("retry", "order", "last_resort")]
        names = [attempt.group for attempt in entered]
        assert len(names) == len(set(names))


@QUICK
@given(worlds())
def test_no_deployment_is_tried_twice_in_a_row_when_another_is_healthy(world):
    world["script"] = {name: [408, 500, 503, 429] for name in world["script"]}
    _, walks = walk(world, disable_cooldowns=True)
    members = {one.id: one for one in world["served"]}
    for attempts in walks:
        for one, after in pairwise(attempts):
            if one.deployment_id == after.deployment_id:
                level = members[one.deployment_id]
                assert [m for m in world["served"] if (m.group, m.order) == (level.group, level.order)] == [level]


@QUICK
@given(worlds())
def test_nothing_is_in_flight_when_all_calls_have_ended(world):
    bench, _ = walk(world)
    assert {one.inflight for one in bench.router.state.view([one.id for one in world["served"]], bench.clock.time)} == {
        0
    }


@QUICK
@given(worlds())
def test_the_walk_is_the_same_when_the_seed_is_the_same(world):
    assert walk(world)[1] == walk(world)[1]


@QUICK
@given(world=worlds())
def test_the_walk_is_the_same_when_the_host_shares_the_state(world, tmp_path):
    path = tmp_path / "host.state"
    path.unlink(missing_ok=True)
    store = HostState(path, capacity=64)
    bench = build(*world["served"], seed=world["seed"], state=store, **world["settings"])
    bench.provider.script = {name: list(script) for name, script in world["script"].items()}
    for _ in range(world["requests"]):
        bench.clock.time += world["gap"]
        try:
            bench.run()
        except GatewayError:
            continue
    store.close()
    assert bench.ids == walk(world)[0].ids


@QUICK
@given(worlds())
def test_extra_tries_stay_within_the_budget_when_everything_fails(world):
    world["script"] = {name: [500] for name in world["script"]}
    world["requests"] = 30
    bench, walks = walk(world)
    firsts = sum(bool(attempts) for attempts in walks)
    extras = sum(attempt.reason == "retry" for attempts in walks for attempt in attempts)
    floor = world["settings"]["retry_budget_floor"] * WINDOW_SECONDS
    windows = 1 + (bench.clock.time - START) // WINDOW_SECONDS
    groups = len({attempt.group for attempts in walks for attempt in attempts})
    assert extras <= groups * max(floor, 0.2 * firsts) * windows


@QUICK
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 20)), max_size=80), st.floats(0, 1), st.integers(0, 5))
def test_the_window_never_holds_more_than_the_budget_when_extras_are_asked_for(steps, share, floor):
    spending, rule, now = Spending(), BudgetRule("g", share, floor), START
    seen: deque[tuple[int, bool]] = deque()
    for extra, gap in steps:
        now += gap
        slot = int(now // BUCKET_SECONDS)
        while seen and seen[0][0] <= slot - BUCKETS:
            seen.popleft()
        firsts = sum(not one for _, one in seen)
        extras = sum(one for _, one in seen)
        allowed = budget.allows(spending, rule, now)
        assert allowed is (extras + 1 <= max(floor, share * firsts))
        if not extra or allowed:
            budget.count(spending, extra, now)
            seen.append((slot, extra))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.sampled_from("ab"), st.integers(0, 50)),
        st.tuples(st.just("settle"), st.sampled_from([200, 400, 401, 429, 500]), st.integers(0, 9)),
        st.tuples(st.just("cancel"), st.just(0), st.integers(0, 9)),
        st.tuples(st.just("wait"), st.floats(0, 40), st.just(0)),
    ),
    max_size=60,
)


def finish(status):
    failed = {200: False, 400: None}.get(status, True)
    return TryResult(failed, status, tokens=7, cooldown=5.0, alternatives=True, latency=0.1)


def play(store, script, look=lambda *_: None):
    """Do the steps; `look` sees each settlement as (store, now, reservation, status)."""
    now, reservations, told = START, [], []
    for action, value, number in script:
        if action == "reserve":
            ask = ReservationRequest(
                value, Limits(rpm=20, tpm=300, parallel=5, hard=True), number, BudgetRule("g", 0.5, 2)
            )
            answer = store.reserve(ask, now)
            told.append(answer)
            if isinstance(answer, Reservation):
                reservations.append(answer)
        elif action == "wait":
            now += value
        elif reservations:
            reservation = reservations.pop(number % len(reservations))
            if action == "cancel":
                store.cancel(reservation, now)
            else:
                look(store, now, reservation, value)
                store.settle(reservation, finish(value), now)
    return told, reservations, now


@QUICK
@given(steps)
def test_both_stores_agree_when_the_same_happens(tmp_path, script):
    path = tmp_path / "host.state"
    path.unlink(missing_ok=True)
    shared = HostState(path, capacity=16)
    told = play(shared, script)
    shared.close()
    assert told == play(MemoryState(), script)


@QUICK
@given(steps)
def test_a_slot_is_held_for_each_open_call_and_no_other_when_anything_happens(script):
    store = MemoryState()
    _, reservations, now = play(store, script)
    for name in "ab":
        assert store.view([name], now)[0].inflight == sum(
            reservation.deployment == name for reservation in reservations
        )


@QUICK
@given(steps)
def test_a_cooldown_is_never_lost_when_no_later_try_succeeds(script):
    store = MemoryState()
    until: dict[str, float] = {}

    def look(store, now, reservation, status):
        state = store.view([reservation.deployment], now)[0]
        assert state.cooling_until >= until.get(reservation.deployment, 0.0)
        recovered = status == 200 and state.streak and reservation.started >= state.cooled_at
        until[reservation.deployment] = 0.0 if recovered else state.cooling_until

    play(store, script, look)


@given(st.floats(0.1, 1000), st.integers(0, 60))
def test_a_cooldown_is_bounded_and_never_shorter_when_it_grows(seconds, times):
    from proxy.routing.state.values import DeploymentState

    state, last = DeploymentState(), 0.0
    for _ in range(times):
        before = state.cooling_until
        health.cool(state, seconds, START)
        assert before <= state.cooling_until <= START + max(seconds, health.LONGEST_GROWN_SECONDS)
        last = state.cooling_until
    assert last == state.cooling_until


@pytest.mark.parametrize("seed", range(5))
def test_every_deployment_gets_its_share_when_all_are_well(seed):
    bench = build(*(deployment(name) for name in "abcde"), seed=seed)
    for _ in range(300):
        bench.run()
    assert min(bench.ids.count(name) for name in "abcde") > 30
