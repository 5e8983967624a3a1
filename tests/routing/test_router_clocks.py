"""The four clocks of a try (2.9)."""

import pytest

from proxy.domain.call import NO_OPTIONS
from proxy.domain.router_settings import RouterSettings
from proxy.routing.clocks import DEFAULT_TOTAL, build_clocks
from tests.routing.router_bench import build, call, deployment


def clocks(options=None, own=None, stream=False, remaining=None, **settings):
    asked = call(stream=stream, **(options or {}))
    return build_clocks(asked, deployment("a", **(own or {})), RouterSettings(**settings), remaining)


@pytest.mark.parametrize(("own", "router", "total"), [(7.0, 9.0, 7.0), (None, 9.0, 9.0), (None, None, DEFAULT_TOTAL)])
def test_the_total_is_the_deployments_then_the_routers_when_the_client_says_nothing(own, router, total):
    assert clocks(own={"timeout": own}, timeout=router).total == total


def test_the_clients_time_that_is_left_is_the_total_when_it_said_one():
    assert clocks(own={"timeout": 3.0}, remaining=20.0).total == 20.0


@pytest.mark.parametrize(
    ("body", "own", "router", "silence"), [(1.0, 2.0, 3.0, 1.0), (None, 2.0, 3.0, 2.0), (None, None, 3.0, 3.0)]
)
def test_a_stream_timeout_bounds_each_silence_when_it_is_said(body, own, router, silence):
    found = clocks({"stream_timeout": body}, {"stream_timeout": own, "timeout": 60.0}, True, stream_timeout=router)
    assert (found.first, found.idle, found.total) == (silence, silence, DEFAULT_TOTAL)


def test_a_clients_timeout_still_ends_a_stream_when_both_are_said():
    found = clocks({"stream_timeout": 2.0}, None, True, remaining=30.0)
    assert (found.first, found.total) == (2.0, 30.0)


OURS = ("connect_timeout", "first_token_timeout", "idle_timeout")


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize(
    ("body", "own", "router", "limit"), [(1.0, 2.0, 3.0, 1.0), (None, 2.0, 3.0, 2.0), (None, None, 3.0, 3.0)]
)
def test_each_of_our_clocks_is_the_clients_then_the_deployments_then_the_routers_when_said(
    name, body, own, router, limit
):
    found = clocks({name: body}, {name: own}, True, **{name: router})
    assert found[OURS.index(name)] == limit


def test_our_clock_wins_over_stream_timeout_when_the_same_voice_says_both():
    found = clocks(None, None, True, stream_timeout=60.0, first_token_timeout=5.0, idle_timeout=15.0)
    assert (found.first, found.idle) == (5.0, 15.0)


def test_the_clients_stream_timeout_wins_over_our_clock_when_only_the_router_says_that():
    found = clocks({"stream_timeout": 2.0}, None, True, first_token_timeout=5.0, idle_timeout=15.0)
    assert (found.first, found.idle) == (2.0, 2.0)


def test_only_connect_and_total_run_when_no_stream_is_asked_for():
    found = clocks(None, {"stream_timeout": 1.0, "timeout": 9.0}, False, first_token_timeout=5.0, idle_timeout=5.0)
    assert (found.connect, found.first, found.idle, found.total) == (10.0, None, None, 9.0)


def test_the_timeout_of_a_stream_is_its_whole_when_no_stream_timeout_is_said():
    assert clocks(None, {"timeout": 9.0}, True).total == 9.0


def test_each_try_gets_its_deployments_clocks_when_they_differ():
    bench = build(deployment("a", timeout=3.0), deployment("b", timeout=8.0), num_retries=1)
    bench.provider.script = {"a": 500, "b": 500}
    bench.fails()
    assert {name: sent.total for name, _, _, sent in bench.provider.sent} == {"a": 3.0, "b": 8.0}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "said", [{}, {"timeout": 7.0}, {"stream_timeout": 2.0, "first_token_timeout": 3.0}, {"connect_timeout": 4.0}]
)
def test_the_clocks_are_those_of_any_call_when_the_client_says_nothing_at_all(stream, said):
    bench = build(deployment("a", **said), timeout=50.0, idle_timeout=9.0)
    silent = bench.call(stream=stream)._replace(options=NO_OPTIONS)
    bench.router.run(silent, bench.provider)
    bench.run(stream=stream)
    (_, _, _, usual), (_, _, _, built) = bench.provider.sent
    assert usual == built
