"""The simulation: the real router on a simulated clock."""

import pytest

from proxy.domain.router_settings import RouterSettings
from proxy.routing.simulation.scenario import ScenarioError
from proxy.routing.simulation.simulate import Report, compare, simulate
from proxy.routing.simulation.simulated import World
from tests.routing.router_bench import deployment

TEN = [deployment(f"d{number}") for number in range(10)]
TROUBLED = {
    "seconds": 60,
    "requests_per_second": 25,
    "timeout": 60,
    "providers": {
        "*": {"seconds": 1.0},
        "d0": {"errors": 0.5},
        "d1": {"seconds": 12.0},
        "d2": {"down": [[0, 10_000]]},
    },
}


def test_nearly_all_succeed_at_little_extra_load_when_three_of_ten_are_troubled():
    report = simulate(TEN, RouterSettings(), TROUBLED)
    assert report.requests > 1300
    assert report.success_rate >= 0.999
    assert report.added_load <= 0.2
    assert report.deployments["d2"].succeeded == 0
    assert report.deployments["d2"].sent < 30


def test_the_report_is_the_same_when_the_seed_is_the_same():
    small = {**TROUBLED, "seconds": 10}
    assert simulate(TEN, RouterSettings(), small) == simulate(TEN, RouterSettings(), small)
    assert simulate(TEN, RouterSettings(), small) != simulate(TEN, RouterSettings(), {**small, "seed": 2})


def test_the_load_is_bounded_when_a_lone_provider_fails_half_of_its_calls():
    settings = RouterSettings(retry_budget_floor=0)
    report = simulate([deployment("a")], settings, {"seconds": 30, "providers": {"a": {"errors": 0.5}}})
    assert 0.1 < report.added_load <= 0.2
    assert report.success_rate > 0.55


def test_the_load_falls_when_a_lone_provider_is_down():
    report = simulate([deployment("a")], RouterSettings(), {"seconds": 60, "providers": {"a": {"errors": 1.0}}})
    assert report.added_load < -0.8


def test_a_provider_is_used_again_when_it_comes_back():
    scenario = {"seconds": 120, "requests_per_second": 10, "providers": {"d0": {"down": [[10, 40]], "status": 503}}}
    report = simulate(TEN[:2], RouterSettings(), scenario)
    assert report.success_rate == 1.0
    assert report.deployments["d0"].succeeded > 0.25 * report.requests


def test_a_providers_own_limit_is_respected_when_it_says_retry_after():
    scenario = {"seconds": 60, "requests_per_second": 10, "providers": {"d0": {"rpm": 20, "retry_after": 30}}}
    report = simulate(TEN[:2], RouterSettings(), scenario)
    assert report.success_rate == 1.0
    assert report.deployments["d0"].failed <= 5


def test_streams_are_simulated_when_the_scenario_says_so():
    scenario = {"seconds": 10, "stream": True, "providers": {"*": {"seconds": 5.0, "first": 0.2}}}
    report = simulate(TEN[:2], RouterSettings(), scenario)
    assert report.percentile(0.99) < 1.0


def test_calls_end_at_their_timeout_when_a_provider_is_too_slow():
    scenario = {"seconds": 10, "requests_per_second": 2, "timeout": 3, "providers": {"*": {"seconds": 30.0}}}
    report = simulate(TEN[:1], RouterSettings(), scenario)
    assert set(report.errors) == {408}


def test_two_configurations_stand_side_by_side_when_they_are_compared():
    small = {"seconds": 5}
    reports = {name: simulate(TEN[:1], RouterSettings(), small) for name in ("before", "after")}
    text = compare(reports)
    assert text.splitlines()[0].split() == ["before", "after"]
    assert text.splitlines()[2].split() == ["success", "rate", "100.000", "%", "100.000", "%"]


@pytest.mark.parametrize(
    ("scenario", "path"),
    [
        ({"sped": 1}, "scenario.sped"),
        ({"providers": {"a": {"eror": 1}}}, "providers.a.eror"),
        ({"providers": {"a": 3}}, "providers.a"),
        ({"providers": {"d10": {}}}, "providers.d10 is unknown"),
        ({"models": {"nobody": 1}}, "models.nobody is unknown"),
        ([], "scenario must be a mapping"),
        ({"seed": "x"}, "scenario.seed must be a whole number"),
        ({"seconds": -1}, "scenario.seconds must be a number"),
        ({"requests_per_second": 0}, "scenario.requests_per_second must be a number above 0"),
        ({"stream": 1}, "scenario.stream must be true or false"),
        ({"tokens": [1]}, "scenario.tokens must be two whole numbers"),
        ({"providers": {"d1": {"errors": 2}}}, "providers.d1.errors must be a share"),
        ({"providers": {"d1": {"status": 200}}}, "providers.d1.status must be a status"),
        ({"providers": {"d1": {"down": [5]}}}, "providers.d1.down must be a list of pairs"),
    ],
)
def test_the_part_is_named_when_a_scenario_makes_no_sense(scenario, path):
    with pytest.raises(ScenarioError, match=path):
        simulate(TEN, RouterSettings(), scenario)


def test_the_cheapest_gets_all_when_cost_decides_in_a_simulation():
    settings = RouterSettings(routing_strategy="cost-based-routing")
    prices = {"d0": 2.0, "d1": 1.0}
    report = simulate(TEN[:2], settings, {"seconds": 5}, lambda one: prices[one.id])
    assert report.deployments["d0"].sent == 0


def test_an_empty_report_has_no_percentiles_when_nothing_arrived():
    report = Report(0, 0, 0, (), {}, {})
    assert (report.success_rate, report.added_load, report.percentile(0.5)) == (1.0, 0.0, None)


def test_actors_run_in_the_order_of_their_time_when_they_sleep():
    world, told = World(0.0), []

    def actor(name, pause):
        world.sleep(pause)
        told.append((name, world.now()))

    world.at(0.0, lambda: actor("late", 5.0))
    world.at(1.0, lambda: actor("early", 1.0))
    world.run()
    assert told == [("early", 2.0), ("late", 5.0)]


def test_an_actors_mistake_is_raised_when_the_world_runs():
    def broken():
        raise ZeroDivisionError

    world = World(0.0)
    world.at(0.0, broken)
    with pytest.raises(ZeroDivisionError):
        world.run()
