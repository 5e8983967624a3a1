"""One truth for all hosts, against a real Redis on loopback."""

import shutil
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from proxy.domain.router_settings import RouterSettings
from proxy.domain.secrets import Secret
from proxy.routing.state.build import build_state
from proxy.routing.state.memory import MemoryState
from proxy.routing.state.values import BudgetRule, Limits, Refusal, Reservation, ReservationRequest, TryResult
from tests.routing.router_bench import START, build, deployment

redis = pytest.importorskip("redis")
from redis.backoff import NoBackoff  # noqa: E402 - needs the extra
from redis.retry import Retry  # noqa: E402

from proxy.counters.redis_client import build_client  # noqa: E402
from proxy.routing.state.redis import RedisState  # noqa: E402

BUDGET = BudgetRule("g", 0.2, 10)
DONE = TryResult(failed=False, tokens=30, latency=0.5)


class Server:
    """A redis-server of the test's own."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        arguments = [
            "redis-server",
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
        self.client = redis.Redis(port=self.port)
        wait_until(self._answers)

    def _answers(self):
        try:
            return self.client.ping()
        except redis.ConnectionError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()


def wait_until(true, seconds=10.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def shared_server():
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server")
    server = Server()
    yield server
    server.kill()


@pytest.fixture
def server(shared_server):
    shared_server.client.flushall()
    return shared_server


def host(server):
    """A host's store on this server. The tests' machine may be busy, so it may take longer to answer than in service."""
    client = redis.Redis(port=server.port, socket_timeout=5.0, retry=Retry(NoBackoff(), 0))
    return RedisState(MemoryState(), client)


def ask(name="a", limits=None, tokens=0, extra=False):
    return ReservationRequest(name, limits, tokens, BUDGET, extra)


def test_exactly_the_limit_passes_when_two_hosts_ask_at_once(server):
    hosts = [host(server), host(server)]
    limits = Limits(rpm=60)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: hosts[number % 2].reserve(ask(limits=limits), START), range(200)))
    assert sum(isinstance(answer, Reservation) for answer in answers) == 60


def test_counts_begin_anew_when_the_minute_changes(server):
    one, other = host(server), host(server)
    one.reserve(ask(limits=Limits(rpm=1)), START)
    assert other.reserve(ask(limits=Limits(rpm=1)), START).reason == "rpm"
    assert isinstance(other.reserve(ask(limits=Limits(rpm=1)), START + 60), Reservation)


def test_nothing_stays_counted_on_the_host_when_redis_refuses(server):
    one, other = host(server), host(server)
    one.reserve(ask(limits=Limits(rpm=1)), START)
    other.reserve(ask(limits=Limits(rpm=1)), START)
    state = other._host.view(["a"], START)[0]
    assert (state.requests, state.inflight) == (0, 0)


def test_tokens_are_settled_for_all_when_a_call_of_one_host_ends(server):
    one, other = host(server), host(server)
    reservation = one.reserve(ask(limits=Limits(tpm=100), tokens=100), START)
    assert other.reserve(ask(limits=Limits(tpm=100), tokens=50), START).reason == "tpm"
    one.settle(reservation, DONE, START)
    wait_until(lambda: isinstance(other.reserve(ask(limits=Limits(tpm=100), tokens=50), START), Reservation))


def test_calls_in_flight_are_shared_when_they_are_limited(server):
    one, other = host(server), host(server)
    reservation = one.reserve(ask(limits=Limits(parallel=1)), START)
    assert other.reserve(ask(limits=Limits(parallel=1)), START).reason == "parallel"
    one.settle(reservation, DONE, START)
    wait_until(lambda: isinstance(other.reserve(ask(limits=Limits(parallel=1)), START), Reservation))


def test_slots_come_back_when_a_worker_is_not_heard_of_any_more(server):
    one, other = host(server), host(server)
    one.reserve(ask(limits=Limits(parallel=1)), START)
    server.client.delete(f"patchbay:w:{one._worker}")
    assert isinstance(other.reserve(ask(limits=Limits(parallel=1)), START), Reservation)


def test_a_cooldown_and_its_one_probe_hold_for_all_when_one_host_saw_the_failure(server):
    one, other = host(server), host(server)
    one.settle(one.reserve(ask(), START), TryResult(True, 401, cooldown=5.0), START)
    wait_until(lambda: isinstance(other.reserve(ask(), START + 1), Refusal))
    assert other.reserve(ask(), START + 1) == Refusal("cooling", START + 5.0)
    probe = other.reserve(ask(), START + 5)
    assert probe.probe
    assert one.reserve(ask(), START + 5).reason == "probing"
    other.settle(probe, DONE, START + 6)
    wait_until(lambda: isinstance(one.reserve(ask(), START + 6), Reservation))


def test_the_budget_is_shared_when_two_hosts_retry(server):
    one, other = host(server), host(server)
    for _ in range(5):
        assert isinstance(one.reserve(ask(extra=True), START), Reservation)
        assert isinstance(other.reserve(ask(extra=True), START), Reservation)
    assert one.reserve(ask(extra=True), START).reason == "budget"
    assert other.reserve(ask(extra=True), START).reason == "budget"


def test_a_strategy_sees_the_other_hosts_when_it_asks(server):
    one, other = host(server), host(server)
    now = time.time()
    other.view(["a"], now)
    for _ in range(3):
        one.reserve(ask(), now)
    wait_until(lambda: other.view(["a"], time.time())[0].inflight == 3)


def test_latencies_are_shared_when_one_host_measured(server):
    one, other = host(server), host(server)
    one.settle(one.reserve(ask(), time.time()), DONE, time.time())
    wait_until(lambda: other.view(["a"], time.time())[0].latency == 0.5)


def test_the_hosts_own_limit_holds_and_nothing_fails_when_redis_dies_in_the_middle():
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server")
    server = Server()
    hosts = [host(server), host(server)]
    limits = Limits(rpm=10)
    passed = [isinstance(hosts[0].reserve(ask(limits=limits), START), Reservation) for _ in range(6)]
    assert all(passed)
    server.kill()
    reservations = [[one.reserve(ask(limits=limits), START) for _ in range(20)] for one in hosts]
    assert [sum(isinstance(one, Reservation) for one in answers) for answers in reservations] == [4, 10]
    hosts[1].settle(reservations[1][0], DONE, START)
    assert hosts[1].view(["a"], START)[0].inflight == 9
    assert all(one.facts()["failures"] >= 1 for one in hosts)
    assert all(one.facts()["resting"] for one in hosts)


def test_a_redis_that_does_not_answer_is_asked_once_and_then_left_alone():
    listener = socket.create_server(("127.0.0.1", 0))
    asked = []

    def accept():
        while True:
            try:
                asked.append(listener.accept())
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    store = RedisState(MemoryState(), build_client(f"redis://127.0.0.1:{listener.getsockname()[1]}/0"))
    assert all(isinstance(store.reserve(ask(), START), Reservation) for _ in range(50))
    assert store.facts()["failures"] == 1
    assert len(asked) == 1
    listener.close()


def test_redis_is_asked_again_when_it_has_rested(server):
    store = host(server)
    store._rest()
    store.reserve(ask(), START)
    assert not server.client.keys("patchbay:m:*")
    store._rests_until = 0.0
    store.reserve(ask(), START)
    assert server.client.hget(f"patchbay:m:a:{int(START // 60)}", "requests") == b"1"


def test_the_router_walks_when_its_state_is_in_redis(server):
    bench = build(deployment("a", rpm=5), deployment("b"), state=host(server))
    bench.provider.script = {"a": [500, 200]}
    for _ in range(20):
        bench.run()
    assert len(bench.ids) >= 20


def test_the_client_gives_up_in_time_and_never_repeats_when_it_is_built():
    client = build_client(None, host="127.0.0.1", port=1, password=None, db=None)
    options = client.connection_pool.connection_kwargs
    assert options["socket_connect_timeout"] + options["socket_timeout"] <= 0.05 + 1e-9
    assert options["retry"].get_retries() == 0


@pytest.mark.parametrize(
    "named", [{"redis_url": Secret("redis://127.0.0.1:1/0")}, {"redis_host": "127.0.0.1", "redis_port": 1}]
)
def test_redis_is_used_when_the_configuration_names_it(named):
    assert isinstance(build_state(RouterSettings(**named)), RedisState)
    assert isinstance(build_state(RouterSettings(state_store="memory", **named)), MemoryState)


def test_a_cooldown_is_no_longer_than_it_was_meant_when_all_clocks_step_back(server):
    one, other = host(server), host(server)
    one.settle(one.reserve(ask(), START), TryResult(True, 401, cooldown=5.0), START)
    wait_until(lambda: isinstance(other.reserve(ask(), START + 1), Refusal))
    back = START - 3600
    assert other.reserve(ask(), back) == Refusal("cooling", back + 5.0)
    assert other.reserve(ask(), back + 5).probe
