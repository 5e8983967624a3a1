"""accepting: set in a process of its own, for it is set for all servers."""

import subprocess
import sys
from pathlib import Path

RUN = """
import gunicorn.workers.ggevent as workers
from proxy.fastpath import gevent_accept as accepting
accepting.install()
server = workers.StreamServer(("127.0.0.1", 0), lambda *_: None)
print(server.max_accept)
"""


def test_one_connection_is_taken_at_a_time_when_gevent_serves() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", RUN], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.stdout == "1\n", done.stderr[-2000:]
