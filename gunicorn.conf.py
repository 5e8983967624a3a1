"""gunicorn's settings, tuned for calls that last from a second to minutes. `gunicorn wsgi:app` in this folder reads
them; `python -m proxy serve` names this file and puts its own options over it.
"""

import os
import sys
from pathlib import Path
from typing import Any

_ROOT = str(Path(__file__).resolve().parent)
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

from proxy import settings as _settings  # noqa: E402
from proxy.fastpath import versions as _versions  # noqa: E402
from proxy.host.folder import default_path as _default_path  # noqa: E402
from proxy.host.folder import warn_of_small_memory as _warn_of_small_memory  # noqa: E402
from proxy.server import drain as _drain  # noqa: E402
from proxy.server import metrics_directory as _sharing  # noqa: E402
from proxy.server.exposure import check_exposure as _check_exposure  # noqa: E402
from proxy.server.exposure import describe as _describe  # noqa: E402

_environ = _settings.environment()
_state = _default_path(os.getpid())
_metrics = _sharing.choose_directory(_environ, _state.with_suffix(".metrics"))
_sharing.publish_directory(_metrics)

bind = f"{_environ.get('HOST') or '127.0.0.1'}:{_environ.get('PORT') or '4000'}"
workers = int(_environ.get("NUM_WORKERS") or _environ.get("WEB_CONCURRENCY") or 1)
# One greenlet for each call: a thousand streams in one worker. gthread needs a thread each.
worker_class = "gevent"
worker_connections = 2000
threads = 64
backlog = 2048

# Longer than the 60 s after which load balancers usually give an idle connection up: the side that closes first should
# be the one that knows that nothing is on its way.
keepalive = 75
# A worker that does not breathe for so long is replaced. It is no limit of a call.
timeout = 120
# How long running calls may take to end after SIGTERM: longer than the longest of them (request_timeout, 6000 s where
# nobody says anything). A worker whose calls have ended does not wait. Streams that still run then end with an error.
graceful_timeout = int(_environ.get("GRACEFUL_TIMEOUT") or 6060)

# Its C parser, where it is installed, takes folded headers and bare line feeds, and saves nothing: see bench/NOTES.md.
http_parser = "python"
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 16380

# The heartbeat's file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
control_socket_disable = True
accesslog = None
errorlog = "-"
loglevel = (_environ.get("LITELLM_LOG") or "info").lower()
proc_name = "patchbay"


def on_starting(server: Any) -> None:
    """The place where workers put their figures together, before there is any worker."""
    _warn_of_small_memory()
    _sharing.prepare_directory(_metrics)


def child_exit(server: Any, worker: Any) -> None:
    _sharing.forget_process(worker.pid, _metrics)


def on_exit(server: Any) -> None:
    """What the workers shared ends with their parent; what a killed one leaves, the next gateway removes."""
    _sharing.remove_directory(_metrics)
    _sharing.remove_directory(_state.with_suffix(".board"))
    _state.unlink(missing_ok=True)


def when_ready(server: Any) -> None:
    """The sockets are bound and nobody is served yet: look at the configuration, and at who could use it."""
    server.stopping = _drain.watch_arbiter(server)
    try:
        settings = _settings.load_default(_settings.environment())
        addresses = [listener.sock.getsockname() for listener in server.LISTENERS]
        untested = _versions.warning() if settings.fast_path else None
        warnings = (*settings.warnings, *([untested] if untested else []), *_check_exposure(settings, addresses))
    except _settings.ConfigError as error:
        for listener in server.LISTENERS:
            listener.close()
        sys.exit(f"Patchbay can't start.\n{error}")
    for warning in warnings:
        server.log.warning(warning)
    models = {deployment.group for deployment in settings.deployments}
    server.log.info(
        "Patchbay serves %s of %s on %s (%s)",
        "1 model" if len(models) == 1 else f"{len(models)} models",
        settings.source,
        ", ".join(map(_describe, addresses)),
        "with a master key" if settings.master_key else "no key needed from this machine",
    )


def post_fork(server: Any, worker: Any) -> None:
    worker.stopping = server.stopping


def post_worker_init(worker: Any) -> None:
    """The application is loaded, and nobody is served yet."""
    worker.drain = _drain.Drain(worker.wsgi.extensions["patchbay"].streams, worker.stopping, graceful_timeout)
    worker.drain.install()
    # They import what only a worker may: its sockets are patched by now.
    from proxy.fastpath import door  # noqa: PLC0415
    from proxy.web import malformed  # noqa: PLC0415

    malformed.install(worker)
    door.install(worker, mounted=bool(_environ.get("SCRIPT_NAME")))


def pre_request(worker: Any, request: Any) -> None:
    worker.drain.begin(request)


def post_request(worker: Any, request: Any, environ: Any, response: Any) -> None:
    worker.drain.end(request)


def worker_exit(server: Any, worker: Any) -> None:
    """What the sinks have not written yet is written now."""
    parts = getattr(getattr(worker, "wsgi", None), "extensions", {}).get("patchbay")
    if parts is not None:
        parts.close()
    if worker.booted:
        # What still answers in a thread would keep the process for as long as it takes; whoever wanted to wait for it
        # has waited. Nothing is left to do, so nothing is lost.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def pre_exec(server: Any) -> None:
    """SIGUSR2: a new release starts at the same sockets. `python -m gunicorn` knows itself by its file's path only, and
    started by that its own folder would stand before the standard library's."""
    python, program, *rest = server.START_CTX["args"]
    if program.endswith("__main__.py"):
        server.START_CTX["args"] = [python, "-m", "gunicorn", *rest]
