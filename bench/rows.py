"""Each row of the comparison: what is asked, of whom, how often. A row prints as soon as it is measured."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.gateways import FLOOR, GATEWAYS, ROOT, Gateway, key_headers, patchbay
from bench.load import Closed, closed_loop, run_client
from bench.process import Program
from bench.table import cell, comparison, facts, middle, short
from bench.upstream import Upstream

_TEXT = "Hello, how are you today?"


@dataclass
class Bench:
    """What the rows share. `quick` leaves the slow ones out and measures shortly."""

    folder: Path
    upstream: Upstream
    names: Sequence[str]
    rounds: int
    seconds: float

    def body(self, model: str, content: Any = _TEXT, **more: Any) -> Path:
        fields = {
            "model": model,
            "messages": [{"role": "user", "content": content}],
            "temperature": 0.7,
            "max_tokens": 100,
        }
        path = self.folder / f"{abs(hash((model, len(str(content)), str(more))))}.json"
        path.write_text(json.dumps({**fields, **more}, separators=(",", ":")))
        return path

    def interleaved(
        self, gateways: dict[Gateway, Program], body: Path, port: int, connections: int = 16
    ) -> dict[str, list[Closed]]:
        """Rounds in which each gateway has its turn."""
        found: dict[str, list[Closed]] = {gateway.name: [] for gateway in gateways}
        for turn in range(self.rounds + 1):
            for gateway, program in gateways.items():
                seconds = self.seconds if turn else 1
                measured = closed_loop(program, gateway.headers(port), body, seconds=seconds, connections=connections)
                if turn:  # The first turn warms up.
                    found[gateway.name].append(measured)
        return found


def _report(title: str, found: dict[str, list[Closed]]) -> str:
    rates = {name: [one.rate for one in turns] for name, turns in found.items()}
    costs = {name: [one.cpu_ms for one in turns] for name, turns in found.items()}
    failed = {name: sum(one.failed for one in turns) for name, turns in found.items()}
    told = ", ".join(f"{name} {count}" for name, count in failed.items() if count)
    return comparison(title, rates, costs) + (f"\n\nFailed: {told}" if told else "")


def throughput(bench: Bench, say: Callable[[str], None]) -> dict[str, list[float]]:
    """Small chats, streams and a large body, for all gateways in turn."""
    with contextlib.ExitStack() as stack:
        running = {
            GATEWAYS[name]: stack.enter_context(GATEWAYS[name].start(bench.folder, bench.upstream))
            for name in bench.names
        }
        say(
            facts(
                "start to first answer",
                [(one.name, f"{program.ready_after:.2f} s") for one, program in running.items()],
            )
        )
        small = bench.interleaved(running, bench.body("small"), bench.upstream.small)
        say(_report("small chat", small))
        streams = bench.interleaved(running, bench.body("stream", stream=True), bench.upstream.stream, 4)
        say(_report("streams of 100 chunks, as fast as they can", streams))
        say(
            _report(
                "a body of 400 KB",
                bench.interleaved(running, bench.body("small", "word " * 80_000), bench.upstream.small),
            )
        )
        say(facts("memory after that", [(one.name, f"{program.memory():.0f} MB") for one, program in running.items()]))
    return {name: [one.rate for one in turns] for name, turns in small.items()}


def floor(bench: Bench, say: Callable[[str], None]) -> None:
    """Small chats beside what Flask and gunicorn alone allow."""
    with contextlib.ExitStack() as stack:
        both = (GATEWAYS["Patchbay"], FLOOR)
        running = {one: stack.enter_context(one.start(bench.folder, bench.upstream)) for one in both}
        say(_report("small chat, and the floor", bench.interleaved(running, bench.body("small"), bench.upstream.small)))


def latency(bench: Bench, rate: float, say: Callable[[str], None]) -> None:
    """What we add to a call, at a constant rate of arrivals."""
    body, rows = bench.body("small"), []
    with patchbay(bench.folder, bench.upstream) as program:
        closed_loop(program, key_headers(0), body, seconds=1)
        for name, port in (("directly", bench.upstream.small), ("through Patchbay", program.port)) * bench.rounds:
            found = run_client("rate", port, key_headers(0), body, rate, bench.seconds * 2)
            rows.append((name, f"p50 {found['p50']:.2f} ms, p99 {found['p99']:.2f} ms, failed {found['failed']:.0f}"))
    say(facts(f"constant {rate:.0f} requests/s", rows))


def paced(bench: Bench, counts: Sequence[int], say: Callable[[str], None]) -> None:
    """Streams of 20 chunks in 2 s: how late is each chunk, compared with the same streams without a gateway?"""
    body, rows = bench.body("paced", stream=True), []
    for count in counts:
        with patchbay(bench.folder, bench.upstream) as program:
            for name, port in (("directly", bench.upstream.paced), ("through Patchbay", program.port)):
                found = run_client("paced", port, key_headers(0), body, count)
                text = f"{found['complete']:.0f} complete, lag p50 {found['p50']:.1f} ms, p99 {found['p99']:.1f} ms"
                rows.append((f"{count} at once, {name}", text))
            rows.append((f"{count} at once, memory", f"{program.memory():.0f} MB"))
    say(facts("paced streams", rows))


def growth(bench: Bench, say: Callable[[str], None]) -> None:
    """Does a request cost more with 1,000 deployments, a batch more than its calls, an image more memory?"""
    headers, small = key_headers(0), bench.body("small")
    with (
        patchbay(bench.folder, bench.upstream) as one,
        patchbay(bench.folder, bench.upstream, deployments=1000) as many,
    ):
        costs: dict[str, list[float]] = {"1 deployment": [], "1,000 deployments": []}
        for turn in range(bench.rounds + 1):
            for name, program in zip(costs, (one, many), strict=True):
                found = closed_loop(program, headers, small, seconds=bench.seconds if turn else 1)
                costs[name] += [found.cpu_ms] if turn else []
        batch = closed_loop(one, headers, bench.body(",".join(["small"] * 16)), seconds=bench.seconds, connections=4)
        before = one.memory()
        picture = [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 2_000_000}}]
        image = closed_loop(one, headers, bench.body("small", picture), seconds=bench.seconds, connections=1)
        rows = [(f"CPU of a small chat, {name}", f"{cell(values)} ms") for name, values in costs.items()]
        rows += [
            (
                "CPU of a batch of 16",
                f"{short(batch.cpu_ms / 16)} ms a call, {batch.cpu_ms / 16 / middle(costs['1 deployment']):.2f}x a call alone",
            ),
            (
                "2 MB image",
                f"{short(image.rate)} requests/s, {short(image.cpu_ms)} ms of CPU, {one.memory() - before:.0f} MB more memory",
            ),
        ]
    say(facts("growth", rows))


def size(say: Callable[[str], None]) -> None:
    """What is installed, and how long its import takes."""
    code = "import time; s = time.perf_counter(); import app; app.create_app(); print(time.perf_counter() - s)"
    times = [float(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout)
             for _ in range(3)]  # fmt: skip
    say(facts("size", [("import of the app and its making", f"{min(times):.2f} s")]))
