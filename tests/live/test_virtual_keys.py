"""Virtual keys in a live gateway: all workers see a change at once, gateways elsewhere soon, and a database that is down or
hangs costs no known key anything."""

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.servers import Server, gateway
from tests.storage.servers import Server as Postgres
from tests.storage.servers import postgres

MASTER = "sk-master-of-live-keys"
CONFIG: dict[str, Any] = {
    "model_list": [
        {"model_name": "m", "litellm_params": {"model": "openai/m", "api_key": "sk-up", "mock_response": "hi"}}
    ],
    "general_settings": {"master_key": MASTER},
}


def send(server: Server, path: str, key: str, body: Any = None) -> tuple[int, Any]:
    """A connection of its own each time: the kernel hands it to any worker."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Connection": "close"}
    request = urllib.request.Request(f"{server.url}{path}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers) | json.loads(error.read())


def chat(server: Server, key: str) -> int:
    return send(server, "/v1/chat/completions", key, {"model": "m", "messages": [{"role": "user", "content": "Hi"}]})[0]


def chat_often(server: Server, key: str, times: int = 16) -> set[int]:
    """The statuses of calls side by side, so that every worker gets some."""
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(chat(server, key))) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return set(statuses)


def make_key(server: Server, **fields: Any) -> str:
    status, answer = send(server, "/key/generate", MASTER, fields)
    assert status == 200, answer
    key: str = answer["key"]
    return key


@pytest.mark.parametrize("worker_class", ["gevent", "gthread"])
def test_change_is_seen_by_all_workers_at_once(tmp_path: Path, worker_class: str) -> None:
    environment = {"PATCHBAY_STATE_DIR": str(tmp_path / "state")}
    with gateway(CONFIG, tmp_path, worker_class, 4, environment) as server:
        assert not (tmp_path / "state" / "patchbay.db").exists()
        for _ in range(3):
            key = make_key(server)
            assert chat_often(server, key) == {200}
            assert send(server, "/key/block", MASTER, {"key": key})[0] == 200
            assert chat_often(server, key) == {401}
            assert send(server, "/key/unblock", MASTER, {"key": key})[0] == 200
            assert chat_often(server, key) == {200}
            assert send(server, "/key/delete", MASTER, {"keys": [key]})[0] == 200
            assert chat_often(server, key) == {401}
        kept = make_key(server)
    # A gateway that starts again has them.
    with gateway(CONFIG, tmp_path, worker_class, 2, environment) as server:
        assert chat_often(server, kept) == {200}


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


def processes_of(database: Postgres) -> list[int]:
    parent = database.process.pid
    return [parent, *map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())]


def test_hosts_share_a_database(tmp_path: Path, database: Postgres) -> None:
    """Two gateways start at once on an empty database; a change at one is seen by the other within two seconds."""
    environment = {"DATABASE_URL": database.create("hosts")}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with (
        gateway(CONFIG, tmp_path / "a", workers=2, environment=environment) as one,
        gateway(CONFIG, tmp_path / "b", workers=2, environment=environment) as two,
    ):
        key = make_key(one)
        assert chat_often(two, key) == {200}
        assert send(one, "/key/block", MASTER, {"key": key})[0] == 200
        time.sleep(2.5)
        assert chat_often(two, key) == {401}


@pytest.mark.parametrize("worker_class", ["gevent", "gthread"])
def test_database_that_hangs_costs_known_keys_nothing(tmp_path: Path, database: Postgres, worker_class: str) -> None:
    environment = {"DATABASE_URL": database.create(f"hung_{worker_class}")}
    with gateway(CONFIG, tmp_path, worker_class, 1, environment) as server:
        key = make_key(server)
        assert chat(server, key) == 200
        processes = processes_of(database)
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            assert {chat(server, key) for _ in range(20)} == {200}
            assert time.monotonic() - begun < 2.0
            status, answer = send(server, "/v1/models", "sk-nobody-knows-this-one")
            assert status == 503 and int(answer["retry-after"]) >= 1
            # One more unknown key waits for nothing, and the master key is not concerned.
            begun = time.monotonic()
            assert send(server, "/v1/models", "sk-nobody-knows-this-two")[0] == 503
            assert chat(server, MASTER) == 200 and chat(server, key) == 200
            assert time.monotonic() - begun < 2.0
            status, answer = send(server, "/key/generate", MASTER, {})
            assert status == 503 and "error" in answer
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)
        time.sleep(1.5)
        assert send(server, "/v1/models", "sk-nobody-knows-this-one")[0] == 401
        assert chat(server, make_key(server)) == 200


def test_keys_of_the_file_are_served_when_the_database_is_not_there(tmp_path: Path) -> None:
    config = {**CONFIG, "keys": [{"key": "sk-declared-in-the-file"}]}
    environment = {"DATABASE_URL": f"postgresql://nobody@localhost/none?host={tmp_path}"}
    with gateway(config, tmp_path, environment=environment) as server:
        assert chat(server, "sk-declared-in-the-file") == 200
        assert chat(server, "sk-not-declared-anywhere") == 503
        assert "can't be used" in server.output()
