"""What sinks cost a call: at fault (in this process), and switched on (a gateway under load). One run prints all.

python -m bench.sinks faults            the time of building and emitting a record, one sink of three at fault
python -m bench.sinks overhead [SECS]   requests a second with the log alone and with JSON and Prometheus, in turns
"""

import http.client
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median, quantiles

from proxy.domain.answer import Answer
from proxy.domain.attempt import Attempt, Outcome
from proxy.domain.call import Call, Options
from proxy.domain.deployment import Deployment
from proxy.domain.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.record import CallRecord, build_record
from proxy.domain.usage import Usage
from proxy.runtime import Runtime
from proxy.sinks.jsonl import JsonLines
from proxy.sinks.lines import LineWriter, RotatingFile
from proxy.sinks.prometheus import PrometheusSink
from proxy.sinks.queue import SinkQueue, Subscription

CALLS, EVERY = 10_000, 0.001
PORT = 4187


class Faulty:
    """A sink whose `write` does what the fault does."""

    name = "faulty"
    tries = 1
    anonymous = False

    def __init__(self, fault: Callable[[], None]) -> None:
        self._fault = fault

    def write(self, records: Sequence[CallRecord]) -> None:
        self._fault()

    def close(self) -> None:
        return


def throw() -> None:
    raise ValueError("broken")


def refuse() -> None:
    http.client.HTTPConnection("127.0.0.1", 9, timeout=5).request("POST", "/")


FAULTS: dict[str, Callable[[], None]] = {
    "none": lambda: None,
    "hanging": lambda: time.sleep(3600),
    "refusing": refuse,
    "throwing": throw,
    "slow": lambda: time.sleep(1),
}


def make_record(number: int) -> CallRecord:
    call = Call(
        str(number),
        CHAT,
        "fast",
        Document.of({"messages": [{"role": "user", "content": "hello"}]}),
        Options(metadata={"trace_id": f"t{number}", "filler": "x" * 200}),
        started_at=1.0,
    )
    outcome = Outcome(
        Answer(b"{}"), Deployment("d1", "fast", "openai", "gpt-4o"), (Attempt("fast", "d1", "only", 200, None, 5.0),)
    )
    return build_record(call, ended_at=2.0, duration=1.0, mask=str, outcome=outcome, usage=Usage(10, 20, 30))


def measure_fault(name: str, folder: Path) -> None:
    """CALLS calls at a steady pace; the time that building and emitting the record takes of each."""
    json_lines = JsonLines(LineWriter(RotatingFile(folder / f"{name}.jsonl")))
    sinks = (json_lines, PrometheusSink(), Faulty(FAULTS[name]))
    queue = SinkQueue([Subscription(sink) for sink in sinks], Runtime())
    taken = []
    for number in range(CALLS):
        time.sleep(EVERY)
        began = time.perf_counter()
        queue.emit(make_record(number))
        taken.append((time.perf_counter() - began) * 1e6)
    flushed = queue.flush(2)
    counts = queue.counts()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:9} p50 {median(taken):5.0f} us  p99 {quantiles(taken, n=100)[98]:5.0f} us  max memory {memory:4.0f} MB  "
        f"json {counts['json'].written}/{CALLS}  faulty {counts['faulty']}  flushed {flushed}"
    )


def faults() -> None:
    """Each fault in a process of its own, so that memory is that fault's."""
    with tempfile.TemporaryDirectory() as folder:
        for name in FAULTS:
            child = os.fork()
            if child == 0:
                measure_fault(name, Path(folder))
                sys.stdout.flush()
                os._exit(0)
            os.waitpid(child, 0)


BODY = b'{"model":"demo","messages":[{"role":"user","content":"hello"}],"metadata":{"trace_id":"t"}}'


def serve(callbacks: str, folder: Path) -> subprocess.Popen[bytes]:
    config = folder / "config.yaml"
    config.write_text(
        "model_list:\n- model_name: demo\n  litellm_params: {model: mock/demo}\n"
        f"litellm_settings:\n  callbacks: [{callbacks}]\n  turn_off_message_logging: true\n"
    )
    shared = folder / "metrics"
    shared.mkdir(exist_ok=True)
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(shared)}
    command = [sys.executable, "-m", "proxy", "serve", "--config", str(config), "--port", str(PORT), "--workers", "1"]
    return subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ask(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/v1/chat/completions", BODY, {"content-type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {body[:200]!r}")


def wait_until_ready() -> None:
    for _ in range(300):
        try:
            ask(http.client.HTTPConnection("127.0.0.1", PORT, timeout=10))
        except ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the gateway did not start")


def load(seconds: float, clients: int = 8) -> float:
    """Requests a second of `clients` that ask again as soon as they are answered."""
    counts = [0] * clients
    end = time.monotonic() + seconds

    def run(index: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        while time.monotonic() < end:
            ask(connection)
            counts[index] += 1

    threads = [threading.Thread(target=run, args=(index,)) for index in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def processor_seconds(parent: int) -> float:
    """What the workers of a gunicorn have used so far."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    fields = [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split() for child in children]
    return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")


def measure(callbacks: str, seconds: float) -> tuple[float, float]:
    """(requests a second, microseconds of processor time a request)."""
    with tempfile.TemporaryDirectory() as folder:
        server = serve(callbacks, Path(folder))
        try:
            wait_until_ready()
            load(seconds / 4)
            before = processor_seconds(server.pid)
            rate = load(seconds)
            return rate, (processor_seconds(server.pid) - before) / (rate * seconds) * 1e6
        finally:
            server.terminate()
            server.wait(30)


def overhead(seconds: float, rounds: int = 4) -> None:
    """The two settings in turns, so that what else the machine does falls on both."""
    found: dict[str, list[tuple[float, float]]] = {"": [], "json, prometheus": []}
    for _ in range(rounds):
        for callbacks, measured in found.items():
            measured.append(measure(callbacks, seconds))
            print(f"[{callbacks}] {measured[-1][0]:.0f} requests/s, {measured[-1][1]:.0f} us each", flush=True)
    rates, times = ([median(one[index] for one in measured) for measured in found.values()] for index in (0, 1))
    print(
        f"log alone {rates[0]:.0f}/s, with JSON and Prometheus {rates[1]:.0f}/s: {100 * (1 - rates[1] / rates[0]):.1f} % fewer"
    )
    print(
        f"processor time of a request {times[0]:.0f} us, then {times[1]:.0f} us: {100 * (times[1] / times[0] - 1):.1f} % more"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["overhead"]:
        overhead(float((sys.argv[2:3] or ["5"])[0]))
    else:
        faults()
