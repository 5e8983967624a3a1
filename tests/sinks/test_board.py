"""The board adds up what several workers did in the last hour, and stays bounded."""

from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.sinks.history import MINUTES, quantile
from proxy.sinks.recent_calls import CALLS, LISTED, OTHER, RecentCalls
from tests.sinks.records import MESSAGES, RESPONSE, make_failure, make_record

NOON = 1_700_000_040.0  # the start of a minute


class Later:
    """Keeps what was to be done later."""

    def __init__(self) -> None:
        self.actions: list[Callable[[], None]] = []

    def __call__(self, action: Callable[[], None]) -> None:
        self.actions.append(action)


def test_figures_are_added_up_when_calls_end() -> None:
    board = RecentCalls()
    board.write([make_record(end_time=NOON), make_failure(end_time=NOON + 1, model_id="d0")])
    history = board.read(NOON + 2)
    assert history.totals == (2, 1, 12, 34, pytest.approx(0.00031), 2.0)
    assert history.deployments["d1"].requests == 1
    assert history.deployments["d0"].errors == 1
    assert history.minutes[-1].totals.requests == 2
    assert [call["status"] for call in history.calls] == [429, 200]


def test_minutes_are_in_their_places_when_an_hour_passes() -> None:
    board = RecentCalls()
    for minute in range(MINUTES + 5):
        board.write([make_record(end_time=NOON + 60 * minute)] * (minute + 1))
    history = board.read(NOON + 60 * (MINUTES + 4))
    assert [minute.totals.requests for minute in history.minutes] == list(range(6, MINUTES + 6))
    assert history.minutes[-1].start == NOON + 60 * (MINUTES + 4)


def test_all_workers_are_seen_when_one_is_asked(tmp_path: Path) -> None:
    one, other = RecentCalls(tmp_path, Later()), RecentCalls(tmp_path, Later())
    one.write([make_record("first", end_time=NOON)])
    other.write([make_record("second", end_time=NOON + 5)])
    other.publish()
    history = one.read(NOON + 6)
    assert history.totals.requests == 2
    assert [call["id"] for call in history.calls] == ["second", "first"]


def test_own_figures_are_shown_when_they_can_not_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "board"
    board = RecentCalls(folder, Later())
    folder.rmdir()
    board.write([make_record(end_time=NOON)])
    with caplog.at_level("WARNING", "patchbay.sinks"):
        board.publish()
    assert board.read(NOON).totals.requests == 1
    assert "No such file" in caplog.text


def test_file_is_written_once_when_many_batches_come(tmp_path: Path) -> None:
    later = Later()
    board = RecentCalls(tmp_path, later)
    for _ in range(10):
        board.write([make_record(end_time=NOON)])
    assert len(later.actions) == 1
    assert list(tmp_path.iterdir()) == []
    later.actions[0]()
    assert RecentCalls(tmp_path, Later()).read(NOON).totals.requests == 10


def test_figures_stay_when_their_worker_has_ended(tmp_path: Path) -> None:
    board = RecentCalls(tmp_path, Later())
    board.write([make_record(end_time=NOON)])
    board.close()
    assert RecentCalls(tmp_path, Later()).read(NOON).totals.requests == 1


def test_old_files_are_removed_when_a_minute_begins(tmp_path: Path) -> None:
    old = tmp_path / "1-a.json"
    old.write_bytes(b"{}")
    RecentCalls(tmp_path, Later()).write([make_record(end_time=old.stat().st_mtime + 2 * 3600)])
    assert not old.exists()


def test_deployments_are_bounded_when_there_are_very_many() -> None:
    board = RecentCalls()
    board.write([make_record(model_id=f"d{number}", end_time=NOON) for number in range(LISTED + 50)])
    deployments = board.read(NOON).deployments
    assert len(deployments) == LISTED + 1
    assert deployments[OTHER].requests == 50


def test_calls_are_bounded_when_there_are_very_many() -> None:
    board = RecentCalls()
    board.write([make_record(f"call-{number}", end_time=NOON) for number in range(3 * CALLS)])
    calls = board.read(NOON).calls
    assert len(calls) == CALLS
    assert {call["id"] for call in calls} == {f"call-{number}" for number in range(2 * CALLS, 3 * CALLS)}


def test_content_is_nowhere_when_the_record_has_it(tmp_path: Path) -> None:
    board = RecentCalls(tmp_path, Later())
    board.write([make_record(end_time=NOON, messages_json=MESSAGES, response_json=RESPONSE)])
    board.publish()
    (file,) = tmp_path.iterdir()
    assert b"hello" not in file.read_bytes()
    assert b"roses" not in file.read_bytes()


def test_call_is_only_counted_when_it_asks_not_to_be_logged() -> None:
    board = RecentCalls()
    board.write([make_record(end_time=NOON, no_log=True)])
    history = board.read(NOON)
    assert (history.totals.requests, history.calls) == (1, ())


def test_worker_keeps_its_own_figures_when_the_folder_is_another_users(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)
    board = RecentCalls(tmp_path / "board", Later())
    board.write([make_record(end_time=NOON)])
    assert "belongs to another user" in caplog.text
    assert board.read(NOON).totals.requests == 1


def test_quantiles_are_near_when_latencies_are_counted_in_classes() -> None:
    board = RecentCalls()
    board.write([make_record(end_time=NOON, response_time=number / 100) for number in range(1, 101)])
    latencies = board.read(NOON).latencies
    assert quantile(latencies, 0.5) == pytest.approx(0.5, rel=0.1)
    assert quantile(latencies, 0.95) == pytest.approx(0.95, rel=0.25)
    assert quantile([0] * len(latencies), 0.5) is None


def test_figures_are_the_same_when_calls_come_one_by_one_or_together() -> None:
    records = [
        make_record(end_time=NOON, response_time=0.02),
        make_failure(end_time=NOON + 1, model_id=None),
        make_record(end_time=NOON + 2, response_time=700.0, cost=None, usage=None),
        make_record(end_time=NOON + 61, model_id="d2"),
        make_record(end_time=NOON + 62, response_time=0.01),
    ]
    together, apart = RecentCalls(), RecentCalls()
    together.write(records)
    for record in records:
        apart.write([record])
    one, other = together.read(NOON + 63), apart.read(NOON + 63)
    assert one.totals == pytest.approx(other.totals)
    assert one.deployments == other.deployments
    assert [minute.latencies for minute in one.minutes] == [minute.latencies for minute in other.minutes]
