"""Blame: what one client causes changes nothing for another."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.domain.answer import Answer, Reply
from proxy.domain.attempt import OnResult, Result
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.wire import Clocks
from proxy.errors import (
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    ClientClosedRequestError,
    ContentPolicyViolationError,
    GatewayError,
    LocalResourceError,
    RateLimitError,
    Timeout,
    UnexpectedError,
)
from tests.routing.router_bench import build, deployment, error

TOO_LARGE = (
    "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000. The input or output tokens must "
    "be reduced in order to run successfully."
)
FILE = {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-none"}}]}]}
PICTURE = {
    "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.test/none"}}]}]
}
QUOTED = {"messages": [{"role": "user", "content": "hi"}], "tool_choice": "invalid_api_key"}

# What a client sends (the body, the options), and what comes of it at any deployment.
BAD_CALLS: dict[str, tuple[dict[str, Any], dict[str, Any], GatewayError]] = {
    "a bad request": ({}, {}, error(400)),
    "a value that cannot be encoded": ({}, {}, BadRequestError("too deep")),
    "refused content": ({}, {}, ContentPolicyViolationError("refused", status_code=403)),
    "its own total clock": ({}, {"timeout": 0.2}, Timeout("slow")),
    "its own stream clock": ({"stream": True}, {"stream_timeout": 0.001}, Timeout("slow")),
    "its own clock of the first token": ({"stream": True}, {"first_token_timeout": 0.001}, Timeout("slow")),
    "its own idle clock": ({"stream": True}, {"idle_timeout": 0.001}, Timeout("slow")),
    "its own connect clock": ({}, {"connect_timeout": 0.001}, Timeout("slow")),
    "its own key": ({}, {"overrides": {"api_key": "wrong"}}, error(401)),
    "its own place": ({}, {"overrides": {"api_base": "http://127.0.0.1:1"}}, APIConnectionError("refused")),
    "its own API version": ({}, {"overrides": {"api_version": "1999"}}, error(404)),
    "its own header": ({}, {"extra_headers": {"openai-organization": "none"}}, error(401)),
    "a file that is not there": (FILE, {}, error(404)),
    "a file that it may not read": (FILE, {}, error(403)),
    "a picture that is not there": (PICTURE, {}, error(404)),
    "words that the provider quotes": (QUOTED, {}, AuthenticationError("Invalid value: 'invalid_api_key'")),
    "more than the limit of a minute": ({}, {}, RateLimitError(TOO_LARGE)),
    "a client that left": ({}, {}, ClientClosedRequestError("left")),
    "descriptors of the gateway": ({}, {}, LocalResourceError("none left")),
    "a fault of the gateway": ({}, {}, UnexpectedError()),
    "a mock of a failure": ({}, {"mock": {"mock_response": "litellm.InternalServerError"}}, error(500)),
}


class Provider:
    """Healthy: it answers every good call, and fails each bad one as the table says."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.failure: GatewayError | None = None

    def __call__(self, call: Call, deployment: Deployment, clocks: Clocks, on_result: OnResult) -> Reply:
        self.clock.time += 0.1
        failure = self.failure
        if failure is not None:
            fresh = type(failure).__new__(type(failure))
            fresh.__dict__.update(failure.__dict__)
            on_result(Result(0.1, fresh))
            raise fresh
        on_result(Result(0.1, first=0.1 if call.stream else None))
        return Answer(b"{}")


def fail(bench: Any, provider: Provider, name: str, **more: Any) -> None:
    body, options, failure = BAD_CALLS[name]
    provider.failure = failure
    call = bench.call(body=body, stream=bool(body.get("stream")), **{**options, **more})
    try:
        bench.router.run(call, provider)
    except GatewayError:
        pass
    else:
        raise AssertionError("a bad call has an answer")
    finally:
        provider.failure = None


def health(bench: Any) -> list[tuple[float, int, int, float, float]]:
    rows = bench.router.state.view([one.id for one in bench.router.catalogue.deployments], bench.clock.time)
    return [(row.cooling_until, row.failures, row.streak, row.latency, row.first) for row in rows]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(BAD_CALLS)), st.integers(0, 9)), max_size=40),
    st.sampled_from(["simple-shuffle", "least-busy", "latency-based-routing"]),
    st.integers(1, 3),
)
def test_a_good_call_is_answered_at_once_when_another_client_has_made_any_bad_calls(bad, strategy, size):
    bench = build(*(deployment(name) for name in "abc"[:size]), routing_strategy=strategy, retry_budget_floor=0)
    provider = Provider(bench.clock)
    before = health(bench)
    for name, retries in bad:
        fail(bench, provider, name, num_retries=retries)
    assert health(bench) == before
    good = bench.router.run(bench.call(stream=True), provider)
    assert [attempt.status for attempt in good.attempts] == [200]


@pytest.mark.parametrize("name", sorted(BAD_CALLS))
def test_nothing_cools_when_a_client_makes_the_same_bad_call_forty_times(name):
    bench = build(deployment("a"), deployment("b"))
    provider = Provider(bench.clock)
    before = health(bench)
    for _ in range(40):
        fail(bench, provider, name)
    assert health(bench) == before


@pytest.mark.parametrize(
    ("failure", "calls"),
    [(error(401), 1), (error(404), 1), (error(429), 1), (Timeout("slow"), 10), (APIConnectionError("refused"), 10)],
)
def test_the_deployment_still_cools_when_the_failure_is_its_own(failure, calls):
    bench = build(deployment("a", weight=1), deployment("b", weight=0), num_retries=0)
    bench.provider.script = {"a": failure}
    for _ in range(calls):
        try:
            bench.run()
        except GatewayError:
            continue
    assert bench.router.state.view(["a"], bench.clock.time)[0].cooling_until > bench.clock.time


def test_a_picture_inside_the_request_excuses_no_403():
    inside = {
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;"}}]}]
    }
    bench = build(deployment("a", weight=1), deployment("b", weight=0))
    bench.provider.script = {"a": 403}
    assert bench.run(body=inside).deployment.id == "b"
    assert bench.router.state.view(["a"], bench.clock.time)[0].streak == 1


def test_nothing_further_is_tried_when_the_gateway_has_no_descriptors_left():
    bench = build(*(deployment(name) for name in "ab"), deployment("h", "h"), fallbacks=(("g", ("h",)),))
    bench.provider.script = dict.fromkeys("abh", LocalResourceError("none left"))
    assert bench.fails().status_code == 503
    assert len(bench.ids) == 1
