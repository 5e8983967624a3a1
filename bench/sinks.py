"""What sinks cost a call, at fault and switched on: whole calls through gateways of one worker each. One run prints all.

python -m bench.sinks faults   [ROUNDS] [SECONDS]   calls beside a webhook whose receiver hangs, refuses, fails ...
python -m bench.sinks overhead [ROUNDS] [SECONDS]   the log line alone, and with JSON lines and Prometheus
"""

import contextlib
import json
import re
import socketserver
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.gateways import ROOT
from bench.load import closed_loop, run_client
from bench.process import SERVED_CORE, Program, free_port, running
from bench.table import cell, middle

# Calls a second, and the metadata of each: a lane is full after some 1,350 of them.
RATE, METADATA = 200, {"trace_id": "t", "filler": "x" * 10_000}


@contextlib.contextmanager
def gateway(folder: Path, callbacks: list[str], settings: Mapping[str, Any]) -> Iterator[Program]:
    """A gateway whose one model answers by itself; `settings` are `callback_settings`."""
    folder.mkdir()
    port, config = free_port(), folder / "config.yaml"
    models = [{"model_name": "demo", "litellm_params": {"model": "mock/demo"}}]
    litellm = {"callbacks": callbacks, "turn_off_message_logging": True}
    config.write_text(
        json.dumps({"model_list": models, "litellm_settings": litellm, "callback_settings": dict(settings)})
    )
    command = [sys.executable, "-m", "proxy", "serve", "--config", str(config), "--port", str(port), "--workers", "1"]
    env = {"PYTHONPATH": str(ROOT)}
    with running(command, port, core=SERVED_CORE, ready="/health/liveliness", log=folder / "log", env=env) as program:
        yield program


def write_body(folder: Path, metadata: Mapping[str, str]) -> Path:
    path = folder / "body.json"
    messages = [{"role": "user", "content": "hello"}]
    path.write_text(json.dumps({"model": "demo", "messages": messages, "metadata": dict(metadata)}))
    return path


class Receiver(socketserver.ThreadingTCPServer):
    """What a webhook posts to: answers each request with `status` after `delay` seconds."""

    daemon_threads = True

    def __init__(self, status: int, delay: float) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.delay = status, delay
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(socketserver.StreamRequestHandler):
    server: Receiver

    def handle(self) -> None:
        while head := self.rfile.readline():
            length = 0
            while head not in (b"\r\n", b""):
                found = re.match(rb"content-length: *(\d+)", head, re.IGNORECASE)
                length = int(found[1]) if found else length
                head = self.rfile.readline()
            self.rfile.read(length)
            time.sleep(self.server.delay)
            self.wfile.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % self.server.status)


FAULTS = ("no webhook", "well", "hanging", "refusing", "answering 500", "slow (1 s)", "throwing")


def webhooks() -> dict[str, str | None]:
    """A receiver's address for each of FAULTS."""
    refusing = f"http://127.0.0.1:{free_port()}/"
    receivers = [Receiver(200, 0), Receiver(200, 3600), Receiver(500, 0), Receiver(200, 1)]
    well, hanging, failing, slow = (one.url for one in receivers)
    # No address at all: the sink's write raises before anything is sent.
    return dict(zip(FAULTS, (None, well, hanging, refusing, failing, slow, "http://[nowhere"), strict=True))


@dataclass
class Watched:
    """A gateway with one of FAULTS, and what its calls took in each round."""

    program: Program
    lines: Path
    before: float = 0.0
    calls: int = 0
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def measure(self, body: Path, seconds: float, *, keep: bool) -> None:
        found = run_client("rate", self.program.port, {}, body, RATE, seconds)
        if found["failed"]:
            raise RuntimeError(f"{found['failed']:.0f} calls failed")
        self.calls += int(RATE * seconds)
        if keep:
            self.p50.append(found["p50"])
            self.p99.append(found["p99"])
        else:
            self.before = self.program.memory()

    def row(self, name: str) -> str:
        counts = sink_counts(self.program.port)
        hook = " / ".join(str(counts.get(("webhook", state), "-")) for state in ("written", "failed", "dropped"))
        written = sum(1 for _ in self.lines.open("rb"))
        memory = f"{self.before:.0f} to {self.program.memory():.0f} MB"
        return f"| {name} | {cell(self.p50)} | {cell(self.p99)} | {memory} | {hook} | {written} of {self.calls} |"


def sink_counts(port: int) -> dict[tuple[str, str], int]:
    """Records by sink, and what became of them, as /metrics tells it."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30).read().decode()
    found = re.findall(r'^patchbay_sink_records\{sink="(\w+)",state="(\w+)"\} ([\d.]+)', text, re.MULTILINE)
    return {(sink, state): int(float(count)) for sink, state, count in found}


def faults(rounds: int, seconds: float) -> None:
    """Gateways that take turns, each with JSON lines and Prometheus, and a webhook at fault."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        watched: dict[str, Watched] = {}
        body = write_body(folder, METADATA)
        for fault, url in webhooks().items():
            own = folder / str(len(watched))
            settings = {"json": {"path": str(own / "calls.jsonl")}, "webhook": {"url": url}}
            callbacks = ["json", "prometheus", *(["webhook"] if url else [])]
            program = stack.enter_context(gateway(own, callbacks, settings))
            watched[fault] = Watched(program, own / "calls.jsonl")
        for turn in range(rounds + 1):
            for one in watched.values():
                one.measure(body, seconds if turn else 1, keep=turn > 0)
        time.sleep(1)
        print(
            f"| a webhook beside, {RATE} calls/s | p50 ms | p99 ms | memory | written / failed / dropped | JSON lines |"
        )
        print("|---|---|---|---|---|---|")
        for fault, one in watched.items():
            print(one.row(fault), flush=True)


def overhead(rounds: int, seconds: int) -> None:
    """Both gateways take turns, so that what else the machine does falls on both."""
    settings = {"log alone": [], "with JSON lines and Prometheus": ["json", "prometheus"]}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        body = write_body(folder, {"trace_id": "t"})
        running = {
            title: stack.enter_context(
                gateway(folder / str(len(callbacks)), callbacks, {"json": {"path": str(folder / "calls.jsonl")}})
            )
            for title, callbacks in settings.items()
        }
        rates: dict[str, list[float]] = {title: [] for title in running}
        costs: dict[str, list[float]] = {title: [] for title in running}
        for turn in range(rounds + 1):
            for title, program in running.items():
                found = closed_loop(program, {}, body, seconds=seconds if turn else 1)
                if found.failed:
                    raise RuntimeError(f"{found.failed} calls failed")
                if turn:
                    rates[title].append(found.rate)
                    costs[title].append(found.cpu_ms * 1000)
    print("| sinks | requests/s | CPU us a request |\n|---|---|---|")
    for title in running:
        print(f"| {title} | {cell(rates[title])} | {cell(costs[title])} |")
    (rate, more), (cost, dearer) = ([middle(found) for found in one.values()] for one in (rates, costs))
    print(f"\n{100 * (1 - more / rate):.1f} % fewer requests/s, {100 * (dearer / cost - 1):.1f} % more CPU for each")


if __name__ == "__main__":
    kind, *numbers = sys.argv[1:]
    measured = {"faults": faults, "overhead": overhead}[kind]
    measured(*(int(number) for number in (numbers or (5, 4))))
