"""One model's prices: read from the public price file's form, kept in a compact one.

The public file is LiteLLM's `model_prices_and_context_window.json`: USD per token under names such as
`input_cost_per_token_above_200k_tokens_priority`. The compact form is USD per million tokens, as price pages print it,
with short names (SHORT below); prices of other units (see units.py) are USD per unit in both.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from types import MappingProxyType
from typing import Any, NamedTuple

from proxy.accounting.offpeak import Schedule, Window, parse_public_schedule
from proxy.accounting.units import parse_units


class Prices(NamedTuple):
    """USD per token; None is "no price of its own"."""

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
    reasoning: float | None = None
    input_audio: float | None = None
    output_audio: float | None = None
    input_image: float | None = None
    output_image: float | None = None

    def over(self, other: "Prices") -> "Prices":
        """These prices, and the other's where these have none."""
        return Prices(*(mine if mine is not None else theirs for mine, theirs in zip(self, other, strict=True)))


NO_PRICES = Prices()

# The public name of each price, in the order of Prices.
PUBLIC = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "cache_creation_input_token_cost_above_1hr",
    "output_cost_per_reasoning_token",
    "input_cost_per_audio_token",
    "output_cost_per_audio_token",
    "input_cost_per_image_token",
    "output_cost_per_image_token",
)
SHORT = ("in", "out", "read", "write", "write_1h", "think", "audio_in", "audio_out", "image_in", "image_out")
# What a model can do, by the public file's names without `supports_`.
FEATURES = (
    "function_calling",
    "parallel_function_calling",
    "tool_choice",
    "response_schema",
    "system_messages",
    "vision",
    "pdf_input",
    "audio_input",
    "audio_output",
    "video_input",
    "reasoning",
    "prompt_caching",
    "web_search",
    "url_context",
    "computer_use",
    "assistant_prefill",
)
SERVICE_TIERS = ("priority", "flex", "batches")

_MILLION = 1_000_000
_THRESHOLD = re.compile(r"_above_(\d+)k_tokens")
# Vendors that give one discount on cached prompt tokens for all their models, where the price file names none.
_CACHE_READ_SHARE = {"fireworks_ai": 0.5}  # https://docs.fireworks.ai/guides/prompt-caching
# A price "above" a threshold counts when the prompt is strictly longer; at these providers from the threshold on.
_FROM_THRESHOLD_ON = frozenset({"xai"})


@dataclass(frozen=True, slots=True)
class Sheet:
    """The prices of one service tier: `base`, and what replaces them for the whole request when its prompt is longer
    than a threshold (ascending)."""

    base: Prices = NO_PRICES
    above: tuple[tuple[int, Prices], ...] = ()


@dataclass(frozen=True, slots=True)
class PriceRow:
    """`tiers` is keyed by service tier, "" is the ordinary one. `bands` are (prompt tokens up to, prices), ascending:
    a vendor's other way to write thresholds. `off_peak` are the prices in the hours of `schedule`. `units`
    are the prices of other units than tokens. Limits are tokens,
    None where unknown. `features`: what the model can do, of FEATURES."""

    provider: str
    tiers: Mapping[str, Sheet] = field(default_factory=lambda: MappingProxyType({"": Sheet()}))
    bands: tuple[tuple[float, Prices], ...] = ()
    off_peak: Prices = NO_PRICES
    schedule: Schedule | None = None
    units: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    features: tuple[str, ...] = ()

    @property
    def prices_tokens(self) -> bool:
        """Whether a token of a prompt or an answer has a price."""
        return bool(self.bands) or self.tiers[""].base.input is not None or self.tiers[""].base.output is not None

    def prices(self, prompt_tokens: int, service_tier: str | None = None, at: float | None = None) -> Prices:
        """The prices that hold for a request of this size, at this time (Unix seconds): the most particular first."""
        ordinary = self.tiers[""]
        if not (service_tier or ordinary.above or self.bands or self.schedule):
            return ordinary.base
        special = self.tiers.get(service_tier or "", ordinary)
        low = self.schedule is not None and at is not None and self.schedule.holds(at)
        candidates = (
            self.off_peak if low else NO_PRICES,
            self._above(special, prompt_tokens),
            self._above(ordinary, prompt_tokens),
            special.base if special is not ordinary else NO_PRICES,
            self._band(prompt_tokens),
            ordinary.base,
        )
        return reduce(Prices.over, map(_thinking_as_output, candidates))

    def _above(self, sheet: Sheet, prompt_tokens: int) -> Prices:
        inclusive = self.provider in _FROM_THRESHOLD_ON
        found = NO_PRICES
        for threshold, prices in sheet.above:
            if prompt_tokens > threshold or (inclusive and prompt_tokens == threshold):
                found = prices.over(found)
        return found

    def _band(self, prompt_tokens: int) -> Prices:
        last = self.bands[-1][1] if self.bands else NO_PRICES
        return next((prices for limit, prices in self.bands if prompt_tokens <= limit), last)


def parse_public(fields: Mapping[str, Any]) -> PriceRow | None:
    """A row of the public file; None if it has no price that is known here."""
    fields = _with_cache_discount(fields)
    sheets = {tier: _public_sheet(fields, tier) for tier in ("", *SERVICE_TIERS)}
    bands = tuple(
        (float(band["range"][1]), _public_prices(band))
        for band in fields.get("tiered_pricing") or ()
        if "range" in band
    )
    reduced = fields.get("off_peak_pricing") or {}
    units = parse_units(fields)
    if not bands and not units and sheets[""].base.input is None and sheets[""].base.output is None:
        return None
    return PriceRow(
        provider=str(fields.get("litellm_provider") or ""),
        tiers={tier: sheet for tier, sheet in sheets.items() if tier == "" or sheet != Sheet()},
        bands=bands,
        off_peak=_public_prices(reduced),
        schedule=parse_public_schedule(reduced),
        units=units,
        max_input_tokens=_limit(fields.get("max_input_tokens")),
        max_output_tokens=_limit(fields.get("max_output_tokens")),
        features=tuple(name for name in FEATURES if fields.get(f"supports_{name}") is True),
    )


def _thinking_as_output(prices: Prices) -> Prices:
    """Where a threshold or a service tier prices answers but not reasoning, reasoning costs what answers cost there."""
    return prices if prices.reasoning is not None else prices._replace(reasoning=prices.output)


def _with_cache_discount(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    share, full = _CACHE_READ_SHARE.get(str(fields.get("litellm_provider"))), _price(fields.get(PUBLIC[0]))
    if share is None or full is None or PUBLIC[2] in fields:
        return fields
    return {**fields, PUBLIC[2]: full * share}


def _public_sheet(fields: Mapping[str, Any], tier: str) -> Sheet:
    suffix = f"_{tier}" if tier else ""
    thresholds = sorted({int(found.group(1)) for name in fields for found in [_THRESHOLD.search(name)] if found})
    above = [(kilo * 1000, _public_prices(fields, f"_above_{kilo}k_tokens{suffix}")) for kilo in thresholds]
    return Sheet(
        _public_prices(fields, suffix), tuple((tokens, prices) for tokens, prices in above if prices != NO_PRICES)
    )


def _public_prices(fields: Mapping[str, Any], suffix: str = "") -> Prices:
    return Prices(*(_price(fields.get(name + suffix)) for name in PUBLIC))


def _price(value: object) -> float | None:
    """Some rows write a price as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _limit(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def to_compact(row: PriceRow) -> dict[str, Any]:
    """The compact form, ready for JSON."""
    compact: dict[str, Any] = {"provider": row.provider}
    for tier, sheet in row.tiers.items():
        place = compact.setdefault("tier", {}).setdefault(tier, {}) if tier else compact
        place.update(_short(sheet.base))
        if sheet.above:
            place["above"] = {str(tokens): _short(prices) for tokens, prices in sheet.above}
    if row.bands:
        compact["bands"] = [[limit, _short(prices)] for limit, prices in row.bands]
    if row.schedule:
        compact["off_peak"] = _short(row.off_peak) | {
            "zone": row.schedule.zone,
            "windows": [list(window) for window in row.schedule.windows],
        }
    if row.units:
        compact["units"] = dict(row.units)
    if row.features:
        compact["can"] = " ".join(row.features)
    limits = {"context": row.max_input_tokens, "answer": row.max_output_tokens}
    return compact | {name: limit for name, limit in limits.items() if limit is not None}


def parse_compact(compact: Mapping[str, Any]) -> PriceRow:
    """The row that `to_compact` wrote."""
    reduced = compact.get("off_peak", {})
    windows = tuple(Window(start, end, tuple(weekdays)) for start, end, weekdays in reduced.get("windows", ()))
    return PriceRow(
        provider=compact["provider"],
        tiers=dict(_compact_sheets(compact)),
        bands=tuple((limit, _long(prices)) for limit, prices in compact.get("bands", ())),
        off_peak=_long(reduced),
        schedule=Schedule(windows, reduced["zone"]) if windows else None,
        units=compact.get("units", {}),
        max_input_tokens=compact.get("context"),
        max_output_tokens=compact.get("answer"),
        features=tuple(compact.get("can", "").split()),
    )


def _compact_sheets(compact: Mapping[str, Any]) -> Iterator[tuple[str, Sheet]]:
    for tier, fields in {"": compact, **compact.get("tier", {})}.items():
        above = tuple((int(tokens), _long(prices)) for tokens, prices in fields.get("above", {}).items())
        yield tier, Sheet(_long(fields), above)


def _short(prices: Prices) -> dict[str, float]:
    """USD per million; rounded where the multiplication left noise in the last digits."""
    return {
        name: float(f"{price * _MILLION:.12g}") for name, price in zip(SHORT, prices, strict=True) if price is not None
    }


def _long(fields: Mapping[str, Any]) -> Prices:
    return Prices(*(fields[name] / _MILLION if name in fields else None for name in SHORT))
