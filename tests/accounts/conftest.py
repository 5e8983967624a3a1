"""Gateways whose accounts are stored, with each database in turn where it matters."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from flask import Flask

from proxy.runtime import Runtime
from tests.accounts.gateways import Admin, build
from tests.storage.servers import Server, postgres

_NUMBERS = count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    with postgres() as server:
        yield server


@pytest.fixture
def clock() -> list[float]:
    return [1_800_000_000.0]


@pytest.fixture
def app(tmp_path: Path, clock: list[float]) -> Iterator[Flask]:
    """A gateway with the embedded database."""
    built = build(tmp_path, runtime=Runtime(now=lambda: clock[0]))
    yield built
    built.extensions["patchbay"].close()


@pytest.fixture
def admin(app: Flask) -> Admin:
    return Admin(app.test_client())


@pytest.fixture(params=["sqlite", "postgresql"])
def each_admin(request: pytest.FixtureRequest, tmp_path: Path, clock: list[float]) -> Iterator[Admin]:
    """An administrator of a gateway over each database."""
    environ = {}
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres_server")
        environ["DATABASE_URL"] = server.create(f"accounts{next(_NUMBERS)}")
    built = build(tmp_path, environ, Runtime(now=lambda: clock[0]))
    yield Admin(built.test_client())
    built.extensions["patchbay"].close()
