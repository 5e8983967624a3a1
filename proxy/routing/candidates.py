"""Which deployments of a level a call may use, by what is known before anybody is asked."""

from collections.abc import Sequence

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import RouterSettings
from proxy.errors import AuthenticationError, ContextWindowExceededError
from proxy.routing.estimate import prompt_tokens
from proxy.routing.tags import Positions, allowed_by_tags


def all_fit(settings: RouterSettings) -> bool:
    """The configuration filters neither by tags nor by length: every call fits every deployment."""
    return not (settings.enable_tag_filtering or settings.enable_pre_call_checks)


def candidates(
    level: Sequence[Deployment], positions: Positions, call: Call, settings: RouterSettings, group: str
) -> Sequence[Deployment]:
    """The level's deployments that fit the call's tags and its length; `positions` are where its tags are in it.

    Raise AuthenticationError when the tags allow none, ContextWindowExceededError when the prompt is too long for all.
    """
    if settings.enable_tag_filtering:
        agent = call.requester.user_agent
        level = allowed_by_tags(level, positions, call.options.tags, settings.tag_filtering_match_any, agent)
        if not level:
            raise AuthenticationError(
                "Not allowed to access model due to tags configuration. "
                f"Passed model={group} and tags={list(call.options.tags)}",
                param="tags",
            )
    return _long_enough(level, call) if settings.enable_pre_call_checks else level


def _long_enough(level: Sequence[Deployment], call: Call) -> Sequence[Deployment]:
    if not any(isinstance(one.info.get("max_input_tokens"), int) for one in level):
        return level
    tokens = prompt_tokens(call.observed_fields)
    fitting = [one for one in level if tokens <= (_max_input(one) or tokens)]
    if level and not fitting:
        longest = max(_max_input(one) or 0 for one in level)
        raise ContextWindowExceededError(
            f"The prompt has about {tokens} tokens; the longest that a deployment of this model takes is {longest}."
        )
    return fitting


def _max_input(deployment: Deployment) -> int | None:
    most = deployment.info.get("max_input_tokens")
    return most if isinstance(most, int) else None
