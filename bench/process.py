"""Programs that run during a measurement: started on a core of their own, watched, and ended."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# As taskset names them.
SERVED_CORE, LOAD_CORE, ALL_CORES = "0", "1", "0,1"


class Missing(RuntimeError):
    """A program that a measurement needs is not installed; the message says how to get it."""


@dataclass(frozen=True)
class Program:
    """A running program, and all of its children. `ready_after` is seconds from its start to its first answer."""

    process: subprocess.Popen[bytes]
    port: int
    ready_after: float

    def pids(self) -> list[int]:
        return [self.process.pid, *_descendants(self.process.pid)]

    def cpu_seconds(self) -> float:
        """Time on a core of all threads of all processes, exact to the nanosecond (schedstat)."""
        return sum(
            _thread_seconds(path) for pid in self.pids() for path in Path(f"/proc/{pid}/task").glob("*/schedstat")
        )

    def memory(self) -> float:
        """MB of the largest of its processes."""
        return max((_resident(pid) for pid in self.pids()), default=0.0)


def require(name: str, hint: str) -> str:
    """The path of a program; raise Missing with the hint."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        raise Missing(f"{name} is needed: {hint}")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    command: Sequence[str], port: int, *, core: str, ready: str, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[Program]:
    """Run until the block ends; ready when `ready`, a path, answers anything at the port."""
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", core, *command],
            stdout=output, stderr=output, start_new_session=True, env={**os.environ, **(env or {})},
        )  # fmt: skip
    try:
        _await_answer(process, f"http://127.0.0.1:{port}{ready}", log)
        yield Program(process, port, time.monotonic() - started)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await_answer(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    for _ in range(3000):
        try:
            urllib.request.urlopen(url, timeout=2)
        except urllib.error.HTTPError:
            return
        except (OSError, ValueError):
            if process.poll() is not None:
                raise RuntimeError(f"it ended at once: {log.read_text(errors='replace')[-2000:]}") from None
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"nothing answers at {url}")


def _descendants(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [one for child in children for one in (int(child), *_descendants(int(child)))]


def _thread_seconds(path: Path) -> float:
    try:
        return int(path.read_text().split()[0]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
