"""Prices of what is no token: images by size and quality, seconds, characters, queries, pages."""

import pytest

from proxy.accounting.cost import Priced, cost_of, find_prices, price_per_token
from proxy.accounting.prices import PriceTable, load_bundled, parse_all
from proxy.accounting.rows import PriceRow, parse_public
from proxy.domain.deployment import Deployment
from proxy.domain.usage import Amount, Usage

TABLE = load_bundled()


def make_deployment(provider: str, model: str, **options: object) -> Deployment:
    return Deployment(id="d", group="g", provider=provider, model=model, **options)  # type: ignore[arg-type]


def cost(provider: str, model: str, *amounts: Amount, usage: Usage | None = None, **options: object) -> float | None:
    priced = find_prices(make_deployment(provider, model, **options), TABLE)
    found = cost_of((usage or Usage())._replace(amounts=amounts), priced)
    return found.total if found else None


@pytest.mark.parametrize(
    ("provider", "model", "amount", "dollars"),
    [
        ("openai", "whisper-1", Amount("second", 60), 0.006),
        ("groq", "whisper-large-v3", Amount("second", 100), 0.003083),
        ("openai", "tts-1", Amount("character", 1000), 0.015),
        ("cohere", "rerank-v3.5", Amount("query", 2), 0.004),
        ("bedrock", "amazon.rerank-v1:0", Amount("query", 3), 0.003),
        ("mistral", "mistral-ocr-latest", Amount("page", 10), 0.04),
        ("mistral", "mistral-ocr-latest", Amount("annotated_page", 10), 0.05),
        ("gemini", "veo-3.1-generate-preview", Amount("output_second", 8, ("4k",)), 4.8),
        ("gemini", "veo-3.1-generate-preview", Amount("output_second", 8, ("720p",)), 3.2),
    ],
)
def test_amount_is_priced_when_the_table_prices_its_unit(
    provider: str, model: str, amount: Amount, dollars: float
) -> None:
    assert cost(provider, model, amount) == pytest.approx(dollars)


@pytest.mark.parametrize(
    ("provider", "model", "variants", "dollars"),
    [
        ("openai", "gpt-image-1", ("high/1024x1024", "1024x1024"), 0.167),
        ("openai", "gpt-image-1", ("low/1024x1536", "1024x1536"), 0.016),
        ("azure", "dall-e-3", ("hd/1024x1024", "1024x1024"), 0.088),
        ("azure", "dall-e-3", ("standard/1024x1792", "1024x1792"), 0.088),
        ("bedrock", "amazon.nova-canvas-v1:0", ("1024x1024/50-steps", "1024x1024"), 0.06),
    ],
)
def test_image_is_priced_by_quality_and_size_when_the_table_has_them(
    provider: str, model: str, variants: tuple[str, ...], dollars: float
) -> None:
    assert cost(provider, model, Amount("image", 2, variants)) == pytest.approx(2 * dollars, rel=1e-3)


def test_cost_is_unknown_when_neither_unit_nor_tokens_have_a_price() -> None:
    assert cost("openai", "tts-1", Amount("image", 1)) is None
    assert cost("openai", "tts-1", usage=Usage(10, 10, 20)) is None
    assert cost("azure", "dall-e-3", Amount("image", 1, ("hd/7x7", "7x7"))) is None
    assert cost("jina_ai", "jina-reranker-v2-base-multilingual", Amount("query", 1)) is None


def test_providers_figure_is_kept_when_a_unit_has_no_price_here() -> None:
    priced = find_prices(make_deployment("openai", "tts-1"), TABLE)
    found = cost_of(Usage(amounts=(Amount("image", 1),), cost=0.25), priced)
    assert found is not None and (found.total, found.source, found.priced) == (0.25, "provider", False)


def test_tokens_are_priced_when_they_were_counted_beside_a_unit() -> None:
    usage = Usage(prompt_tokens=100, total_tokens=100)
    assert cost("jina_ai", "jina-reranker-v2-base-multilingual", Amount("query", 1), usage=usage) == pytest.approx(5e-6)


def test_image_tokens_have_their_own_price_when_they_are_counted_apart() -> None:
    usage = Usage(100, 1000, 1100, completion_image_tokens=900)
    # 100 * $5 + 900 * $32 + 100 * $10, a million tokens each.
    assert cost("openai", "gpt-image-1.5", Amount("image", 1, ("low/1024x1024",)), usage=usage) == pytest.approx(0.0303)


def test_images_are_priced_as_images_when_their_tokens_are_not_counted_apart() -> None:
    usage = Usage(10, 1290, 1300)
    assert cost("gemini", "gemini-2.5-flash-image", Amount("image", 1), usage=usage) == pytest.approx(0.039)


def test_the_first_amount_with_a_price_counts_when_an_answer_is_counted_in_two_ways() -> None:
    row = PriceRow("p", units={"image": 0.04, "pixel": 1e-6})
    amounts = (Amount("image", 1), Amount("pixel", 1_000_000))
    found = cost_of(Usage(amounts=amounts), Priced(row, "m", "table"))
    assert found is not None and (found.total, found.output, found.input, found.units) == (0.04, 0.04, 0.0, 0.04)


def test_deployments_own_unit_price_counts_when_its_model_info_names_one() -> None:
    info = {"output_cost_per_image": 0.5}
    usage = Usage(100, 1000, 1100)
    assert cost("openai", "gpt-image-1", Amount("image", 2), usage=usage, info=info) == pytest.approx(1.0)
    assert cost("openai", "rerank-own", Amount("query", 4), info={"input_cost_per_query": 0.01}) == pytest.approx(0.04)


def test_model_is_not_the_cheapest_when_its_tokens_have_no_price() -> None:
    assert price_per_token(make_deployment("openai", "tts-1"), TABLE) is None


def test_price_of_a_pixel_is_multiplied_when_a_row_is_for_a_size() -> None:
    public = {"hd/10-x-20/m": {"litellm_provider": "p", "mode": "image_generation", "input_cost_per_pixel": 0.001}}
    table = PriceTable(rows=parse_all(public))
    found = table.find("p", "m")
    assert found is not None and found[1].units == {"image:hd/10x20": 0.2}


def test_transcription_second_has_one_price_when_a_row_names_it_twice() -> None:
    both = {"mode": "audio_transcription", "input_cost_per_second": 0.0, "output_cost_per_second": 0.2}
    row = parse_public(both)
    assert row is not None and row.units == {"second": 0.2}
