"""A long run on one worker: does anything grow?

    python -m bench.soak [--minutes 20] [--requests 1000000]

A closed loop of varied calls (bench/soak.lua), and beside it clients that leave in the middle of a stream and streams that
the provider breaks, until the time is over and the requests are made. Each 10 s the worker's memory, file descriptors and
threads are noted. Printed are their slopes over the last three quarters (least squares) and their ranges. Nothing is
written but a temporary folder.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import linear_regression, median
from typing import NamedTuple

from bench.gateways import KEY, deployment, patchbay, write_config
from bench.load import number
from bench.process import LOAD_CORE, Missing, require
from bench.table import facts
from bench.upstream import Upstream, upstreams

SLICE, EVERY = 30, 10.0
CONNECTIONS = 16
# What is looked for: MB of a worker at the end, MB an hour, and how many descriptors and threads may be gained.
MOST_MEMORY, MOST_SLOPE, MOST_GAIN = 80.0, 1.0, 5.0
_SCRIPT = Path(__file__).with_name("soak.lua")


class Sample(NamedTuple):
    """Of one worker. `at` is in hours since the start."""

    at: float
    memory: float
    descriptors: int
    threads: int


def sample(worker: int, at: float) -> Sample:
    process = Path(f"/proc/{worker}")
    pages = int((process / "statm").read_text().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return Sample(at, memory, len(list((process / "fd").iterdir())), len(list((process / "task").iterdir())))


class Sampler:
    """Looks at the worker until it is told to stop."""

    def __init__(self, worker: int) -> None:
        self.samples: list[Sample] = []
        self._worker = worker
        self._started = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            self.samples.append(sample(self._worker, (time.monotonic() - self._started) / 3600))


class Made(NamedTuple):
    """Requests that the closed loop made, and how many of them were answered with an error."""

    requests: int
    failed: int


def slope(samples: Sequence[Sample]) -> float:
    """MB an hour over the last three quarters."""
    settled = samples[len(samples) // 4 :]
    return linear_regression([one.at for one in settled], [one.memory for one in settled]).slope


def gain(values: Sequence[float]) -> float:
    """The middle of the last quarter, less that of the second one."""
    quarter = max(1, len(values) // 4)
    return median(values[-quarter:]) - median(values[quarter : 2 * quarter])


def soak(folder: Path, upstream: Upstream, minutes: float, requests: int) -> bool:
    """Run, and print what was found; whether all of it is as it should be."""
    with patchbay(folder, upstream, config=_config(folder, upstream), log=Path(os.devnull)) as program:
        (worker,) = program.pids()[1:]
        before = sample(worker, 0.0)
        with leavers(program.port), Sampler(worker) as sampler:
            made = load(program.port, minutes, requests, sampler)
        time.sleep(EVERY)
        after = sample(worker, 0.0)
    return tell(made, before, after, sampler.samples)


def _config(folder: Path, upstream: Upstream) -> Path:
    broken = [deployment(name, upstream.broken) for name in ("failing", "saved")]
    router = {"fallbacks": [{"saved": ["small"]}], "num_retries": 1, "cooldown_time": 1}
    return write_config(folder, upstream, [*broken, deployment("cut", upstream.broken, path="/cut/v1")], router)


def load(port: int, minutes: float, requests: int, sampler: Sampler) -> Made:
    """The closed loop, in slices, until the time is over and the requests are made."""
    wrk = require("wrk", "apt-get install wrk")
    command = ["taskset", "--cpu-list", LOAD_CORE, wrk, "-t1", f"-c{CONNECTIONS}", f"-d{SLICE}s", "--timeout", "30s",
               "-s", str(_SCRIPT), f"http://127.0.0.1:{port}/v1/chat/completions"]  # fmt: skip
    env = {**os.environ, "BENCH_AUTHORIZATION": f"Bearer {KEY}"}
    made, started = Made(0, 0), time.monotonic()
    while made.requests < requests or time.monotonic() - started < minutes * 60:
        text = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
        count, failed = number(r"(\d+) requests in", text), number(r"Non-2xx or 3xx responses: (\d+)", text, "0")
        made = Made(made.requests + int(count), made.failed + int(failed))
        last = sampler.samples[-1]
        print(
            f"{last.at * 60:5.1f} min {made.requests:9,} requests {last.memory:6.1f} MB "
            f"{last.descriptors:4} descriptors {last.threads:3} threads",
            flush=True,
        )
    return made


@contextlib.contextmanager
def leavers(port: int) -> Iterator[None]:
    """Clients of paced streams that leave, and streams that break, in a process of their own."""
    command = ["taskset", "--cpu-list", LOAD_CORE, sys.executable, "-m", "bench.soak", "--leave", str(port)]
    process = subprocess.Popen(command)
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError("the clients that leave have ended too early")
    finally:
        process.kill()
        process.wait()


async def leave(port: int) -> None:
    """Ten streams a second: one after the other is left at once, is left after a second, and breaks."""
    running = set()
    for turn in itertools.count():
        task = asyncio.create_task(_stream(port, "break" if turn % 3 == 2 else "Hello", (0.0, 1.0, 10.0)[turn % 3]))
        running.add(task)
        task.add_done_callback(running.discard)
        await asyncio.sleep(0.1)


async def _stream(port: int, content: str, patience: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"model": "paced", "stream": True, "messages": [{"role": "user", "content": content}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n"
    writer.write(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
    with contextlib.suppress(TimeoutError, ConnectionError):
        await asyncio.wait_for(reader.read(-1), patience)
    writer.transport.abort()


def tell(made: Made, before: Sample, after: Sample, samples: Sequence[Sample]) -> bool:
    growth, descriptors, threads = (
        slope(samples),
        [one.descriptors for one in samples],
        [one.threads for one in samples],
    )
    rows = [
        (
            "requests",
            f"{made.requests:,}, {made.failed:,} of them answered with an error, in {samples[-1].at * 60:.0f} minutes",
        ),
        ("memory before, and at the end", f"{before.memory:.1f} MB, {after.memory:.1f} MB"),
        ("slope over the last three quarters", f"{growth:+.2f} MB an hour"),
        (
            "file descriptors, range, gain, at rest",
            f"{min(descriptors)}-{max(descriptors)}, {gain(descriptors):+.0f}, {after.descriptors}",
        ),
        ("threads, range, gain", f"{min(threads)}-{max(threads)}, {gain(threads):+.0f}"),
    ]
    print("\n" + facts("soak of one worker", rows), flush=True)
    return (
        after.memory <= MOST_MEMORY
        and growth <= MOST_SLOPE
        and gain(descriptors) <= MOST_GAIN
        and gain(threads) <= MOST_GAIN
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--leave", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.leave:
        asyncio.run(leave(given.leave))
        return
    try:
        with tempfile.TemporaryDirectory() as folder, upstreams(Path(folder)) as upstream:
            sound = soak(Path(folder), upstream, given.minutes, given.requests)
    except Missing as missing:
        sys.exit(str(missing))
    if not sound:
        sys.exit(f"Looked for: at most {MOST_MEMORY:g} MB, {MOST_SLOPE:g} MB an hour, a gain of {MOST_GAIN:g}.")


if __name__ == "__main__":
    main()
