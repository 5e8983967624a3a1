"""How many new connections gevent's server takes between two looks at those that are open."""

import sys
from typing import Any


def install() -> None:
    """One, where a hundred is gevent's own choice.

    Each of them becomes a request that runs until it has to wait, about a millisecond: a hundred at once would hold
    back all streams that are running for a tenth of a second. Those that are not taken wait with the system.
    """
    server: Any = sys.modules.get("gevent.baseserver")
    if server is not None:
        server.BaseServer.max_accept = 1
