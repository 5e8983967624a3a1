"""The headers of a provider's answer as a client gets them."""

import pytest

from proxy.errors import Attempt, ServiceUnavailableError
from proxy.web import headers
from proxy.web.headers import deployment_headers, error_headers, provider_headers


def unchanged(text: str) -> str:
    return text


def test_limits_come_behind_the_prefixed_headers_when_a_provider_tells_them() -> None:
    headers = {"x-ratelimit-limit-requests": "60", "request-id": "r-1", "x-ratelimit-reset-tokens": "1s"}
    assert provider_headers(headers, unchanged) == [
        ("llm_provider-x-ratelimit-limit-requests", "60"),
        ("llm_provider-request-id", "r-1"),
        ("llm_provider-x-ratelimit-reset-tokens", "1s"),
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-reset-tokens", "1s"),
    ]


def test_values_are_those_of_the_answer_when_the_names_have_been_seen_before() -> None:
    for value in ("first", "second"):
        assert provider_headers({"request-id": value}, unchanged) == [("llm_provider-request-id", value)]


def test_nothing_is_told_when_the_headers_are_the_connections() -> None:
    assert provider_headers({"content-type": "application/json", "set-cookie": "a=b"}, unchanged) == []
    assert provider_headers({}, unchanged) == []


@pytest.mark.parametrize("unsafe", ["a\r\nset-cookie: b", "a\nb", "a\x00b", "a\u0100b"])
def test_a_header_is_left_out_when_its_value_cannot_stand_in_one(unsafe: str) -> None:
    headers = {"x-first": "1", "x-broken": unsafe, "x-ratelimit-limit-tokens": "9"}
    assert provider_headers(headers, unchanged) == [
        ("llm_provider-x-first", "1"),
        ("llm_provider-x-ratelimit-limit-tokens", "9"),
        ("x-ratelimit-limit-tokens", "9"),
    ]


@pytest.mark.parametrize("odd", ["a\tb", "caf\xe9", "\x85", ""])
def test_a_header_is_passed_on_when_its_value_is_odd_but_safe(odd: str) -> None:
    assert provider_headers({"x-odd": odd}, unchanged) == [("llm_provider-x-odd", odd)]


def test_a_key_is_masked_everywhere_when_a_provider_repeats_it() -> None:
    headers = {"x-echo": "Bearer sk-secret", "x-ratelimit-note": "sk-secret", "x-last": "2"}
    assert provider_headers(headers, lambda text: text.replace("sk-secret", "***")) == [
        ("llm_provider-x-echo", "Bearer ***"),
        ("llm_provider-x-ratelimit-note", "***"),
        ("llm_provider-x-last", "2"),
        ("x-ratelimit-note", "***"),
    ]


def test_a_deployments_name_is_made_safe_when_it_cannot_stand_in_a_header() -> None:
    assert deployment_headers("d-\u65e5", "gr\u014f\n", None) == (
        ("x-litellm-model-id", "d-?"),
        ("x-litellm-model-group", "gr??"),
    )


def test_a_deployments_base_is_told_when_there_is_one() -> None:
    assert deployment_headers("d-1", "group", "http://a/v1")[2:] == (("x-litellm-model-api-base", "http://a/v1"),)


def test_a_long_name_of_a_group_is_not_kept():
    before = headers._deployment_headers.cache_info().currsize
    assert deployment_headers("d-1", "g" * 5000, None)[1] == ("x-litellm-model-group", "g" * 5000)
    assert headers._deployment_headers.cache_info().currsize == before


def failed(*statuses: int, **facts: object) -> dict[str, str]:
    error = ServiceUnavailableError("down")
    error.attempts = tuple(Attempt("g", f"d{n}", "first", status, "X", 1.0) for n, status in enumerate(statuses))
    for name, value in facts.items():
        setattr(error, name, value)
    return dict(error_headers(error, 0.5, lambda _: None, unchanged))


def test_sdk_may_retry_when_the_gateway_has_tried_once_only() -> None:
    assert "x-should-retry" not in failed(503)
    assert "x-should-retry" not in failed()


def test_sdk_is_kept_from_retrying_when_the_gateway_has_or_must_not() -> None:
    assert failed(503, 503)["x-should-retry"] == "false"
    assert failed(503, retry_budget_spent=True)["x-should-retry"] == "false"


def test_dropped_parameters_are_named_when_the_call_failed() -> None:
    assert failed(503, dropped=("logit_bias", "seed"))["x-litellm-dropped-params"] == "logit_bias,seed"
