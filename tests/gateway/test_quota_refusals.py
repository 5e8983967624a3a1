"""What a client reads about its quotas."""

from proxy.counters.store import MemoryCounters
from proxy.counters.values import LIFETIME, MINUTE, Amounts, Refused, build_limit
from proxy.domain.account import Account, Entity
from proxy.gateway.quota_refusals import dollars, quota_headers, refusal_error

KEY = ("key", "ab" * 32)
ACCOUNT = Account(Entity("key", KEY[1], alias="ci"), name="sk-...abcd")


def test_a_limit_is_a_429_with_the_seconds_really_left() -> None:
    refused = Refused(build_limit(KEY, "requests", 3, MINUTE), 3, 17.5)
    error = refusal_error(refused, ACCOUNT, 1_000_000.0)
    assert (error.status_code, error.error_type, error.retry_after) == (429, "throttling_error", 17.5)
    assert error.message == (
        f"Rate limit exceeded for api_key: {KEY[1]}. Limit type: requests. Current limit: 3, Remaining: 0. "
        "Limit resets at: 1970-01-12 13:46:57 UTC"
    )
    assert error.gateway_headers == (("rate_limit_type", "requests"), ("reset_at", "1000017"))


def test_a_call_too_many_at_once_may_come_back_in_a_second() -> None:
    error = refusal_error(Refused(build_limit(("team", "t1"), "parallel", 1, LIFETIME), 1, 0.0), ACCOUNT, 0.0)
    assert error.retry_after == 1.0
    assert "for team: t1. Limit type: max_parallel_requests." in error.message


def test_a_spent_budget_is_a_422_that_names_the_key_by_its_alias_only() -> None:
    refused = Refused(build_limit(KEY, "spend", 1_500_000_000, LIFETIME), 1_500_000_001, None)
    error = refusal_error(refused, ACCOUNT, 0.0)
    assert (error.status_code, error.error_type, error.to_openai()["error"]["param"]) == (422, "budget_exceeded", None)
    assert error.message == ("Budget has been exceeded! Key=ci (sk-...abcd) Current cost: 1.500000001, Max budget: 1.5")
    assert KEY[1] not in error.message
    assert refusal_error(refused, ACCOUNT, 0.0, 429).status_code == 429


def test_money_is_shown_to_the_last_nano_dollar() -> None:
    assert [dollars(n) for n in (0, 1, 10**9, 123_456_789_012)] == ["0", "0.000000001", "1", "123.456789012"]


def test_headers_show_limits_and_what_remains_of_them() -> None:
    limits = [
        build_limit(KEY, "spend", 2 * 10**9, LIFETIME),
        build_limit(KEY, "requests", 5, MINUTE),
        build_limit(("team", "t"), "tokens", 100, MINUTE),
    ]
    taken = MemoryCounters().reserve(limits, Amounts(30, 10**8), 60.0)
    assert not isinstance(taken, Refused)
    assert dict(quota_headers(taken.shares, [share.used for share in taken.shares])) == {
        "x-litellm-key-spend": "0.1",
        "x-litellm-key-max-budget": "2",
        "x-ratelimit-api_key-limit-requests": "5",
        "x-ratelimit-api_key-remaining-requests": "4",
        "x-litellm-key-rpm-limit": "5",
        "x-ratelimit-team-limit-tokens": "100",
        "x-ratelimit-team-remaining-tokens": "70",
    }
