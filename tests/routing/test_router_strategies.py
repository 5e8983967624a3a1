"""Strategies: pure functions over a snapshot (4.2)."""

import random
from collections import Counter

import pytest

from proxy.domain.attempt import Result
from proxy.domain.usage import Usage
from proxy.errors import Timeout
from proxy.routing.state.latency import SPAN, TIMEOUT_SAMPLE, samples
from proxy.routing.state.values import DeploymentState
from proxy.routing.strategies import STRATEGIES, SelectionInput
from tests.routing.router_bench import START, build, deployment


def inputs(stream=False, buffer=0.0, ttl=3600.0, prices=None, rng=None):
    return SelectionInput(stream, START, rng or random.Random(5), lambda one: (prices or {}).get(one.id), buffer, ttl)


def state(**values):
    made = DeploymentState()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def chosen(strategy, candidates, states=None, number=400, **facts):
    asked = inputs(**facts)
    states = states or [DeploymentState() for _ in candidates]
    return Counter(candidates[STRATEGIES[strategy].pick(candidates, states, asked)].id for _ in range(number))


def test_an_unknown_strategy_is_refused_when_the_router_is_built():
    with pytest.raises(ValueError, match="routing_strategy: 'bogus'"):
        build(deployment("a"), routing_strategy="bogus")


@pytest.mark.parametrize("metric", ["weight", "rpm", "tpm"])
def test_choice_is_weighted_when_candidates_have_a_metric(metric):
    counts = chosen("simple-shuffle", [deployment("a", **{metric: 9}), deployment("b", **{metric: 1})])
    assert counts["a"] > 5 * counts["b"] > 0


def test_the_first_metric_that_any_candidate_has_decides_when_there_are_several():
    counts = chosen("simple-shuffle", [deployment("a", rpm=1000), deployment("b", weight=1, rpm=1)])
    assert counts == {"b": 400}


def test_one_without_a_weight_is_never_chosen_when_another_has_one():
    assert chosen("simple-shuffle", [deployment("a"), deployment("b", weight=1)]) == {"b": 400}


def test_the_last_that_weighs_something_is_chosen_when_the_random_number_is_the_highest():
    class Loaded(random.Random):
        def random(self) -> float:
            return 1.0

    candidates = [deployment("a", weight=0.1), deployment("b", weight=0.2), deployment("c", weight=0)]
    assert chosen("simple-shuffle", candidates, rng=Loaded(), number=1) == {"b": 1}


@pytest.mark.parametrize("weight", [None, 0])
def test_all_are_alike_when_nobody_has_a_positive_metric(weight):
    counts = chosen("simple-shuffle", [deployment(name, weight=weight) for name in "abcd"])
    assert set(counts) == set("abcd")
    assert min(counts.values()) > 60


def test_the_one_with_the_fewest_calls_is_chosen_when_least_busy():
    candidates = [deployment(name) for name in "abc"]
    assert chosen("least-busy", candidates, [state(inflight=n) for n in (3, 1, 2)]) == {"b": 400}


def test_chance_decides_when_all_are_equally_busy():
    counts = chosen("least-busy", [deployment(name) for name in "abc"])
    assert min(counts[name] for name in "abc") > 90


@pytest.mark.parametrize("name", ["usage-based-routing", "usage-based-routing-v2"])
def test_the_fewest_tokens_win_and_equals_share_when_usage_decides(name):
    candidates = [deployment(name) for name in "abc"]
    counts = chosen(name, candidates, [state(tokens=n) for n in (50, 7, 7)])
    assert set(counts) == {"b", "c"}


def test_the_quickest_is_chosen_when_latency_decides():
    candidates = [deployment(name) for name in "abc"]
    states = [state(latency=n, latency_samples=1, sampled_at=START) for n in (0.3, 0.1, 0.2)]
    assert chosen("latency-based-routing", candidates, states) == {"b": 400}


def test_those_within_the_buffer_share_when_latency_decides():
    candidates = [deployment(name) for name in "abc"]
    states = [state(latency=n, latency_samples=1, sampled_at=START) for n in (0.3, 0.1, 0.11)]
    assert set(chosen("latency-based-routing", candidates, states, buffer=0.2)) == {"b", "c"}


def test_the_time_to_the_first_token_decides_when_a_stream_is_asked_for():
    candidates = [deployment(name) for name in "ab"]
    states = [
        state(latency=0.1, latency_samples=1, first=2.0, first_samples=1, sampled_at=START),
        state(latency=0.9, latency_samples=1, first=0.2, first_samples=1, sampled_at=START),
    ]
    assert chosen("latency-based-routing", candidates, states, stream=True) == {"b": 400}
    assert chosen("latency-based-routing", candidates, states) == {"a": 400}


@pytest.mark.parametrize("age", [None, 4000.0])
def test_one_without_fresh_samples_goes_first_when_latency_decides(age):
    candidates = [deployment(name) for name in "ab"]
    other = DeploymentState() if age is None else state(latency=9.0, latency_samples=3, sampled_at=START - age)
    states = [state(latency=0.1, latency_samples=1, sampled_at=START), other]
    assert chosen("latency-based-routing", candidates, states) == {"b": 400}


def test_the_cheapest_is_chosen_when_cost_decides():
    candidates = [
        deployment("a", input_cost_per_token=3e-6, output_cost_per_token=9e-6),
        deployment("b", input_cost_per_token=5e-6, output_cost_per_token=6e-6),
        deployment("c"),
    ]
    assert chosen("cost-based-routing", candidates) == {"b": 400}


def test_the_price_list_is_asked_when_the_configuration_names_no_price():
    candidates = [deployment("a", input_cost_per_token=3e-6, output_cost_per_token=9e-6), deployment("b")]
    assert chosen("cost-based-routing", candidates, prices={"b": 1e-6}) == {"b": 400}


def test_an_unknown_price_is_dearer_than_any_when_cost_decides():
    assert chosen("cost-based-routing", [deployment("a"), deployment("b", input_cost_per_token=0.1)]) == {"b": 400}


@pytest.mark.parametrize(
    ("result", "stream", "expected"),
    [
        (Result(2.0, usage=Usage(10, 20, 30)), False, (0.1, None)),
        (Result(2.0), False, (2.0, None)),
        (Result(2.0, usage=Usage(10, 20, 30), first=0.5), True, (0.1, 0.5)),
        (Result(2.0, Timeout("slow")), True, (TIMEOUT_SAMPLE, TIMEOUT_SAMPLE)),
        (Result(2.0, Timeout("slow")), False, (TIMEOUT_SAMPLE, None)),
        (Result(2.0, Timeout("slow"), first=0.1), True, (TIMEOUT_SAMPLE, None)),
    ],
)
def test_a_sample_is_taken_when_a_try_says_something_about_speed(result, stream, expected):
    assert samples(result, stream) == expected


def test_no_sample_is_taken_when_a_try_failed_otherwise():
    from tests.routing.router_bench import error

    assert samples(Result(0.01, error(500)), False) == (None, None)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_calls_are_spread_or_settled_on_one_when_a_strategy_runs_in_the_router(strategy):
    bench = build(*(deployment(name) for name in "abc"), routing_strategy=strategy)
    for _ in range(30):
        bench.run()
    assert set(bench.ids) <= set("abc")
    assert len(bench.ids) == 30


def test_calls_under_way_steer_the_next_when_the_strategy_is_least_busy():
    bench = build(*(deployment(name) for name in "abc"), routing_strategy="least-busy")
    bench.provider.hold = True
    for _ in range(6):
        bench.run()
    assert sorted(bench.ids[:3]) == sorted(bench.ids[3:]) == ["a", "b", "c"]


def test_a_mean_follows_the_last_samples_when_a_provider_changes_its_pace():
    bench = build(deployment("a"), routing_strategy="latency-based-routing")
    for _ in range(3 * SPAN):
        bench.run()
    bench.provider.usage = Usage(10, 2, 12)
    for _ in range(5 * SPAN):
        bench.run()
    mean = bench.router.state.view(["a"], bench.clock.time)[0].latency
    assert mean == pytest.approx(0.05, rel=0.02)
