"""The gateway's database as the rest of the program holds it: opened, and its library imported, when it is first needed."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.storage.account_store import AccountStore
    from proxy.storage.database import Database


class Storage:
    """`url` names a database; else `file` is the embedded one, which is made when something is first stored."""

    def __init__(self, url: str | None, file: Path, now: Callable[[], float]) -> None:
        self._url = url
        self._file = file
        self._now = now
        self._lock = threading.Lock()
        self._accounts: AccountStore | None = None

    def exists(self) -> bool:
        """Whether anything can be stored there already."""
        return self._url is not None or self._accounts is not None or self._file.exists()

    @property
    def is_shared(self) -> bool:
        """Whether gateways on other hosts may use it."""
        return self._url is not None and not self._url.startswith("sqlite")

    def accounts(self) -> "AccountStore":
        """The stored accounts; the embedded file is made if it is missing."""
        found = self._accounts
        return found if found is not None else self._open()

    def database(self) -> "Database":
        return self.accounts().database

    def _open(self) -> "AccountStore":
        with self._lock:
            if self._accounts is None:
                from proxy.storage.account_store import AccountStore  # noqa: PLC0415  only where something is stored
                from proxy.storage.database import Database  # noqa: PLC0415

                self._accounts = AccountStore(Database(self._url or f"sqlite:///{self._file}"), self._now)
            return self._accounts

    def close(self) -> None:
        if self._accounts is not None:
            self._accounts.database.close()
