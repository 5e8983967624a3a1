"""One fake provider for the security tests."""

from collections.abc import Iterator

import pytest

from tests.live.servers import Server, mock_provider


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with mock_provider(tmp_path_factory.mktemp("mock")) as server:
        yield server
