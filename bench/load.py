"""The two kinds of load: closed loop (wrk), and a constant rate of arrivals that does not wait for slow answers."""

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.process import LOAD_CORE, Program, require

_SCRIPT = Path(__file__).with_name("post.lua")


class Closed(NamedTuple):
    """Requests a second, and milliseconds of CPU that the program used for one."""

    rate: float
    cpu_ms: float
    failed: int


def closed_loop(
    program: Program,
    headers: Mapping[str, str],
    body: Path,
    *,
    seconds: int = 3,
    connections: int = 16,
    variants: int = 0,
    core: str = LOAD_CORE,
) -> Closed:
    """wrk: each connection sends its next request when it has its answer.

    With `variants`, the word VARIANT in the body becomes one of so many numbers, another one in each request.
    """
    wrk = require("wrk", "apt-get install wrk")
    env = {
        **os.environ,
        "BENCH_BODY": str(body),
        "BENCH_VARIANTS": str(variants),
        "BENCH_HEADERS": "\n".join(f"{name}: {text}" for name, text in headers.items()),
    }
    command = ["taskset", "--cpu-list", core, wrk, "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s",
               "-s", str(_SCRIPT), f"http://127.0.0.1:{program.port}/v1/chat/completions"]  # fmt: skip
    before = program.cpu_seconds()
    text = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    used = program.cpu_seconds() - before
    count = int(number(r"(\d+) requests in", text))
    failed = int(number(r"Non-2xx or 3xx responses: (\d+)", text, "0"))
    return Closed(number(r"Requests/sec:\s*([\d.]+)", text), used * 1000 / max(1, count), failed)


def number(pattern: str, text: str, default: str | None = None) -> float:
    found = re.search(pattern, text)
    if found is None and default is None:
        raise RuntimeError(f"wrk said something else: {text}")
    return float(found[1] if found else default or 0)


def run_client(mode: str, port: int, headers: Mapping[str, str], body: Path, *numbers: float) -> dict[str, float]:
    """Run this module's client on the load generator's core."""
    given = json.dumps({"port": port, "headers": dict(headers), "body": str(body), "numbers": numbers})
    command = ["taskset", "--cpu-list", LOAD_CORE, sys.executable, "-m", "bench.load", mode, given]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result: dict[str, float] = json.loads(answer)
    return result


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def request_bytes(given: Mapping[str, Any]) -> bytes:
    body = Path(given["body"]).read_bytes()
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        "host: 127.0.0.1",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    lines += [f"{name}: {text}" for name, text in given["headers"].items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def constant_rate(given: Mapping[str, Any]) -> dict[str, float]:
    """Milliseconds from the moment at which each request was due, so that a stall counts for all that it delays."""
    rate, seconds = given["numbers"]
    sending, latencies, failed = request_bytes(given), [], 0
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def one(due: float) -> None:
        nonlocal failed
        connection = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", given["port"])
        connection[1].write(sending)
        head = await connection[0].readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if found:
            await connection[0].readexactly(int(found[1]))
        else:
            await connection[0].readuntil(b"0\r\n\r\n")
        latencies.append((time.perf_counter() - due) * 1000)
        failed += not head.startswith(b"HTTP/1.1 200")
        idle.append(connection)

    started, tasks = time.perf_counter() + 0.1, []
    for number in range(int(rate * seconds)):
        due = started + number / rate
        pause = due - time.perf_counter()
        if pause > 0:
            await asyncio.sleep(pause)
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    # The first tenth opens connections and fills caches.
    settled = latencies[len(latencies) // 10 :]
    return {"p50": statistics.median(settled), "p99": quantile(settled, 0.99), "failed": failed}


async def paced_streams(given: Mapping[str, Any]) -> dict[str, float]:
    """How long each chunk was on its way: the upstream writes the moment of sending into it."""
    (count,) = given["numbers"]
    sending, lags, complete = request_bytes(given), [], 0

    async def one(number: int) -> None:
        nonlocal complete
        await asyncio.sleep(number / count)
        reader, writer = await asyncio.open_connection("127.0.0.1", given["port"])
        writer.write(sending)
        done = False
        while not done and (line := await reader.readline()):
            done = line.startswith(b"data: [DONE]")
            found = re.search(rb'"content": ?"([\d.]+)"', line)
            if found:
                lags.append((time.monotonic() - float(found[1])) * 1000)
        complete += done
        writer.close()

    await asyncio.gather(*(one(number) for number in range(int(count))))
    return {"p50": quantile(lags, 0.5), "p99": quantile(lags, 0.99), "complete": complete}


_CLIENTS = {"rate": constant_rate, "paced": paced_streams}

if __name__ == "__main__":
    print(json.dumps(asyncio.run(_CLIENTS[sys.argv[1]](json.loads(sys.argv[2])))))
