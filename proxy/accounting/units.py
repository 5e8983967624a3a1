"""Prices of what is counted beside tokens: images, pixels, seconds, characters, queries, pages; USD per unit.

A key is the unit's name, or `unit:variant` for what has a price of its own: `image:hd/1024x1024`, `output_second:720p`.
"""

import re
from collections.abc import Mapping
from typing import Any

from proxy.domain.usage import Amount

# Units that are made, not sent: they count as output in a cost.
OUTPUT_UNITS = frozenset({"image", "pixel", "output_second"})
# The public file's name of each unit's price; the first that a row has.
_PUBLIC: Mapping[str, tuple[str, ...]] = {
    "image": ("output_cost_per_image",),
    "input_image": ("input_cost_per_image",),
    "second": ("input_cost_per_second",),
    "output_second": ("output_cost_per_second", "output_cost_per_video_per_second"),
    "character": ("input_cost_per_character",),
    "query": ("input_cost_per_query",),
    "page": ("ocr_cost_per_page",),
    "annotated_page": ("annotation_cost_per_page",),
}
# Models that make images: some rows name the price of an image that is made `input_cost_per_image`.
_IMAGE_MODES = frozenset({"image_generation", "image_edit"})
_VARIANT = re.compile(r"output_cost_per_(image|second)_(\d[\d.]*[A-Za-z]*)")
_QUALITIES = frozenset("low medium high xhigh max hd standard auto".split())
_SIZE = re.compile(r"(\d+|max)-x-(\d+|max)")


def parse_units(fields: Mapping[str, Any]) -> dict[str, float]:
    """The prices of units in a row of the public file."""
    units = {}
    for unit, names in _PUBLIC.items():
        price = next((found for name in names if (found := _price(fields.get(name))) is not None), None)
        if price is not None:
            units[unit] = price
    if fields.get("mode") in _IMAGE_MODES and "image" not in units and "input_image" in units:
        units["image"] = units.pop("input_image")
    if fields.get("mode") == "audio_transcription":
        # Such rows write the price of a second of audio as that of input, of output or of both.
        made = units.pop("output_second", None)
        units.update({"second": made} if made and not units.get("second") else {})
    pixel = max(_price(fields.get(f"{side}_cost_per_pixel")) or 0.0 for side in ("input", "output"))
    return units | ({"pixel": pixel} if pixel else {}) | _variants(fields)


def _variants(fields: Mapping[str, Any]) -> dict[str, float]:
    found = {}
    for name, value in fields.items():
        match, price = _VARIANT.fullmatch(name), _price(value)
        if match and price is not None:
            unit = "image" if match[1] == "image" else "output_second"
            found[f"{unit}:{match[2].lower()}"] = price
    return found


def split_size(name: str) -> tuple[str, str] | None:
    """(`dall-e-3`, `hd/1024x1024`) of `hd/1024-x-1024/dall-e-3`: the public file has a row for each size of image.

    What is before the quality belongs to the model's name. None for the name of an ordinary row.
    """
    parts = name.split("/")
    at = next((position for position, part in enumerate(parts) if _SIZE.fullmatch(part)), None)
    if at is None:
        return None
    before, after = parts[:at], parts[at + 1 :]
    quality = [before.pop()] if before and before[-1] in _QUALITIES else []
    steps = [after.pop(0)] if after and after[0].endswith("-steps") else []
    return "/".join([*before, *after]), "/".join([*quality, parts[at].replace("-x-", "x"), *steps])


def size_price(variant: str, units: Mapping[str, float]) -> float | None:
    """What one image of a sized row costs; a price per pixel is multiplied by its size."""
    size = re.search(r"(\d+)x(\d+)", variant)
    if "image" in units or "pixel" not in units or size is None:
        return units.get("image")
    return float(f"{units['pixel'] * int(size[1]) * int(size[2]):.6g}")


def price_amounts(amounts: tuple[Amount, ...], units: Mapping[str, float]) -> tuple[str, float] | None:
    """(unit, USD) for the first amount that has a price; the amounts are ways to count one answer, the best first."""
    for amount in amounts:
        names = (*(f"{amount.unit}:{variant}" for variant in amount.variants), amount.unit)
        price = next((units[name] for name in names if name in units), None)
        if price is not None:
            return amount.unit, amount.quantity * price
    return None


def _price(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
