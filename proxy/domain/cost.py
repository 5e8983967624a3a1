"""What one call cost, and how the figure came about."""

from typing import Any, Literal, NamedTuple

Source = Literal["table", "deployment", "provider"]


class Cost(NamedTuple):
    """USD. `total` is the figure that counts; `input + output` is what our prices make of the usage.

    `input` holds all of the prompt and `output` all of the completion; `cache_read`, `cache_write`, `reasoning` and
    `units` (what is priced by image, second, character, query or page) are shares of them. `source` names whose figure
    `total` is: the price table's, the deployment's own prices, or the provider's. `priced` is false where a provider
    gave a figure for a model without a price in the table.
    """

    total: float
    input: float = 0.0
    output: float = 0.0
    cache_read: float = 0.0
    cache_write: float = 0.0
    reasoning: float = 0.0
    units: float = 0.0
    source: Source = "table"
    priced: bool = True
    model: str | None = None

    @property
    def difference(self) -> float | None:
        """The provider's figure minus ours; None where there is only one of them."""
        return self.total - (self.input + self.output) if self.source == "provider" and self.priced else None

    def to_dict(self) -> dict[str, Any]:
        """LiteLLM's `cost_breakdown`, and what it has no name for."""
        return {
            "input_cost": self.input,
            "output_cost": self.output,
            "cache_read_cost": self.cache_read,
            "cache_creation_cost": self.cache_write,
            "reasoning_cost": self.reasoning,
            "unit_cost": self.units,
            "total_cost": self.total,
            "cost_source": self.source,
            "provider_cost_difference": self.difference,
            "priced_as": self.model,
        }
