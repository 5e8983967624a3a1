"""The retry budget: what retries, fallbacks and last resorts may add to the load."""

import pytest

from proxy.errors import GatewayError
from proxy.routing.state import budget
from proxy.routing.state.budget import Spending
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


@pytest.mark.parametrize(("later", "allowed"), [(30.0, False), (53.0, False), (66.0, True), (1e6, True)])
def test_what_was_spent_is_forgotten_when_the_window_has_passed(later, allowed):
    spending = Spending()
    budget.count(spending, True, START, 3)
    assert budget.allows(spending, RULE, START + later) is allowed


def test_a_provider_sees_at_most_the_share_more_when_half_of_its_calls_fail():
    bench = build(deployment("a"), seed=3)
    rng = bench.router.runtime.rng
    bench.provider._reaction = lambda _: 200 if rng.random() < 0.5 else _error()
    storm(bench, 1000)
    assert 1100 < len(bench.ids) <= 1.2 * 1000 + bench.settings.retry_budget_floor


def _error():
    return GatewayError("half", status_code=500)


def test_a_providers_load_falls_when_it_is_down():
    bench = build(deployment("a"))
    bench.provider.script = {"a": 500}
    storm(bench, 1000)
    assert len(bench.ids) < 150


def test_fallbacks_spend_too_when_a_group_fails_without_cooling():
    bench = build(
        deployment("a"), deployment("h", "h"), fallbacks=(("g", ("h",)),), num_retries=0, disable_cooldowns=True
    )
    bench.provider.script = {"a": 500}
    answered = storm(bench, 500, gap=0.01)
    assert 80 < answered <= 0.2 * 500 + bench.settings.retry_budget_floor


def test_a_fallback_spends_nothing_when_the_group_only_cools():
    bench = build(deployment("a"), deployment("h", "h"), fallbacks=(("g", ("h",)),), num_retries=0, cooldown_time=600.0)
    bench.provider.script = {"a": 401}
    assert storm(bench, 100) == 100
    assert bench.router.state.spending("g", bench.clock.time)[1] == 1


def test_the_providers_error_is_raised_when_the_budget_is_spent():
    bench = build(deployment("a"), retry_budget=0.0, retry_budget_floor=0)
    bench.provider.script = {"a": 503}
    failure = bench.fails()
    assert failure.status_code == 503
    assert len(failure.attempts) == 1


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
    assert bench.router.state.spending("g", bench.clock.time) == (1, 0)
