"""Lines are whole, files rotate, and nothing is lost when several processes write."""

import json
import multiprocessing
import os
from pathlib import Path

import pytest

from proxy.runtime import Runtime
from proxy.sinks.contract import SinkContext
from proxy.sinks.jsonl import build
from proxy.sinks.lines import Descriptor, LineWriter, RotatingFile, blocks
from tests.sinks.receivers import no_post
from tests.sinks.records import make_record


def test_blocks_hold_whole_lines_when_a_pipe_takes_less() -> None:
    lines = [b"aaaa\n", b"bb\n", b"cccccccccc\n", b"d\n"]
    assert list(blocks(lines, 8)) == [b"aaaa\nbb\n", b"cccccccccc\n", b"d\n"]


def test_nothing_is_written_when_there_are_no_lines() -> None:
    assert list(blocks([], 8)) == []


def test_all_bytes_arrive_when_the_descriptor_is_nonblocking() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with multiprocessing.get_context("fork").Pool(1) as reader:
        answer = reader.apply_async(_read_all, (read_end, 300_000, write_end))
        LineWriter(Descriptor(write_end)).write([b"x" * 99_999 + b"\n"] * 3)
        os.close(write_end)
        assert answer.get(20) == 300_000
    os.close(read_end)


def _read_all(descriptor: int, size: int, other_end: int) -> int:
    os.close(other_end)
    read = 0
    while read < size and (block := os.read(descriptor, 65536)):
        read += len(block)
    return read


def test_file_is_moved_when_it_would_grow_over_its_size(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "calls.jsonl"
    target = RotatingFile(path, max_bytes=10, backups=2)
    for number in range(4):
        target.write([b"line-%d\n" % number])
    target.close()
    assert path.read_bytes() == b"line-3\n"
    assert Path(f"{path}.1").read_bytes() == b"line-2\n"
    assert Path(f"{path}.2").read_bytes() == b"line-1\n"
    assert not Path(f"{path}.3").exists()


def test_writing_goes_on_when_somebody_removes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    target = RotatingFile(path)
    target.write([b"one\n"])
    path.unlink()
    target.write([b"two\n"])
    assert path.read_bytes() == b"two\n"


def _write_many(path: Path, process: int) -> None:
    target = RotatingFile(path, max_bytes=4000, backups=100)
    for number in range(200):
        target.write([b"%d-%d\n" % (process, number)])


def test_no_line_is_lost_when_processes_rotate_one_file(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_write_many, args=(path, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    lines = [line for file in tmp_path.glob("calls.jsonl*") for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{process}-{number}" for process in range(4) for number in range(200))


def test_each_record_is_a_json_line_when_a_path_is_configured(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    context = SinkContext(no_post, Runtime(), settings={"callback_settings": {"json": {"path": str(path)}}})
    sink = build(context)
    sink.write([make_record("a"), make_record("b")])
    sink.close()
    assert [json.loads(line)["litellm_call_id"] for line in path.read_text().splitlines()] == ["a", "b"]


def test_records_go_to_standard_output_when_no_path_is_configured(capfd: pytest.CaptureFixture[str]) -> None:
    build(SinkContext(no_post, Runtime())).write([make_record("a")])
    assert json.loads(capfd.readouterr().out)["model_group"] == "fast"
