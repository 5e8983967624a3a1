"""Accounts that the configuration file declares: its keys, teams, users and budgets, found by a key's hash."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from proxy.accounts.build import Bundle, build_account
from proxy.accounts.key_form import hash_key, shown_name
from proxy.accounts.route_access import routes_of_key_type
from proxy.accounts.rows import Row, with_metadata
from proxy.domain.account import Account


class Declared(NamedTuple):
    """The rows of the file by their ids; keys by hash."""

    keys: Mapping[str, Row] = {}
    teams: Mapping[str, Row] = {}
    users: Mapping[str, Row] = {}
    budgets: Mapping[str, Row] = {}

    def accounts(self, *, redact: bool = False) -> dict[str, Account]:
        return {token: build_account(self.bundle(row), in_file=True, redact=redact) for token, row in self.keys.items()}

    def complete(self, bundle: Bundle) -> Bundle:
        """A stored key's rows, with what the file declares of its team, its user and their budgets."""
        key = bundle.key
        return bundle._replace(
            team=bundle.team or self.teams.get(key.get("team_id") or ""),
            user=bundle.user or self.users.get(key.get("user_id") or ""),
            budgets={**self.budgets, **bundle.budgets},
        )

    def bundle(self, key: Row) -> Bundle:
        return Bundle(
            key=key,
            team=self.teams.get(key.get("team_id") or ""),
            user=self.users.get(key.get("user_id") or ""),
            budgets=self.budgets,
        )


NOTHING_DECLARED = Declared()


def read_declared(loaded: Mapping[str, Any]) -> Declared:
    """The rows of the file's sections, as the schema read them. An entry whose key is not set declares nothing."""
    keys = [_key_row(entry) for entry in loaded.get("keys", ()) if _token(entry)]
    return Declared(
        keys={row["token"]: row for row in keys},
        teams=_by(loaded.get("teams", ()), "team_id"),
        users=_by(loaded.get("users", ()), "user_id"),
        budgets=_by(loaded.get("budgets", ()), "budget_id"),
    )


def find_problems(loaded: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(path, message) of what the schemas do not see: names that are used twice or lead nowhere."""
    problems = []
    for section, field in (("keys", "token"), ("keys", "key_alias"), ("teams", "team_id"), ("users", "user_id"),
                           ("budgets", "budget_id")):  # fmt: skip
        seen: set[Any] = set()
        for position, entry in enumerate(loaded.get(section, ())):
            value = _token(entry) if field == "token" else entry.get(field)
            if value is not None and value in seen:
                problems.append((f"{section}[{position}].{'key' if field == 'token' else field}", "is used twice"))
            seen.add(value)
    problems += [
        (f"keys[{position}].key", "is missing: write the key, or its hash as token")
        for position, entry in enumerate(loaded.get("keys", ()))
        if not _token(entry)
    ]
    teams = {entry.get("team_id") for entry in loaded.get("teams", ())}
    budgets = {entry.get("budget_id") for entry in loaded.get("budgets", ())}
    for position, entry in enumerate(loaded.get("keys", ())):
        for field, known in (("team_id", teams), ("budget_id", budgets)):
            if entry.get(field) is not None and entry[field] not in known:
                problems.append((f"keys[{position}].{field}", f"is none of {field.removesuffix('_id')}s"))
    return problems


def _token(entry: Mapping[str, Any]) -> str | None:
    if entry.get("key"):
        return hash_key(entry["key"])
    return entry.get("token") or entry.get("hash")


def _key_row(entry: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in entry.items() if name not in ("key", "hash", "key_type")}
    row = with_metadata(fields)
    row["token"] = _token(entry)
    row["key_name"] = shown_name(entry["key"]) if entry.get("key") else "sk-..."
    row["allowed_routes"] = [*(entry.get("allowed_routes") or ()), *routes_of_key_type(entry.get("key_type"))]
    return row


def _by(entries: Sequence[Mapping[str, Any]], field: str) -> dict[str, Row]:
    return {entry[field]: with_metadata(entry) for entry in entries if entry.get(field)}
