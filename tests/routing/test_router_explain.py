"""Plans without calls, and the health of all deployments."""

import json
from contextlib import suppress

import pytest

from proxy.errors import BadRequestError, GatewayError
from proxy.routing.explain import explain, router_state
from tests.routing.router_bench import build, deployment


def rows(bench, **options):
    return {row["id"]: row for row in explain(bench.router, bench.call(**options)).plan["candidates"]}


def test_nobody_is_called_and_nothing_counted_when_a_plan_is_explained():
    bench = build(deployment("a"), deployment("b"))
    explanation = explain(bench.router, bench.call())
    assert explanation.first.id in ("a", "b")
    assert bench.ids == []
    assert bench.router.state.view(["a"], bench.clock.time)[0].requests == 0


def test_the_reason_is_named_when_a_candidate_is_out():
    bench = build(
        deployment("cooling"),
        deployment("full", rpm=1),
        deployment("tagged", tags=("x",)),
        deployment("fine"),
        optional_pre_call_checks=("enforce_model_rate_limits",),
        enable_tag_filtering=True,
        routing_strategy="least-busy",
        num_retries=0,
    )
    bench.provider.script = {"cooling": 401}
    while not {"cooling", "full"} <= set(bench.ids):
        with suppress(GatewayError):
            bench.run()
    assert {name: row["out"] for name, row in rows(bench).items()} == {
        "cooling": "cooling",
        "full": "rpm",
        "tagged": "tags",
        "fine": None,
    }


def test_a_prompt_that_is_too_long_is_named_when_checks_are_on():
    bench = build(deployment("small", info={"max_input_tokens": 1}), deployment("large"), enable_pre_call_checks=True)
    assert rows(bench, body={"prompt": "x" * 100})["small"]["out"] == "prompt too long"


def test_fallbacks_of_each_kind_are_listed_when_they_are_configured():
    bench = build(
        deployment("a"),
        deployment("b", "h"),
        fallbacks=(("g", ("h", "nobody")),),
        context_window_fallbacks=(("g", ("h",)),),
    )
    plan = explain(bench.router, bench.call()).plan
    assert plan["fallbacks"] == [{"model_group": "h", "known": True}, {"model_group": "nobody", "known": False}]
    assert plan["context_window_fallbacks"] == [{"model_group": "h", "known": True}]
    assert plan["content_policy_fallbacks"] == plan["fallbacks"]


def test_order_retries_and_timeouts_are_told_when_a_plan_is_explained():
    bench = build(deployment("b", order=2), deployment("a", order=1, timeout=9.0, num_retries=1))
    plan = explain(bench.router, bench.call()).plan
    assert (plan["first"], plan["num_retries"], plan["timeouts"]["total"]) == ("a", 1, 9.0)
    assert [row["level"] for row in plan["candidates"]] == [0, 1]


def test_who_recovers_first_is_told_when_all_cool():
    bench = build(deployment("a", cooldown_time=60.0), deployment("b", cooldown_time=9.0), num_retries=1)
    bench.provider.script = {"a": 401, "b": 401}
    bench.fails()
    assert explain(bench.router, bench.call()).first.id == "b"


def test_an_unknown_model_is_refused_when_a_plan_is_asked_for():
    bench = build(deployment("a"))
    with pytest.raises(BadRequestError):
        explain(bench.router, bench.call("nope"))


def test_a_plan_holds_no_secret_and_is_json_when_it_is_told():
    bench = build(deployment("a", connection={"api_key": "sk-very-secret"}), deployment("w", "x/*", wildcard=True))
    for told in (explain(bench.router, bench.call()).plan, router_state(bench.router)):
        assert "sk-very-secret" not in json.dumps(told)


@pytest.mark.parametrize(("later", "status"), [(0.0, "cooling"), (5.0, "half_open")])
def test_the_state_names_the_health_of_each_deployment_when_it_is_asked_for(later, status):
    bench = build(deployment("a", weight=1), deployment("b", weight=0), num_retries=0)
    bench.provider.seconds = 0.0
    bench.provider.script = {"a": 401}
    bench.run()
    bench.clock.time += later
    told = {row["id"]: row for row in router_state(bench.router)["deployments"]}
    assert (told["a"]["status"], told["a"]["last_status"], told["a"]["cooldowns_in_a_row"]) == (status, 401, 1)
    assert told["b"]["status"] == "healthy"
    assert router_state(bench.router)["model_groups"]["g"]["openai"]["first_tries"] == 2
