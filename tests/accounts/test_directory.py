"""The directory of accounts: what is kept in memory, what a change does, and a database that is down, slow or flooded."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from proxy.accounts.build import Bundle
from proxy.accounts.declared import NOTHING_DECLARED, Declared
from proxy.errors import ServiceUnavailableError
from proxy.gateway import account_directory
from proxy.gateway.account_directory import AccountDirectory
from proxy.host.version_counter import VersionCounter
from proxy.storage.errors import DatabaseDownError


class Changed(NamedTuple):
    kind: str
    id: str


class FakeStore:
    """Rows in memory. `asked` counts the round trips."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Any]] = {}
        self.teams: dict[str, dict[str, Any]] = {}
        self.changes: list[Changed] = []
        self.asked = 0
        self.is_down = False

    def exists(self) -> bool:
        return True

    def accounts(self) -> "FakeStore":
        return self

    def _ask(self) -> None:
        self.asked += 1
        if self.is_down:
            raise DatabaseDownError("down")

    def find(self, tokens: Sequence[str]) -> dict[str, Bundle]:
        self._ask()
        found = {token: self.keys[token] for token in tokens if token in self.keys}
        return {token: Bundle(key, self.teams.get(key.get("team_id", ""))) for token, key in found.items()}

    def changes_since(self, version: int) -> tuple[int, list[Changed] | None]:
        self._ask()
        return len(self.changes), self.changes[version:]

    def last_version(self) -> int:
        self._ask()
        return len(self.changes)

    def put(self, token: str, **row: Any) -> int:
        self.keys[token] = {"token": token, **row}
        self.changes.append(Changed("keys", token))
        return len(self.changes)


class Host:
    """Two workers of one host, with a clock."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.store = FakeStore()
        self.now = 0.0
        self.workers = [
            AccountDirectory(NOTHING_DECLARED, self.store, VersionCounter(path), lambda: self.now, **options)
            for _ in range(2)
        ]

    def put(self, token: str, **row: Any) -> None:
        self.workers[0].note_version(self.store.put(token, **row))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "version")


def test_known_key_costs_no_round_trip(host: Host) -> None:
    host.put("a")
    host.workers[1].find("a")
    asked = host.store.asked
    for _ in range(100):
        assert host.workers[1].find("a")
    assert host.store.asked == asked


def test_declared_key_needs_no_database(host: Host) -> None:
    declared = Declared(keys={"declared": {"token": "declared"}})
    assert AccountDirectory(declared, host.store).find("declared")
    assert host.store.asked == 0


def test_change_is_seen_by_each_worker_of_the_host_at_once(host: Host) -> None:
    host.put("a")
    assert all(worker.find("a") for worker in host.workers)
    host.put("a", blocked=True)
    assert all(worker.find("a").key.blocked for worker in host.workers)  # type: ignore[union-attr]
    del host.store.keys["a"]
    host.store.changes.append(Changed("keys", "a"))
    host.workers[1].note_version(len(host.store.changes))
    assert not any(worker.find("a") for worker in host.workers)


def test_new_key_is_found_although_it_was_missed_a_moment_ago(host: Host) -> None:
    assert host.workers[1].find("a") is None
    host.put("a")
    assert host.workers[1].find("a") is not None


def test_change_of_a_team_is_seen_through_its_keys(host: Host) -> None:
    host.store.teams["t"] = {"team_id": "t"}
    host.put("a", team_id="t")
    host.put("b")
    worker = host.workers[1]
    assert worker.find("a").team.blocked is False and worker.find("b")  # type: ignore[union-attr]
    host.store.teams["t"] = {"team_id": "t", "blocked": True}
    host.store.changes.append(Changed("teams", "t"))
    host.workers[0].note_version(len(host.store.changes))
    asked = host.store.asked
    assert worker.find("a").team.blocked is True  # type: ignore[union-attr]
    assert host.store.asked == asked + 2
    # A key of no team stays as it is.
    worker.find("b")
    assert host.store.asked == asked + 2


def test_change_elsewhere_is_seen_when_the_versions_are_read(host: Host) -> None:
    host.put("a")
    host.workers[1].find("a")
    host.store.put("a", blocked=True)
    assert host.workers[1].find("a").key.blocked is False  # type: ignore[union-attr]
    host.workers[1].poll()
    assert host.workers[1].find("a").key.blocked is True  # type: ignore[union-attr]


def test_known_key_is_served_and_an_unknown_one_refused_when_the_database_is_down(host: Host) -> None:
    host.put("a")
    worker = host.workers[1]
    worker.find("a")
    host.store.is_down = True
    assert worker.find("a")
    with pytest.raises(ServiceUnavailableError) as caught:
        worker.find("b")
    assert caught.value.retry_after
    # One failure, and the database is left alone for a moment.
    asked = host.store.asked
    for number in range(100):
        with pytest.raises(ServiceUnavailableError):
            worker.find(f"unknown-{number}")
    assert worker.find("a") and host.store.asked == asked
    host.store.is_down = False
    host.now += account_directory.PAUSE
    assert worker.find("b") is None


def test_changed_key_is_served_as_it_was_when_the_database_is_down(host: Host) -> None:
    host.put("a")
    worker = host.workers[1]
    worker.find("a")
    host.put("a", blocked=True)
    host.store.is_down = True
    assert worker.find("a")
    host.store.is_down = False
    host.now += account_directory.PAUSE
    assert worker.find("a").key.blocked is True  # type: ignore[union-attr]


def test_unknown_key_is_looked_up_once_in_a_while(host: Host) -> None:
    worker = host.workers[0]
    worker.find("x")
    asked = host.store.asked
    for _ in range(50):
        assert worker.find("x") is None
    assert host.store.asked == asked
    host.now += account_directory.MISS_SECONDS + 1
    assert worker.find("x") is None and host.store.asked == asked + 1


def test_memory_is_bounded_when_many_keys_are_used(tmp_path: Path) -> None:
    host = Host(tmp_path / "version", most_bytes=300_000)
    for number in range(1000):
        host.store.put(f"k{number}", metadata={"text": "x" * 1000})
    worker = host.workers[0]
    for number in range(1000):
        assert worker.find(f"k{number}")
        assert worker.find("k0"), "a key in use stays"
    facts = worker.facts()
    assert facts["bytes"] <= 300_000 and 20 <= facts["accounts_in_memory"] <= 75
    for number in range(account_directory.MOST_MISSES + 10):
        worker.find(f"m{number}")
    assert len(worker._misses) <= account_directory.MOST_MISSES


def test_flood_of_unknown_keys_costs_few_round_trips(host: Host) -> None:
    worker = host.workers[0]
    worker.find("first")
    host.store.put("good")
    find = host.store.find

    def find_slowly(tokens: Sequence[str]) -> dict[str, Bundle]:
        time.sleep(0.05)
        return find(tokens)

    host.store.find = find_slowly  # type: ignore[method-assign]
    before, found = host.store.asked, []
    names = ["good", *(f"guess-{number}" for number in range(200))]
    threads = [threading.Thread(target=lambda name=name: found.append((name, worker.find(name)))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [name for name, account in found if account is not None] == ["good"] and len(found) == 201
    assert host.store.asked - before <= 20


def test_all_that_wait_get_the_failure_of_their_lookup(host: Host) -> None:
    worker = host.workers[0]
    worker.find("first")

    def fail_slowly(tokens: Sequence[str]) -> dict[str, Bundle]:
        time.sleep(0.05)
        raise DatabaseDownError("down")

    host.store.find = fail_slowly  # type: ignore[method-assign]
    failures: list[Exception] = []

    def look(name: str) -> None:
        try:
            worker.find(name)
        except ServiceUnavailableError as error:
            failures.append(error)

    threads = [threading.Thread(target=look, args=(f"k{number}",)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(failures) == 20
