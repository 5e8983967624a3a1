"""Where a small chat's time goes: `python -m bench.steps [--tree FOLDER] [--py-spy PATH] [--seconds 10]`.

Two profiles of one gevent worker, everything on, by part of the program:

- instructions of the interpreter and calls of Python functions for one chat, counted. They are the same in every
  minute, however busy the machine is; work in C (the kernel, orjson, regular expressions) counts for nothing;
- with py-spy (`pip install py-spy`), shares of the worker's busy time under a closed loop.

`--tree` is another checkout of the project, for a profile from before a change.
"""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.gateways import ROOT, key_headers, write_config
from bench.load import closed_loop, request_bytes
from bench.process import SERVED_CORE, Program, free_port, running
from bench.upstream import Upstream, upstreams

# Parts of the program by what a file's path holds; the first that fits.
PARTS = (
    ("gunicorn", "gunicorn/ fastpath/gunicorn"),
    ("gevent", "gevent/"),
    ("Flask and werkzeug", "flask/ werkzeug/ blinker/ fastpath/flask"),
    ("the sinks and the metrics' library", "proxy/sinks/ gateway/gauges prometheus_client/ queue.py threading.py"),
    ("record, ledger, prices", "gateway/ledger gateway/record_builder proxy/accounting/ domain/record domain/cost"),
    ("reading and checking the body", "web/body web/receiving web/call_options schemas/ marshmallow/ domain/json_text"),
    ("the answer, keys, other views", "proxy/web/ proxy/endpoints/ proxy/dialects/ proxy/gateway app.py"),
    ("routing and the shared state", "proxy/routing/ proxy/host/ proxy/counters/"),
    ("the HTTP client", "proxy/transport/ requests/ httptools socket.py select.py"),
    ("the provider's format", "proxy/dispatch proxy/provider proxy/domain/"),
)  # fmt: skip
OTHER = "everything else"
WARM, WATCHED = 60, 20


def part_of(path: str) -> str:
    return next((name for name, places in PARTS if any(place in path for place in places.split())), OTHER)


@contextlib.contextmanager
def worker(tree: Path, folder: Path, upstream: Upstream, app: str) -> Iterator[Program]:
    """gunicorn as the project's own settings have it, with the tree's application or one that counts."""
    port, config = free_port(), write_config(folder, upstream)
    # In the tree's folder, so that its modules are found before this checkout's.
    command = ["env", "-C", str(tree), sys.executable, "-m", "gunicorn", app]
    env = {
        "PYTHONPATH": os.pathsep.join([str(tree), str(ROOT / "bench")]),
        "CONFIG_FILE_PATH": str(config),
        "PORT": str(port),
        "PATCHBAY_COUNT": f"{WARM},{WATCHED},{folder / 'counted.json'}",
    }
    with running(
        command, port, core=SERVED_CORE, ready="/health/liveliness", log=folder / "worker.log", env=env
    ) as program:
        yield program


def count_instructions(tree: Path, folder: Path, upstream: Upstream) -> tuple[Counter[str], float]:
    """(instructions of one chat by part, calls of one chat); what the sinks' own greenlets do is not in it."""
    body = folder / "counted-body.json"
    body.write_text(json.dumps({"model": "small", "messages": [{"role": "user", "content": "Hello, how are you today?"}],
                                "temperature": 0.7, "max_tokens": 100}))  # fmt: skip
    request = request_bytes({"headers": key_headers(0), "body": body})
    with worker(tree, folder, upstream, "traced:app") as program:
        client = socket.create_connection(("127.0.0.1", program.port))
        for _ in range(WARM + WATCHED + 1):
            # Head and body together: what comes apart is read in as many steps as it happens to come in.
            client.sendall(request)
            answer = http.client.HTTPResponse(client)
            answer.begin()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"the chat was answered with {answer.status}")
    found = json.loads((folder / "counted.json").read_text())
    parts: Counter[str] = Counter()
    for path, count in found["instructions"].items():
        parts[part_of(path)] += count / WATCHED
    return parts, found["calls"] / WATCHED


def sample_time(tree: Path, folder: Path, upstream: Upstream, py_spy: str, seconds: int) -> Counter[str]:
    """Samples by the part that the innermost frame belongs to, without those that wait."""
    raw, body = folder / "samples.txt", folder / "body.json"
    body.write_text(json.dumps({"model": "small", "messages": [{"role": "user", "content": "Hello"}]}))
    with worker(tree, folder, upstream, "wsgi:app") as program:
        closed_loop(program, key_headers(0), body, seconds=2)
        pid = str(program.pids()[-1])
        command = ["taskset", "--cpu-list", "1", py_spy, "record", "--pid", pid, "--format", "raw", "--rate", "300",
                   "--duration", str(seconds), "--output", str(raw)]  # fmt: skip
        watching = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        closed_loop(program, key_headers(0), body, seconds=seconds)
        watching.wait()
    parts: Counter[str] = Counter()
    for line in raw.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        frame = stack.rpartition(";")[2]
        # The thread that waits for something to write waits in its lock; the loop waits in C, and is not sampled.
        if "acquire_with_timeout" not in frame:
            parts[part_of(frame)] += int(count)
    return parts


def table(title: str, parts: Mapping[str, float]) -> str:
    whole = sum(parts.values())
    rows = [
        f"| {name} | {parts.get(name, 0):.0f} | {parts.get(name, 0) / whole:.0%} |" for name in (*dict(PARTS), OTHER)
    ]
    return "\n".join([f"| {title} | | share |", "|---|---|---|", *rows, f"| together | {whole:.0f} | |"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.steps", description=__doc__.split("\n")[0])
    parser.add_argument("--tree", type=Path, default=ROOT)
    parser.add_argument("--py-spy", default=shutil.which("py-spy"))
    parser.add_argument("--seconds", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, upstreams(Path(name)) as upstream:
        parts, calls = count_instructions(given.tree.resolve(), Path(name), upstream)
        print(table("instructions of a small chat", parts) + f"\n\n{calls:.0f} calls of Python functions\n", flush=True)
        if given.py_spy:
            print(
                table(
                    "py-spy samples",
                    sample_time(given.tree.resolve(), Path(name), upstream, given.py_spy, given.seconds),
                )
            )


if __name__ == "__main__":
    main()
