"""Sessions that were ended in one worker are ended in all."""

from pathlib import Path

import pytest

from proxy.host.ended_sessions import MOST, EndedSessions


def signature(number: int) -> str:
    return f"{number:064x}"


def test_session_is_ended_when_a_process_is_alone() -> None:
    alone = EndedSessions()
    alone.end(signature(1), 100, now=0)
    assert signature(1) in alone
    assert signature(2) not in alone


def test_session_is_ended_for_all_workers_when_they_share_a_file(tmp_path: Path) -> None:
    one, other = EndedSessions(tmp_path / "ended"), EndedSessions(tmp_path / "ended")
    one.end(signature(1), 100, now=0)
    assert signature(1) in other
    other.end(signature(2), 100, now=0)
    assert signature(2) in one
    assert signature(1) in one
    assert (tmp_path / "ended").stat().st_mode & 0o777 == 0o600


def test_file_is_bounded_and_forgets_what_has_expired(tmp_path: Path) -> None:
    sessions = EndedSessions(tmp_path / "ended")
    sessions.end(signature(0), 5, now=0)
    sessions._ended.update({signature(number): 1000 + number for number in range(1, MOST + 50)})
    sessions.end(signature(MOST + 50), 99_999, now=10)
    assert len((tmp_path / "ended").read_text().splitlines()) == MOST
    assert signature(0) not in sessions


@pytest.mark.parametrize("content", [b"\xff\n \n" + b"a" * 5000, b"x 99999999999999999999\n", b"\n\n"])
def test_nonsense_in_the_file_ends_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ended").write_bytes(content)
    (tmp_path / "ended").chmod(0o600)
    assert signature(1) not in EndedSessions(tmp_path / "ended")


def test_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("kept")
    (tmp_path / "ended").symlink_to(tmp_path / "target")
    sessions = EndedSessions(tmp_path / "ended")
    sessions.end(signature(1), 100, now=0)
    assert signature(1) in sessions
    assert (tmp_path / "target").read_text() == "kept"
