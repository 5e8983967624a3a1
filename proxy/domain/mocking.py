"""LiteLLM's `mock_*` parameters: what the built-in fake provider is to answer in a deployment's place.

A deployment has MOCK_PARAMS in its `litellm_params`; a client, where the operator lets it, sends these and TESTS too.
What comes of them is a body for the fake provider (proxy/mock/answers.py), so a mocked call takes the way of any other.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proxy.domain.call import Call, Options
from proxy.domain.deployment import Deployment

MOCK_PARAMS = ("mock_response", "mock_tool_calls", "mock_delay", "mock_timeout")
# Each makes the group that was asked for fail, and leaves its fallbacks alone.
TESTS: Mapping[str, Mapping[str, Any]] = {
    "mock_testing_fallbacks": {"status": 500},
    "mock_testing_context_fallbacks": {"status": 400, "code": "context_length_exceeded"},
    "mock_testing_content_policy_fallbacks": {"status": 400, "code": "content_policy_violation"},
    "mock_testing_rate_limit_error": {"status": 429},
}
# A `mock_response` that means an error.
_ERRORS: Mapping[str, Mapping[str, Any]] = {
    "litellm.RateLimitError": {"status": 429, "reply": "this is a mock rate limit error"},
    "litellm.InternalServerError": {"status": 500, "reply": "this is a mock internal server error"},
    "litellm.ContextWindowExceededError": {
        "status": 400,
        "code": "context_length_exceeded",
        "reply": "this is a mock context window exceeded error",
    },
}
_POLICY = "Exception: content_filter_policy"
_USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}


def mocked(call: Call, deployment: Deployment) -> tuple[Call, Deployment]:
    """Both unchanged, or, where one has mock parameters, as the fake provider answers them; the client's win."""
    if not (call.options.mock or deployment.mock):
        return call, deployment
    behaviour = build_behaviour({**deployment.mock, **call.options.mock}, call, deployment)
    played = replace(deployment, provider="mock", connection={}, guarded=False)
    return call.asking(call.model, call.document.edit({"mock": behaviour})), played


def build_behaviour(params: Mapping[str, Any], call: Call, deployment: Deployment) -> dict[str, Any]:
    """The fake provider's orders. Times are seconds."""
    test = next((TESTS[name] for name in TESTS if params.get(name)), None)
    if test is not None:
        return {**test, "reply": f"This is a mock exception for model={call.model}, to trigger a fallback."}
    if params.get("mock_timeout"):
        limit = call.options.timeout or deployment.timeout or 0.0
        return {"status": 408, "delay": limit, "reply": "This is a mock timeout error"}
    delay, response = params.get("mock_delay") or 0.0, params.get("mock_response")
    orders: dict[str, Any] = {"status": 200, "delay": delay, "usage": _USAGE}
    if params.get("mock_tool_calls"):
        orders["tool_calls"] = params["mock_tool_calls"]
    if isinstance(response, str):
        return {**orders, **_said(response)}
    if isinstance(response, Mapping):
        return {**orders, "answer": response}
    return {**orders, "embedding": response} if isinstance(response, list) else orders


def for_fallback(options: Options) -> Options:
    """What is left of a request's options for a fallback: not the failure that was to bring it about."""
    if not options.mock:
        return options
    lasting = {name: value for name, value in options.mock.items() if name not in TESTS and name != "mock_timeout"}
    return replace(options, mock=lasting)


def _said(response: str) -> Mapping[str, Any]:
    if response.startswith(_POLICY):
        return {"status": 400, "code": "content_policy_violation", "reply": response}
    return _ERRORS.get(response) or {"reply": response}
