"""Calls that refer to what one deployment keeps: which deployments can answer them."""

from collections.abc import Sequence

from proxy.domain.call import Pin
from proxy.domain.deployment import Deployment
from proxy.errors import BadRequestError
from proxy.routing.catalogue import Group


def pinned(group: Group, pin: Pin, model: str, deployments: Sequence[Deployment]) -> Group:
    """The deployments of the group that reach what the pinned one keeps: itself, and those of the same account.

    One outside the group counts where a fallback from the same `model` had led to it. Raise BadRequestError
    (previous_response_not_found) where there is none. `deployments` are all that are configured.
    """
    keeper = next((known for known in deployments if known.id == pin.deployment), None)
    fitting = [known for known in group.deployments if known.id == pin.deployment or _is_same(known, keeper)]
    if not fitting and keeper is not None and pin.model == model and not keeper.wildcard:
        fitting = [keeper]
    if not fitting:
        raise BadRequestError(
            f"The earlier response is not kept where '{group.name}' is served.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    return Group.of(group.name, fitting, f"{group.key} {pin.deployment}")


def _is_same(known: Deployment, keeper: Deployment | None) -> bool:
    return keeper is not None and known.provider == keeper.provider and known.connection == keeper.connection
