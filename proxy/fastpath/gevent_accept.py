"""How many new connections gevent's server accepts between two turns of the connections that are open."""

import sys
from typing import Any


def install() -> None:
    """One, where gevent's default is a hundred. gunicorn itself does this only for several workers.

    Each of them becomes a request that runs until it has to wait, about a millisecond: a hundred at once would delay
    all running streams by a tenth of a second. Connections that are not accepted yet wait in the kernel.
    """
    server: Any = sys.modules.get("gevent.baseserver")
    if server is not None:
        server.BaseServer.max_accept = 1
