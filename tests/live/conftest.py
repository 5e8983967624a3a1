"""One fake provider for all live tests, and a Redis for those that ask for it."""

import importlib.util
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.live.servers import Server, free_port, mock_provider


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with mock_provider(tmp_path_factory.mktemp("mock")) as server:
        yield server


@pytest.fixture
def redis_server() -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    if shutil.which("redis-server") is None or importlib.util.find_spec("redis") is None:
        pytest.skip("there is no redis-server, or no client for it")
    port = free_port()
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""], stdout=subprocess.DEVNULL
    )
    yield port, process
    process.kill()
    process.wait()
