"""The folder of the workers' metrics."""

import os
from pathlib import Path

import pytest
from prometheus_client.multiprocess import mark_process_dead

from proxy.server.metrics_directory import (
    choose_directory,
    forget_process,
    prepare_directory,
    remove_directory,
)

OWN = Path("/dev/shm/patchbay-0-1-2.metrics")


@pytest.mark.parametrize(
    ("given", "chosen"),
    [(None, OWN), ("", OWN), ("/srv/metrics", Path("/srv/metrics")), ("/dev/shm/patchbay-0-9-9.metrics", OWN)],
)
def test_folder_is_the_operators_when_he_names_one(given: str | None, chosen: Path) -> None:
    environ = {} if given is None else {"PROMETHEUS_MULTIPROC_DIR": given}
    assert choose_directory(environ, OWN) == chosen


def test_same_files_go_as_with_the_library_when_a_worker_has_ended(tmp_path: Path) -> None:
    names = [
        f"{kind}_{pid}.db"
        for kind in ("counter", "gauge_sum", "gauge_livesum", "gauge_livemostrecent")
        for pid in (7, 77)
    ]
    left = []
    for folder in (tmp_path / "ours", tmp_path / "theirs"):
        prepare_directory(folder)
        for name in names:
            (folder / name).touch()
        forget_process(7, folder) if folder.name == "ours" else mark_process_dead(7, str(folder))  # type: ignore[no-untyped-call]
        left.append(sorted(path.name for path in folder.iterdir()))
    assert left[0] == left[1]
    assert len(left[0]) == 6


def test_workers_keep_their_own_figures_when_the_folder_is_another_users(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    prepare_directory(tmp_path / "metrics")
    assert "belongs to another user" in caplog.text
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


def test_folder_is_private_and_goes_when_the_parent_ends(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    prepare_directory(folder)
    assert folder.stat().st_mode & 0o077 == 0
    remove_directory(folder)
    remove_directory(folder)
    assert not folder.exists()
