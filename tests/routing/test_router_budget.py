"""The retry budget: what retries, fallbacks and last resorts may add to the load."""

from collections import Counter

import pytest

from proxy.errors import ContentPolicyViolationError, ContextWindowExceededError, GatewayError, Timeout
from proxy.routing.state import budget
from proxy.routing.state.budget import WINDOW_SECONDS, Spending
from proxy.routing.state.values import BudgetRule
from tests.routing.router_bench import START, build, deployment

RULE = BudgetRule("g", 0.2, 3)


def storm(bench, number, gap=0.05):
    answered = 0
    for _ in range(number):
        bench.clock.time += gap
        try:
            bench.run()
        except GatewayError:
            continue
        answered += 1
    return answered


def test_the_floor_is_allowed_when_the_times_are_quiet():
    spending = Spending()
    for _ in range(3):
        assert budget.allows(spending, RULE, START)
        budget.count(spending, True, START)
    assert not budget.allows(spending, RULE, START)


def test_the_share_is_allowed_when_there_is_traffic():
    spending = Spending()
    budget.count(spending, False, START, 100)
    allowed = 0
    while budget.allows(spending, RULE, START):
        budget.count(spending, True, START)
        allowed += 1
    assert allowed == 20


@pytest.mark.parametrize(("later", "allowed"), [(5.0, False), (9.0, False), (10.0, True), (1e6, True)])
def test_what_was_spent_is_forgotten_when_the_window_has_passed(later, allowed):
    spending = Spending()
    budget.count(spending, True, START, 3)
    assert budget.allows(spending, RULE, START + later) is allowed


def test_a_provider_sees_at_most_the_share_more_when_half_of_its_calls_fail():
    bench = build(deployment("a"), seed=3, retry_budget_floor=0)
    rng = bench.router.runtime.rng
    bench.provider._reaction = lambda _: 200 if rng.random() < 0.5 else _error()
    storm(bench, 1000)
    assert 1100 < len(bench.ids) <= 1.2 * 1000


def test_ten_retries_a_second_are_allowed_when_a_lone_provider_fails_every_third_call():
    bench = build(deployment("a"))
    bench.provider.seconds = 0.01
    bench.provider.script = {"a": [200, 200, 503] * 40}
    assert storm(bench, 60, gap=0.0) == 60


def test_retries_are_bounded_when_a_provider_is_down_although_there_is_a_floor():
    bench = build(deployment("a"), deployment("b"), disable_cooldowns=True, num_retries=1)
    bench.provider.seconds = 0.0
    bench.provider.script = {"a": 503, "b": 503}
    storm(bench, 4000, gap=0.0025)
    assert 4000 + 0.15 * 4000 < len(bench.ids) <= 4000 + 0.2 * 4000 + 10 * WINDOW_SECONDS


def _error():
    return GatewayError("half", status_code=500)


def test_a_providers_load_falls_when_it_is_down():
    bench = build(deployment("a"))
    bench.provider.script = {"a": 500}
    storm(bench, 1000)
    assert len(bench.ids) < 150


@pytest.mark.parametrize("status", [400, 403, 413, 422, 500, 503, 429])
def test_a_fallback_to_another_group_is_never_refused_when_every_call_needs_it(status):
    bench = build(
        *(deployment("a"), deployment("h", "h")),
        fallbacks=(("g", ("h",)),),
        num_retries=0,
        disable_cooldowns=True,
        retry_budget=0.0,
        retry_budget_floor=0,
    )
    bench.provider.script = {"a": status}
    assert storm(bench, 200, gap=0.001) == 200
    assert bench.router.state.spending("openai h", bench.clock.time)[1] == 0


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (ContextWindowExceededError("too long"), "context_window_fallbacks"),
        (ContentPolicyViolationError("refused"), "content_policy_fallbacks"),
    ],
)
def test_a_fallback_for_the_kind_of_request_is_never_refused_when_every_call_needs_it(failure, kind):
    bench = build(deployment("a"), deployment("h", "h"), **{kind: (("g", ("h",)),)}, retry_budget_floor=0)
    bench.provider.script = {"a": failure}
    assert storm(bench, 200, gap=0.001) == 200


def test_a_storm_of_fallbacks_is_bounded_when_all_groups_fail():
    names = "ghijkl"
    bench = build(
        *(deployment(name, name) for name in names),
        fallbacks=(("g", tuple(names[1:])),),
        disable_cooldowns=True,
        retry_budget_floor=0,
        max_fallbacks=3,
    )
    bench.provider.script = dict.fromkeys(names, 503)
    storm(bench, 300, gap=0.001)
    assert Counter(bench.ids).keys() == set("ghij")
    assert all(count <= 1.2 * 300 for count in Counter(bench.ids).values())


def test_another_provider_of_the_group_is_tried_when_the_first_ones_budget_is_spent():
    bench = build(
        *(deployment("a", weight=1), deployment("b", weight=0, provider="groq")),
        disable_cooldowns=True,
        retry_budget=0.0,
        retry_budget_floor=0,
    )
    bench.provider.script = {"a": 503}
    assert storm(bench, 50) == 50


def test_a_client_spends_nothing_of_others_when_its_own_clock_makes_calls_fail():
    bench = build(deployment("a"), retry_budget=0.0, retry_budget_floor=1)
    bench.provider.script = {"a": Timeout("too slow")}
    for _ in range(30):
        bench.fails(first_token_timeout=0.001, num_retries=5, stream=True)
    bench.provider.script = {"a": [503, 200]}
    assert bench.run().retries == 1


def test_a_fallback_spends_nothing_when_the_group_only_cools():
    bench = build(deployment("a"), deployment("h", "h"), fallbacks=(("g", ("h",)),), num_retries=0, cooldown_time=600.0)
    bench.provider.script = {"a": 401}
    assert storm(bench, 100) == 100
    assert bench.router.state.spending("openai g", bench.clock.time)[1] == 0


def test_the_providers_error_is_raised_when_the_budget_is_spent():
    bench = build(deployment("a"), retry_budget=0.0, retry_budget_floor=0)
    bench.provider.script = {"a": 503}
    failure = bench.fails()
    assert failure.status_code == 503
    assert len(failure.attempts) == 1
    assert failure.retry_budget_spent
    assert failure.to_openai()["error"]["retry_budget_spent"] is True


def test_the_budget_is_not_blamed_when_the_walk_ended_without_it():
    bench = build(deployment("a"), num_retries=1)
    bench.provider.script = {"a": 503}
    assert "retry_budget_spent" not in bench.fails().to_openai()["error"]


def test_groups_do_not_spend_each_others_budget_when_one_fails():
    bench = build(deployment("a"), deployment("b", "h"), retry_budget=0.0, retry_budget_floor=2)
    bench.provider.script = {"a": 500, "b": [500, 200]}
    storm(bench, 5)
    assert bench.run("h").retries == 1


def test_nothing_is_counted_when_a_try_is_refused():
    bench = build(
        deployment("a", rpm=1), optional_pre_call_checks=("enforce_model_rate_limits",), slot_wait=0.0, num_retries=0
    )
    storm(bench, 5)
    assert bench.router.state.spending("openai g", bench.clock.time) == (1, 0)
