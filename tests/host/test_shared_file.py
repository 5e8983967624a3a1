"""Shared files and folders can't kill a process, and are refused with words if they aren't safe."""

import errno
import fcntl
import logging
import mmap
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.domain.router_settings import RouterSettings
from proxy.host import folder as folders
from proxy.host.folder import prepare_folder, remove_leftovers, shared_folder
from proxy.host.processes import start_time
from proxy.host.shared_file import NoRoomError, SharedFileError, allocate, open_shared
from proxy.routing.state.build import build_state
from proxy.routing.state.host import HostState
from proxy.routing.state.memory import MemoryState
from proxy.sinks.metrics.allocated import AllocatedDict
from proxy.sinks.recent_calls import RecentCalls
from tests.sinks.records import make_record


@pytest.fixture(params=["64k", "1m"])
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A real file system of that size; skipped where the user may not mount one."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={request.param}", "tmpfs", str(place)], check=False)
    if mounted.returncode:
        pytest.skip("only root can mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_each_worker_counts_for_itself_when_the_memory_is_too_small(
    small: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(build_state(RouterSettings(), small / "a.state"), MemoryState)
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1
    assert "for itself" in caplog.text
    assert (small / "a.state").stat().st_size == 0


def test_the_folder_for_temporary_files_is_used_when_the_memory_is_too_small(small: Path) -> None:
    assert shared_folder(small) != small
    assert shared_folder(Path("/nowhere")) == shared_folder(small)


def test_the_status_page_goes_on_when_its_folder_is_full(small: Path, caplog: pytest.LogCaptureFixture) -> None:
    board = RecentCalls(small / "a.board", lambda _: None)
    with (small / "filler").open("wb") as filler, pytest.raises(OSError, match="No space"):
        while True:
            filler.write(bytes(65536))
            filler.flush()
    board.write([make_record()])
    board.publish()
    board.publish()
    assert len(caplog.records) == 1


def test_figures_move_into_memory_when_the_folder_of_the_metrics_is_full(
    small: Path, caplog: pytest.LogCaptureFixture
) -> None:
    figures = AllocatedDict(str(small / "counter_1.db"))
    for number in range(20_000):
        figures.write_value(f"{number:060}", float(number), 0.0)  # type: ignore[no-untyped-call]
    assert figures.read_value(f"{19_999:060}") == (19_999.0, 0.0)  # type: ignore[no-untyped-call]
    assert figures.read_value(f"{7:060}") == (7.0, 0.0)  # type: ignore[no-untyped-call]
    assert len(caplog.records) == 1
    assert "missing in /metrics" in caplog.text
    figures.close()  # type: ignore[no-untyped-call]


def test_a_file_is_backed_whole_when_it_is_laid_out(tmp_path: Path) -> None:
    HostState(tmp_path / "a.state", capacity=64).close()
    facts = (tmp_path / "a.state").stat()
    assert facts.st_blocks * 512 >= facts.st_size


def test_a_file_stays_as_it_was_when_it_can_not_be_allocated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = open_shared(tmp_path / "a")
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(NoRoomError, match="No space left"):
        allocate(file, tmp_path / "a", mmap.PAGESIZE)
    assert os.fstat(file).st_size == 0
    os.close(file)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.symlink_to(path.parent / "target"), "symbolic link"),
        (os.mkfifo, "not a regular file"),
        (lambda path: path.mkdir(), "can't be opened: Is a directory"),
        (lambda path: (path.touch(), path.chmod(0o666)), "can be changed by other users"),
    ],
)
def test_a_file_is_refused_with_words_when_it_is_not_safe(tmp_path: Path, make: object, words: str) -> None:
    path = tmp_path / "a.state"
    make(path)  # type: ignore[operator]
    with pytest.raises(SharedFileError, match=words):
        open_shared(path)
    assert isinstance(build_state(RouterSettings(), path), MemoryState)
    with pytest.raises(SharedFileError, match=words):
        build_state(RouterSettings(state_path=str(path)))


def test_the_gateway_counts_in_memory_when_the_folder_is_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "gone" / "a.state"
    assert isinstance(build_state(RouterSettings(), path), MemoryState)
    assert isinstance(build_state(RouterSettings(state_path=str(path))), MemoryState)
    assert "No such file" in caplog.text


def test_a_folder_is_refused_with_words_when_it_is_a_link(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "a.board").symlink_to(tmp_path / "target")
    with pytest.raises(SharedFileError, match="not a folder"):
        prepare_folder(tmp_path / "a.board")
    RecentCalls(tmp_path / "a.board").write([make_record()])
    assert "not a folder" in caplog.text
    assert not list((tmp_path / "target").iterdir())


def test_leftovers_stay_when_a_process_of_another_namespace_holds_them(tmp_path: Path) -> None:
    gone = f"patchbay-{os.geteuid()}-{os.getpid()}-{start_time(os.getpid()) + 1}"
    kept, dropped = tmp_path / f"{gone}.state", tmp_path / f"{gone}.counters"
    held = tmp_path / f"{gone}.metrics"
    file = open_shared(kept)
    dropped.touch()
    prepare_folder(held)
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([kept, held])

    os.close(file)
    os.close(folders._held.pop())
    remove_leftovers(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_leftover_is_not_followed_when_it_is_a_link_or_a_pipe(tmp_path: Path) -> None:
    gone = f"patchbay-{os.geteuid()}-{os.getpid()}-{start_time(os.getpid()) + 1}"
    (tmp_path / "target").touch()
    (tmp_path / f"{gone}.state").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / f"{gone}.board")
    remove_leftovers(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_new_file_is_used_when_the_old_one_is_removed_before_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lock = tmp_path / "a.state", fcntl.flock
    removed = []

    def flock(file: int, kind: int) -> None:
        if not removed:
            removed.append(path.unlink())
        lock(file, kind)

    monkeypatch.setattr(fcntl, "flock", flock)
    file = open_shared(path)
    assert os.fstat(file).st_ino == path.stat().st_ino
    os.close(file)
