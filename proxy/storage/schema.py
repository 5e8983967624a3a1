"""Brings a database to the form that this program needs. Several gateways may start at once: one of them does it.

A database of a newer program is refused: an older one would not see what it has to check.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from proxy.storage.errors import NewerSchemaError

_FOLDER = Path(__file__).parent / "migrations"
# Of PostgreSQL's advisory locks: one for the steps of the schema, one for the order of changes.
SCHEMA_LOCK = 0x70617463
CHANGE_LOCK = 0x70617464


def migrate(connection: sa.Connection, lock_path: Path | None) -> None:
    """Run the missing steps. `lock_path`: the file beside an SQLite database that the starting gateways lock."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    with _locked(connection, lock_path):
        current = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        if current == script.get_current_head():
            return
        if current is not None and current not in {step.revision for step in script.walk_revisions()}:
            raise NewerSchemaError(
                f"The database has the form of a newer version of Patchbay ({current}): start that version, or another database."
            )
        if lock_path is not None:
            # SQLite's driver begins no transaction: all steps are taken, or none.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


@contextmanager
def _locked(connection: sa.Connection, lock_path: Path | None) -> Iterator[None]:
    if lock_path is not None:
        file = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)
        return
    connection.execute(sa.text("SELECT pg_advisory_lock(:lock)"), {"lock": SCHEMA_LOCK})
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(sa.text("SELECT pg_advisory_unlock(:lock)"), {"lock": SCHEMA_LOCK})
        connection.commit()
