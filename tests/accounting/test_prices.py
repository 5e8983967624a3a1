"""The table of prices, in its own form and in the public one."""

from pathlib import Path

import orjson
import pytest

from proxy.accounting.build_prices import build
from proxy.accounting.prices import BUNDLED, PriceTable, load_bundled, load_public
from proxy.accounting.rows import Prices, parse_compact, parse_public, to_compact

MIDNIGHT = 1_700_006_400.0
PUBLIC_ROWS = {
    "sample_spec": {"input_cost_per_token": 0.0, "litellm_provider": "one of ..."},
    "plain": {"litellm_provider": "openai", "input_cost_per_token": 1.5e-7, "output_cost_per_token": 6e-7},
    "text-price": {"litellm_provider": "openai", "input_cost_per_token": "1e-6"},
    "picture": {"litellm_provider": "openai", "output_cost_per_image": 0.04},
    "banded": {
        "litellm_provider": "dashscope",
        "tiered_pricing": [
            {"range": [0, 1000], "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6},
            {"range": [1000, 2000], "input_cost_per_token": 3e-6, "output_cost_per_token": 4e-6},
        ],
    },
    "nightly": {
        "litellm_provider": "deepseek",
        "input_cost_per_token": 4e-6,
        "output_cost_per_token": 8e-6,
        "off_peak_pricing": {
            "input_cost_per_token": 1e-6,
            "hours_utc": "22:00-02:00",
            "weekday_timezone": "Asia/Tokyo",
        },
    },
    "full": {
        "litellm_provider": "gemini",
        "input_cost_per_token": 1.25e-6,
        "output_cost_per_token": 1e-5,
        "cache_read_input_token_cost": 1.25e-7,
        "cache_creation_input_token_cost_above_1hr": 4e-6,
        "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 8e-6,
        "input_cost_per_token_above_200k_tokens": 2.5e-6,
        "input_cost_per_token_above_200k_tokens_priority": 4.5e-6,
        "input_cost_per_token_priority": 2.25e-6,
        "max_input_tokens": 1048576,
        "max_output_tokens": 65536.0,
    },
}


@pytest.mark.parametrize("name", ["plain", "text-price", "banded", "nightly", "full", "picture"])
def test_row_is_the_same_when_it_is_written_and_read_back(name: str) -> None:
    row = parse_public(PUBLIC_ROWS[name])
    assert row is not None
    back = parse_compact(orjson.loads(orjson.dumps(to_compact(row))))
    for tokens in (0, 1000, 1001, 200_000, 200_001):
        for tier in (None, "priority", "flex"):
            expected, found = row.prices(tokens, tier), back.prices(tokens, tier)
            assert [value is None for value in found] == [value is None for value in expected]
            assert [value or 0 for value in found] == pytest.approx([value or 0 for value in expected], rel=1e-12)
    assert back.units == row.units
    assert (back.max_input_tokens, back.max_output_tokens) == (row.max_input_tokens, row.max_output_tokens)


def test_tier_and_threshold_are_combined_when_both_have_a_price() -> None:
    row = parse_public(PUBLIC_ROWS["full"])
    assert row is not None
    assert row.prices(300_000, "priority") == Prices(4.5e-6, 1e-5, 1.25e-7, None, 8e-6, 1e-5)


def test_row_is_left_out_when_it_has_no_price() -> None:
    assert parse_public({"litellm_provider": "openai", "max_input_tokens": 8}) is None


def test_public_file_is_read_when_the_operator_names_one(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_bytes(orjson.dumps(PUBLIC_ROWS))
    table = load_public(path)
    assert len(table) == 6 and table.row("sample_spec") is None and table.row("plain") is not None


def test_file_is_refused_when_it_is_not_a_price_file(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_bytes(b"[1]")
    with pytest.raises(ValueError, match="not a price file"):
        load_public(path)


def test_table_is_sorted_and_complete_when_it_is_built() -> None:
    lines = build(orjson.dumps(PUBLIC_ROWS)).splitlines()
    assert [line.split(b"\t")[0] for line in lines] == [
        b"banded",
        b"full",
        b"nightly",
        b"picture",
        b"plain",
        b"text-price",
    ]


def test_every_row_can_be_read_when_the_bundled_table_is_loaded() -> None:
    table = load_bundled()
    names = [line.split("\t")[0] for line in BUNDLED.read_text().splitlines()]
    rows = [table.row(name) for name in names]
    assert len(rows) > 3000 and all(rows)


def test_another_vendors_row_is_not_taken_when_the_names_are_equal() -> None:
    row = parse_public(PUBLIC_ROWS["plain"])
    assert row is not None
    table = PriceTable(rows={"plain": row, "groq/plain": row})
    assert table.find("mistral", "plain") is None
    found = table.find("groq", "plain")
    assert found is not None and found[0] == "groq/plain"


def test_prefix_is_not_doubled_when_the_model_already_has_it() -> None:
    found = load_bundled().find("gemini", "gemini/gemini-2.5-pro")
    assert found is not None and found[0] == "gemini/gemini-2.5-pro"
