"""The labels of a call's metrics: the value of each in a record, and a key that is equal for calls that share them all."""

import operator
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from proxy.domain.record import CallRecord
from proxy.sinks.metrics.label_limits import CLIENT, OTHER, UNKNOWN, Bounds

# Label by label, where a record has it.
_SOURCES = {
    "end_user": "end_user",
    "hashed_api_key": "requester.key_hash",
    "api_key_alias": "key_alias",
    "route": "requester.route",
    "client_ip": "requester.ip_address",
    "user_agent": "requester.user_agent",
    "requested_model": "model_group",
    "model_group": "model_group",
    "fallback_model": "served_group",
    "model": "model",
    "litellm_model_name": "model",
    "model_id": "model_id",
    "api_provider": "custom_llm_provider",
    "api_base": "api_base",
    "status_code": "status_code",
    "team": "requester.owner.team_id",
    "team_alias": "requester.owner.team_alias",
    "user": "requester.owner.user_id",
    "user_email": "requester.owner.user_email",
    "org_id": "requester.owner.organization_id",
    "org_alias": "requester.owner.organization_alias",
}
# Values that depend on several fields of a record.
_FOUND = ("service_tier", "exception_status", "exception_class")
# Of a client's own configuration or connection: its names are not the operator's.
_CLIENT_OWNED = (
    "requested_model",
    "model_group",
    "fallback_model",
    "model",
    "litellm_model_name",
    "model_id",
    "api_base",
)
MODEL_LABELS = ("requested_model", "model_group", "model", "litellm_model_name")
_TIERS = frozenset(("", "auto", "default", "flex", "priority", "scale", "standard", "standard_only", "batch"))
# Bounded values can be together in many ways.
_MOST_KNOWN = 4096


class CallLabels:
    """Every label that a call's metrics may have, within its bounds; those in `hidden` are empty."""

    def __init__(self, bounds: Bounds, hidden: frozenset[str] = frozenset()) -> None:
        shown = [name for name in _SOURCES if name not in hidden]
        self._names = (*shown, *_FOUND)
        self._empty = dict.fromkeys(hidden, "")
        self._read = operator.attrgetter(*(_SOURCES[name] for name in shown))
        self._bounds = bounds
        self._is_model: Callable[[str], bool] = lambda _: True
        self._known: dict[tuple[Any, ...], tuple[str, ...]] = {}

    def know_models(self, is_model: Callable[[str], bool]) -> None:
        """Names for which `is_model` is false are one value."""
        self._is_model = is_model

    def groups(self, records: Sequence[CallRecord]) -> list[tuple[dict[str, str], list[CallRecord]]]:
        """The records by their labels: a busy moment has many calls and few different labels."""
        groups: defaultdict[tuple[str, ...], list[CallRecord]] = defaultdict(list)
        for record in records:
            values = (*self._read(record), *_found(record), record.client_owned)
            groups[self._known.get(values) or self._texts(values)].append(record)
        return [
            ({**dict(zip(self._names, texts, strict=True)), **self._empty}, group) for texts, group in groups.items()
        ]

    def _texts(self, values: tuple[Any, ...]) -> tuple[str, ...]:
        """A record's values as the values of labels, in the order of `_names`."""
        *given, client_owned = values
        found = {name: "" if value is None else str(value) for name, value in zip(self._names, given, strict=True)}
        if client_owned:
            found.update(dict.fromkeys(_CLIENT_OWNED, CLIENT))
        elif not self._is_model(found["model_group"]):
            found.update(dict.fromkeys(MODEL_LABELS, UNKNOWN))
        texts = tuple([self._bounds.of(name, found[name]) for name in self._names])
        if OTHER not in texts:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[values] = texts
        return texts


def _found(record: CallRecord) -> tuple[str, int | None, str | None]:
    """The values of _FOUND. The exception is the call's, or that of its first try where another one saved it."""
    tier = str(record.model_parameters.get("service_tier") or "")
    tier = tier if tier in _TIERS else OTHER
    if record.error is not None:
        return tier, record.error.status, record.error.error_class
    if record.attempts:
        return tier, record.attempts[0].status, record.attempts[0].error_class
    return tier, None, None
