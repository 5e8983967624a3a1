"""What a caller may see of spend, and the parameters that its routes share."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from flask import request

from proxy.domain.account import Account
from proxy.errors import BadRequestError, NotFoundError, PermissionDeniedError, ServiceUnavailableError
from proxy.storage.errors import DatabaseDownError
from proxy.web.current import current_caller
from proxy.web.serving import current_parts

if TYPE_CHECKING:
    from proxy.storage.spend_queries import SpendQueries

# How long a read waits for records that are on their way to be stored.
_SECONDS = 1.0


class Access(NamedTuple):
    """`account` is None for the master key. An administrator sees everything, a user its own, a key without a user itself."""

    account: Account | None

    @classmethod
    def of_caller(cls) -> "Access":
        return cls(current_caller().account)

    @property
    def sees_all(self) -> bool:
        return self.account is None or self.account.role in ("proxy_admin", "proxy_admin_viewer")

    def users(self) -> list[str] | None:
        """The users whose sums it sees; None is all."""
        if self.sees_all or self.account is None:
            return None
        return None if self.account.user_id is None else [self.account.user_id]

    def keys(self) -> list[str] | None:
        """The keys whose sums it sees where it is no user's; None is all."""
        if self.sees_all or self.account is None or self.account.user_id is not None:
            return None
        return [self.account.key.id]

    def check(self, kind: str, ids: Sequence[str] | None) -> Sequence[str] | None:
        """The entities to be shown. Raise PermissionDeniedError for others than the caller's own."""
        account = self.account
        if self.sees_all or account is None:
            return ids
        own = {
            "user": [account.user_id or ""],
            "key": [account.key.id],
            "team": [account.team_id] if account.team_id and account.is_team_admin else [],
        }.get(kind, [])
        if not own or not set(ids or own) <= set(own):
            raise PermissionDeniedError(f"The key may not see the spend of this {kind}.", param=f"{kind}_id")
        return ids or own

    def narrow(self, equal: dict[str, str]) -> dict[str, str]:
        """Filters of rows, narrowed to the caller's own."""
        account = self.account
        if self.sees_all or account is None:
            return equal
        own = ("user_id", account.user_id) if account.user_id is not None else ("api_key", account.key.id)
        if account.is_team_admin and equal.get("team_id") == account.team_id:
            return equal
        if equal.get(own[0], own[1]) != own[1]:
            raise PermissionDeniedError(f"The key may not see the spend of this {own[0]}.", param=own[0])
        return {**equal, own[0]: str(own[1])}


def queries() -> "SpendQueries":
    """The stored spend, with what is on its way from this host. Raise NotFoundError where nothing is stored."""
    parts = current_parts()
    if parts.storage is None or parts.spend is None or not parts.storage.exists():
        raise NotFoundError("No spend is stored: there is no database yet. Set general_settings.database_url.")
    from proxy.storage.spend_queries import SpendQueries  # noqa: PLC0415  only where something is stored

    parts.observation.queue.flush(_SECONDS)
    try:
        parts.spend.flush()
        return SpendQueries(parts.storage.database())
    except DatabaseDownError:
        raise ServiceUnavailableError("The database does not answer: try again in a moment.", retry_after=2.0) from None


def read_days() -> tuple[str, str]:
    """`start_date` and `end_date`, both needed."""
    return read_day("start_date"), read_day("end_date")


def read_day(name: str, default: str | None = None) -> str:
    given = request.args.get(name) or default
    if given is None:
        raise BadRequestError("Please provide start_date and end_date, such as 2026-01-31.", param=name)
    try:
        return date.fromisoformat(given[:10]).isoformat()
    except ValueError:
        raise BadRequestError(f"'{name}' must be a date such as 2026-01-31.", param=name) from None


def read_count(name: str, default: int, most: int = 10**6) -> int:
    given = request.args.get(name)
    if given is None:
        return default
    if not given.isascii() or not given.isdecimal() or len(given) > 7 or not 1 <= int(given) <= most:
        raise BadRequestError(f"'{name}' must be a number from 1 to {most}.", param=name)
    return int(given)


def wants_csv() -> bool:
    return request.path.endswith("/export") or request.args.get("format") == "csv"
