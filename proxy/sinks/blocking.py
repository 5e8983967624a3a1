"""Writes that the operating system may hold up (a full pipe, a slow disk), kept away from gevent's loop."""

import os
import stat
import sys
from collections.abc import Callable, Sequence
from typing import Any

# (function, lines): calls the function with the lines and waits until it returns.
Caller = Callable[[Callable[[Sequence[bytes]], None], Sequence[bytes]], None]


def build_caller() -> Caller:
    """How to call a function that may block: directly, or from a native thread where threads are greenlets.

    The thread is the caller's own: gevent's shared pool, which also resolves names, must not fill up with hung writes.
    """
    if not _has_greenlets():
        return call_directly
    from gevent.threadpool import ThreadPool  # noqa: PLC0415  only where gevent runs the worker

    pool = ThreadPool(1)

    def call_in_thread(function: Callable[[Sequence[bytes]], None], lines: Sequence[bytes]) -> None:
        pool.apply(function, (lines,))

    return call_in_thread


def call_directly(function: Callable[[Sequence[bytes]], None], lines: Sequence[bytes]) -> None:
    function(lines)


def open_again(descriptor: int) -> int | None:
    """The same pipe or terminal, opened once more so that writes never wait: the flag belongs to the open file,
    which other processes share. A full one raises BlockingIOError, and `select` waits
    for it in the loop.

    None where a native thread has to do: without greenlets it costs nothing, a file and a socket can't be had like this,
    and the pipe may be another user's.
    """
    mode = os.fstat(descriptor).st_mode
    if not _has_greenlets() or not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        return None
    try:
        return os.open(f"/dev/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None


def _has_greenlets() -> bool:
    monkey: Any = sys.modules.get("gevent.monkey")
    return monkey is not None and monkey.is_module_patched("threading")
