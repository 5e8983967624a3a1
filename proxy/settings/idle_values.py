"""Values that are well-formed and have no effect, because what they name does not exist."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from proxy.domain.router_settings import RouterSettings
from schemas.config import ConfigProblem

_CHECKS = frozenset({"enforce_model_rate_limits"})
_LABELS = frozenset({"end_user", "client_ip", "user_agent"})


def idle_values(
    loaded: Mapping[str, Any], router: RouterSettings, known: Callable[[str], bool]
) -> Iterator[ConfigProblem]:
    """`loaded` is the file's content as the schema has read it, `known` whether a model's name can be asked for."""
    yield from _unknown_items(
        "router_settings.optional_pre_call_checks", router.optional_pre_call_checks, _CHECKS, "is not served here"
    )
    labels = loaded.get("litellm_settings", {}).get("prometheus_caller_labels", ())
    yield from _unknown_items("litellm_settings.prometheus_caller_labels", labels, _LABELS, "is no label of a caller")
    for group in router.model_group_retry_policy:
        if not known(group):
            yield ConfigProblem(f"router_settings.model_group_retry_policy.{group}", "has no effect: no such model")
    model = loaded.get("general_settings", {}).get("completion_model")
    if model is not None and not known(model):
        yield ConfigProblem("general_settings.completion_model", f"names a model that does not exist: {model!r}")
    for position, entry in enumerate(loaded.get("model_list", ())):
        if entry["litellm_params"]["model"].endswith("/"):
            yield ConfigProblem(f"model_list[{position}].litellm_params.model", "names no model behind its provider")
        if "," in entry["model_name"]:
            place = f"model_list[{position}].model_name"
            yield ConfigProblem(place, "has a comma: a chat request for it is split into several models")


def _unknown_items(path: str, items: Sequence[str], names: frozenset[str], what: str) -> Iterator[ConfigProblem]:
    for position, item in enumerate(items):
        if item not in names:
            yield ConfigProblem(f"{path}[{position}]", f"{item!r} {what}; there are {', '.join(sorted(names))}")
