"""The shared state: the same rules in one process and in all workers of a host."""

import multiprocessing
import os
import signal
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from proxy.domain.router_settings import RouterSettings
from proxy.host.folder import default_path, remove_leftovers
from proxy.host.processes import is_alive, start_time
from proxy.routing.state import budget, latency, limits
from proxy.routing.state import host as host_state
from proxy.routing.state.budget import Spending
from proxy.routing.state.build import build_state
from proxy.routing.state.host import HostState, HostStateError
from proxy.routing.state.memory import MemoryState
from proxy.routing.state.values import (
    BudgetRule,
    DeploymentState,
    Limits,
    Refusal,
    Reservation,
    ReservationRequest,
    TryResult,
)
from tests.routing.router_bench import START, build, deployment

BUDGET = BudgetRule("g", 0.2, 10)
DONE = TryResult(failed=False, tokens=30, latency=0.5)
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "host.state"


@pytest.fixture(params=["memory", "host"])
def store(request, path):
    made = MemoryState() if request.param == "memory" else HostState(path, capacity=64)
    yield made
    made.close()


def ask(name="a", limits=None, tokens=0, extra=False, last_resort=False):
    return ReservationRequest(name, limits, tokens, BUDGET, extra, last_resort)


def test_a_try_is_counted_and_settled_when_it_is_reserved(store):
    reservation = store.reserve(ask(tokens=100), START)
    assert isinstance(reservation, Reservation)
    state = store.view(["a"], START)[0]
    assert (state.requests, state.tokens, state.inflight) == (1, 100, 1)
    store.settle(reservation, DONE, START + 1)
    state = store.view(["a"], START + 1)[0]
    assert (state.requests, state.tokens, state.inflight, state.answers) == (1, 30, 0, 1)
    assert (state.latency, state.latency_samples) == (0.5, 1)


def test_nothing_is_left_when_a_reservation_is_cancelled(store):
    store.cancel(store.reserve(ask(tokens=100), START), START)
    state = store.view(["a"], START)[0]
    assert (state.requests, state.tokens, state.inflight) == (0, 0, 0)
    assert store.spending("g", START) == (0, 0)


@pytest.mark.parametrize(
    ("limits", "reason"), [(Limits(rpm=1), "rpm"), (Limits(tpm=10), "tpm"), (Limits(parallel=1), "parallel")]
)
def test_a_limit_refuses_and_counts_nothing_when_it_is_reached(store, limits, reason):
    store.reserve(ask(limits=limits, tokens=10), START)
    refused = store.reserve(ask(limits=limits, tokens=10), START)
    assert isinstance(refused, Refusal)
    assert refused.reason == reason
    assert store.view(["a"], START)[0].requests == 1
    assert store.spending("g", START) == (1, 0)


def test_counts_begin_anew_when_the_minute_changes(store):
    store.reserve(ask(limits=Limits(rpm=1)), START)
    assert isinstance(store.reserve(ask(limits=Limits(rpm=1)), START + 60), Reservation)
    assert store.view(["a"], START + 60)[0].inflight == 2


def test_a_settlement_does_not_touch_the_new_minute_when_the_call_began_in_the_old(store):
    reservation = store.reserve(ask(tokens=100), START)
    store.reserve(ask(tokens=7), START + 60)
    store.settle(reservation, DONE, START + 61)
    assert store.view(["a"], START + 61)[0].tokens == 7


def test_the_count_stays_when_the_clock_steps_back(store):
    store.reserve(ask(limits=Limits(rpm=1)), START + 60)
    assert isinstance(store.reserve(ask(limits=Limits(rpm=1)), START), Refusal)


def test_counting_goes_on_when_the_clock_was_far_ahead_and_is_put_right(store):
    ahead = START + 1e6
    store.reserve(ask(limits=Limits(rpm=1)), ahead)
    for _ in range(10):
        store.reserve(ask(extra=True), ahead)
    assert isinstance(store.reserve(ask(limits=Limits(rpm=1), extra=True), START), Reservation)


def test_a_cooldown_holds_for_all_and_one_probe_follows_when_a_try_failed(store):
    store.settle(store.reserve(ask(), START), TryResult(True, 401, cooldown=5.0), START)
    assert store.reserve(ask(), START + 1) == Refusal("cooling", START + 5.0)
    probe = store.reserve(ask(), START + 5)
    assert probe.probe
    assert store.reserve(ask(), START + 5).reason == "probing"
    store.settle(probe, DONE, START + 6)
    assert isinstance(store.reserve(ask(), START + 6), Reservation)


def test_the_budget_refuses_extra_tries_when_it_is_spent(store):
    for _ in range(10):
        store.reserve(ask(extra=True), START)
    assert store.reserve(ask(extra=True), START).reason == "budget"
    assert isinstance(store.reserve(ask(), START), Reservation)


def test_exactly_the_limit_passes_when_threads_ask_at_once(store):
    limits = Limits(rpm=60)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: store.reserve(ask(limits=limits), START), range(300)))
    assert sum(isinstance(answer, Reservation) for answer in answers) == 60


def test_the_router_walks_alike_when_the_store_is_another(path):
    walks = []
    for state in (MemoryState(), HostState(path)):
        bench = build(*(deployment(name, rpm=5) for name in "abc"), state=state, seed=9)
        bench.provider.script = {"a": [500, 200, 429, 200], "b": [401, 200]}
        for _ in range(25):
            bench.run()
            bench.clock.time += 0.7
        walks.append(bench.ids)
    assert walks[0] == walks[1]


def _ask_much(path, results, limits, number):
    store = HostState(path)
    passed = sum(isinstance(store.reserve(ask(limits=limits), START), Reservation) for _ in range(number))
    results.put(passed)


def _work(path, started, until_killed):
    store = HostState(path)
    for _ in range(3):
        store.reserve(ask(), time.time())
    started.set()
    until_killed.wait()


def test_exactly_the_limit_passes_when_processes_ask_at_once(path):
    results = FORK.SimpleQueue()
    workers = [FORK.Process(target=_ask_much, args=(path, results, Limits(rpm=60), 100)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(results.get() for _ in workers) == 60


def test_calls_in_flight_come_back_when_a_worker_is_killed(path):
    started, never = FORK.Event(), FORK.Event()
    worker = FORK.Process(target=_work, args=(path, started, never))
    worker.start()
    started.wait()
    store = HostState(path)
    own = store.reserve(ask(), time.time())
    assert store.view(["a"], time.time())[0].inflight == 4
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    assert store.view(["a"], time.time() + 2 * host_state.REAP_SECONDS)[0].inflight == 1
    store.settle(own, DONE, time.time() + 3)
    assert store.view(["a"], time.time() + 4)[0].inflight == 0


@pytest.mark.parametrize(
    ("module", "step"), [(limits, "take"), (budget, "count"), (limits, "settle"), (latency, "settle")]
)
@pytest.mark.parametrize("before", [True, False])
def test_no_call_stays_in_flight_when_a_worker_is_killed_within_a_step(path, module, step, before, monkeypatch):
    store = HostState(path)
    mine = store.reserve(ask(), time.time())
    do = getattr(module, step)

    def end(*arguments):
        if not before:
            do(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    def work():
        other = HostState(path)
        monkeypatch.setattr(module, step, end)
        other.settle(other.reserve(ask(), time.time()), DONE, time.time())

    worker = FORK.Process(target=work)
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    later = time.time() + 2 * host_state.REAP_SECONDS
    assert store.view(["a"], later)[0].inflight == 1
    store.settle(mine, DONE, later)
    assert store.view(["a"], later)[0].inflight == 0


def test_the_lock_is_free_when_its_holder_is_killed(path):
    holding = FORK.Event()

    def hold():
        store = HostState(path)
        with store._lock:
            holding.set()
            signal.pause()

    worker = FORK.Process(target=hold)
    worker.start()
    holding.wait()
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    assert isinstance(HostState(path).reserve(ask(), START), Reservation)


def test_a_child_counts_as_itself_when_the_store_was_opened_before_the_fork(path):
    store = HostState(path)
    mine = store.reserve(ask(), time.time())
    worker = FORK.Process(target=lambda: store.reserve(ask(), time.time()))
    worker.start()
    worker.join()
    later = time.time() + 2 * host_state.REAP_SECONDS
    assert store.view(["a"], later)[0].inflight == 1
    store.settle(mine, DONE, later)
    assert store.view(["a"], later)[0].inflight == 0


def test_the_state_is_still_there_when_the_workers_are_new(path):
    first = HostState(path)
    first.settle(first.reserve(ask(limits=Limits(rpm=1)), START), TryResult(True, 401, cooldown=60.0), START)
    first.close()
    assert HostState(path).reserve(ask(), START + 1).reason == "cooling"


def test_what_finds_no_room_is_counted_by_the_process_alone_when_the_file_is_full(path, caplog):
    store, other = HostState(path, capacity=2), HostState(path, capacity=2)
    limits = Limits(rpm=1, hard=True)
    store.reserve(ask("a"), START)

    reservation = store.reserve(ask("b", limits=limits), START)
    assert store.reserve(ask("b", limits=limits), START).reason == "rpm"
    assert isinstance(other.reserve(ask("b", limits=limits), START), Reservation)
    assert [one.inflight for one in store.view(["a", "b"], START)] == [1, 1]
    store.settle(reservation, DONE, START)
    assert [one.inflight for one in store.view(["a", "b"], START)] == [1, 0]
    store.cancel(store.reserve(ask("c"), START), START)
    assert store.view(["c"], START)[0].requests == 0
    assert len([one for one in caplog.records if "counted by each worker" in one.message]) == 2


def test_there_is_room_for_all_when_the_configuration_has_very_many_deployments(path):
    store = build_state(RouterSettings(), path, deployments=10_000)
    other = build_state(RouterSettings(), path, deployments=10_000)
    for number in range(10_000):
        assert isinstance(store.reserve(ask(f"d{number}"), START), Reservation)

    assert all(one.inflight == 1 for one in other.view([f"d{number}" for number in range(10_000)], START))


@pytest.mark.parametrize("content", [b"x" * 10_000, b"patchbay" + bytes(9_992)])
def test_a_file_of_another_kind_is_refused_when_it_is_opened(path, content):
    path.write_bytes(content)
    with pytest.raises(HostStateError, match="is not a state file"):
        HostState(path)


def test_a_symbolic_link_is_not_followed_when_the_file_is_opened(path, tmp_path):
    (tmp_path / "target").write_bytes(b"")
    path.symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic"):
        HostState(path)


def test_only_its_user_can_read_the_file_when_it_is_made(path):
    HostState(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_process_is_known_by_its_start_when_numbers_are_used_again():
    pid = os.getpid()
    assert is_alive(pid, start_time(pid))
    assert not is_alive(pid, start_time(pid) + 1)
    assert not is_alive(2**22 + 1, 1)


def test_the_store_follows_the_configuration_when_it_is_built(path):
    assert isinstance(build_state(RouterSettings(), None), MemoryState)
    assert isinstance(build_state(RouterSettings(), path), HostState)
    assert isinstance(build_state(RouterSettings(state_store="memory"), path), MemoryState)
    assert isinstance(build_state(RouterSettings(state_path=str(path))), HostState)


def test_a_gateways_workers_meet_at_one_place_when_they_have_one_master():
    assert default_path(os.getpid()) == default_path(os.getpid())
    assert default_path(os.getpid()) != default_path(os.getppid())


def test_what_gateways_have_left_is_removed_when_another_begins(tmp_path):
    user, alive = os.geteuid(), os.getpid()
    gone = tmp_path / f"patchbay-{user}-{alive}-{start_time(alive) + 1}.state"
    kept = [tmp_path / f"patchbay-{user}-{alive}-{start_time(alive)}.state", tmp_path / f"patchbay-{user}-x-y.state"]
    for path in (gone, *kept):
        path.touch()
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_threads_of_one_process_do_not_disturb_each_other_when_the_host_shares(path):
    store = HostState(path)

    def work():
        for _ in range(50):
            store.settle(store.reserve(ask(), START), DONE, START)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = store.view(["a"], START)[0]
    assert (state.requests, state.inflight, state.answers) == (400, 0, 400)


def test_a_row_has_its_place_in_the_file_when_the_layout_is_the_first():
    assert host_state.LAYOUT == 1
    assert bytes(DeploymentState(1, latency=0.5)) == struct.pack("<12q7d", 1, *[0] * 11, *[0.0] * 4, 0.5, 0.0, 0.0)
    spending = Spending(7)
    spending.extras[0] = 3
    assert bytes(spending) == struct.pack("<21q", 7, *[0] * 10, 3, *[0] * 9)


def test_a_cooldown_is_no_longer_than_it_was_meant_when_the_clock_steps_back(store):
    store.settle(store.reserve(ask(), START), TryResult(True, 401, cooldown=5.0), START)
    back = START - 3600
    assert store.reserve(ask(), back) == Refusal("cooling", back + 5.0)
    assert store.view(["a"], back + 1)[0].cooling_until == back + 5.0
    assert store.reserve(ask(), back + 5).probe


def test_a_probe_holds_others_no_longer_when_the_clock_steps_back(store):
    store.settle(store.reserve(ask(), START), TryResult(True, 401, cooldown=5.0), START)
    assert store.reserve(ask(), START + 5).probe
    back = START - 3600
    assert isinstance(store.reserve(ask(), back), Refusal)
    assert store.reserve(ask(), back + 66).probe


def test_failures_are_counted_anew_when_the_clock_steps_back(store):
    failure = TryResult(True, 500, allowed_fails=2, cooldown=5.0)
    store.settle(store.reserve(ask(), START), failure, START)
    back = START - 3600
    for _ in range(2):
        store.settle(store.reserve(ask(), back), failure, back)
    assert isinstance(store.reserve(ask(), back), Reservation)
