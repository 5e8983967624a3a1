"""What a call cost, from its usage, the deployment's own prices and the table. Pure.

The parts of a prompt and of an answer are priced one by one; a part without a price of its own costs what ordinary
tokens cost. Above a threshold of prompt tokens the whole request moves to the higher prices.
"""

from typing import Literal, NamedTuple

from proxy.accounting.prices import PriceTable
from proxy.accounting.rows import PriceRow, Prices, Sheet, parse_public
from proxy.accounting.units import OUTPUT_UNITS, price_amounts
from proxy.domain.cost import Cost, Source
from proxy.domain.deployment import Deployment
from proxy.domain.usage import Usage


class Priced(NamedTuple):
    """Where the prices come from."""

    row: PriceRow
    name: str
    source: Literal["table", "deployment"]


def compute_cost(
    usage: Usage,
    deployment: Deployment,
    table: PriceTable,
    *,
    answered: str | None = None,
    service_tier: str | None = None,
    at: float | None = None,
) -> Cost | None:
    """The cost of one call; None where no price is known: no number rather than a wrong one.

    `answered` is the model that the provider's answer names, `service_tier` the tier it was served in, `at`
    the time in Unix seconds (for vendors that charge less in some hours). The provider's own figure wins over ours, and
    the difference stays visible in the Cost.
    """
    return cost_of(usage, find_prices(deployment, table, answered), service_tier, at)


def cost_of(
    usage: Usage, priced: Priced | None, service_tier: str | None = None, at: float | None = None
) -> Cost | None:
    """`compute_cost` with prices that are already found."""
    if priced is None:
        return _given(usage)
    prices = priced.row.prices(usage.prompt_tokens, service_tier, at)
    cost: Cost | None = price(usage, prices, priced.source, priced.name)
    if usage.amounts or (prices.input is None and prices.output is None):
        cost = _by_unit(usage, prices, priced, cost)
    if cost is None or usage.cost is None:
        return _given(usage) if cost is None else cost
    return cost._replace(total=usage.cost, source="provider")


def _given(usage: Usage) -> Cost | None:
    """The provider's own figure, for what has no price here."""
    return None if usage.cost is None else Cost(usage.cost, source="provider", priced=False)


def _by_unit(usage: Usage, prices: Prices, priced: Priced, tokens: Cost | None) -> Cost | None:
    """The price of the tokens where they were counted and cost something, else of the first amount with a price.

    None where neither is known. Images whose tokens were not counted apart cost more than tokens of text.
    """
    counted = usage.prompt_tokens or usage.completion_tokens
    mixed = prices.output is not None and prices.output_image is not None and not usage.completion_image_tokens
    if tokens and tokens.total and not (mixed and "image" in priced.row.units and usage.amounts):
        return tokens
    found = price_amounts(usage.amounts, priced.row.units)
    if found is None:
        known = prices.input is not None or prices.output is not None
        return tokens if counted and known and not (mixed and usage.amounts) else None
    unit, amount = found
    made = unit in OUTPUT_UNITS
    shares = (0.0, amount) if made else (amount, 0.0)
    return Cost(amount, *shares, units=amount, source=priced.source, model=priced.name)


def price_per_token(deployment: Deployment, table: PriceTable) -> float | None:
    """What one token in and one token out cost together, for choosing the cheapest; None where no price is known."""
    priced = find_prices(deployment, table)
    if priced is None:
        return None
    prices = priced.row.prices(0)
    if prices.input is None and prices.output is None:
        return None
    return (prices.input or 0.0) + (prices.output or 0.0)


def find_prices(deployment: Deployment, table: PriceTable, answered: str | None = None) -> Priced | None:
    """The first with prices: the deployment itself, its `base_model`, the model that answered, the model asked for."""
    found = None
    base_model = deployment.info.get("base_model")
    for model in (base_model, answered, deployment.model):
        if isinstance(model, str) and model:
            found = found or table.find(deployment.provider, model)
    if found is None and isinstance(base_model, str):
        row = table.row(base_model)
        found = (base_model, row) if row else None
    own = own_prices(deployment, found[1] if found else None)
    if own is not None:
        return Priced(own, deployment.id, "deployment")
    return Priced(found[1], found[0], "table") if found else None


def own_prices(deployment: Deployment, listed: PriceRow | None) -> PriceRow | None:
    """The deployment's own prices, from its parameters and its `model_info`, in the public file's names.

    Input and output that are not given are the listed ones; nothing else is taken from the list, since a discount on
    one price implies nothing about the others.
    """
    given = {
        name: price
        for name, price in (
            ("input_cost_per_token", deployment.input_cost_per_token),
            ("output_cost_per_token", deployment.output_cost_per_token),
        )
        if price is not None
    }
    if not given and not deployment.info:
        return None
    own = parse_public({**deployment.info, **given, "litellm_provider": deployment.provider})
    if own is None:
        return None
    base = listed.prices(0) if listed else Prices()
    sheet = own.tiers[""]
    if sheet.base == Prices() and own.units and not own.bands:
        return own
    filled = sheet.base.over(Prices(input=base.input, output=base.output))
    return PriceRow(own.provider, {**own.tiers, "": Sheet(filled, sheet.above)}, own.bands, units=own.units)


def price(usage: Usage, prices: Prices, source: Source = "table", model: str | None = None) -> Cost:
    """The sum of the parts, each at its price; `source` and `model` name the origin of the prices.

    Audio that was cached is counted twice in a usage: it costs as cached.
    """
    input_price = prices.input or 0.0
    output_price = (prices.output_image or 0.0) if prices.output is None else prices.output
    if usage.ordinary:
        prompt, answer = usage.prompt_tokens * input_price, usage.completion_tokens * output_price
        return Cost(prompt + answer, prompt, answer, source=source, model=model)
    write_price = _first(prices.cache_write, input_price)
    fresh = max(0, usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens)
    spoken = max(0, usage.completion_tokens - usage.reasoning_tokens)
    audio_in, audio_out = min(usage.prompt_audio_tokens, fresh), min(usage.completion_audio_tokens, spoken)
    image_in = min(usage.prompt_image_tokens, fresh - audio_in)
    image_out = min(usage.completion_image_tokens, spoken - audio_out)
    cached = usage.cached_tokens * _first(prices.cache_read, input_price)
    written = (
        max(0, usage.cache_write_tokens - usage.cache_write_1h_tokens) * write_price
        + usage.cache_write_1h_tokens * _first(prices.cache_write_1h, write_price)
    )  # fmt: skip
    thought = usage.reasoning_tokens * _first(prices.reasoning, output_price)
    prompt = (
        (fresh - audio_in - image_in) * input_price
        + audio_in * _first(prices.input_audio, input_price)
        + image_in * _first(prices.input_image, input_price)
        + cached
        + written
    )
    answer = (
        (spoken - audio_out - image_out) * output_price
        + audio_out * _first(prices.output_audio, output_price)
        + image_out * _first(prices.output_image, output_price)
        + thought
    )
    return Cost(prompt + answer, prompt, answer, cached, written, thought, source=source, model=model)


def _first(price: float | None, otherwise: float) -> float:
    return otherwise if price is None else price
