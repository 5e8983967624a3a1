"""Settings that protect and that the gateway does not enforce: it starts only where the operator has accepted that."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.config import ConfigProblem, findings

ACCEPTED = "accept_unenforced"
# Without these a gateway would be more open, or spend more, than configured. A row that gets an effect is no longer
# "ignored" in the table of settings, and is asked for no more.
_PROTECTING = frozenset(
    [
        *("guardrails", "policies", "litellm_settings.guardrails"),
        *(
            f"general_settings.{name}"
            for name in ("custom_auth", "allowed_ips", "enforce_user_param", "enforced_params")
        ),
        *(f"litellm_settings.{name}" for name in ("max_budget", "max_end_user_budget", "max_internal_user_budget")),
        "router_settings.provider_budget_config",
        "model_list.litellm_params.max_budget",
    ]
)


class Unenforced(NamedTuple):
    """`path` is where a setting is written, `name` what accept_unenforced calls it."""

    path: str
    name: str


def find_unenforced(document: Mapping[str, Any]) -> Iterator[Unenforced]:
    """The settings of a file that protect, ask for something, and have no effect here."""
    for finding in findings(document):
        if finding.status == "ignored" and _without_positions(finding.path) in _PROTECTING:
            value = _value_at(document, finding.path)
            name = finding.path.rpartition(".")[2]
            # The guardrails of a list hold for every call only where one is on by default.
            if value and (name != "guardrails" or any(map(_is_always_on, _items(value)))):
                yield Unenforced(finding.path, name)


def check_accepted(document: Mapping[str, Any], accepted: Sequence[str]) -> Iterator[ConfigProblem]:
    """A problem for each that the operator has not accepted."""
    for path, name in find_unenforced(document):
        if name not in accepted:
            yield ConfigProblem(
                path,
                f"protects, and is not enforced here: remove it, or accept that with general_settings.{ACCEPTED}: [{name}]",
            )


def _is_always_on(entry: object) -> bool:
    """Of both of LiteLLM's forms: `{litellm_params: {default_on: true}}` and `{name: {default_on: true}}`."""
    if not isinstance(entry, Mapping):
        return False
    inner = [item for item in entry.values() if isinstance(item, Mapping)]
    return any(item.get("default_on") is True for item in (entry, *inner))


def _items(value: object) -> Sequence[object]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def _without_positions(path: str) -> str:
    return ".".join(step.partition("[")[0] for step in path.split("."))


def _value_at(document: Any, path: str) -> Any:
    for step in path.split("."):
        name, _, position = step.partition("[")
        document = document[name]
        document = document[int(position.rstrip("]"))] if position else document
    return document
