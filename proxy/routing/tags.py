"""Which deployments a request's tags allow."""

from collections.abc import Sequence

from proxy.domain.deployment import Deployment

DEFAULT_TAG = "default"


def allowed_by_tags(deployments: Sequence[Deployment], tags: Sequence[str], match_any: bool) -> list[Deployment]:
    """The deployments for these tags; none when the tags allow none.

    `!tag` excludes, `&tag` requires, a plain tag has to be one of the deployment's (all of them unless `match_any`).
    Without plain tags, and when none fits, those tagged "default" serve; without tags at all the untagged ones as well.
    """
    excluded = {tag[1:] for tag in tags if tag.startswith("!")}
    required = {tag[1:] for tag in tags if tag.startswith("&")}
    plain = {tag for tag in tags if not tag.startswith(("!", "&"))}
    open_to = [one for one in deployments if not excluded & set(one.tags) and required <= set(one.tags)]
    defaults = [one for one in open_to if DEFAULT_TAG in one.tags]
    if plain:
        return [one for one in open_to if _matches(plain, set(one.tags), match_any)] or defaults
    if required:
        return open_to
    return defaults or [one for one in open_to if not one.tags]


def _matches(wanted: set[str], own: set[str], match_any: bool) -> bool:
    return bool(wanted & own) if match_any else wanted <= own
