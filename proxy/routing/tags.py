"""Which deployments a request's tags, or the program that sent it, allow."""

import re
from collections.abc import Iterable, Mapping, Sequence

from proxy.domain.deployment import Deployment

DEFAULT_TAG = "default"

# Where in a sequence of deployments each tag is.
Positions = Mapping[str, Sequence[int]]


def tag_positions(deployments: Sequence[Deployment]) -> Positions:
    found: dict[str, list[int]] = {}
    for position, deployment in enumerate(deployments):
        for tag in deployment.tags:
            found.setdefault(tag, []).append(position)
    return found


def allowed_by_tags(
    deployments: Sequence[Deployment],
    positions: Positions,
    tags: Sequence[str],
    match_any: bool,
    user_agent: str | None = None,
) -> list[Deployment]:
    """The deployments for these tags; none when the tags allow none. `positions` are the deployments' own.

    `!tag` excludes, `&tag` requires, a plain tag has to be one of the deployment's (all of them unless `match_any`).
    Where no plain tag fits, those serve whose `tag_regex` is found in "User-Agent: <user_agent>". Then, unless tags were
    required, those tagged "default", and for requests without plain tags those that ask for nothing.
    """
    excluded = {tag[1:] for tag in tags if tag.startswith("!")}
    required = {tag[1:] for tag in tags if tag.startswith("&")}
    plain = {tag for tag in tags if not tag.startswith(("!", "&"))}
    sharing = [deployments[position] for position in sorted({one for tag in plain for one in positions.get(tag, ())})]
    named = [one for one in _open(sharing, excluded, required) if _matches(plain, set(one.tags), match_any)]
    if named:
        return named
    open_to = _open(deployments, excluded, required)
    if required and not plain:
        return open_to
    recognised = [one for one in open_to if _recognises(one, user_agent)]
    defaults = [one for one in open_to if DEFAULT_TAG in one.tags]
    plainest = [one for one in open_to if not one.tags and not one.tag_regex and not plain]
    return recognised or defaults or plainest


def _open(deployments: Iterable[Deployment], excluded: set[str], required: set[str]) -> list[Deployment]:
    return [one for one in deployments if not excluded & set(one.tags) and required <= set(one.tags)]


def _matches(wanted: set[str], own: set[str], match_any: bool) -> bool:
    return bool(wanted & own) if match_any else wanted <= own


def _recognises(deployment: Deployment, user_agent: str | None) -> bool:
    return any(re.search(pattern, f"User-Agent: {user_agent or ''}") for pattern in deployment.tag_regex)
