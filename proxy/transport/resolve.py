"""Names into addresses, within the connect clock."""

import queue
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from proxy.transport.clocks import Stopwatch


def ask_system(host: str, port: int) -> Sequence[str]:
    """The system resolver's answer; blocks without a limit. Raises socket.gaierror."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as exception:
        raise socket.gaierror(socket.EAI_NONAME, "this cannot be a name") from exception
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def resolve(
    host: str, port: int, stopwatch: Stopwatch, ask: Callable[[str, int], Sequence[str]] = ask_system
) -> Sequence[str]:
    """The addresses of a name, in the system's order; an address is its own. Raises socket.gaierror, Timeout.

    The system's resolver can't be interrupted, so a thread of its own does the asking (a greenlet under gevent): when
    the clock runs out first, it is left to finish in the background.
    """
    if _is_address(host):
        return (host,)
    limit = stopwatch.left()
    if limit is None:
        return ask(host, port)
    answers: queue.SimpleQueue[Sequence[str] | OSError] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(ask(host, port))
        except OSError as exception:
            answers.put(exception)

    threading.Thread(target=run, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=limit)
    except queue.Empty:
        raise stopwatch.expired() from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
