"""What all parts of the management API work with: the stored rows, the time, and the rules of the configuration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from proxy.accounts.build import build_entity
from proxy.accounts.declared import Declared
from proxy.accounts.rows import Row
from proxy.domain.account import Entity, Kind
from proxy.errors import BadRequestError, NotFoundError, ServiceUnavailableError
from proxy.storage.errors import ConflictingRowError, DatabaseDownError
from proxy.storage.storage import Storage

if TYPE_CHECKING:
    from proxy.storage.rows import Rows

T = TypeVar("T")


@dataclass(frozen=True)
class KeyRules:
    """`defaults` fill what a request for a key leaves out; no request may go beyond `upper` (by name, in its own unit)."""

    defaults: Mapping[str, Any]
    upper: Mapping[str, Any]


@dataclass(frozen=True)
class Management:
    """One per application. `window_end(duration, anchor, now)` is when a budget's present window ends.

    `spend_of` is what is counted of a window's spend (nano-dollars), which rows have a moment later; `set_spend` sets it.
    """

    storage: Storage | None
    declared: Callable[[], Declared]
    note_version: Callable[[int], None]
    now: Callable[[], float]
    new_id: Callable[[], str]
    random_key: Callable[[], str]
    window_end: Callable[[str, float, float], float]
    rules: KeyRules
    spend_of: Callable[[Entity], int] = lambda entity: entity.budget.spend
    set_spend: Callable[[Entity, int], None] = lambda entity, spent: None

    def look(self, work: "Callable[[Rows], T]") -> T:
        """What `work` finds. Raise ServiceUnavailableError if the database does not answer."""
        storage = self._storage()
        try:
            return storage.accounts().look(work)
        except DatabaseDownError:
            raise unavailable() from None

    def change(self, work: "Callable[[Rows], T]", conflict: str = "id") -> T:
        """Let `work` change rows; before this returns, all workers of the host see it. `conflict`: the field that an
        error names for a row that exists already."""
        storage = self._storage()
        try:
            result, version = storage.accounts().change(work)
        except DatabaseDownError:
            raise unavailable() from None
        except ConflictingRowError:
            raise conflicting(conflict) from None
        self.note_version(version)
        return result

    def _storage(self) -> Storage:
        if self.storage is None:
            raise BadRequestError(
                "There is no master key, so there are no keys to manage: set LITELLM_MASTER_KEY.",
                error_type="no_db_connection",
            )
        return self.storage

    def team(self, rows: "Rows", team_id: str | None) -> Row | None:
        """A team, stored or declared."""
        if team_id is None:
            return None
        return rows.find("teams", team_id) or self.declared().teams.get(team_id)

    def with_spend(self, kind: Kind, row: Row) -> dict[str, Any]:
        """The row with the spend of the present window as it is counted now."""
        return {**row, "spend": self.spend_of(entity_of(kind, row))}


def entity_of(kind: Kind, row: Row) -> Entity:
    """What is counted for a row."""
    identifier = (row.get("counted_as") or row["token"]) if kind == "key" else row[f"{kind}_id"]
    return build_entity(kind, str(identifier), row)


def unavailable() -> ServiceUnavailableError:
    return ServiceUnavailableError(
        "The database does not answer: nothing was changed. Try again in a moment.",
        code="service_unavailable",
        retry_after=2.0,
    )


def conflicting(field: str) -> BadRequestError:
    return BadRequestError(f"This {field} is taken: choose another one.", param=field, error_type="bad_request_error")


def missing(kind: str, name: str, param: str) -> NotFoundError:
    """`name` is shown only if it is no key."""
    shown = f" {name[:200]}" if not name.startswith("sk-") else ""
    return NotFoundError(f"There is no {kind}{shown}.", param=param, error_type="not_found_error")
