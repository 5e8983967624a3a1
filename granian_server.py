"""Patchbay under granian, a server in Rust: what gunicorn.conf.py does under gunicorn, as far as granian lets it.

    python granian_server.py --host 127.0.0.1 --port 4000 [--workers N] [--threads N] [--env NAME=VALUE]...

`python -m proxy serve --server granian` starts it. docs/servers.md has its advantages and what it lacks.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from types import FrameType
from typing import Any

from proxy import settings as _settings
from proxy.server import metrics_directory
from proxy.server.drain import LONGEST_MARGIN, Drainable, StopFlag
from proxy.server.shared_files import SharedFiles
from proxy.server.start_check import StartError, check_start

# As in gunicorn.conf.py.
_GRACEFUL, _THREADS, _BACKLOG = 6060, 64, 2048
_LONGEST_KILL_TIMEOUT = 1800
_POLL = 0.1


def main() -> None:
    given = read_arguments()
    os.environ.update(pair.split("=", 1) for pair in given.env)
    try:
        from granian import Granian  # noqa: PLC0415  an extra
        from granian.constants import Interfaces  # noqa: PLC0415
    except ModuleNotFoundError:
        sys.exit("granian is not installed: pip install 'patchbay[granian]'")
    environ = _settings.environment()
    graceful = int(environ.get("GRACEFUL_TIMEOUT") or _GRACEFUL)
    check_settings(environ, given.host, given.port)
    files, stopping = SharedFiles.choose(environ), StopFlag()
    server = Granian(
        "wsgi:app",
        address=given.host,
        port=given.port,
        interface=Interfaces.WSGI,
        workers=given.workers,
        blocking_threads=given.threads,
        backlog=_BACKLOG,
        websockets=False,
        respawn_failed_workers=True,
        # Without one it waits for as long as anything runs.
        workers_kill_timeout=graceful if graceful <= _LONGEST_KILL_TIMEOUT else None,
        log_level=given.log_level,
    )
    server.on_startup(partial(prepare, files, stopping))
    server.on_shutdown(files.remove)
    server.serve(target_loader=partial(load_application, stopping, graceful), wrap_loader=False)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=_THREADS, help="calls and streams that a worker serves at once")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--env", action="append", default=[], help="NAME=VALUE, for the workers")
    return parser.parse_args()


def check_settings(environ: Mapping[str, str], host: str, port: int) -> None:
    """Before there is any worker."""
    try:
        start = check_start(environ, [(host, port)])
    except StartError as error:
        sys.exit(str(error))
    for warning in start.warnings:
        sys.stderr.write(f"{warning}\n")


def prepare(files: SharedFiles, stopping: StopFlag) -> None:
    """granian has installed its handlers, and there is no worker yet."""
    files.prepare()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, partial(_raise_flag_and_stop, stopping, signal.getsignal(number)))


def _raise_flag_and_stop(stopping: StopFlag, stop: Any, number: int, frame: FrameType | None) -> None:
    stopping.raise_()
    stop(number, frame)


def load_application(stopping: StopFlag, graceful: int) -> Callable[..., Any]:
    """In each worker: the application, with its sinks written and its last streams ended with an error at the end."""
    from wsgi import app  # noqa: PLC0415  a process of its own for each

    parts = app.extensions["patchbay"]
    # atexit's functions are not called in a process that multiprocessing has made.
    Finalize(None, parts.close, exitpriority=1)
    metrics = os.environ.get(metrics_directory.VARIABLE)
    if metrics:  # It is not set where the folder can't be used.
        Finalize(None, metrics_directory.forget_process, (os.getpid(), Path(metrics)), exitpriority=0)
    threading.Thread(target=end_streams, args=(parts.streams, stopping, graceful), name="drain", daemon=True).start()
    return app


def end_streams(streams: Drainable, stopping: StopFlag, graceful: float) -> None:
    """granian closes the sockets and waits; streams that it would cut off get an error event shortly before."""
    while not stopping:
        time.sleep(_POLL)
    streams.drain()
    time.sleep(_POLL)
    # The parent's own signal is lost on a worker that was still being started.
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(graceful - min(LONGEST_MARGIN, graceful / 10))
    streams.interrupt_streams()


if __name__ == "__main__":
    main()
