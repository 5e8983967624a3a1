"""A provider's own figure for the cost, in the ways in which providers give it."""

import pytest

from proxy.domain.usage import Usage


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
