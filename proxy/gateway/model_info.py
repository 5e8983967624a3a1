"""What is known of each deployment, in the form of LiteLLM's model information, without any credential."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from proxy.accounting.cost import find_prices
from proxy.accounting.prices import PriceTable
from proxy.accounting.rows import FEATURES
from proxy.domain.deployment import Deployment
from proxy.domain.operations import Operation
from proxy.providers.parameters import supported
from proxy.providers.registry import find_provider

# litellm_params without credentials or addresses.
_SHOWN = ("rpm", "tpm", "max_parallel_requests", "weight", "order", "timeout", "stream_timeout", "tags")

# Whether the caller may use a group.
MayUse = Callable[[str], bool]


def _all(_group: str) -> bool:
    return True


class ModelInfo:
    """One per application. `operation_of` is the operation that a health check would ask."""

    def __init__(
        self, deployments: Sequence[Deployment], prices: PriceTable, operation_of: Callable[[Deployment], Operation]
    ) -> None:
        self._deployments = deployments
        self._prices = prices
        self._operation_of = operation_of

    def entries(self, identifier: str | None = None, may_use: MayUse = _all) -> list[dict[str, Any]]:
        """One entry for each deployment of a group that the caller may use, or for the one of this id."""
        return [
            {
                "model_name": one.group,
                "litellm_params": _shown_params(one),
                "model_info": {**self._facts(one), **one.info, "id": one.id, "db_model": False},
            }
            for one in self._deployments
            if (identifier is None or one.id == identifier) and may_use(one.group)
        ]

    def groups(self, name: str | None = None, may_use: MayUse = _all) -> list[dict[str, Any]]:
        """One entry for each group: its providers, the largest limits, the highest prices, what any of it supports."""
        members: dict[str, list[Deployment]] = {}
        for one in self._deployments:
            if (name is None or one.group == name) and may_use(one.group):
                members.setdefault(one.group, []).append(one)
        return [self._group(group, deployments) for group, deployments in members.items()]

    def _group(self, name: str, deployments: Sequence[Deployment]) -> dict[str, Any]:
        facts = [{**self._facts(one), **one.info} for one in deployments]
        limits = {kind: [getattr(one, kind) for one in deployments] for kind in ("rpm", "tpm")}
        return {
            "model_group": name,
            "providers": [*dict.fromkeys(one.provider for one in deployments)],
            **{kind: sum(given) if None not in given else None for kind, given in limits.items()},
            "is_public_model_group": False,
            **_together(facts),
        }

    def _facts(self, deployment: Deployment) -> dict[str, Any]:
        """The price table's facts."""
        operation = self._operation_of(deployment)
        facts: dict[str, Any] = {
            "mode": operation.mode,
            "litellm_provider": deployment.provider,
            "supported_openai_params": _taken(deployment, operation),
        }
        priced = None if deployment.wildcard else find_prices(deployment, self._prices)
        if priced is None:
            return facts
        prices = priced.row.prices(0)
        listed = {
            "key": priced.name if priced.source == "table" else None,
            "max_input_tokens": priced.row.max_input_tokens,
            "max_output_tokens": priced.row.max_output_tokens,
            "max_tokens": priced.row.max_output_tokens,
            "input_cost_per_token": prices.input,
            "output_cost_per_token": prices.output,
            "cache_read_input_token_cost": prices.cache_read,
            "cache_creation_input_token_cost": prices.cache_write,
        }
        abilities = {f"supports_{name}": name in priced.row.features for name in FEATURES}
        return facts | {name: value for name, value in listed.items() if value is not None} | abilities


def _taken(deployment: Deployment, operation: Operation) -> list[str]:
    """OpenAI's parameters that the provider takes."""
    provider = find_provider(deployment.provider)
    return [] if provider is None else sorted(supported(provider, operation))


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
        if name in ("id", "db_model", "key", "litellm_provider"):
            continue
        if all(isinstance(value, bool) for value in given):
            yield name, any(given)
        elif all(isinstance(value, int | float) for value in given):
            yield name, max(given)
        else:
            yield name, given[0]
