"""The walk: levels of `order`, then the fallbacks of the error's kind (2.7, 4.4, 4.6)."""

import pytest

from proxy.errors import BadRequestError, ContentPolicyViolationError, ContextWindowExceededError, GatewayError
from tests.routing.router_bench import build, deployment, error


def groups(*names):
    return [deployment(name, name) for name in names]


def failing(*names, status=500):
    return dict.fromkeys(names, status)


def test_answers_with_the_deployment_that_was_asked_when_all_is_well():
    outcome = build(deployment("a")).run()
    assert (outcome.deployment.id, outcome.retries, outcome.fallbacks) == ("a", 0, 0)
    assert [attempt.reason for attempt in outcome.attempts] == ["first"]


def test_unknown_model_is_a_400_when_nothing_matches():
    failure = build(deployment("a")).fails("nope")
    assert isinstance(failure, BadRequestError)
    assert (failure.code, failure.param) == ("model_not_found", "model")
    assert "Invalid model name passed in model=nope" in failure.message


def test_default_fallbacks_do_not_rescue_a_name_when_nobody_knows_it():
    bench = build(*groups("g", "h"), default_fallbacks=("h",))
    assert bench.fails("nope").code == "model_not_found"


def test_the_first_groups_error_is_raised_with_every_attempt_when_all_fail():
    bench = build(*groups("g", "h"), fallbacks=(("g", ("h",)),), num_retries=0)
    bench.provider.script = {"g": 500, "h": 429}
    failure = bench.fails()
    assert failure.status_code == 500
    assert [(one.group, one.deployment_id, one.status, round(one.milliseconds)) for one in failure.attempts] == [
        ("g", "g", 500, 100),
        ("h", "h", 429, 100),
    ]
    assert failure.to_openai()["error"]["attempts"][0]["error_class"] == "InternalServerError"


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (ContextWindowExceededError("long"), ["g", "ctx"]),
        (ContentPolicyViolationError("bad"), ["g", "policy"]),
        (error(400), ["g", "general"]),
        (error(401), ["g", "general"]),
        (error(404), ["g", "general"]),
        (error(500), ["g", "general"]),
    ],
)
def test_the_fallbacks_of_the_errors_kind_serve_when_a_group_fails(failure, expected):
    bench = build(
        *groups("g", "ctx", "policy", "general"),
        num_retries=0,
        fallbacks=(("g", ("general",)),),
        context_window_fallbacks=(("g", ("ctx",)),),
        content_policy_fallbacks=(("g", ("policy",)),),
    )
    bench.provider.script = {"g": failure}
    assert bench.run().fallbacks == 1
    assert bench.ids == expected


@pytest.mark.parametrize("failure", [ContextWindowExceededError("long"), ContentPolicyViolationError("bad")])
def test_general_fallbacks_serve_when_the_specific_list_has_no_entry_for_the_group(failure):
    bench = build(
        *groups("g", "h", "x"),
        fallbacks=(("g", ("h",)),),
        context_window_fallbacks=(("other", ("x",)),),
        content_policy_fallbacks=(("other", ("x",)),),
    )
    bench.provider.script = {"g": failure}
    assert bench.run().deployment.id == "h"


def test_the_entry_of_all_groups_serves_when_a_group_has_none_of_its_own():
    bench = build(deployment("a"), deployment("b", "h"), fallbacks=(("*", ("h",)),), num_retries=0)
    bench.provider.script = {"a": 500}
    assert bench.run().deployment.id == "b"


def test_no_target_is_tried_twice_when_a_list_names_it_twice():
    served = [deployment("g", "g"), deployment("h0", "h"), deployment("h1", "h")]
    bench = build(*served, default_fallbacks=("h", "h"), num_retries=0)
    bench.provider.script = failing("g", "h0", "h1")
    with pytest.raises(GatewayError):
        bench.run()
    assert len(bench.ids) == 2


def test_default_fallbacks_serve_when_the_group_has_no_entry():
    bench = build(*groups("g", "h"), default_fallbacks=("h",), num_retries=0)
    bench.provider.script = failing("g")
    assert bench.run().deployment.id == "h"


@pytest.mark.parametrize(("asked", "entry"), [("openai/m", "m"), ("m", "openai/m"), ("m", "*")])
def test_an_entry_with_another_prefix_serves_when_there_is_no_exact_one(asked, entry):
    bench = build(deployment("a", asked), deployment("b", "h"), fallbacks=((entry, ("h",)),), num_retries=0)
    bench.provider.script = failing("a")
    assert bench.run(asked).deployment.id == "b"


def test_a_fallback_has_its_own_retries_and_its_own_fallbacks_when_it_fails():
    bench = build(*groups("g", "h", "i"), fallbacks=(("g", ("h",)), ("h", ("i",))), num_retries=1)
    bench.provider.script = failing("g", "h")
    outcome = bench.run()
    assert bench.ids == ["g", "g", "h", "h", "i"]
    assert (outcome.retries, outcome.fallbacks) == (2, 2)
    assert [attempt.reason for attempt in outcome.attempts] == ["first", "retry", "fallback", "retry", "fallback"]


def test_no_target_is_tried_twice_when_fallbacks_lead_in_a_circle():
    bench = build(
        *groups("g", "h", "i"), fallbacks=(("g", ("h", "i")), ("h", ("g", "i")), ("i", ("h",))), num_retries=0
    )
    bench.provider.script = failing("g", "h", "i")
    bench.fails()
    assert bench.ids == ["g", "h", "i"]


def test_no_more_targets_are_tried_when_max_fallbacks_is_reached():
    names = [f"f{number}" for number in range(8)]
    bench = build(*groups("g", *names), fallbacks=(("g", tuple(names)),), num_retries=0, max_fallbacks=3)
    bench.provider.script = failing("g", *names)
    bench.fails()
    assert bench.ids == ["g", "f0", "f1", "f2"]


def test_no_fallback_is_tried_when_the_request_disables_them():
    bench = build(*groups("g", "h"), fallbacks=(("g", ("h",)),), default_fallbacks=("h",), num_retries=0)
    bench.provider.script = failing("g")
    bench.fails(disable_fallbacks=True)
    assert bench.ids == ["g"]


@pytest.mark.parametrize(
    "listed", ["h", ["h"], [{"g": ["h"]}], [{"model": "h"}], ["nobody", "h"], [{"g": "h"}], ["g", "h"]]
)
def test_a_clients_fallbacks_serve_in_each_of_their_forms_when_the_group_fails(listed):
    bench = build(*groups("g", "h"), num_retries=0)
    bench.provider.script = failing("g")
    assert bench.run(fallbacks=listed).deployment.id == "h"


def test_a_clients_fallbacks_stand_in_for_the_routers_when_both_are_there():
    bench = build(*groups("g", "h", "i"), fallbacks=(("g", ("i",)),), default_fallbacks=("i",), num_retries=0)
    bench.provider.script = failing("g", "h")
    bench.fails(fallbacks=["h"])
    assert bench.ids == ["g", "h"]


@pytest.mark.parametrize("listed", [[3], [{"g": [{"deep": 1}]}], [{"g": 5}], [None]])
def test_malformed_fallbacks_are_the_clients_mistake_when_they_are_needed(listed):
    bench = build(*groups("g"), num_retries=0)
    bench.provider.script = failing("g")
    failure = bench.fails(fallbacks=listed)
    assert (failure.status_code, failure.param) == (400, "fallbacks")


def test_a_fallback_object_changes_the_body_when_it_names_fields():
    bench = build(*groups("g", "h"), num_retries=0)
    bench.provider.script = failing("g")
    bench.run(fallbacks=[{"model": "h", "messages": [{"role": "user", "content": "shorter"}], "metadata": {"a": 1}}])
    sent = bench.provider.sent[1][1]
    assert sent.fields["messages"][0]["content"] == "shorter"
    assert "metadata" not in sent.fields
    assert sent.model == "h"


def test_a_fallback_object_brings_its_own_connection_when_it_names_one():
    bench = build(*groups("g", "h"), num_retries=0)
    bench.provider.script = failing("g")
    bench.run(
        overrides={"api_key": "first"}, fallbacks=[{"model": "h", "api_base": "https://example.org", "api_key": "k"}]
    )
    assert bench.provider.sent[1][2].connection == {"api_base": "https://example.org", "api_key": "k"}


def test_the_requests_key_stays_behind_when_a_fallback_object_names_another_destination():
    bench = build(*groups("g", "h"), num_retries=0)
    bench.provider.script = failing("g")
    bench.run(overrides={"api_key": "first"}, fallbacks=[{"model": "h", "api_base": "https://example.org"}])
    assert bench.provider.sent[1][2].api_key is None


def test_the_same_group_may_be_a_target_again_when_the_object_changes_the_request():
    bench = build(*groups("g"), num_retries=0)
    bench.provider.script = {"g": [500, 200]}
    assert bench.run(fallbacks=[{"model": "g", "api_key": "mine"}]).fallbacks == 1


def test_a_clients_context_fallbacks_serve_when_the_prompt_is_too_long():
    bench = build(*groups("g", "h"))
    bench.provider.script = {"g": ContextWindowExceededError("long")}
    assert bench.run(context_window_fallbacks=[{"g": ["h"]}]).deployment.id == "h"


def test_a_clients_policy_fallbacks_serve_when_the_content_is_refused():
    bench = build(*groups("g", "h"))
    bench.provider.script = {"g": ContentPolicyViolationError("no")}
    assert bench.run(content_policy_fallbacks=[{"g": ["h"]}]).deployment.id == "h"


def test_only_the_lowest_order_is_asked_when_it_answers():
    bench = build(deployment("two", order=2), deployment("one", order=1), deployment("none"))
    assert {bench.run().deployment.id for _ in range(20)} == {"one"}


def test_the_next_order_is_a_hop_before_other_fallbacks_when_the_lowest_fails():
    bench = build(
        deployment("two", order=2),
        deployment("one", order=1),
        deployment("last"),
        deployment("h", "h"),
        fallbacks=(("g", ("h",)),),
        num_retries=1,
    )
    bench.provider.script = failing("one", "two", "last")
    outcome = bench.run()
    assert bench.ids == ["one", "one", "two", "two", "last", "last", "h"]
    assert outcome.fallbacks == 3
    assert [attempt.reason for attempt in outcome.attempts if attempt.reason != "retry"] == [
        "first",
        "order",
        "order",
        "fallback",
    ]


@pytest.mark.parametrize("failure", [ContextWindowExceededError("long"), ContentPolicyViolationError("bad")])
def test_the_next_order_is_passed_over_when_the_prompt_is_at_fault(failure):
    bench = build(
        deployment("one", order=1), deployment("two", order=2), deployment("h", "h"), fallbacks=(("g", ("h",)),)
    )
    bench.provider.script = {"one": failure}
    bench.run()
    assert bench.ids == ["one", "h"]


def test_the_next_order_is_no_hop_when_the_lowest_only_cools():
    bench = build(deployment("one", order=1), deployment("two", order=2), num_retries=0)
    bench.provider.script = {"one": 401}
    bench.run()
    outcome = bench.run()
    assert (outcome.deployment.id, outcome.fallbacks) == ("two", 0)


def test_a_fallbacks_call_asks_for_its_model_when_it_is_sent():
    bench = build(*groups("g", "h"), fallbacks=(("g", ("h",)),), num_retries=0)
    bench.provider.script = failing("g")
    bench.run()
    assert [sent[1].model for sent in bench.provider.sent] == ["g", "h"]


def test_a_fallback_of_an_alias_serves_when_the_alias_was_asked():
    from proxy.domain.router_settings import Alias

    bench = build(
        *groups("g", "h"), fallbacks=(("fast", ("h",)),), model_group_alias={"fast": Alias("g")}, num_retries=0
    )
    bench.provider.script = failing("g")
    assert bench.run("fast").deployment.id == "h"


def test_a_fallback_serves_within_one_wildcard_when_one_model_fails():
    bench = build(deployment("w", "openai/*", model="*", wildcard=True), fallbacks=(("openai/a", ("openai/b",)),))
    bench.provider.script = {"w": [error(400), 200]}
    outcome = bench.run("openai/a")
    assert outcome.deployment.model == "b"


def test_a_clients_connection_is_used_for_one_request_when_it_brings_one():
    bench = build(deployment("a", connection={"api_key": "ours", "organization": "o"}))
    assert bench.run(overrides={"api_key": "theirs"}).deployment.connection == {
        "api_key": "theirs",
        "organization": "o",
    }
    assert bench.run().deployment.api_key == "ours"


def test_tags_are_looked_at_before_the_order_when_both_are_there():
    bench = build(
        deployment("untagged", order=1), deployment("default", order=2, tags=("default",)), enable_tag_filtering=True
    )
    assert bench.run().deployment.id == "default"


def test_a_long_prompt_goes_to_the_next_order_when_only_that_takes_it():
    bench = build(
        deployment("small", order=1, info={"max_input_tokens": 10}),
        deployment("large", order=2, info={"max_input_tokens": 1000}),
        enable_pre_call_checks=True,
    )
    outcome = bench.run(body={"prompt": "x" * 400})
    assert (outcome.deployment.id, outcome.fallbacks) == ("large", 0)


def test_no_more_is_tried_when_the_client_leaves_during_a_pause():
    class Leaving:
        def gone(self):
            return bool(bench.clock.slept)

        def fileno(self):
            return None

    bench = build(deployment("a"), deployment("h", "h"), fallbacks=(("g", ("h",)),))
    bench.provider.script = {"a": 500}
    call = bench.call()._replace(client=Leaving())
    with pytest.raises(GatewayError):
        bench.router.run(call, bench.provider)
    assert bench.ids == ["a"]


def test_avoided_deployments_are_not_asked_when_a_retry_or_a_fallback_would_come_to_them():
    bench = build(
        deployment("a"), deployment("b"), deployment("h", "h"), deployment("i", "h"), fallbacks=(("g", ("h",)),)
    )
    bench.provider.script = {"a": 500, "h": 500}
    with pytest.raises(GatewayError):
        bench.router.run(bench.call(), bench.provider, avoid=["b", "i"])
    assert set(bench.ids) == {"a", "h"}
