"""Calls that the operating system may hold up (a full pipe, a slow disk), kept away from gevent's loop."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

# (function, lines): calls the function with the lines and waits until it returns.
Caller = Callable[[Callable[[Sequence[bytes]], None], Sequence[bytes]], None]


def build_caller() -> Caller:
    """How to call a function that may block: directly, or from a native thread where threads are greenlets.

    The thread is the caller's own: gevent's shared pool, which also resolves names, must not fill up with hung writes.
    """
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return _call
    from gevent.threadpool import ThreadPool  # noqa: PLC0415  only where gevent runs the worker

    pool = ThreadPool(1)

    def call_in_thread(function: Callable[[Sequence[bytes]], None], lines: Sequence[bytes]) -> None:
        pool.apply(function, (lines,))

    return call_in_thread


def _call(function: Callable[[Sequence[bytes]], None], lines: Sequence[bytes]) -> None:
    function(lines)
