"""The text of /metrics is made in steps, between which a worker serves others."""

from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict, mmap_key

from proxy.sinks.metrics.exposition import render_directory


def write_counter(folder: Path, process: int, values: int) -> None:
    file = MmapedDict(str(folder / f"counter_{process}.db"))
    for number in range(values):
        key = mmap_key("calls", "calls_total", ["model"], [f"m{number}"], "Calls")
        file.write_value(key, 1.5, 0.0)
    file.close()


def test_others_have_their_turns_when_there_are_many_values(tmp_path: Path) -> None:
    turns: list[None] = []
    write_counter(tmp_path, 1, 2000)
    render_directory(tmp_path, lambda: turns.append(None))
    assert len(turns) >= 20


def test_workers_are_added_up_when_they_count_the_same(tmp_path: Path) -> None:
    write_counter(tmp_path, 1, 1)
    write_counter(tmp_path, 2, 2)
    lines = render_directory(tmp_path, lambda: None).decode().splitlines()
    assert lines[:2] == ["# HELP calls_total Calls", "# TYPE calls_total counter"]
    assert sorted(lines[2:]) == ['calls_total{model="m0"} 3.0', 'calls_total{model="m1"} 1.5']


def test_text_is_empty_when_nothing_was_counted(tmp_path: Path) -> None:
    assert render_directory(tmp_path, lambda: None) == b""


def test_a_file_that_was_opened_just_now_is_passed_over(tmp_path: Path) -> None:
    for kind in ("counter", "histogram", "gauge_livesum"):
        (tmp_path / f"{kind}_1.db").touch()
    # What is left of a file whose worker has just removed it.
    (tmp_path / "gauge_livesum_2.db").symlink_to(tmp_path / "gone")
    assert render_directory(tmp_path, lambda: None) == b""
