"""gunicorn's hooks, which gunicorn.conf.py imports by these names: each runs where and when gunicorn's manual says.

https://gunicorn.org/reference/settings/#server-hooks. It is read before gevent patches the workers' sockets: nothing
that keeps a clock or a socket may be imported at its top.
"""

import os
import sys
from typing import Any

from proxy import settings
from proxy.host.config_state import Snapshot
from proxy.server import descriptors, metrics_directory
from proxy.server.connections import Connections, limit_sends
from proxy.server.drain import Drain, watch_arbiter
from proxy.server.reload import Reloader
from proxy.server.shared_files import SharedFiles
from proxy.server.start_check import Start, StartError, check_start, facts_of
from proxy.server.version_board import VersionBoard
from proxy.settings.files import DiskTexts


def on_starting(server: Any) -> None:
    """In the parent, before there is any worker."""
    server.shared_files = SharedFiles.choose(settings.environment())
    server.shared_files.prepare()
    found = descriptors.fit(server.cfg.worker_connections, descriptors.raise_limit())
    if found.warning:
        server.cfg.set("worker_connections", found.connections)
        server.log.warning(found.warning)


def when_ready(server: Any) -> None:
    """In the parent: the sockets are bound, and no request is accepted yet."""
    server.stopping = watch_arbiter(server)
    # A secret manager is called over HTTPS, by the workers and by the check before a reload.
    texts = DiskTexts(fetch_secrets=False)
    addresses = [listener.sock.getsockname() for listener in server.LISTENERS]
    try:
        start = check_start(settings.environment(), addresses, texts)
    except StartError as error:
        for listener in server.LISTENERS:
            listener.close()
        sys.exit(str(error))
    for warning in start.warnings:
        server.log.warning(warning)
    server.log.info("%s", start.summary)
    send_timeout = start.settings.general.send_timeout
    # The application's own limit, which writes a record, comes first.
    limit_sends(server.LISTENERS, send_timeout and send_timeout + 15)
    _prepare_reloads(server, start, texts)


def _prepare_reloads(server: Any, start: Start, texts: DiskTexts) -> None:
    server.versions = VersionBoard()
    reloader = Reloader(server, server.shared_files.config, server.versions)
    reloader.begin(facts_of(start, texts), Snapshot(1, texts.read_texts, start.settings.secret_sources.digest))
    reloader.install()


def post_fork(server: Any, worker: Any) -> None:
    worker.stopping = server.stopping
    worker.versions = server.versions
    worker.shared_files = server.shared_files


def post_worker_init(worker: Any) -> None:
    """In a worker: the application is loaded, and no request is accepted yet."""
    worker.drain = Drain(worker.wsgi.extensions["patchbay"].streams, worker.stopping, worker.cfg.graceful_timeout)
    worker.drain.install()
    worker.connections = Connections(worker, worker.drain.running)
    worker.connections.install()
    # The worker's sockets are patched by now.
    from app import create_app  # noqa: PLC0415
    from proxy.fastpath import door  # noqa: PLC0415
    from proxy.server.swap import Swap  # noqa: PLC0415
    from proxy.web import malformed  # noqa: PLC0415

    malformed.install(worker)
    worker.wsgi.extensions["patchbay"].start()
    files = worker.shared_files
    Swap(worker, worker.versions, files.config, files.state, create_app).install()
    door.install(worker, mounted=bool(settings.environment().get("SCRIPT_NAME")))


def pre_request(worker: Any, request: Any) -> None:
    worker.connections.begin(request)


def post_request(worker: Any, request: Any, environ: Any, response: Any) -> None:
    worker.connections.end(request)


def worker_exit(server: Any, worker: Any) -> None:
    """In a worker: write the records that the sinks still hold."""
    parts = getattr(getattr(worker, "wsgi", None), "extensions", {}).get("patchbay")
    if parts is not None:
        parts.close()
    if worker.booted:
        # A thread that still answers would keep the process alive. Its time to finish was the graceful timeout.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def child_exit(server: Any, worker: Any) -> None:
    metrics_directory.forget_process(worker.pid, server.shared_files.metrics)


def on_exit(server: Any) -> None:
    server.shared_files.remove()


def pre_exec(server: Any) -> None:
    """SIGUSR2: a new release starts at the same sockets.

    `python -m gunicorn` is listed by its file's path; started by that path, its own folder would come before the
    standard library's in sys.path.
    """
    python, program, *rest = server.START_CTX["args"]
    if program.endswith("__main__.py"):
        server.START_CTX["args"] = [python, "-m", "gunicorn", *rest]
