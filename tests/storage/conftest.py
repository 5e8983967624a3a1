"""Each database in turn: an SQLite file, and a database of a real PostgreSQL."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from proxy.storage.database import Database
from tests.storage.servers import Server, postgres

_NUMBERS = count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    with postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'patchbay.db'}"
    server: Server = request.getfixturevalue("postgres_server")
    return server.create(f"test{next(_NUMBERS)}")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    built = Database(url)
    yield built
    built.close()
