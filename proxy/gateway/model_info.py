"""What is known of each deployment, in the form of LiteLLM's model information, without any credential."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from proxy.accounting.cost import find_prices
from proxy.accounting.prices import PriceTable
from proxy.domain.deployment import Deployment
from proxy.domain.operations import Operation

# litellm_params without credentials or addresses.
_SHOWN = ("rpm", "tpm", "max_parallel_requests", "weight", "order", "timeout", "stream_timeout", "tags")


class ModelInfo:
    """One per application. `operation_of` is the operation that a health check would ask."""

    def __init__(
        self, deployments: Sequence[Deployment], prices: PriceTable, operation_of: Callable[[Deployment], Operation]
    ) -> None:
        self._deployments = deployments
        self._prices = prices
        self._operation_of = operation_of

    def entries(self, identifier: str | None = None) -> list[dict[str, Any]]:
        """One entry for each deployment, or for the one of this id."""
        return [
            {
                "model_name": one.group,
                "litellm_params": _shown_params(one),
                "model_info": {**self._facts(one), **one.info, "id": one.id, "db_model": False},
            }
            for one in self._deployments
            if identifier is None or one.id == identifier
        ]

    def groups(self, name: str | None = None) -> list[dict[str, Any]]:
        """One entry for each group: its providers, the largest limits, the highest prices, what any of it supports."""
        found: dict[str, list[dict[str, Any]]] = {}
        providers: dict[str, list[str]] = {}
        for one, entry in zip(self._deployments, self.entries(), strict=True):
            if name is None or one.group == name:
                found.setdefault(one.group, []).append(entry["model_info"])
                providers.setdefault(one.group, []).append(one.provider)
        return [
            {"model_group": group, "providers": [*dict.fromkeys(providers[group])], **_together(facts)}
            for group, facts in found.items()
        ]

    def _facts(self, deployment: Deployment) -> dict[str, Any]:
        """The price table's facts."""
        facts: dict[str, Any] = {"mode": self._operation_of(deployment).mode, "litellm_provider": deployment.provider}
        priced = None if deployment.wildcard else find_prices(deployment, self._prices)
        if priced is None:
            return facts
        prices = priced.row.prices(0)
        listed = {
            "max_input_tokens": priced.row.max_input_tokens,
            "max_output_tokens": priced.row.max_output_tokens,
            "max_tokens": priced.row.max_output_tokens,
            "input_cost_per_token": prices.input,
            "output_cost_per_token": prices.output,
            "cache_read_input_token_cost": prices.cache_read,
            "cache_creation_input_token_cost": prices.cache_write,
        }
        return facts | {name: value for name, value in listed.items() if value is not None}


def _shown_params(deployment: Deployment) -> dict[str, Any]:
    params: dict[str, Any] = {"model": deployment.label}
    if deployment.shown_base:
        params["api_base"] = deployment.shown_base
    return params | {name: value for name in _SHOWN if (value := getattr(deployment, name)) not in (None, ())}


def _together(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = dict.fromkeys(name for one in facts for name in one)
    return dict(_merged((name, [one[name] for one in facts if name in one]) for name in names))


def _merged(values: Iterable[tuple[str, list[Any]]]) -> Iterator[tuple[str, Any]]:
    for name, given in values:
        if name in ("id", "db_model"):
            continue
        if all(isinstance(value, bool) for value in given):
            yield name, any(given)
        elif all(isinstance(value, int | float) for value in given):
            yield name, max(given)
        else:
            yield name, given[0]
