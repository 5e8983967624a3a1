"""Fixtures: each store in turn, and a Redis for the whole module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.counters.store import CounterStore
from tests.counters import stores


@pytest.fixture(scope="session")
def shared_port() -> Iterator[int]:
    with stores.redis_port() as port:
        yield port


@pytest.fixture
def port(shared_port: int) -> int:
    import redis

    redis.Redis(port=shared_port).flushall()
    return shared_port


@pytest.fixture(params=["memory", "host", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CounterStore]:
    port = request.getfixturevalue("port") if request.param == "redis" else None
    built = stores.build(request.param, tmp_path, port)
    yield built
    built.close()
