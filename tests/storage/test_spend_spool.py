"""Rows that wait to be stored: none is lost, and none is stored twice."""

import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from proxy.domain.cost import Cost
from proxy.domain.record import CallRecord
from proxy.runtime import Runtime
from proxy.sinks.contract import SinkError
from proxy.storage.errors import DatabaseDownError
from proxy.storage.spend_sink import SpendSink
from proxy.storage.spend_spool import Spool, SpoolFullError


class FakeStore:
    """Keeps rows by their ids, as the database does; `is_down` fails."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.is_down = False
        self.forgotten: list[float] = []

    def store(self, rows: Sequence[dict[str, Any]]) -> int:
        if self.is_down:
            raise DatabaseDownError("down")
        self.rows.update({row["row_id"]: row for row in rows})
        return len(rows)

    def forget(self, before: float) -> int:
        self.forgotten.append(before)
        return 0


def record(**fields: Any) -> CallRecord:
    given: dict[str, Any] = {
        "id": "c", "call_type": "acompletion", "stream": False, "status": "success", "start_time": 1.0, "end_time": 2.0,
        "response_time": 1.0, "model": "m", "model_group": "g", "cost": Cost(0.000_002), **fields,
    }  # fmt: skip
    return CallRecord(**given)


def sink_of(folder: Path, store: FakeStore, **options: Any) -> SpendSink:
    return SpendSink(folder, lambda: True, lambda: store, Runtime(), seconds=0.01, **options)


def test_rows_are_stored_with_what_budgets_were_charged(tmp_path: Path) -> None:
    store = FakeStore()
    sink = sink_of(tmp_path, store)
    sink.write([record(spend=7, key_token="k"), record()])
    sink.close()
    assert sorted((row["api_key"], row["spend"]) for row in store.rows.values()) == [
        ("k", 7), ("litellm_proxy_master_key", 2000),
    ]  # fmt: skip


def test_calls_with_one_id_are_rows_of_their_own(tmp_path: Path) -> None:
    store = FakeStore()
    sink = sink_of(tmp_path, store)
    sink.write([record(id="same", response_id="same"), record(id="same", response_id="same")])
    sink.close()
    assert len(store.rows) == 2


def test_rows_wait_while_the_database_is_down(tmp_path: Path) -> None:
    store = FakeStore()
    store.is_down = True
    sink = sink_of(tmp_path, store)
    sink.write([record()])
    with pytest.raises(DatabaseDownError):
        sink.flush()
    store.is_down = False
    assert sink.flush()
    assert len(store.rows) == 1
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]


def test_a_client_that_wants_no_log_is_counted_without_its_metadata(tmp_path: Path) -> None:
    store = FakeStore()
    sink = sink_of(tmp_path, store)
    sink.write([record(no_log=True, metadata_json=b'{"secret": 1}')])
    sink.close()
    assert [row["metadata"] for row in store.rows.values()] == [None]


def test_no_more_rows_are_kept_than_there_is_room_for(tmp_path: Path) -> None:
    spool = Spool(tmp_path, most_bytes=10)
    spool.append(b"12345678\n")
    with pytest.raises(SpoolFullError):
        spool.append(b"12\n")
    sink = sink_of(tmp_path, FakeStore())
    sink._spool = spool
    with pytest.raises(SinkError, match="no more are kept"):
        sink.write([record()])


def test_a_line_that_a_kill_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "1.batch"
    path.write_bytes(b'{"a":1}\n{"b":')
    assert Spool(tmp_path).read(path) == [b'{"a":1}']


def test_old_rows_are_forgotten_once_an_hour(tmp_path: Path) -> None:
    store = FakeStore()
    sink = sink_of(tmp_path, store, kept_seconds=100.0)
    sink.write([record()])
    sink.flush()
    sink.flush()
    assert len(store.forgotten) == 1


def _append(folder: Path, number: int) -> None:
    spool = Spool(folder)
    for position in range(200):
        spool.append(f"{number}-{position}\n".encode())
    if number == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def test_every_row_of_every_process_is_taken_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append, args=(tmp_path, number)) for number in range(3)]
    for process in processes:
        process.start()
    spool, lines = Spool(tmp_path), []
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        is_over = all(not process.is_alive() for process in processes)
        with spool.turn() as mine:
            for path in spool.take() if mine else ():
                lines += spool.read(path)
                path.unlink()
        if is_over:
            break
    assert sorted(lines) == sorted(f"{number}-{position}".encode() for number in range(3) for position in range(200))
