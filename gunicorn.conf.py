"""gunicorn's settings, tuned for calls that last from a second to minutes. `gunicorn wsgi:app` in this folder reads
them; `python -m proxy serve` names this file, and its own options win over it. The hooks are in proxy/server/gunicorn_hooks.py.
"""

import os
import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parent)
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

from proxy import settings as _settings  # noqa: E402
from proxy.server.gunicorn_hooks import (  # noqa: E402, F401  gunicorn finds hooks by their names
    child_exit,
    on_exit,
    on_starting,
    post_fork,
    post_request,
    post_worker_init,
    pre_exec,
    pre_request,
    when_ready,
    worker_exit,
)

# gunicorn takes every name that is one of its settings: other names have an underscore.
_environ = _settings.environment()

bind = f"{_environ.get('HOST') or '127.0.0.1'}:{_environ.get('PORT') or '4000'}"
workers = int(_environ.get("NUM_WORKERS") or _environ.get("WEB_CONCURRENCY") or 1)
# One greenlet for each call: a thousand streams in one worker. gthread needs a thread each.
worker_class = "gevent"
worker_connections = 2000
threads = 64
backlog = 2048

# Longer than the 60 s after which load balancers usually close an idle connection: the client's side should close first,
# because it decides whether to send another request.
keepalive = 75
# A worker without a heartbeat for this long is replaced. It does not limit a call.
timeout = 120
# How long running calls may take to end after SIGTERM: longer than the longest of them (request_timeout, 6000 s by
# default). A worker whose calls have ended does not wait. Streams that still run then end with an error.
graceful_timeout = int(_environ.get("GRACEFUL_TIMEOUT") or 6060)

# Its C parser, where it is installed, takes folded headers and bare line feeds, and saves nothing: see bench/NOTES.md.
http_parser = "python"
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 16380
# No header of a client becomes a part of the environ that is not its own, and none with an underscore is dropped in silence.
forwarder_headers = ""
header_map = "refuse"

# The heartbeat's file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
control_socket_disable = True
accesslog = None
errorlog = "-"
loglevel = (_environ.get("LITELLM_LOG") or "info").lower()
proc_name = "patchbay"
