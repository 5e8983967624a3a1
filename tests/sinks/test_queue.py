"""The queue never waits for a sink, and each sink loses only its own records."""

import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from proxy.runtime import Runtime
from proxy.sinks.contract import SinkError
from proxy.sinks.queue import BATCH, RECORD_BYTES, SinkQueue, Subscription
from tests.sinks.records import FakeSink, make_failure, make_record

PATIENCE = 20.0


def make_queue(*sinks: FakeSink, limit_records: int = 1000) -> SinkQueue:
    subscriptions = [Subscription(sink) for sink in sinks]
    return SinkQueue(subscriptions, Runtime(), limit_bytes=limit_records * (RECORD_BYTES + 2), linger=0.005)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """A sink that waits for it hangs until the test ends."""
    event = threading.Event()
    yield event
    event.set()


def test_records_arrive_in_order_when_a_sink_is_well() -> None:
    sink = FakeSink()
    queue = make_queue(sink)
    for number in range(200):
        queue.emit(make_record(str(number)))
    assert queue.flush(PATIENCE)
    assert sink.ids == [str(number) for number in range(200)]
    assert max(len(batch) for batch in sink.batches) <= BATCH


def test_record_arrives_when_no_other_follows() -> None:
    arrived = threading.Event()
    make_queue(FakeSink(fault=arrived.set)).emit(make_record())
    assert arrived.wait(PATIENCE)


def test_each_record_arrives_once_when_many_threads_emit() -> None:
    sink = FakeSink()
    queue = make_queue(sink, limit_records=5000)

    def emit(thread: int) -> None:
        for number in range(500):
            queue.emit(make_record(f"{thread}-{number}"))

    threads = [threading.Thread(target=emit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert queue.flush(PATIENCE)
    assert sorted(sink.ids) == sorted(f"{thread}-{number}" for thread in range(8) for number in range(500))


def test_other_sinks_get_everything_when_one_hangs(gate: threading.Event) -> None:
    well = FakeSink("well")
    queue = make_queue(FakeSink("hung", lambda: gate.wait(PATIENCE)), well, limit_records=100)
    for number in range(50):
        queue.emit(make_record(str(number)))
    assert not queue.flush(0.5)
    assert len(well.ids) == 50


def test_records_in_memory_are_bounded_when_a_sink_hangs(gate: threading.Event) -> None:
    queue = make_queue(FakeSink("hung", lambda: gate.wait(PATIENCE)), limit_records=10)
    for number in range(500):
        queue.emit(make_record(str(number)))
    counts = queue.counts()["hung"]
    assert (counts.emitted, counts.dropped) == (10, 490)


def test_bytes_in_memory_are_bounded_when_clients_send_much_metadata(gate: threading.Event) -> None:
    queue = make_queue(FakeSink("hung", lambda: gate.wait(PATIENCE)), limit_records=100)
    for number in range(100):
        queue.emit(make_record(str(number), metadata={"a": "x" * 40 * RECORD_BYTES}))
    assert queue.counts()["hung"].emitted == 2


def test_room_returns_when_a_sink_recovers() -> None:
    sink = FakeSink()
    queue = make_queue(sink, limit_records=10)
    for _ in range(5):
        for number in range(10):
            queue.emit(make_record(str(number)))
        assert queue.flush(PATIENCE)
    assert queue.counts()["fake"].dropped == 0


def fail() -> None:
    raise ValueError("https://user:sk-secret@host refused")


def test_lost_records_are_counted_when_a_sink_throws() -> None:
    well = FakeSink("well")
    queue = make_queue(FakeSink("thrower", fail), well)
    for number in range(30):
        queue.emit(make_record(str(number)))
    assert queue.flush(PATIENCE)
    counts = queue.counts()
    assert (counts["thrower"].failed, counts["thrower"].written) == (30, 0)
    assert counts["well"].written == 30


def test_complaint_shows_no_secret_and_comes_once_when_a_sink_throws(caplog: pytest.LogCaptureFixture) -> None:
    queue = make_queue(FakeSink("thrower", fail))
    for number in range(3):
        queue.emit(make_record(str(number)))
        assert queue.flush(PATIENCE)
    assert len(caplog.records) == 1
    assert "ValueError" in caplog.text and "sk-secret" not in caplog.text


def test_batch_is_offered_again_when_a_sink_asks_for_tries() -> None:
    calls = count()

    def fail_once() -> None:
        if next(calls) == 0:
            raise SinkError("the receiver answered 503")

    sink = FakeSink(fault=fail_once)
    sink.tries = 2
    queue = make_queue(sink)
    queue.emit(make_record("a"))
    assert queue.flush(PATIENCE)
    assert sink.ids == ["a"] and queue.counts()["fake"].failed == 0


def test_only_failures_arrive_when_a_sink_subscribes_to_them() -> None:
    sink = FakeSink()
    queue = SinkQueue([Subscription(sink, success=False)], Runtime(), linger=0)
    queue.emit(make_record("good"))
    queue.emit(make_failure("bad"))
    assert queue.flush(PATIENCE)
    assert sink.ids == ["bad"]


def test_only_counters_see_the_call_when_it_asks_for_no_log() -> None:
    named, counter = FakeSink("named"), FakeSink("counter")
    counter.anonymous = True
    queue = make_queue(named, counter)
    queue.emit(make_record("private", no_log=True))
    assert queue.flush(PATIENCE)
    assert (named.ids, counter.ids) == ([], ["private"])


def test_everything_is_written_and_closed_when_the_process_drains() -> None:
    sink = FakeSink()
    queue = make_queue(sink)
    for number in range(150):
        queue.emit(make_record(str(number)))
    assert queue.close(PATIENCE)
    assert len(sink.ids) == 150
    assert sink.closed.wait(PATIENCE)


def test_rest_is_counted_as_dropped_when_the_drain_is_too_short(gate: threading.Event) -> None:
    queue = make_queue(FakeSink("hung", lambda: gate.wait(PATIENCE)))
    for number in range(BATCH + 5):
        queue.emit(make_record(str(number)))
    assert not queue.close(0.3)
    queue.emit(make_record("late"))
    counts = queue.counts()["hung"]
    assert counts.waiting == 0
    assert counts.dropped >= 6


def _emit_in_child(queue: SinkQueue, sink: FakeSink, answer: "multiprocessing.Queue[int]") -> None:
    queue.emit(make_record("child"))
    queue.flush(PATIENCE)
    answer.put(sink.ids.count("child"))


def test_child_has_threads_of_its_own_when_the_process_forks() -> None:
    sink = FakeSink()
    queue = make_queue(sink)
    queue.emit(make_record("parent"))
    assert queue.flush(PATIENCE)
    context = multiprocessing.get_context("fork")
    answer: multiprocessing.Queue[int] = context.Queue()
    child = context.Process(target=_emit_in_child, args=(queue, sink, answer))
    child.start()
    assert answer.get(timeout=PATIENCE) == 1
    child.join(PATIENCE)
    assert queue.counts()["fake"].written == 1


def test_content_is_not_needed_when_no_sink_shows_it() -> None:
    counter = FakeSink("counter")
    counter.anonymous = True
    assert not make_queue(counter).shows_content
    assert make_queue(counter, FakeSink()).shows_content


GEVENT_SCRIPT = """
from gevent import monkey; monkey.patch_all()
import os, sys, time, gevent
from proxy.runtime import Runtime
from proxy.sinks.jsonl import JsonLines
from proxy.sinks.lines import Descriptor, LineWriter
from proxy.sinks.queue import SinkQueue, Subscription
from tests.sinks.records import FakeSink, make_record

read_end, write_end = os.pipe()
well = FakeSink("well")
queue = SinkQueue([Subscription(JsonLines(LineWriter(Descriptor(write_end)))), Subscription(well)], Runtime(), linger=0)
for number in range(300):
    queue.emit(make_record(str(number)))
ticks = 0
while ticks < 20:
    gevent.sleep(0.01)
    ticks += 1
counts = queue.counts()
print(ticks, len(well.ids), counts["json"].written < 300)
sys.stdout.flush()
os._exit(0)
"""


def test_loop_runs_on_when_a_pipe_is_full_under_gevent() -> None:
    done = subprocess.run([sys.executable, "-c", GEVENT_SCRIPT], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["20", "300", "True"], done.stderr


GEVENT_READER_SCRIPT = """
from gevent import monkey; monkey.patch_all()
import json, os, sys
from gevent.os import make_nonblocking, nb_read
from proxy.runtime import Runtime
from proxy.sinks.jsonl import JsonLines
from proxy.sinks.lines import Descriptor, LineWriter
from proxy.sinks.queue import SinkQueue, Subscription
from tests.sinks.records import make_record

read_end, write_end = os.pipe()
queue = SinkQueue([Subscription(JsonLines(LineWriter(Descriptor(write_end))))], Runtime())
for number in range(300):
    queue.emit(make_record(str(number)))
make_nonblocking(read_end)
read = b""
while read.count(b"\\n") < 300:
    read += nb_read(read_end, 1000)
print([json.loads(line)["litellm_call_id"] for line in read.splitlines()] == [str(number) for number in range(300)])
print(queue.flush(20), os.get_blocking(write_end), len(os.listdir("/proc/self/task")))
"""


def test_pipe_gets_all_without_a_native_thread_when_its_reader_is_slow_under_gevent() -> None:
    done = subprocess.run([sys.executable, "-c", GEVENT_READER_SCRIPT], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["True", "True", "True", "1"], done.stderr


@pytest.mark.parametrize("room", [0, 1, 7, 10])
def test_those_that_fit_are_taken_in_order_when_a_batch_is_larger_than_the_room(
    gate: threading.Event, room: int
) -> None:
    sink = FakeSink("hung", lambda: gate.wait(PATIENCE))
    queue = make_queue(sink, limit_records=room)
    for number in range(10):
        queue.emit(make_record(str(number)))
    counts = queue.counts()["hung"]
    assert (counts.emitted, counts.dropped) == (room, 10 - room)
    gate.set()
    assert queue.flush(PATIENCE)
    assert sink.ids == [str(number) for number in range(room)]
