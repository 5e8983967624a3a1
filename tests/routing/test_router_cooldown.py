"""Cooldown, recovery, and what is left when all are out (4.7, 4.8)."""

import pytest

from proxy.domain.attempt import Result
from proxy.errors import (
    APIConnectionError,
    ClientClosedRequestError,
    ContextWindowExceededError,
    NoDeploymentAvailableError,
    Timeout,
)
from proxy.routing.profile import build_cooling
from proxy.routing.state import health
from proxy.routing.state.values import DeploymentState, TryResult
from tests.routing.router_bench import START, build, deployment, error


def cooling(bench, name="a"):
    return bench.router.state.view([name], bench.clock.time)[0].cooling_until > bench.clock.time


def pair(**settings):
    """Two deployments; `a` is asked first (it has all the weight) unless it is out."""
    settings = {"num_retries": 0, **settings}
    return build(deployment("a", weight=1), deployment("b", weight=0), **settings)


def test_a_deployment_cools_at_once_when_its_rate_limit_is_reached():
    bench = pair()
    bench.provider.script = {"a": 429}
    bench.fails()
    assert cooling(bench)
    assert bench.run().deployment.id == "b"


@pytest.mark.parametrize("status", [401, 402, 403, 404, 424])
def test_the_next_deployment_answers_at_once_when_the_first_ones_account_fails(status):
    bench = pair()
    bench.provider.script = {"a": status}
    assert bench.run().deployment.id == "b"
    assert bench.ids == ["a", "b"]
    assert bench.clock.slept == []
    assert cooling(bench)
    assert bench.run().retries == 0


def test_the_clients_error_reaches_it_when_all_accounts_fail():
    bench = pair(max_fallbacks=1)
    bench.provider.script = {"a": 403, "b": 403}
    failure = bench.fails()
    assert (failure.status_code, [attempt.deployment_id for attempt in failure.attempts]) == (403, ["a", "b"])


def test_nothing_more_is_tried_when_a_policy_forbids_it_for_the_accounts_error():
    bench = pair(retry_policy={"AuthenticationErrorRetries": 0})
    bench.provider.script = {"a": 401}
    assert bench.fails().status_code == 401
    assert bench.ids == ["a"]


@pytest.mark.parametrize("status", [400, 405, 409, 413, 422])
def test_a_deployment_never_cools_when_the_request_is_at_fault(status):
    bench = pair()
    bench.provider.script = {"a": status}
    for _ in range(10):
        bench.fails()
    assert not cooling(bench)


@pytest.mark.parametrize(
    "failure", [error(500), error(503), error(502), Timeout("slow"), APIConnectionError("refused")]
)
def test_a_deployment_cools_when_more_than_half_of_five_fail(failure):
    bench = pair()
    bench.provider.script = {"a": [200, 200, failure, failure, failure]}
    for _ in range(2):
        bench.run()
    for _ in range(2):
        bench.fails()
        assert not cooling(bench)
    bench.fails()
    assert cooling(bench)


def test_a_deployment_does_not_cool_when_just_half_fail():
    bench = pair()
    bench.provider.script = {"a": [200, 500] * 10}
    for _ in range(10):
        bench.run()
        bench.fails()
    assert not cooling(bench)


def test_a_deployment_cools_when_ten_fail_in_a_row_after_many_successes():
    bench = pair()
    bench.provider.seconds = 0.0
    bench.provider.script = {"a": [200] * 50 + [500]}
    for _ in range(50):
        bench.run()
    for _ in range(9):
        bench.fails()
        assert not cooling(bench)
    bench.fails()
    assert cooling(bench)


def test_failures_of_the_minute_before_do_not_count_when_a_new_minute_begins():
    bench = pair()
    bench.provider.script = {"a": 500}
    for _ in range(4):
        bench.fails()
    bench.clock.time += 60
    bench.fails()
    assert not cooling(bench)


@pytest.mark.parametrize("status", [429, 500])
def test_a_lone_deployment_does_not_cool_when_some_calls_fail(status):
    bench = build(deployment("a"), num_retries=0)
    bench.provider.script = {"a": [200, status]}
    bench.run()
    for _ in range(50):
        bench.fails()
        bench.clock.time += 0.01
    assert not cooling(bench)


def test_a_lone_deployment_cools_when_nothing_has_worked_for_twenty_calls():
    bench = build(deployment("a"), num_retries=0)
    bench.provider.script = {"a": 500}
    for _ in range(19):
        bench.fails()
    assert not cooling(bench)
    bench.fails()
    assert cooling(bench)


def test_a_lone_deployment_counts_as_one_of_several_when_a_fallback_can_stand_in():
    bench = build(deployment("a"), deployment("h", "h"), fallbacks=(("g", ("h",)),), num_retries=0)
    bench.provider.script = {"a": 429}
    bench.run()
    assert cooling(bench)
    bench.run()
    assert bench.ids == ["a", "h", "h"]


@pytest.mark.parametrize("fails", [0, 1, 3])
def test_a_deployment_cools_when_more_than_allowed_fails_fail(fails):
    bench = pair(allowed_fails=fails, cooldown_time=30.0)
    bench.provider.script = {"a": 500}
    for _ in range(fails):
        bench.fails()
        assert not cooling(bench)
    bench.fails()
    assert cooling(bench)


def test_failures_are_forgotten_when_the_cooldown_time_has_passed():
    bench = pair(allowed_fails=1, cooldown_time=30.0)
    bench.provider.script = {"a": 500}
    bench.fails()
    bench.clock.time += 31
    bench.fails()
    assert not cooling(bench)


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("TimeoutErrorAllowedFails", Timeout("slow")),
        ("RateLimitErrorAllowedFails", error(429)),
        ("AuthenticationErrorAllowedFails", error(401)),
        ("NotFoundErrorAllowedFails", error(404)),
        ("InternalServerErrorAllowedFails", error(500)),
        ("ServiceUnavailableErrorAllowedFails", error(503)),
        ("BadGatewayErrorAllowedFails", error(502)),
    ],
)
def test_a_policy_says_how_many_fails_are_allowed_when_it_names_the_kind(name, failure):
    bench = pair(allowed_fails_policy={name: 1}, cooldown_time=60.0)
    bench.provider.script = {"a": failure, "b": failure}
    bench.fails()
    assert not cooling(bench)
    bench.fails()
    assert cooling(bench)


@pytest.mark.parametrize("name", ["BadRequestErrorAllowedFails", "ContentPolicyViolationErrorAllowedFails"])
def test_a_clients_mistake_cools_nothing_even_when_a_policy_counts_it(name):
    bench = pair(allowed_fails_policy={name: 0})
    bench.provider.script = {"a": ContextWindowExceededError("long")}
    bench.fails()
    assert not cooling(bench)


def test_a_deployments_own_numbers_win_when_model_info_has_them():
    bench = build(
        deployment("a", weight=1, info={"allowed_fails": 0, "cooldown_time": 40.0}),
        deployment("b", weight=0),
        num_retries=0,
        allowed_fails=9,
    )
    bench.provider.script = {"a": 500}
    bench.fails()
    assert bench.router.state.view(["a"], bench.clock.time)[0].cooling_until == bench.clock.time + 40.0


@pytest.mark.parametrize(
    ("own", "retry_after", "router", "seconds"),
    [(7.0, 30.0, 5.0, 7.0), (None, 30.0, 5.0, 30.0), (None, None, 5.0, 5.0), (None, 9e9, 5.0, 3600.0)],
)
def test_the_time_is_the_deployments_then_the_providers_then_the_routers_when_said(own, retry_after, router, seconds):
    bench = build(deployment("a", weight=1, cooldown_time=own), deployment("b"), num_retries=0, cooldown_time=router)
    bench.provider.script = {"a": error(429, retry_after=retry_after), "b": 200}
    while not cooling(bench):
        bench.router.run(bench.call(), bench.provider) if bench.provider.script["a"] == 200 else _attempt(bench)
    assert bench.router.state.view(["a"], bench.clock.time)[0].cooling_until - bench.clock.time == pytest.approx(
        seconds
    )


def _attempt(bench):
    from proxy.errors import GatewayError

    try:
        bench.run()
    except GatewayError:
        return


@pytest.mark.parametrize("settings", [{"disable_cooldowns": True}, {"cooldown_time": 0.0}])
def test_nothing_cools_when_cooldowns_are_off(settings):
    bench = pair(**settings)
    bench.provider.script = {"a": 429}
    for _ in range(10):
        bench.fails()
    assert not cooling(bench)


def test_a_wildcard_deployment_never_cools_when_one_of_its_models_fails():
    bench = build(deployment("w", "openai/*", model="*", wildcard=True), num_retries=0)
    bench.provider.script = {"w": [404, 200]}
    bench.fails("openai/missing")
    assert bench.run("openai/there").deployment.model == "there"


def test_nothing_cools_when_the_client_brought_its_own_key():
    bench = pair()
    bench.provider.script = {"a": 401}
    bench.fails(overrides={"api_key": "wrong"})
    assert not cooling(bench)
    assert bench.router.state.view(["a of clients"], bench.clock.time)[0].answers == 0


def test_a_clients_own_connection_is_used_when_the_operators_deployment_cools():
    bench = build(deployment("a"), num_retries=0, last_resort=False)
    bench.provider.script = {"a": [401, 200]}
    bench.fails()
    assert bench.run(overrides={"api_key": "theirs"}).deployment.api_key == "theirs"


def test_a_timeout_that_the_client_asked_for_cools_nothing_when_it_comes():
    bench = pair(allowed_fails=0)
    bench.provider.script = {"a": Timeout("slow")}
    bench.fails(timeout=5.0)
    assert not cooling(bench)


def test_a_client_that_leaves_cools_nothing_when_it_was_served():
    bench = pair(allowed_fails=0)
    bench.provider.script = {"a": ClientClosedRequestError("gone")}
    bench.fails()
    assert not cooling(bench)


def test_one_probe_is_let_through_when_the_cooldown_is_over():
    bench = pair()
    bench.provider.script = {"a": [429, 200]}
    bench.fails()
    bench.clock.time += 5.1
    bench.provider.hold = True
    assert bench.run().deployment.id == "a"
    assert bench.run().deployment.id == "b"
    bench.provider.open[0](Result(0.1))
    assert bench.run().deployment.id == "a"


def test_a_probe_that_never_ends_is_given_up_when_a_minute_has_passed():
    bench = pair()
    bench.provider.script = {"a": [429, 200]}
    bench.fails()
    bench.clock.time += 5.1
    bench.provider.hold = True
    bench.run()
    bench.clock.time += 60.0
    assert bench.run().deployment.id == "a"


def test_a_probe_that_says_nothing_of_health_leaves_the_place_to_another_when_it_ends():
    bench = pair()
    bench.provider.script = {"a": [429, 400, 200]}
    bench.fails()
    bench.clock.time += 5.1
    bench.fails()
    assert bench.run().deployment.id == "a"


def test_the_times_grow_when_every_probe_fails_and_begin_anew_after_a_success():
    bench = pair()
    bench.provider.seconds = 0.0
    bench.provider.script = {"a": [429, 429, 500, 503, 200, 429]}
    lengths = []
    for _ in range(4):
        bench.fails()
        until = bench.router.state.view(["a"], bench.clock.time)[0].cooling_until
        lengths.append(until - bench.clock.time)
        bench.clock.time = until
    bench.run()
    bench.fails()
    lengths.append(bench.router.state.view(["a"], bench.clock.time)[0].cooling_until - bench.clock.time)
    assert lengths == [5.0, 10.0, 20.0, 40.0, 5.0]


def test_the_growing_times_are_bounded_when_a_deployment_never_recovers():
    state = DeploymentState()
    for _ in range(100):
        health.cool(state, 5.0, START)
    assert state.cooling_until == START + health.LONGEST_GROWN_SECONDS


def test_a_longer_cooldown_stays_when_a_shorter_one_is_added():
    state = DeploymentState()
    health.cool(state, 200.0, START)
    health.cool(state, 1.0, START)
    assert state.cooling_until == START + 200.0


def test_an_old_success_does_not_end_a_cooldown_when_it_began_before_it():
    state = DeploymentState()
    health.cool(state, 5.0, START)
    health.settle(state, TryResult(failed=False), started=START - 1.0, probe=False, now=START + 1.0)
    assert state.cooling_until == START + 5.0


def test_the_one_that_recovers_first_is_tried_when_all_cool():
    bench = build(deployment("a", cooldown_time=50.0), deployment("b", cooldown_time=20.0), num_retries=1)
    bench.provider.script = {"a": 401, "b": 401}
    bench.fails()
    bench.provider.script = {}
    outcome = bench.run()
    assert (outcome.deployment.id, outcome.attempts[0].reason) == ("b", "last_resort")
    assert not cooling(bench, "b")


def test_the_providers_own_error_is_told_when_the_last_resort_fails():
    bench = build(deployment("a"), num_retries=0)
    bench.provider.script = {"a": 401}
    bench.fails()
    failure = bench.fails()
    assert failure.status_code == 401
    assert failure.attempts[0].reason == "last_resort"


def test_a_healthy_fallback_serves_before_the_last_resort_when_all_cool():
    bench = build(deployment("a"), deployment("h", "h"), fallbacks=(("g", ("h",)),), num_retries=0)
    bench.provider.script = {"a": 401}
    bench.run()
    assert bench.run().deployment.id == "h"


def test_a_429_says_when_to_come_back_when_all_cool_and_there_is_no_last_resort():
    bench = build(deployment("a"), num_retries=0, last_resort=False, cooldown_time=30.0)
    bench.provider.script = {"a": 401}
    bench.fails()
    failure = bench.fails()
    assert isinstance(failure, NoDeploymentAvailableError)
    assert (failure.status_code, failure.error_type, failure.retry_after) == (429, "all_deployments_in_cooldown", 30.0)
    assert "No deployments available for selected model, Try again in 30 seconds." in failure.message
    assert "Passed model=g." in failure.message


def test_a_dead_providers_load_falls_when_the_last_resort_has_used_its_budget():
    bench = build(deployment("a"), num_retries=0, cooldown_time=600.0)
    bench.provider.seconds = 0.0
    bench.provider.script = {"a": 401}
    statuses = [bench.fails().status_code for _ in range(20)]
    assert statuses.count(401) == 11
    assert statuses.count(429) == 9


def test_blocked_deployments_are_never_asked_when_others_are_there():
    bench = build(deployment("a", info={"blocked": True}), deployment("b"))
    assert {bench.run().deployment.id for _ in range(10)} == {"b"}


def test_allowed_fails_of_three_is_explicit_when_it_is_set():
    settings = build(deployment("a"), allowed_fails=3).settings
    assert build_cooling(deployment("a"), True, settings).allowed_fails == 3
