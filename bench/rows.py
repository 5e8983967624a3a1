"""Each row of the comparison with the peers: what is asked, of whom, how often. A row prints as soon as it is measured."""

import contextlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.gateways import GATEWAYS, Gateway, key_headers, patchbay
from bench.load import Closed, closed_loop, run_client
from bench.process import LOAD_CORE, Program
from bench.table import cell, comparison, facts
from bench.upstream import Upstream

_TEXT = "Hello, how are you today?"
SMALL, STREAMS = "small chat", "streams of 100 chunks, as fast as they can"
LONG_TEXT, MESSAGES = "a body of 400 KB, one text", "a body of 400 KB, 399 messages"
# 399 messages of 1 KB.
CONVERSATION = [{"role": "assistant" if number % 2 else "user", "content": "word " * 200} for number in range(399)]


@dataclass(frozen=True)
class Load:
    """A closed loop that can be run again and again; `variants` as in load.closed_loop."""

    program: Program
    headers: Mapping[str, str]
    body: Path
    connections: int = 16
    variants: int = 0
    core: str = LOAD_CORE

    def run(self, seconds: int) -> Closed:
        return closed_loop(
            self.program,
            self.headers,
            self.body,
            seconds=seconds,
            connections=self.connections,
            variants=self.variants,
            core=self.core,
        )


@dataclass(frozen=True)
class Bench:
    """What the rows share: a folder, the upstream, and how often and how long each measurement is made."""

    folder: Path
    upstream: Upstream
    names: Sequence[str]
    rounds: int
    seconds: int

    def body(self, model: str, content: Any = _TEXT, **more: Any) -> Path:
        """The file of a request's body; `content` is of its one message, unless `more` has other `messages`."""
        fields = {
            "model": model,
            "messages": [{"role": "user", "content": content}],
            "temperature": 0.7,
            "max_tokens": 100,
        }
        text = json.dumps({**fields, **more}, separators=(",", ":"))
        path = self.folder / f"{zlib.crc32(text.encode()):08x}.json"
        path.write_text(text)
        return path

    def interleaved(
        self, gateways: dict[Gateway, Program], body: Path, port: int, connections: int = 16
    ) -> dict[str, list[Closed]]:
        """Rounds in which each gateway has its turn."""
        return self.turns(
            {
                gateway.name: Load(program, gateway.headers(port), body, connections)
                for gateway, program in gateways.items()
            }
        )

    def turns(self, loads: Mapping[str, Load]) -> dict[str, list[Closed]]:
        """Rounds in which each of the loads has its turn; the first turn warms up."""
        for load in loads.values():
            load.run(1)
        found: dict[str, list[Closed]] = {name: [] for name in loads}
        for _ in range(self.rounds):
            for name, load in loads.items():
                found[name].append(load.run(self.seconds))
        return found


def report(title: str, found: dict[str, list[Closed]]) -> str:
    """A comparison, and how many answers were errors."""
    rates = {name: [one.rate for one in turns] for name, turns in found.items()}
    costs = {name: [one.cpu_ms for one in turns] for name, turns in found.items()}
    return comparison(title, rates, costs) + failures(found)


def failures(found: dict[str, list[Closed]]) -> str:
    failed = {name: sum(one.failed for one in turns) for name, turns in found.items()}
    told = ", ".join(f"{name} {count}" for name, count in failed.items() if count)
    return f"\n\nFailed: {told}" if told else ""


@dataclass(frozen=True)
class Measured:
    """What the gateways did: rounds by row and gateway; seconds to the first answer, MB at the end."""

    rounds: Mapping[str, Mapping[str, list[Closed]]]
    ready: Mapping[str, float]
    memory: Mapping[str, float]

    def rates(self, row: str) -> dict[str, list[float]]:
        return {name: [one.rate for one in turns] for name, turns in self.rounds[row].items()}


def throughput(bench: Bench, say: Callable[[str], None]) -> Measured:
    """Small chats, streams and large bodies, for all gateways in turn."""
    asked = {
        SMALL: (bench.body("small"), bench.upstream.small),
        STREAMS: (bench.body("stream", stream=True), bench.upstream.stream),
        LONG_TEXT: (bench.body("small", "word " * 80_000), bench.upstream.small),
        MESSAGES: (bench.body("small", messages=CONVERSATION), bench.upstream.small),
    }
    with contextlib.ExitStack() as stack:
        running = {
            GATEWAYS[name]: stack.enter_context(GATEWAYS[name].start(bench.folder, bench.upstream))
            for name in bench.names
        }
        ready = {one.name: program.ready_after for one, program in running.items()}
        say(facts("start to first answer", [(name, f"{seconds:.2f} s") for name, seconds in ready.items()]))
        rounds = {}
        for row, (body, port) in asked.items():
            rounds[row] = bench.interleaved(running, body, port)
            say(report(row, rounds[row]))
        memory = {one.name: program.memory() for one, program in running.items()}
        say(facts("memory after that", [(name, f"{size:.0f} MB") for name, size in memory.items()]))
    return Measured(rounds, ready, memory)


def latency(bench: Bench, rate: float, say: Callable[[str], None]) -> None:
    """What we add to a call, at a constant rate of arrivals, in turns with calling the upstream itself."""
    body = bench.body("small")
    found: dict[str, list[dict[str, float]]] = {"directly": [], "through Patchbay": []}
    with patchbay(bench.folder, bench.upstream) as program:
        closed_loop(program, key_headers(0), body, seconds=1)
        for _ in range(bench.rounds):
            for name, port in zip(found, (bench.upstream.small, program.port), strict=True):
                found[name].append(run_client("rate", port, key_headers(0), body, rate, bench.seconds * 2))
    say(facts(f"constant {rate:.0f} requests/s, ms", [(name, _latencies(rounds)) for name, rounds in found.items()]))


def _latencies(rounds: Sequence[Mapping[str, float]]) -> str:
    p50, p99 = ([one[name] for one in rounds] for name in ("p50", "p99"))
    return f"p50 {cell(p50)}, p99 {cell(p99)}, failed {sum(one['failed'] for one in rounds):.0f}"


def paced(bench: Bench, counts: Sequence[int], say: Callable[[str], None]) -> None:
    """Streams of 20 chunks in 2 s: how late is each chunk, compared with the same streams without a gateway?"""
    body, rows = bench.body("paced", stream=True), []
    for count in counts:
        with patchbay(bench.folder, bench.upstream) as program:
            for name, port in (("directly", bench.upstream.paced), ("through Patchbay", program.port)):
                rounds = [run_client("paced", port, key_headers(0), body, count) for _ in range(bench.rounds)]
                rows.append((f"{count} at once, {name}", _lags(rounds)))
            rows.append((f"{count} at once, memory", f"{program.memory():.0f} MB"))
    say(facts("paced streams, lag in ms", rows))


def _lags(rounds: Sequence[Mapping[str, float]]) -> str:
    p50, p99 = ([one[name] for one in rounds] for name in ("p50", "p99"))
    return f"p50 {cell(p50)}, p99 {cell(p99)}, complete {cell([one['complete'] for one in rounds])}"
