"""The end users and tags of a call that have limits: all of them are in memory, so that no call waits for the database.

They are read when something was stored at first, and again when one of them, or a budget, has changed. What can't be read
stays as it was.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from proxy.accounts.build import build_entity
from proxy.accounts.model_access import matches
from proxy.accounts.rows import Row
from proxy.domain.account import Entity
from proxy.domain.call import NO_OPTIONS, Call
from proxy.errors import PermissionDeniedError
from proxy.storage.errors import DatabaseDownError

_log = logging.getLogger("patchbay.accounts")

# How long a database that failed is left alone, in seconds.
_PAUSE = 1.0
_TABLES = frozenset({"customers", "tags", "budgets", "all"})


class Change(Protocol):
    @property
    def kind(self) -> str: ...


class LimitedStore(Protocol):
    """See proxy/storage/account_store.py."""

    def limited(self) -> dict[str, list[dict[str, Any]]]: ...
    def changes_since(self, version: int) -> tuple[int, Sequence[Change] | None]: ...
    def last_version(self) -> int: ...


class LimitedEntities:
    """One per application; safe for threads. `store` is None while nothing is stored; `version` grows with each change.

    `default_budget` is the id of the budget of end users that are not stored. `budgets` are the declared ones.
    """

    def __init__(
        self,
        store: Callable[[], LimitedStore | None],
        version: Callable[[], int],
        monotonic: Callable[[], float],
        budgets: Callable[[], Mapping[str, Row]],
        default_budget: str | None = None,
    ) -> None:
        self._store = store
        self._version = version
        self._monotonic = monotonic
        self._declared = budgets
        self._default = default_budget
        self._lock = threading.Lock()
        self._seen = -1
        self._latest = -1
        self._paused_until = 0.0
        self._customers: dict[str, Entity] = {}
        self._tags: dict[str, Entity] = {}
        self._budgets: dict[str, Row] = {}

    def find(self, call: Call) -> list[Entity]:
        """Those of a call. Raise PermissionDeniedError for an end user that is blocked, or may not use the model."""
        if self._version() != self._seen:
            self._refresh()
        found = [] if call.end_user is None else self._of_user(call, call.end_user)
        if self._tags:
            given = call.options.tags if call.options is not NO_OPTIONS else ()
            tags = (*call.account.tags, *given) if call.account is not None else given
            found += [self._tags[tag] for tag in dict.fromkeys(tags) if tag in self._tags]
        return found

    def _of_user(self, call: Call, user: str) -> list[Entity]:
        entity = self._customers.get(user)
        if entity is None:
            of_key = call.account.end_user_budget_id if call.account is not None else None
            budget = of_key or self._default
            row = self._budgets.get(budget) or self._declared().get(budget) if budget else None
            return [] if row is None else [build_entity("end_user", user, row)]
        if entity.blocked:
            raise PermissionDeniedError("The end user is blocked.", param="user", error_type="auth_error")
        if entity.models and not any(_names(model, call.model) for model in entity.models):
            raise PermissionDeniedError(
                f"The end user may not use the model '{call.model}'.",
                param="model",
                error_type="customer_model_access_denied",
            )
        return [entity]

    def _refresh(self) -> None:
        with self._lock:
            wanted = self._version()
            store = self._store() if self._monotonic() >= self._paused_until else None
            if wanted == self._seen or store is None:
                return
            try:
                if self._latest < 0:
                    latest, changes = store.last_version(), None
                else:
                    latest, changes = store.changes_since(self._latest)
                if changes is None or any(change.kind in _TABLES for change in changes):
                    self._read(store.limited())
            except DatabaseDownError as error:
                self._paused_until = self._monotonic() + _PAUSE
                _log.warning("The limits of end users and tags can't be read: %s. They stay as they were.", error)
                return
            self._latest, self._seen = latest, wanted

    def _read(self, rows: Mapping[str, Sequence[Row]]) -> None:
        self._budgets = {row["budget_id"]: row for row in rows["budgets"]}
        budgets = {**self._declared(), **self._budgets}
        self._customers = {
            row["user_id"]: build_entity("end_user", row["user_id"], row, budgets) for row in rows["customers"]
        }
        self._tags = {row["name"]: build_entity("tag", row["name"], row, budgets) for row in rows["tags"]}


def _names(allowed: str, model: str) -> bool:
    return allowed == model or ("*" in allowed and matches(allowed, model))
