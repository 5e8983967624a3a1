"""Cost against worked examples: the vendors' prices per million tokens, the arithmetic written out.

Prices are those of the public price pages named beside them, as of the price file that the bundled table was made of.
"""

from datetime import datetime
from typing import Any

import pytest

from proxy.accounting.cost import compute_cost, price
from proxy.accounting.prices import PriceTable, load_bundled
from proxy.accounting.rows import Prices
from proxy.domain.deployment import Deployment
from proxy.domain.usage import Usage

M = 1_000_000


@pytest.fixture(scope="module")
def table() -> PriceTable:
    return load_bundled()


def make_usage(prompt: int, completion: int, **parts: Any) -> Usage:
    return Usage(prompt, completion, prompt + completion, **parts)


def make_deployment(provider: str, model: str, **options: Any) -> Deployment:
    return Deployment("d1", "group", provider, model, **options)


# provider, model, usage, sum of tokens * USD per million
PLAIN = [
    # https://developers.openai.com/api/docs/pricing
    ("openai", "gpt-4o", make_usage(1000, 500), 1000 * 2.5 + 500 * 10),
    ("openai", "gpt-4o", make_usage(0, 0), 0),
    ("openai", "gpt-4o", make_usage(1, 0), 2.5),
    ("openai", "gpt-4o-mini", make_usage(12_345, 678), 12_345 * 0.15 + 678 * 0.6),
    ("openai", "gpt-4.1", make_usage(900_000, 30_000), 900_000 * 2 + 30_000 * 8),
    ("openai", "gpt-4-turbo", make_usage(10, 20), 10 * 10 + 20 * 30),
    ("openai", "gpt-3.5-turbo", make_usage(17, 47), 17 * 0.5 + 47 * 1.5),
    ("openai", "o1", make_usage(100, 2000), 100 * 15 + 2000 * 60),
    ("openai", "gpt-5", make_usage(4000, 800), 4000 * 1.25 + 800 * 10),
    ("openai", "text-embedding-3-small", make_usage(8000, 0), 8000 * 0.02),
    ("openai", "omni-moderation-latest", make_usage(500, 0), 0),
    # https://platform.claude.com/docs/en/about-claude/pricing
    ("anthropic", "claude-sonnet-4-5", make_usage(2000, 1000), 2000 * 3 + 1000 * 15),
    ("anthropic", "claude-haiku-4-5", make_usage(2000, 1000), 2000 * 1 + 1000 * 5),
    ("anthropic", "claude-opus-4-5", make_usage(2000, 1000), 2000 * 5 + 1000 * 25),
    # https://ai.google.dev/gemini-api/docs/pricing
    ("gemini", "gemini-2.5-pro", make_usage(1500, 700), 1500 * 1.25 + 700 * 10),
    ("gemini", "gemini-2.5-flash", make_usage(1500, 700), 1500 * 0.3 + 700 * 2.5),
    ("vertex_ai", "gemini-2.5-pro", make_usage(1500, 700), 1500 * 1.25 + 700 * 10),
    # other vendors' price pages
    ("azure", "gpt-4o", make_usage(100, 100), 100 * 2.5 + 100 * 10),
    ("mistral", "mistral-large-latest", make_usage(100, 100), 100 * 0.5 + 100 * 1.5),
    ("deepseek", "deepseek-chat", make_usage(100, 100), 100 * 0.28 + 100 * 0.42),
    ("perplexity", "sonar", make_usage(100, 100), 100 * 1 + 100 * 1),
    ("bedrock", "amazon.nova-pro-v1:0", make_usage(100, 100), 100 * 0.8 + 100 * 3.2),
    ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", make_usage(100, 100), 100 * 3.3 + 100 * 16.5),
]
CACHED = [
    ("openai", "gpt-4o", make_usage(1000, 0, cached_tokens=400), 600 * 2.5 + 400 * 1.25),
    ("openai", "gpt-4o", make_usage(1000, 10, cached_tokens=1000), 1000 * 1.25 + 10 * 10),
    ("openai", "gpt-4o-mini", make_usage(1000, 0, cached_tokens=128), 872 * 0.15 + 128 * 0.075),
    ("openai", "gpt-5", make_usage(2048, 0, cached_tokens=1024), 1024 * 1.25 + 1024 * 0.125),
    # a model without a price for cached tokens charges them as any other
    ("openai", "gpt-4-turbo", make_usage(1000, 0, cached_tokens=500), 1000 * 10),
    ("anthropic", "claude-sonnet-4-5", make_usage(1000, 0, cached_tokens=900), 100 * 3 + 900 * 0.3),
    ("anthropic", "claude-sonnet-4-5", make_usage(1000, 0, cache_write_tokens=900), 100 * 3 + 900 * 3.75),
    (
        "anthropic",
        "claude-sonnet-4-5",
        make_usage(1000, 0, cache_write_tokens=900, cache_write_1h_tokens=900),
        100 * 3 + 900 * 6,
    ),
    (
        "anthropic",
        "claude-sonnet-4-5",
        make_usage(10_000, 200, cached_tokens=5000, cache_write_tokens=3000, cache_write_1h_tokens=1000),
        2000 * 3 + 5000 * 0.3 + 2000 * 3.75 + 1000 * 6 + 200 * 15,
    ),
    ("anthropic", "claude-opus-4-5", make_usage(500, 0, cache_write_tokens=500), 500 * 6.25),
    ("anthropic", "claude-haiku-4-5", make_usage(500, 1, cached_tokens=500), 500 * 0.1 + 5),
    ("gemini", "gemini-2.5-pro", make_usage(1000, 0, cached_tokens=400), 600 * 1.25 + 400 * 0.125),
    ("gemini", "gemini-2.5-flash", make_usage(1000, 0, cached_tokens=400), 600 * 0.3 + 400 * 0.03),
    ("deepseek", "deepseek-chat", make_usage(1000, 0, cached_tokens=640), 360 * 0.28 + 640 * 0.028),
    ("mistral", "mistral-large-latest", make_usage(1000, 0, cached_tokens=640), 360 * 0.5 + 640 * 0.05),
    # a one-hour write without a price of its own is charged as a five-minute one
    (
        "bedrock",
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        make_usage(100, 0, cache_write_tokens=100, cache_write_1h_tokens=100),
        100 * 3.75,
    ),
    # more parts than the whole, as some servers count: never a negative price for the rest
    ("openai", "gpt-4o", make_usage(100, 0, cached_tokens=150), 150 * 1.25),
]
REASONING_AND_AUDIO = [
    ("openai", "o3", make_usage(100, 1000, reasoning_tokens=900), 100 * 2 + 1000 * 8),
    ("gemini", "gemini-2.5-flash", make_usage(100, 1000, reasoning_tokens=900), 100 * 0.3 + 1000 * 2.5),
    ("dashscope", "qwen-plus-2025-04-28", make_usage(100, 1000, reasoning_tokens=900), 100 * 0.4 + 100 * 1.2 + 900 * 4),
    ("openai", "gpt-audio", make_usage(1000, 0, prompt_audio_tokens=800), 200 * 2.5 + 800 * 32),
    ("openai", "gpt-audio", make_usage(0, 1000, completion_audio_tokens=900), 100 * 10 + 900 * 64),
    (
        "openai",
        "gpt-audio",
        make_usage(500, 400, prompt_audio_tokens=300, completion_audio_tokens=350),
        200 * 2.5 + 300 * 32 + 50 * 10 + 350 * 64,
    ),
    ("gemini", "gemini-2.5-flash", make_usage(1000, 0, prompt_audio_tokens=1000), 1000 * 1.0),
    # cached audio is both in the cached and in the audio tokens: not charged twice
    (
        "openai",
        "gpt-audio",
        make_usage(1000, 0, cached_tokens=600, prompt_audio_tokens=800),
        600 * 2.5 + 400 * 32,
    ),
    # no audio price: charged as text
    ("openai", "gpt-4o", make_usage(1000, 0, prompt_audio_tokens=1000), 1000 * 2.5),
]
THRESHOLDS = [
    ("gemini", "gemini-2.5-pro", make_usage(200_000, 1000), 200_000 * 1.25 + 1000 * 10),
    ("gemini", "gemini-2.5-pro", make_usage(200_001, 1000), 200_001 * 2.5 + 1000 * 15),
    ("gemini", "gemini-2.5-pro", make_usage(300_000, 0, cached_tokens=100_000), 200_000 * 2.5 + 100_000 * 0.25),
    (
        "vertex_ai",
        "claude-sonnet-4-5",
        make_usage(300_000, 10, cached_tokens=100_000, cache_write_tokens=100_000),
        100_000 * 6 + 100_000 * 0.6 + 100_000 * 7.5 + 10 * 22.5,
    ),
    (
        "vertex_ai",
        "claude-sonnet-4-5",
        make_usage(300_000, 0, cache_write_tokens=300_000, cache_write_1h_tokens=300_000),
        300_000 * 12,
    ),
    # cached tokens count towards the threshold: it is on the whole prompt
    ("gemini", "gemini-2.5-pro", make_usage(250_000, 0, cached_tokens=250_000), 250_000 * 0.25),
    ("openai", "gpt-5.5", make_usage(272_000, 100), 272_000 * 5 + 100 * 30),
    ("openai", "gpt-5.5", make_usage(272_001, 100), 272_001 * 10 + 100 * 45),
    ("openai", "gpt-5.4", make_usage(300_000, 0, cached_tokens=200_000), 100_000 * 5 + 200_000 * 0.5),
    # xAI: from the threshold on
    ("xai", "grok-4.3", make_usage(199_999, 100), 199_999 * 1.25 + 100 * 2.5),
    ("xai", "grok-4.3", make_usage(200_000, 100), 200_000 * 2.5 + 100 * 5),
    ("dashscope", "qwen3-max", make_usage(32_000, 10), 32_000 * 1.2 + 10 * 6),
    ("dashscope", "qwen3-max", make_usage(32_001, 10), 32_001 * 2.4 + 10 * 12),
    ("dashscope", "qwen3-max", make_usage(128_001, 10), 128_001 * 3 + 10 * 15),
    ("dashscope", "qwen3-max", make_usage(900_000, 10), 900_000 * 3 + 10 * 15),
]
EXAMPLES = PLAIN + CACHED + REASONING_AND_AUDIO + THRESHOLDS


@pytest.mark.parametrize(("provider", "model", "usage", "millionths"), EXAMPLES)
def test_cost_is_that_of_the_price_page_when_a_call_is_priced(
    table: PriceTable, provider: str, model: str, usage: Usage, millionths: float
) -> None:
    cost = compute_cost(usage, make_deployment(provider, model), table)
    assert cost is not None
    assert cost.total == pytest.approx(millionths / M, abs=1e-12)
    assert cost.input + cost.output == pytest.approx(cost.total, abs=1e-15)


@pytest.mark.parametrize(
    ("model", "tier", "usage", "millionths"),
    [
        ("gpt-4o", "priority", make_usage(100, 100), 100 * 4.25 + 100 * 17),
        ("gpt-4o", "default", make_usage(100, 100), 100 * 2.5 + 100 * 10),
        ("gpt-4o", "auto", make_usage(100, 100), 100 * 2.5 + 100 * 10),
        ("gpt-4o", "flex", make_usage(100, 100), 100 * 2.5 + 100 * 10),
        ("o3", "flex", make_usage(100, 100, cached_tokens=50), 50 * 1 + 50 * 0.25 + 100 * 4),
        ("o4-mini", "priority", make_usage(100, 100), 100 * 2 + 100 * 8),
        ("gpt-5.5", "flex", make_usage(300_000, 100), 300_000 * 5 + 100 * 22.5),
        # no long-context price in this tier: the vendor serves such a request at ordinary rates
        ("gpt-5.5", "priority", make_usage(300_000, 100), 300_000 * 10 + 100 * 45),
    ],
)
def test_service_tier_has_its_price_when_the_call_was_served_in_it(
    table: PriceTable, model: str, tier: str, usage: Usage, millionths: float
) -> None:
    cost = compute_cost(usage, make_deployment("openai", model), table, service_tier=tier)
    assert cost is not None and cost.total == pytest.approx(millionths / M, abs=1e-12)


# https://api-docs.deepseek.com/quick_start/pricing: Monday 2026-11-23; hours in UTC
@pytest.mark.parametrize(
    ("at", "millionths"),
    [
        ("2026-11-23T02:00:00+00:00", 100 * 0.3 + 100 * 1.2),
        ("2026-11-23T00:30:00+00:00", 100 * 0.15 + 100 * 0.6),
        ("2026-11-23T01:00:00+00:00", 100 * 0.3 + 100 * 1.2),
        ("2026-11-23T23:59:59+00:00", 100 * 0.15 + 100 * 0.6),
        ("2026-11-22T02:00:00+00:00", 100 * 0.15 + 100 * 0.6),
        (None, 100 * 0.3 + 100 * 1.2),
    ],
)
def test_lower_price_holds_when_the_vendor_is_off_peak(table: PriceTable, at: str | None, millionths: float) -> None:
    moment = datetime.fromisoformat(at).timestamp() if at else None
    cost = compute_cost(make_usage(100, 100), make_deployment("deepseek", "deepseek-flash"), table, at=moment)
    assert cost is not None and cost.total == pytest.approx(millionths / M, abs=1e-12)


def test_shares_are_shown_when_a_prompt_was_cached_and_an_answer_reasoned(table: PriceTable) -> None:
    usage = make_usage(1000, 500, cached_tokens=200, cache_write_tokens=300, reasoning_tokens=400)
    cost = compute_cost(usage, make_deployment("anthropic", "claude-sonnet-4-5"), table)
    assert cost is not None
    assert cost.cache_read == pytest.approx(200 * 0.3 / M)
    assert cost.cache_write == pytest.approx(300 * 3.75 / M)
    assert cost.reasoning == pytest.approx(400 * 15 / M)
    assert (cost.source, cost.model) == ("table", "claude-sonnet-4-5")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "no-such-model"),
        ("hosted_vllm", "gpt-4o"),
        ("openai", ""),
        ("ollama", "llama3-private"),
        ("deepinfra", "claude-sonnet-4-5"),
    ],
)
def test_there_is_no_number_when_the_provider_has_no_such_price(table: PriceTable, provider: str, model: str) -> None:
    assert compute_cost(make_usage(10, 10), make_deployment(provider, model), table) is None


@pytest.mark.parametrize(
    ("options", "usage", "millionths"),
    [
        # both given: they are all there is, cached tokens included
        ({"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}, make_usage(100, 10, cached_tokens=50), 120),
        # free: a server of one's own
        ({"input_cost_per_token": 0.0, "output_cost_per_token": 0.0}, make_usage(100, 10, cached_tokens=50), 0),
        # one given: the other is the listed one
        ({"input_cost_per_token": 1e-6}, make_usage(100, 10), 100 * 1 + 10 * 10),
        ({"output_cost_per_token": 1e-6}, make_usage(100, 10), 100 * 2.5 + 10 * 1),
        # in model_info, in the public file's names
        ({"info": {"input_cost_per_token": 3e-6, "output_cost_per_token": 4e-6}}, make_usage(100, 10), 340),
        (
            {
                "info": {
                    "input_cost_per_token": 3e-6,
                    "output_cost_per_token": 4e-6,
                    "cache_read_input_token_cost": 1e-6,
                }
            },
            make_usage(100, 10, cached_tokens=50),
            50 * 3 + 50 * 1 + 10 * 4,
        ),
        # parameters win over model_info
        ({"input_cost_per_token": 1e-6, "info": {"input_cost_per_token": 9e-6}}, make_usage(100, 0), 100),
        (
            {"info": {"input_cost_per_token": 1e-6, "input_cost_per_token_above_200k_tokens": 2e-6}},
            make_usage(300_000, 0),
            600_000,
        ),
    ],
)
def test_deployments_own_prices_win_when_they_are_configured(
    table: PriceTable, options: dict[str, Any], usage: Usage, millionths: float
) -> None:
    cost = compute_cost(usage, make_deployment("openai", "gpt-4o", **options), table)
    assert cost is not None and cost.source == "deployment"
    assert cost.total == pytest.approx(millionths / M, abs=1e-12)


def test_base_model_is_priced_when_a_deployment_has_a_name_of_its_own(table: PriceTable) -> None:
    deployment = make_deployment("azure", "my-deployment", info={"base_model": "azure/gpt-4o-mini"})
    cost = compute_cost(make_usage(M, 0), deployment, table, answered="gpt-4o-2024-08-06")
    assert cost is not None and cost.model == "azure/gpt-4o-mini"


def test_another_vendors_name_is_priced_when_base_model_says_so(table: PriceTable) -> None:
    deployment = make_deployment("hosted_vllm", "weights", info={"base_model": "gpt-4o"})
    cost = compute_cost(make_usage(100, 0), deployment, table)
    assert cost is not None and cost.total == pytest.approx(250 / M)


def test_model_that_answered_is_priced_when_it_is_not_the_one_asked_for(table: PriceTable) -> None:
    cost = compute_cost(make_usage(M, 0), make_deployment("openai", "gpt-4o"), table, answered="gpt-4o-mini")
    assert cost is not None and cost.total == pytest.approx(0.15)


def test_model_asked_for_is_priced_when_the_answers_name_is_unknown(table: PriceTable) -> None:
    cost = compute_cost(make_usage(M, 0), make_deployment("openai", "gpt-4o"), table, answered="gpt-4o-internal-7")
    assert cost is not None and cost.total == pytest.approx(2.5)


def test_tuned_model_has_the_price_of_tuned_models_when_it_carries_an_id(table: PriceTable) -> None:
    cost = compute_cost(make_usage(M, 0), make_deployment("openai", "ft:gpt-4o-2024-08-06:acme::abc"), table)
    assert cost is not None and cost.total == pytest.approx(3.75)


def test_providers_figure_wins_and_the_difference_shows_when_it_names_one(table: PriceTable) -> None:
    usage = make_usage(1000, 0)._replace(cost=0.01)
    cost = compute_cost(usage, make_deployment("openai", "gpt-4o"), table)
    assert cost is not None
    assert (cost.total, cost.source) == (0.01, "provider")
    assert cost.difference == pytest.approx(0.01 - 1000 * 2.5 / M)


def test_providers_figure_stands_alone_when_the_model_has_no_price(table: PriceTable) -> None:
    cost = compute_cost(make_usage(1000, 0)._replace(cost=0.0), make_deployment("openrouter", "none/such"), table)
    assert cost is not None and cost.total == 0.0 and cost.difference is None


@pytest.mark.parametrize(
    "part", ["cached_tokens", "reasoning_tokens", "prompt_audio_tokens", "completion_audio_tokens"]
)
@pytest.mark.parametrize(("prompt", "completion"), [(1, 1), (9, 12), (1000, 500), (123_457, 3)])
def test_ordinary_tokens_cost_the_same_when_a_part_without_a_price_is_counted_apart(
    part: str, prompt: int, completion: int
) -> None:
    prices = Prices(input=2.5 / M, output=10 / M)
    plain = price(make_usage(prompt, completion), prices, "deployment", "m")
    apart = price(make_usage(prompt, completion, **{part: 1}), prices, "deployment", "m")
    assert (plain.total, plain.input, plain.output) == pytest.approx((apart.total, apart.input, apart.output))
    assert (plain.source, plain.priced, plain.model) == (apart.source, apart.priced, apart.model)
    assert (plain.cache_read, plain.cache_write, plain.reasoning) == (0.0, 0.0, 0.0)
