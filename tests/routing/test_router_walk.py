"""The walk: tries within a group, then the fallbacks of the error's kind (4.5, 4.6)."""

import pytest
from router_bench import build, deployment, error

from proxy.errors import BadRequestError, ContentPolicyViolationError, ContextWindowExceededError


def test_answers_with_the_deployment_that_was_asked_when_all_is_well():
    bench = build(deployment("a"))
    outcome = bench.run()
    assert (outcome.deployment.id, outcome.retries, outcome.fallbacks) == ("a", 0, 0)
    assert [attempt.reason for attempt in outcome.attempts] == ["first"]


def test_unknown_model_is_a_400_when_nothing_matches():
    failure = build(deployment("a")).fails("nope")
    assert isinstance(failure, BadRequestError)
    assert (failure.code, failure.param) == ("model_not_found", "model")
    assert "Invalid model name passed in model=nope" in failure.message


def test_the_first_groups_error_is_raised_with_every_attempt_when_all_fail():
    bench = build(deployment("a"), deployment("c", "h"), fallbacks=(("g", ("h",)),), num_retries=0)
    bench.provider.script = {"a": 500, "c": 429}
    failure = bench.fails()
    assert failure.status_code == 500
    assert [(one["model_group"], one["deployment_id"], one["status"]) for one in failure.attempts] == [
        ("g", "a", 500),
        ("h", "c", 429),
    ]


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (ContextWindowExceededError("long"), ["a", "ctx"]),
        (ContentPolicyViolationError("bad"), ["a", "policy"]),
        (error(400), ["a", "general"]),
        (error(401), ["a", "general"]),
        (error(500), ["a", "general"]),
    ],
)
def test_the_fallbacks_of_the_errors_kind_serve_when_a_group_fails(failure, expected):
    bench = build(
        deployment("a"),
        deployment("ctx", "ctx"),
        deployment("policy", "policy"),
        deployment("general", "general"),
        num_retries=0,
        fallbacks=(("g", ("general",)),),
        context_window_fallbacks=(("g", ("ctx",)),),
        content_policy_fallbacks=(("g", ("policy",)),),
    )
    bench.provider.script = {"a": failure}
    assert bench.run().fallbacks == 1
    assert bench.ids == expected
