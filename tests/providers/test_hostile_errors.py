"""Errors of providers that mean ill: bounded in length, found in linear time, and never an exception of another kind."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import GatewayError, RateLimitError
from proxy.providers.registry import PROVIDERS
from proxy.providers.translation.errors import COMMON_WORDS, build_error, error_from_event, retry_after
from tests.providers.recordings import build_deployment

MEGABYTE = 1024 * 1024
LONG = "x" * MEGABYTE
# Texts on which an expression that looks for two words with anything between them looks for long.
BEGINNINGS = [
    "current length is ",
    "input token count ",
    "maximum context l",
    "`inputs` tokens + ",
    "exceeded ",
    "too many ",
]
SHOWN = 12_000
BODIES: Mapping[str, Any] = {
    "a long message": {"error": {"message": LONG}},
    "a long code": {"error": {"message": "m", "code": LONG}},
    "a long type": {"error": {"message": "m", "type": LONG}},
    "a long param": {"error": {"message": "m", "param": LONG}},
    "a long innererror": {"error": {"message": "m", "innererror": {"x": LONG}}},
    "a long raw": {"error": {"message": "m", "metadata": {"raw": LONG}}},
    "a long text": LONG,
    "a long list": [{"error": {"message": LONG}}] * 2,
    "a message that is an object": {"error": {"message": {"x": [LONG]}}},
    "a code of digits": {"error": {"message": "m", "code": "4" * MEGABYTE}},
    "a code that is no digit": {"error": {"message": "m", "code": "²²²"}},
    "a code that is huge": {"error": {"message": "m", "code": 10**400}},
    "a detail of many": {"detail": [{"msg": "x", "loc": [1]}] * 10_000},
    "an error as text": {"error": json.dumps({"message": LONG, "code": LONG})},
}


def check(error: GatewayError) -> None:
    assert isinstance(error, GatewayError)
    assert len(json.dumps(error.to_openai())) < SHOWN
    assert 400 <= error.status_code < 600


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_error_is_bounded_when_the_provider_sends_megabytes(provider: str, name: str) -> None:
    body = json.dumps(BODIES[name]).encode()
    for status in (400, 429, 500):
        check(PROVIDERS[provider].parse_error(status, body, {}, build_deployment(provider, "m")))


@pytest.mark.parametrize("name", BODIES)
def test_error_event_is_bounded_when_it_has_megabytes(name: str) -> None:
    check(error_from_event(json.dumps(BODIES[name]).encode(), build_deployment("openai", "m")))


@pytest.mark.parametrize("member", ["message", "code", "type"])
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_search_for_words_is_quick_when_the_error_is_made_of_their_beginnings(beginning: str, member: str) -> None:
    body = json.dumps({"error": {"message": "m", member: beginning * (MEGABYTE // len(beginning))}}).encode()
    begun = time.thread_time()
    check(build_error(400, body, {}, build_deployment("openai", "m")))
    assert time.thread_time() - begun < 0.25


def test_no_expression_is_superlinear_within_the_bound_when_texts_are_at_it() -> None:
    for pattern, _ in COMMON_WORDS:
        for beginning in BEGINNINGS:
            begun = time.thread_time()
            pattern.search((beginning * 5000)[:4500])
            assert time.thread_time() - begun < 0.1


@pytest.mark.parametrize("bracket", [b"[", b'{"error":', b'{"error":{"message":', b'[{"errors":['])
def test_error_is_one_of_ours_when_it_is_nested_deeply(bracket: bytes) -> None:
    for depth in (50, 99, 150, 300, 2000, 200_000):
        for status in (400, 503):
            check(build_error(status, bracket * depth, {}, build_deployment("openai", "m")))
        close = {b"[": b"]", b'{"error":': b"}", b'{"error":{"message":': b"}}", b'[{"errors":[': b"]}]"}[bracket]
        check(build_error(400, bracket * depth + b"1" + close * depth, {}, build_deployment("openai", "m")))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "errors", "message", "type", "code", "detail", "status", "innererror", "metadata", "raw"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(
    value=JSON, provider=st.sampled_from(sorted(PROVIDERS)), status=st.sampled_from([400, 413, 422, 429, 500, 302, 418])
)
def test_error_is_one_of_ours_when_the_body_is_anything(value: Any, provider: str, status: int) -> None:
    check(PROVIDERS[provider].parse_error(status, json.dumps(value).encode(), {}, build_deployment(provider, "m")))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "2"}, 2.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1e400"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "999999999"}, 86_400.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:26:00 GMT"}, 120.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:26:00 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 9999 07:26:00 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 86_400.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "now"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00", "date": "Wed, 21 Oct 2026 07:26:00 GMT"}, None),
    ],
)
def test_wait_is_a_number_of_seconds_when_the_header_makes_sense(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds
    error = build_error(429, b"{}", headers, build_deployment("openai", "m"))
    assert isinstance(error, RateLimitError)
    assert error.retry_after == seconds
