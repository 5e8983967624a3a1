"""Files are watched by what their names lead to; a change counts once, and once it has settled."""

import os
from pathlib import Path

import pytest

from proxy.server.config_watch import ConfigWatch


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def seen_after(watch: ConfigWatch, clock: Clock, looks: int = 3) -> int:
    """How many changes are seen at so many looks."""
    count = 0
    for _ in range(looks):
        clock.now += 2
        count += watch.changed()
    return count


def watching(path: Path, seconds: float = 2.0) -> tuple[ConfigWatch, Clock]:
    clock = Clock()
    watch = ConfigWatch(clock)
    watch.begin()
    watch.follow([str(path)], seconds)
    return watch, clock


def change_content(folder: Path) -> None:
    (folder / "config.yaml").write_text("a: 2345")


def replace_file(folder: Path) -> None:
    (folder / "new").write_text("a: 1")
    (folder / "new").replace(folder / "config.yaml")


def remove_file(folder: Path) -> None:
    (folder / "config.yaml").unlink()


@pytest.mark.parametrize("change", [change_content, replace_file, remove_file])
def test_a_change_is_seen_once(tmp_path: Path, change: object) -> None:
    (tmp_path / "config.yaml").write_text("a: 1")
    watch, clock = watching(tmp_path / "config.yaml")
    assert seen_after(watch, clock) == 0
    assert callable(change)
    change(tmp_path)
    assert seen_after(watch, clock) == 1


def test_a_change_is_seen_when_a_config_map_is_replaced(tmp_path: Path) -> None:
    """Kubernetes: config.yaml -> ..data/config.yaml, and ..data -> a folder with a time in its name."""
    for name in ("..2026_01", "..2026_02"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text("a: 1")
        os.utime(tmp_path / name / "config.yaml", (1, 1))
    (tmp_path / "..data").symlink_to("..2026_01")
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")
    watch, clock = watching(tmp_path / "config.yaml")
    (tmp_path / "..new").symlink_to("..2026_02")
    (tmp_path / "..new").replace(tmp_path / "..data")
    assert seen_after(watch, clock) == 1


def test_a_file_that_is_being_written_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("a: 1")
    watch, clock = watching(path)
    for size in range(5):
        path.write_text("a: 1" + " " * (size + 1))
        assert seen_after(watch, clock, looks=1) == 0
    assert seen_after(watch, clock) == 1


def test_a_change_during_the_reading_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("a: 1")
    watch, clock = watching(path)
    watch.begin()
    path.write_text("a: 12")
    watch.follow([str(path)], 2.0)
    assert seen_after(watch, clock, looks=4) == 1


def test_nothing_is_seen_when_the_watch_is_off(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("a: 1")
    watch, clock = watching(tmp_path / "config.yaml", seconds=0)
    change_content(tmp_path)
    assert seen_after(watch, clock) == 0
