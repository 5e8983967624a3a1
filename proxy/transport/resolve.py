"""Names into addresses, within the connect clock."""

import queue
import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_address

from proxy.transport.clocks import Stopwatch


def resolve(host: str, port: int, stopwatch: Stopwatch) -> Sequence[str]:
    """The addresses of a name, in the system's order; an address is its own. Raises socket.gaierror, Timeout.

    The system's resolver can't be interrupted, so a thread of its own does the asking (a greenlet under gevent): when
    the clock runs out first, it is left to end by itself.
    """
    if _is_address(host):
        return (host,)
    limit = stopwatch.left()
    if limit is None:
        return _ask(host, port)
    answers: queue.SimpleQueue[Sequence[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_ask(host, port))
        except (OSError, UnicodeError) as exception:
            answers.put(exception)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=limit)
    except queue.Empty:
        raise stopwatch.expired() from None
    if isinstance(answer, UnicodeError):
        raise socket.gaierror(socket.EAI_NONAME, "not a name that can be resolved") from answer
    if isinstance(answer, OSError):
        raise answer
    return answer


def _ask(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
