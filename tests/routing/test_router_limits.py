"""rpm, tpm and parallel calls: hard, or only weighing (4.3)."""

import pytest

from proxy.domain.attempt import Result
from proxy.domain.operations import EMBEDDINGS
from proxy.domain.usage import Usage
from proxy.errors import ClientClosedRequestError, NoDeploymentAvailableError, TruncatedStreamError
from proxy.routing.estimate import prompt_tokens, total_tokens
from tests.routing.router_bench import START, build, deployment

ENFORCED = {"optional_pre_call_checks": ("enforce_model_rate_limits",), "slot_wait": 0.0}


def state(bench, name="a"):
    return bench.router.state.view([name], bench.clock.time)[0]


def test_exactly_rpm_calls_pass_when_limits_are_enforced():
    bench = build(deployment("a", rpm=60), **ENFORCED)
    bench.provider.seconds = 0.0
    passed = sum(1 for _ in range(200) if not _refused(bench))
    assert passed == 60
    bench.clock.time += 60
    assert not _refused(bench)


def _refused(bench, **options):
    from proxy.errors import NoDeploymentAvailableError

    try:
        bench.run(**options)
    except NoDeploymentAvailableError:
        return True
    return False


def test_refused_calls_do_not_count_when_the_limit_is_reached():
    bench = build(deployment("a", rpm=2), **ENFORCED)
    for _ in range(5):
        _refused(bench)
    assert state(bench).requests == 2


def test_the_429_says_when_the_minute_ends_when_rpm_is_used_up():
    bench = build(deployment("a", rpm=1), **ENFORCED)
    bench.provider.seconds = 0.0
    bench.run()
    bench.clock.time += 45.0
    minute_end = (START // 60 + 1) * 60
    failure = bench.fails()
    assert failure.status_code == 429
    assert failure.retry_after == minute_end - bench.clock.time


def test_a_limit_is_not_retried_when_it_is_the_gateways_own():
    bench = build(deployment("a", rpm=1), **ENFORCED)
    bench.run()
    bench.fails()
    assert len(bench.ids) == 1


def test_another_deployment_serves_when_the_first_has_reached_its_limit():
    bench = build(deployment("a", rpm=1), deployment("b", rpm=3), **ENFORCED)
    assert sorted(bench.run().deployment.id for _ in range(4)) == ["a", "b", "b", "b"]


@pytest.mark.parametrize("limit", [{"rpm": 1}, {"tpm": 10}, {"max_parallel_requests": 1}])
def test_limits_only_weigh_when_they_are_not_enforced(limit):
    bench = build(deployment("a", **limit), slot_wait=0.0)
    bench.provider.hold = True
    for _ in range(3):
        assert bench.run().deployment.id == "a"


@pytest.mark.parametrize("limit", [{"rpm": 1}, {"max_parallel_requests": 1}])
def test_a_full_deployment_is_passed_over_when_another_has_room_though_nothing_is_enforced(limit):
    bench = build(deployment("a", **limit), deployment("b"), routing_strategy="least-busy", slot_wait=0.0)
    bench.provider.hold = "max_parallel_requests" in limit
    assert [bench.run().deployment.id for _ in range(3)] == ["a", "b", "b"]


def test_rpm_is_no_limit_on_parallel_calls_when_they_are_under_way():
    bench = build(deployment("a", rpm=5), **ENFORCED)
    bench.provider.hold = True
    for _ in range(5):
        bench.run()
    assert state(bench).inflight == 5


def test_no_more_than_max_parallel_requests_are_under_way_when_enforced():
    bench = build(deployment("a", max_parallel_requests=2), **ENFORCED)
    bench.provider.hold = True
    bench.run()
    bench.run()
    assert bench.fails().status_code == 429
    bench.provider.open[0](Result(0.1))
    bench.run()


def test_the_routers_default_of_parallel_calls_holds_when_the_deployment_has_none():
    bench = build(deployment("a"), default_max_parallel_requests=1, **ENFORCED)
    bench.provider.hold = True
    bench.run()
    bench.fails()


def test_a_call_waits_a_moment_for_a_slot_when_it_is_told_to():
    bench = build(deployment("a", max_parallel_requests=1), **{**ENFORCED, "slot_wait": 1.0})
    bench.provider.hold = True
    bench.run()
    released = bench.provider.open[0]
    sleep = bench.clock.sleep

    def sleep_and_free(seconds):
        sleep(seconds)
        if len(bench.clock.slept) == 3:
            released(Result(0.1))

    object.__setattr__(bench.router.runtime, "sleep", sleep_and_free)
    bench.run()
    assert len(bench.clock.slept) == 3


def test_the_wait_for_a_slot_is_bounded_when_none_comes_free():
    bench = build(deployment("a", max_parallel_requests=1), **{**ENFORCED, "slot_wait": 0.5})
    bench.provider.hold = True
    bench.run()
    bench.fails()
    assert sum(bench.clock.slept) == pytest.approx(0.5)


def test_a_call_waits_for_the_next_minute_when_it_is_near_enough():
    bench = build(deployment("a", rpm=1), **{**ENFORCED, "slot_wait": 1.0})
    bench.run()
    bench.clock.time = (bench.clock.time // 60 + 1) * 60 - 0.5
    bench.run()
    assert bench.clock.slept == [0.5]


def test_nobody_waits_for_the_next_minute_when_it_is_too_far():
    bench = build(deployment("a", rpm=1), **{**ENFORCED, "slot_wait": 1.0})
    bench.run()
    bench.fails()
    assert bench.clock.slept == []


def test_tokens_are_reserved_by_estimate_and_settled_by_usage_when_a_call_ends():
    bench = build(deployment("a", tpm=1000), **ENFORCED)
    bench.provider.hold = True
    bench.run(body={"max_tokens": 400})
    assert 400 < state(bench).tokens < 420
    bench.provider.open[0](Result(0.1, usage=Usage(10, 20, 30)))
    assert state(bench).tokens == 30


def test_a_call_is_refused_when_its_estimate_does_not_fit_into_the_minute():
    bench = build(deployment("a", tpm=1000), **ENFORCED)
    bench.provider.hold = True
    bench.run(body={"max_tokens": 600})
    assert bench.fails(body={"max_tokens": 600}).status_code == 429


def test_a_call_larger_than_the_limit_passes_alone_when_the_minute_is_fresh():
    bench = build(deployment("a", tpm=100), **ENFORCED)
    bench.provider.usage = Usage(10, 5000, 5010)
    bench.run(body={"max_tokens": 5000})
    assert bench.fails().status_code == 429


@pytest.mark.parametrize("ending", [ClientClosedRequestError("left"), TruncatedStreamError("cut"), None])
def test_the_estimate_stands_when_an_answer_ended_without_usage(ending):
    bench = build(deployment("a", tpm=1000), **ENFORCED)
    bench.provider.hold = True
    bench.run(stream=True, body={"max_tokens": 400})
    bench.provider.open[0](Result(1.0, ending, None, first=0.2))
    assert state(bench).tokens > 400
    assert state(bench).inflight == 0


def test_an_aborted_streams_real_usage_counts_when_it_is_known():
    bench = build(deployment("a", tpm=1000), **ENFORCED)
    bench.provider.hold = True
    bench.run(stream=True, body={"max_tokens": 400})
    bench.provider.open[0](Result(1.0, ClientClosedRequestError("left"), Usage(10, 7, 17), first=0.2))
    assert state(bench).tokens == 17


def test_nothing_is_charged_when_a_call_failed_before_any_content():
    bench = build(deployment("a", tpm=1000), num_retries=0, **ENFORCED)
    bench.provider.script = {"a": 500}
    bench.fails(body={"max_tokens": 400})
    assert state(bench).tokens == 0


def test_a_slot_is_freed_once_when_a_stream_is_settled_twice():
    bench = build(deployment("a"))
    bench.provider.hold = True
    bench.run()
    bench.run()
    bench.provider.open[0](Result(0.1))
    bench.provider.open[0](Result(0.1))
    assert state(bench).inflight == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"routing_strategy": "usage-based-routing"},
        {"routing_strategy": "usage-based-routing-v2"},
        {"enable_pre_call_checks": True},
    ],
)
def test_limits_are_hard_when_the_strategy_or_the_checks_refuse_by_them(settings):
    bench = build(deployment("a", rpm=1), slot_wait=0.0, **settings)
    bench.run()
    assert bench.fails().status_code == 429


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({"messages": [{"role": "user", "content": "x" * 400}]}, 101),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "y" * 400}]}]}, 102),
        ({"input": [[1, 2, 3], [4, 5]]}, 5),
        ({"input": ["abcd", "efgh"]}, 2),
        ({"prompt": "abcd" * 10}, 10),
        ({"messages": [{"image_url": {"url": "data:image/png;base64," + "A" * 10_000}}]}, 0),
        ({}, 0),
    ],
)
def test_prompt_tokens_are_estimated_by_text_when_nobody_has_counted(fields, tokens):
    assert prompt_tokens(fields) == tokens


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
def test_the_longest_answer_counts_when_the_client_bounds_it(name):
    assert total_tokens({"prompt": "abcd", name: 50}) == 51


def test_a_long_prompt_goes_to_a_larger_model_when_pre_call_checks_are_on():
    small, large = deployment("s", info={"max_input_tokens": 10}), deployment("l", info={"max_input_tokens": 1000})
    bench = build(small, large, enable_pre_call_checks=True)
    body = {"messages": [{"role": "user", "content": "x" * 400}]}
    assert {bench.run(body=body).deployment.id for _ in range(8)} == {"l"}


def test_the_context_fallback_serves_when_a_prompt_is_too_long_for_all():
    bench = build(
        deployment("s", info={"max_input_tokens": 10}),
        deployment("l", "large"),
        enable_pre_call_checks=True,
        context_window_fallbacks=(("g", ("large",)),),
    )
    outcome = bench.run(body={"messages": [{"role": "user", "content": "x" * 400}]})
    assert (outcome.deployment.id, outcome.attempts[0].reason) == ("l", "context_window_fallback")


def test_a_limit_that_is_in_the_way_leads_to_the_fallback_when_there_is_one():
    bench = build(deployment("a", rpm=1), deployment("h", "h"), fallbacks=(("g", ("h",)),), **ENFORCED)
    assert [bench.run().deployment.id for _ in range(2)] == ["a", "h"]


def test_a_clients_own_connection_is_not_limited_when_the_operators_is():
    bench = build(deployment("a", rpm=1), **ENFORCED)
    bench.run()
    bench.run(overrides={"api_key": "mine"})
    assert state(bench).requests == 1


def test_each_request_is_counted_when_a_call_becomes_several():
    bench = build(
        deployment("a", rpm=10),
        optional_pre_call_checks=("enforce_model_rate_limits",),
        slot_wait=0.0,
        extras={"requests": lambda call, _: len(call.fields["input"])},
    )

    def embed(count):
        call = bench.call(body={"input": ["a"] * count})._replace(operation=EMBEDDINGS)
        return bench.router.run(call, bench.provider)

    with pytest.raises(NoDeploymentAvailableError):
        embed(11)
    assert bench.ids == []
    embed(6)
    with pytest.raises(NoDeploymentAvailableError):
        embed(5)
    embed(4)
    assert len(bench.ids) == 2
