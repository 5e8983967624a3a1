"""Finds the account of a key by its hash, from memory: those of the configuration file, and the stored ones in use.

The database is asked for a key that is not in memory, and when a version that all workers of the host share has grown:
a change is seen by all of them before the management API answers. A database that is down changes nothing for accounts in
memory; other keys are then refused with 503, since they may be good.
"""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from proxy.accounts.build import Bundle, build_account
from proxy.accounts.declared import Declared
from proxy.domain.account import Account
from proxy.domain.json_text.codec import dumps
from proxy.errors import ServiceUnavailableError
from proxy.gateway.batched_lookup import BatchedLookup
from proxy.host.version_counter import VersionCounter
from proxy.storage.errors import DatabaseDownError

_log = logging.getLogger("patchbay.accounts")

# Bytes that the accounts in memory may take, by an estimate.
MOST_BYTES = 64 * 2**20
_BYTES_EACH = 3000
# Hashes of keys that there are not, and seconds for which they are remembered.
MOST_MISSES = 20_000
MISS_SECONDS = 10.0
# How long a database that failed is left alone, and how often the versions of other hosts are read.
PAUSE = 1.0
POLL_SECONDS = 1.0


class Change(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def id(self) -> str: ...


class StoredAccounts(Protocol):
    """See proxy/storage/account_store.py."""

    def find(self, tokens: Sequence[str]) -> dict[str, Bundle]: ...
    def changes_since(self, version: int) -> tuple[int, Sequence[Change] | None]: ...
    def last_version(self) -> int: ...


class StorageLike(Protocol):
    """See proxy/storage/storage.py."""

    def exists(self) -> bool: ...
    def accounts(self) -> StoredAccounts: ...


class _Entry:
    """`used`: since the last sweep. `is_stale`: it may have changed; it serves only if the database does not answer."""

    __slots__ = ("account", "is_stale", "used", "weight")

    def __init__(self, account: Account, weight: int) -> None:
        self.account = account
        self.weight = weight
        self.used = True
        self.is_stale = False


class AccountDirectory:
    """One per application; safe for threads. A hit takes no lock. `storage` is None where nothing can be stored.

    `poll_seconds`: how often a thread of this process reads the version of gateways elsewhere; None: it has no thread.
    """

    def __init__(
        self,
        declared: Declared,
        storage: StorageLike | None = None,
        counter: VersionCounter | None = None,
        monotonic: Callable[[], float] = lambda: 0.0,
        *,
        redact: bool = False,
        most_bytes: int = MOST_BYTES,
        poll_seconds: float | None = None,
    ) -> None:
        self.declared = declared
        self._storage = storage
        self._counter = counter or VersionCounter(None)
        self._monotonic = monotonic
        self._redact = redact
        self._most_bytes = most_bytes
        self._poll_seconds = poll_seconds
        self._polling = 0
        self._closed = threading.Event()
        self._lookup = BatchedLookup(self._find_bundles)
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._bytes = 0
        self._misses: dict[str, float] = {}
        self._seen = -1
        self._paused_until = 0.0
        self._accounts = declared.accounts(redact=redact)

    def declare(self, declared: Declared) -> None:
        """What the configuration file has, in place of what it had before."""
        self.declared = declared
        self._accounts = declared.accounts(redact=self._redact)
        self._mark_stale(None)

    def find(self, token: str) -> Account | None:
        """The account of the key with this hash; None for a key that there is not.

        Raise ServiceUnavailableError if only the database could tell, and does not answer.
        """
        account = self._accounts.get(token)
        if account is not None or self._storage is None:
            return account
        if self._counter.read() != self._seen:
            self._refresh()
        entry = self._entries.get(token)
        if entry is not None and not entry.is_stale:
            entry.used = True
            return entry.account
        return self._look_up(token, entry)

    def version(self) -> int:
        """It grows with each change of what is stored."""
        return self._counter.read()

    def note_version(self, version: int) -> None:
        """A change was stored: from now on all workers of the host see it."""
        self._counter.raise_to(version)

    def poll(self) -> None:
        """Read the version that gateways elsewhere have stored, if this one stores anything."""
        if self._storage is not None and self._storage.exists() and self._seen >= 0:
            try:
                self._counter.raise_to(self._storage.accounts().last_version())
            except DatabaseDownError as error:
                self._pause(error)

    def close(self) -> None:
        """Read no versions any more."""
        self._closed.set()

    def _start_polling(self) -> None:
        """From the first use of the database in this process on: a thread does not outlive a fork."""
        if self._poll_seconds is None or self._polling == os.getpid():
            return
        self._polling = os.getpid()
        threading.Thread(target=self._poll_on, name="account-versions", daemon=True).start()

    def _poll_on(self) -> None:
        while not self._closed.wait(self._poll_seconds):
            self.poll()

    def facts(self) -> dict[str, Any]:
        return {"accounts_in_memory": len(self._entries), "bytes": self._bytes, "declared": len(self._accounts)}

    def _look_up(self, token: str, entry: _Entry | None) -> Account | None:
        assert self._storage is not None
        now = self._monotonic()
        if entry is None and now < self._misses.get(token, -1.0):
            return None
        if not self._storage.exists():
            return None
        if now < self._paused_until:
            return self._without_database(entry)
        try:
            bundle = self._lookup.find(token)
        except DatabaseDownError as error:
            self._pause(error)
            return self._without_database(entry)
        if bundle is None:
            self._forget(token)
            self._remember_miss(token, now)
            return None
        return self._remember(token, bundle)

    def _find_bundles(self, tokens: Sequence[str]) -> dict[str, Bundle]:
        assert self._storage is not None
        return self._storage.accounts().find(tokens)

    def _without_database(self, entry: _Entry | None) -> Account:
        if entry is not None:
            return entry.account
        raise ServiceUnavailableError(
            "The key can't be looked up now: try again in a moment.", code="service_unavailable", retry_after=2.0
        )

    def _remember(self, token: str, bundle: Bundle) -> Account:
        account = build_account(self.declared.complete(bundle), redact=self._redact)
        entry = _Entry(account, _BYTES_EACH + _size(bundle))
        with self._lock:
            self._drop(token)
            self._misses.pop(token, None)
            self._entries[token] = entry
            self._bytes += entry.weight
            if self._bytes > self._most_bytes:
                self._sweep()
        return account

    def _remember_miss(self, token: str, now: float) -> None:
        with self._lock:
            if len(self._misses) >= MOST_MISSES:
                # The oldest half: a dict keeps the order in which its members came.
                for old in list(self._misses)[: MOST_MISSES // 2]:
                    del self._misses[old]
            self._misses[token] = now + MISS_SECONDS

    def _sweep(self) -> None:
        """Forget what was not used since the last sweep, then the oldest, down to three quarters of the bound."""
        goal = self._most_bytes * 3 // 4
        unused = [token for token, entry in self._entries.items() if not entry.used]
        for token in (*unused, *list(self._entries)):
            if self._bytes <= goal:
                break
            self._drop(token)
        for entry in self._entries.values():
            entry.used = False

    def _forget(self, token: str) -> None:
        with self._lock:
            self._drop(token)

    def _drop(self, token: str) -> None:
        entry = self._entries.pop(token, None)
        if entry is not None:
            self._bytes -= entry.weight

    def _refresh(self) -> None:
        """Look at what has changed since this worker last looked. One thread does; the others wait for it."""
        assert self._storage is not None
        if self._monotonic() < self._paused_until or not self._storage.exists():
            return
        with self._refreshing:
            wanted = self._counter.read()
            if wanted == self._seen or self._monotonic() < self._paused_until:
                return
            try:
                store = self._storage.accounts()
                latest, changes = (store.last_version(), None) if self._seen < 0 else store.changes_since(self._seen)
            except DatabaseDownError as error:
                self._pause(error)
                return
            self._mark_stale(changes)
            # A counter behind the database's version belongs to a gateway that started later: it is raised to it.
            self._counter.raise_to(latest)
            self._seen = max(wanted, latest)
            self._start_polling()

    def _mark_stale(self, changes: Sequence[Change] | None) -> None:
        """`changes`: None for everything."""
        with self._lock:
            self._misses.clear()
            changed = None if changes is None else {(change.kind, change.id) for change in changes}
            for token, entry in self._entries.items():
                if changed is None or not changed.isdisjoint(_parts(token, entry.account)):
                    entry.is_stale = True

    def _pause(self, error: DatabaseDownError) -> None:
        now = self._monotonic()
        if now >= self._paused_until:
            _log.warning("The database of accounts can't be used: %s. Known keys are served.", error)
        self._paused_until = now + PAUSE


def _parts(token: str, account: Account) -> list[tuple[str, str]]:
    """All rows that an account was made of, as changes name them; a former hash of a key is a part of its own."""
    parts = [("keys", token), ("keys", account.token), ("all", "")]
    parts += [(table, name) for table, name in (
        ("users", account.user_id), ("teams", account.team_id), ("organizations", account.organization_id),
        ("team_members", f"{account.team_id}:{account.user_id}"),
    ) if name]  # fmt: skip
    parts += [("budgets", entity.budget.id) for entity in account.entities() if entity.budget.id]
    return parts


def _size(bundle: Bundle) -> int:
    """The bytes of what clients can make large."""
    rows = [row for row in (bundle.key, bundle.team, bundle.member, bundle.user, bundle.organization) if row]
    return sum(len(dumps(value)) for row in rows for value in row.values() if isinstance(value, dict | list))
