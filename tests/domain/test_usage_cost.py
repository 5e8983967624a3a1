"""A provider's counts and its own figure for the cost, in the ways in which providers give them."""

import orjson
import pytest

from proxy.domain.usage import MAX_COST, MAX_TOKENS, Usage, token_count


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ({"cost": 0.0123}, 0.0123),
        ({"cost": 0}, 0.0),
        ({"cost": {"input_tokens_cost": 0.001, "total_cost": 0.006}}, 0.006),
        ({"cost_in_usd_ticks": 37_756_000}, 0.0037756),
        ({"cost": 0.5, "cost_in_usd_ticks": 1}, 0.5),
        ({"cost": None}, None),
        ({"cost": "0.5"}, None),
        ({"cost": True}, None),
        ({}, None),
    ],
)
def test_cost_is_read_when_a_provider_names_it(fields: dict[str, object], cost: float | None) -> None:
    usage = Usage.from_openai({"prompt_tokens": 1, "completion_tokens": 1, **fields})
    assert usage is not None
    assert usage.cost == (None if cost is None else pytest.approx(cost))


@pytest.mark.parametrize("part", Usage._fields)
def test_a_usage_is_ordinary_when_no_part_is_counted_apart(part: str) -> None:
    assert Usage(**{part: 1}).ordinary is (part in ("prompt_tokens", "completion_tokens", "total_tokens", "cost"))


@pytest.mark.parametrize(
    ("given", "count"),
    [
        (12, 12),
        (12.0, 12),
        (0, 0),
        (-3, 0),
        (-1e300, 0),
        (2**53, MAX_TOKENS),
        (10**400, MAX_TOKENS),
        (1e300, MAX_TOKENS),
        (float("inf"), MAX_TOKENS),
        (float("nan"), 0),
        ("12", 0),
        (True, 0),
        (None, 0),
        ([12], 0),
        ({}, 0),
    ],
)
def test_a_count_is_within_its_bounds_whatever_a_provider_sends(given: object, count: int) -> None:
    assert token_count(given) == count
    details = {"cached_tokens": given, "audio_tokens": given}
    usage = Usage.from_openai({"prompt_tokens": given, "completion_tokens": given, "prompt_tokens_details": details})
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (count, count)
    assert orjson.dumps(usage.to_openai())


@pytest.mark.parametrize("member", ["cost", "cost_in_usd_ticks"])
@pytest.mark.parametrize("given", [-1, -(10**400), 10**400, 1e300, float("inf"), float("nan")])
def test_a_cost_is_within_its_bounds_whatever_a_provider_sends(member: str, given: float) -> None:
    usage = Usage.from_openai({"prompt_tokens": 1, member: given})
    assert usage is not None
    assert usage.cost is not None
    assert 0 <= usage.cost <= MAX_COST
