"""The database: its tables, files, transactions, and what happens when it hangs, is down or is too new."""

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from proxy.storage import account_rows
from proxy.storage.account_store import AccountStore
from proxy.storage.database import Change, Database
from proxy.storage.errors import ConflictingRowError, DatabaseDownError, NewerSchemaError
from proxy.storage.tables import METADATA
from tests.storage.servers import postgres


def add_key(database: Database, token: str, **columns: Any) -> int:
    def work(connection: sa.Connection) -> tuple[None, list[Change]]:
        account_rows.insert(connection, "keys", {"token": token, **columns})
        return None, [Change("keys", token)]

    return database.write(work)[1]


def test_steps_lead_to_the_tables_of_the_program(database: Database) -> None:
    def differences(connection: sa.Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), METADATA))

    assert database.read(differences) == []


def test_file_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "patchbay.db"
    database = Database(f"sqlite:///{path}")
    add_key(database, "a")
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    assert database.read(lambda connection: connection.exec_driver_sql("PRAGMA journal_mode").scalar()) == "wal"
    database.close()


def test_row_is_read_as_it_was_written(database: Database) -> None:
    row = {"key_alias": "é\U0001f600", "models": ["a", "b*"], "metadata": {"deep": {"n": 2**70}}, "max_budget": 0.1 + 0.2,
           "blocked": True, "spend": 2**60, "expires": 1.5, "tpm_limit": 10**15}  # fmt: skip
    add_key(database, "t", **row)
    found = database.read(lambda connection: account_rows.find(connection, "keys", "t"))
    assert found is not None
    assert {name: found[name] for name in row} == row
    assert found["aliases"] is None


def test_nothing_is_kept_when_the_work_fails(database: Database) -> None:
    def work(connection: sa.Connection) -> tuple[None, list[Change]]:
        account_rows.insert(connection, "keys", {"token": "gone"})
        raise KeyError("stop")

    with pytest.raises(KeyError):
        database.write(work)
    assert database.read(lambda connection: account_rows.find(connection, "keys", "gone")) is None


def test_second_alias_is_a_conflict(database: Database) -> None:
    add_key(database, "a", key_alias="one")
    with pytest.raises(ConflictingRowError):
        add_key(database, "b", key_alias="one")
    # A conflict is no failure of the database.
    assert add_key(database, "c", key_alias=None) and add_key(database, "d", key_alias=None)


def test_changes_are_listed_in_the_order_of_their_versions(database: Database) -> None:
    store = AccountStore(database, time.time)
    assert store.last_version() == 0
    first, second = add_key(database, "a"), add_key(database, "b")
    assert first < second == store.last_version()
    assert store.changes_since(first) == (second, [Change("keys", "b")])
    assert store.changes_since(second) == (second, [])


def test_bundle_has_all_that_a_key_names(database: Database) -> None:
    def work(connection: sa.Connection) -> tuple[None, list[Change]]:
        insert = account_rows.insert
        insert(connection, "budgets", {"budget_id": "b", "max_budget": 5.0})
        insert(connection, "organizations", {"organization_id": "o", "organization_alias": "org"})
        insert(connection, "teams", {"team_id": "t", "organization_id": "o", "budget_id": "b"})
        insert(connection, "users", {"user_id": "u", "user_email": "u@x"})
        insert(connection, "team_members", {"team_id": "t", "user_id": "u", "max_budget": 1.0})
        insert(connection, "keys", {"token": "k", "team_id": "t", "user_id": "u"})
        insert(connection, "keys", {"token": "lone"})
        account_rows.deprecate(connection, "old", "k", 2000.0)
        return None, []

    database.write(work)
    bundles = AccountStore(database, lambda: 1000.0).find(["k", "old", "lone", "none"])
    assert bundles.keys() == {"k", "old", "lone"}
    bundle = bundles["k"]
    assert bundle.team and bundle.user and bundle.member and bundle.organization and bundle.expires is None
    assert bundle.budgets["b"]["max_budget"] == 5.0
    assert bundles["old"].expires == 2000.0 and bundles["old"].key["token"] == "k"
    assert not AccountStore(database, lambda: 2000.0).find(["old"])


def test_newer_database_is_refused(database: Database) -> None:
    def work(connection: sa.Connection) -> tuple[None, list[Change]]:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '999'"))
        return None, []

    database.write(work)
    database.close()
    with pytest.raises(NewerSchemaError, match="newer version"):
        database.check()


def start_at_once(url: str, start: Any, results: Any) -> None:
    database = Database(url, seconds=60.0)
    start.wait(30)
    try:
        add_key(database, f"of-{os.getpid()}")
        results.put("ok")
    except Exception as error:
        results.put(repr(error))


def test_tables_are_made_once_when_gateways_start_at_once(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    start, results = context.Event(), context.Queue()
    processes = [context.Process(target=start_at_once, args=(url, start, results)) for _ in range(3)]
    for process in processes:
        process.start()
    time.sleep(1.0)
    start.set()
    assert [results.get(timeout=60) for _ in processes] == ["ok"] * 3
    for process in processes:
        process.join(20)
    assert AccountStore(Database(url), time.time).last_version() == 3


def test_statement_fails_at_once_when_the_database_is_not_there(tmp_path: Path) -> None:
    database = Database(f"postgresql://localhost/x?host={tmp_path}")
    with pytest.raises(DatabaseDownError):
        database.check()
    begun = time.monotonic()
    with pytest.raises(DatabaseDownError):
        database.check()
    assert time.monotonic() - begun < 0.1


def test_database_that_hangs_costs_one_deadline(tmp_path: Path) -> None:
    with postgres() as server:
        database = Database(server.create("hung"), seconds=0.5)
        add_key(database, "a")
        # Its backend hangs as well as the server itself.
        processes = [server.process.pid, *children(server.process.pid)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            for _ in range(50):
                with pytest.raises(DatabaseDownError):
                    database.check()
            assert time.monotonic() - begun < 1.0
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)
        time.sleep(1.2)
        assert add_key(database, "b") == 2
        database.close()


def children(process: int) -> list[int]:
    return [int(name) for name in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_connection_is_opened_again_when_the_server_was_restarted(tmp_path: Path) -> None:
    with postgres() as server:
        database = Database(server.create("again"))
        add_key(database, "a")
        server.run(
            "psql", "-c", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'again'", "postgres"
        )
        assert add_key(database, "b") == 2
        database.close()


def test_reader_does_not_wait_for_a_locked_file(tmp_path: Path) -> None:
    path = tmp_path / "state" / "patchbay.db"
    database, other = Database(f"sqlite:///{path}"), Database(f"sqlite:///{path}", seconds=5.0)
    add_key(database, "a")
    other.check()

    def work(connection: sa.Connection) -> tuple[None, list[Change]]:
        # Readers of a write-ahead log see what was there before.
        assert database.read(lambda inner: account_rows.find(inner, "keys", "a")) is not None
        return None, []

    other.write(work)
    database.close()
    other.close()
