"""Retries within a group (4.5)."""

import random

import pytest

from proxy.domain.router_settings import RouterSettings
from proxy.errors import (
    APIConnectionError,
    BadRequestError,
    ClientClosedRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    GatewayError,
    GatewayTimeoutError,
    RateLimitError,
    Timeout,
)
from proxy.routing import retry
from tests.routing.router_bench import Clock, build, deployment, error


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_a_lone_deployment_is_tried_again_when_the_status_is_retryable(status):
    bench = build(deployment("a"))
    bench.provider.script = {"a": [status, 200]}
    assert bench.run().retries == 1


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
def test_a_lone_deployment_is_not_tried_again_when_the_status_is_not_retryable(status):
    bench = build(deployment("a"))
    bench.provider.script = {"a": status}
    assert bench.fails().status_code == status
    assert bench.ids == ["a"]


@pytest.mark.parametrize("status", [401, 402, 403, 404, 424])
def test_another_deployment_is_tried_when_credentials_fail(status):
    bench = build(deployment("a"), deployment("b"), num_retries=5)
    bench.provider.script = {"a": status, "b": status}
    bench.fails()
    assert sorted(bench.ids) == ["a", "b"]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_no_other_deployment_is_tried_when_the_request_is_at_fault(status):
    bench = build(deployment("a"), deployment("b"))
    bench.provider.script = {"a": status, "b": status}
    bench.fails()
    assert len(bench.ids) == 1


@pytest.mark.parametrize("failure", [ContextWindowExceededError("x"), ContentPolicyViolationError("x")])
def test_context_and_policy_errors_are_not_retried_when_several_deployments_are_there(failure):
    bench = build(deployment("a"), deployment("b"))
    bench.provider.script = {"a": failure, "b": failure}
    bench.fails()
    assert len(bench.ids) == 1


def test_a_refused_connection_is_retried_when_it_may_have_been_chance():
    bench = build(deployment("a"))
    bench.provider.script = {"a": [APIConnectionError("refused"), 200]}
    assert bench.run().retries == 1


@pytest.mark.parametrize(
    ("body", "own", "router", "tries"),
    [(None, None, 2, 3), (None, 1, 2, 2), (0, 1, 2, 1), (4, 1, 2, 5), (None, 0, 2, 1), (None, None, 0, 1)],
)
def test_the_number_of_retries_is_the_bodys_then_the_deployments_then_the_routers_when_said(body, own, router, tries):
    bench = build(deployment("a", num_retries=own), num_retries=router)
    bench.provider.script = {"a": 500}
    bench.fails(num_retries=body)
    assert len(bench.ids) == tries


@pytest.mark.parametrize(
    ("policy", "failure", "tries"),
    [
        ({"RateLimitErrorRetries": 4}, error(429), 5),
        ({"RateLimitErrorRetries": 0}, error(429), 1),
        ({"TimeoutErrorRetries": 1}, Timeout("slow"), 2),
        ({"TimeoutErrorRetries": 1}, GatewayTimeoutError("slow"), 2),
        ({"InternalServerErrorRetries": 3}, error(500), 4),
        ({"ServiceUnavailableErrorRetries": 3}, error(503), 4),
        ({"AuthenticationErrorRetries": 2}, error(401), 3),
        ({"NotFoundErrorRetries": 1}, error(404), 2),
        ({"BadRequestErrorRetries": 1}, error(400), 2),
        ({"ContentPolicyViolationErrorRetries": 3}, ContentPolicyViolationError("x"), 4),
        ({"BadRequestErrorRetries": 3}, ContextWindowExceededError("x"), 4),
        ({"DefaultRetries": 1}, error(409), 2),
        ({"TimeoutErrorRetries": 0}, error(500), 3),
    ],
)
def test_a_policy_gives_the_number_when_it_names_the_kind_of_error(policy, failure, tries):
    bench = build(deployment("a"), retry_policy=policy, disable_cooldowns=True)
    bench.provider.script = {"a": failure}
    bench.fails()
    assert len(bench.ids) == tries


def test_a_groups_own_policy_wins_when_both_are_there():
    bench = build(
        deployment("a"),
        retry_policy={"InternalServerErrorRetries": 5},
        model_group_retry_policy={"g": {"InternalServerErrorRetries": 1}},
    )
    bench.provider.script = {"a": 500}
    bench.fails()
    assert len(bench.ids) == 2


def test_no_policy_holds_when_the_request_says_no_retries():
    bench = build(deployment("a"), retry_policy={"InternalServerErrorRetries": 5})
    bench.provider.script = {"a": 500}
    bench.fails(num_retries=0)
    assert len(bench.ids) == 1


def test_a_deployment_that_has_not_failed_is_preferred_when_a_try_is_repeated():
    bench = build(*(deployment(name) for name in "abc"), num_retries=5, cooldown_time=0)
    bench.provider.script = dict.fromkeys("abc", 500)
    bench.fails()
    assert sorted(bench.ids[:3]) == ["a", "b", "c"]
    assert all(one != other for one, other in zip(bench.ids, bench.ids[1:], strict=False))


def test_there_is_no_wait_when_another_deployment_is_healthy():
    bench = build(deployment("a"), deployment("b"), num_retries=1)
    bench.provider.script = {"a": 500, "b": 500}
    bench.fails()
    assert bench.clock.slept == []


def test_there_is_no_wait_after_the_last_try_when_all_failed():
    bench = build(deployment("a"))
    bench.provider.script = {"a": 500}
    bench.fails()
    assert len(bench.clock.slept) == len(bench.ids) - 1


def test_retry_after_is_obeyed_when_it_is_at_most_a_minute():
    bench = build(deployment("a"), num_retries=1)
    bench.provider.script = {"a": [error(429, retry_after=20.0), 200]}
    bench.run()
    assert 20.0 <= bench.clock.slept[0] <= 21.0


def test_no_retry_is_made_when_retry_after_is_more_than_a_minute():
    bench = build(deployment("a"))
    bench.provider.script = {"a": error(429, retry_after=61.0)}
    assert bench.fails().retry_after == 61.0
    assert bench.ids == ["a"]


@pytest.mark.parametrize(("tries", "most"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (9, 8.0)])
def test_the_pause_is_full_jitter_below_a_doubling_bound_when_nothing_else_is_said(tries, most):
    rng = random.Random(7)
    pauses = [retry.pause(error(500), tries, 0.0, rng) for _ in range(300)]
    assert all(0.0 <= pause <= most for pause in pauses)
    assert min(pauses) < 0.1 * most
    assert max(pauses) > 0.9 * most


def test_the_pause_is_never_less_than_the_configured_retry_after():
    rng = random.Random(7)
    assert all(retry.pause(error(500), 1, 3.0, rng) >= 3.0 for _ in range(20))


def test_nothing_is_retried_when_the_clients_deadline_would_be_missed():
    bench = build(deployment("a"), num_retries=1)
    bench.provider.script = {"a": error(429, retry_after=20.0)}
    assert bench.fails(timeout=10.0).status_code == 429
    assert bench.clock.slept == []
    assert bench.ids == ["a"]


def test_no_fallback_begins_when_the_clients_deadline_is_over():
    bench = build(deployment("a"), deployment("b", "h"), fallbacks=(("g", ("h",)),), num_retries=0)
    bench.provider.script = {"a": 500}
    bench.provider.seconds = 6.0
    assert bench.fails(timeout=5.0).status_code == 500
    assert bench.ids == ["a"]


def test_the_try_gets_what_is_left_of_the_clients_time_when_it_is_a_later_one():
    bench = build(deployment("a"), deployment("b"))
    bench.provider.script = {"a": 500, "b": 500}
    bench.provider.seconds = 2.0
    bench.fails(timeout=10.0, num_retries=1)
    assert [round(sent[3].total, 6) for sent in bench.provider.sent] == [10.0, 8.0]


def test_a_timeout_is_said_when_the_time_was_over_before_the_first_try():
    bench = build(deployment("a"))
    late = bench.call(timeout=1.0)
    bench.clock.time += 2.0
    with pytest.raises(Timeout):
        bench.router.run(late, bench.provider)
    assert bench.ids == []


def test_nothing_is_retried_when_the_client_has_left():
    bench = build(deployment("a"), deployment("b", "h"), fallbacks=(("g", ("h",)),))
    bench.provider.script = {"a": ClientClosedRequestError("gone")}
    assert bench.fails().status_code == 499
    assert bench.ids == ["a"]


def test_a_rate_limit_goes_to_the_fallback_at_once_when_no_other_deployment_is_left():
    bench = build(deployment("a"), deployment("b", "h"), fallbacks=(("g", ("h",)),))
    bench.provider.script = {"a": RateLimitError("full")}
    bench.run()
    assert bench.ids == ["a", "b"]
    assert bench.clock.slept == []


def test_the_latest_error_is_raised_when_retries_fail_differently():
    bench = build(deployment("a"), num_retries=1)
    bench.provider.script = {"a": [500, 503]}
    assert bench.fails().status_code == 503


def test_a_policy_is_asked_by_the_most_particular_name_when_classes_are_related():
    settings = RouterSettings()
    policy = {"BadRequestErrorRetries": 1, "ContentPolicyViolationErrorRetries": 7}
    assert retry.allowed(ContentPolicyViolationError("x"), None, None, policy, settings) == (7, True)
    assert retry.allowed(BadRequestError("x"), None, None, policy, settings) == (1, True)
    assert retry.allowed(GatewayError("x", status_code=409), None, None, policy, settings) == (2, False)


def test_something_else_than_a_gateway_error_frees_the_slot_when_a_try_breaks():
    bench = build(deployment("a", max_parallel_requests=1))

    def broken(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bench.router.run(bench.call(), broken)
    assert bench.router.state.view(["a"], Clock().now())[0].inflight == 0


def test_every_other_deployment_is_tried_once_when_weighted_failover_is_on():
    bench = build(deployment("a"), deployment("b"), deployment("c"), num_retries=0, enable_weighted_failover=True)
    bench.provider.script = {"a": 500, "b": 500, "c": 500}
    bench.fails()
    assert sorted(bench.ids) == ["a", "b", "c"]
    assert bench.clock.slept == []


def test_only_retries_are_made_when_weighted_failover_is_off():
    bench = build(deployment("a"), deployment("b"), deployment("c"), num_retries=0)
    bench.provider.script = {"a": 500, "b": 500, "c": 500}
    bench.fails()
    assert len(bench.ids) == 1


def test_failover_is_bounded_when_max_fallbacks_is_reached():
    bench = build(*(deployment(name) for name in "abcd"), num_retries=0, enable_weighted_failover=True, max_fallbacks=2)
    bench.provider.script = dict.fromkeys("abcd", 500)
    bench.fails()
    assert len(bench.ids) == 3


def test_a_failover_is_not_made_when_the_request_is_at_fault():
    bench = build(deployment("a"), deployment("b"), num_retries=0, enable_weighted_failover=True)
    bench.provider.script = {"a": 400, "b": 400}
    bench.fails()
    assert len(bench.ids) == 1
