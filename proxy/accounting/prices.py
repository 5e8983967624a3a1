"""The table of prices: found by provider and model, read from our own file or from the public one."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import orjson

from proxy.accounting.rows import PriceRow, parse_compact, parse_public
from proxy.accounting.units import size_price, split_size

BUNDLED = Path(__file__).with_name("prices.tsv")

# Names that price files and configurations use for one vendor's models.
_FAMILIES = {
    "azure_text": "azure",
    "bedrock_converse": "bedrock",
    "cohere_chat": "cohere",
    "text-completion-openai": "openai",
    "text-completion-codestral": "codestral",
    "vertex_ai_beta": "vertex_ai",
}


class PriceTable:
    """Rows by model name; each is parsed when it is first asked for, so that loading thousands costs little."""

    def __init__(self, texts: Mapping[str, bytes] | None = None, rows: Mapping[str, PriceRow] | None = None) -> None:
        self._texts = texts or {}
        self._rows: dict[str, PriceRow] = dict(rows or {})

    def __len__(self) -> int:
        return len(self._texts.keys() | self._rows.keys())

    def models_of(self, provider: str) -> list[str]:
        """The names, without the provider's, of the models that the table has of a provider."""
        named = ((name, self.row(name)) for name in sorted(self._texts.keys() | self._rows.keys()))
        own = (name for name, row in named if row is not None and row.prices_tokens and _same(row.provider, provider))
        return list(dict.fromkeys(name.removeprefix(f"{provider}/") for name in own))

    def row(self, name: str) -> PriceRow | None:
        """The row of exactly that name."""
        row = self._rows.get(name)
        if row is None and name in self._texts:
            row = self._rows[name] = parse_compact(orjson.loads(self._texts[name]))
        return row

    def find(self, provider: str, model: str) -> tuple[str, PriceRow] | None:
        """The row for a provider's model, with its name in the table.

        A name without the provider before it counts only when the row is that provider's: another vendor's price for a
        model of the same name would be a wrong number.
        """
        bare = model.removeprefix(f"{provider}/")
        for name in (f"{provider}/{bare}", bare, _base_of_tuned(bare)):
            row = self.row(name)
            if row is not None and (name.startswith(f"{provider}/") or _family(row.provider) == _family(provider)):
                return name, row
        return None


def _same(provider: str, other: str) -> bool:
    return _family(provider) == _family(other)


def _family(provider: str) -> str:
    return "vertex_ai" if provider.startswith("vertex_ai") else _FAMILIES.get(provider, provider)


def _base_of_tuned(model: str) -> str:
    """`ft:gpt-4o-2024-08-06:org::id` is priced as `ft:gpt-4o-2024-08-06`."""
    return ":".join(model.split(":")[:2]) if model.startswith("ft:") else model


def load_bundled() -> PriceTable:
    """The table that comes with the program: a line a model, name, tab, compact JSON."""
    lines = BUNDLED.read_bytes().splitlines()
    pairs = (line.split(b"\t", 1) for line in lines if line)
    return PriceTable({name.decode(): text for name, text in pairs})


def load_public(path: Path) -> PriceTable:
    """A table in the public file's format; raise ValueError if it is not one."""
    fields = orjson.loads(path.read_bytes())
    if not isinstance(fields, dict):
        raise ValueError(f"{path} is not a price file: a JSON object of models is expected")
    return PriceTable(rows=parse_all(fields))


def parse_all(fields: Mapping[str, object]) -> dict[str, PriceRow]:
    """Each row of the public file that has a price; its `sample_spec` explains the format and is none.

    The rows for sizes of images become variants of their model's row.
    """
    rows: dict[str, PriceRow] = {}
    sized: dict[str, PriceRow] = {}
    for name, public in fields.items():
        row = parse_public(public) if name != "sample_spec" and isinstance(public, Mapping) else None
        if row is None:
            continue
        split = split_size(name)
        if split is None:
            rows[name] = row
        elif (price := size_price(split[1], row.units)) is not None:
            model = sized.get(split[0]) or PriceRow(row.provider)
            sized[split[0]] = replace(model, units={**model.units, f"image:{split[1]}": price})
    for name, row in sized.items():
        model = rows.get(name, row)
        rows[name] = replace(model, units={**model.units, **row.units})
    return rows
