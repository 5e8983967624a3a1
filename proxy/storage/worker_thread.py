"""One native thread that waits for the database in place of the server's own threads or greenlets."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class NativeThread(Protocol):
    def run(self, work: Callable[[], T], timeout: float) -> T:
        """What `work` returns or raises. Raise TimeoutError if it takes longer; it goes on in the thread."""


def open_thread() -> NativeThread:
    """Where threads are greenlets (gevent's patching) a thread of gevent's own, else one of Python's."""
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        return _GeventThread()
    return _PlainThread()


class _PlainThread:
    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="database")

    def run(self, work: Callable[[], T], timeout: float) -> T:
        future = self._pool.submit(work)
        try:
            return future.result(timeout)
        except FutureTimeout:
            if future.done():
                raise  # The work's own.
            raise TimeoutError("the database did not answer in time") from None


class _GeventThread:
    def __init__(self) -> None:
        from gevent.threadpool import ThreadPool  # noqa: PLC0415  only where gevent runs the worker

        self._pool = ThreadPool(1)

    def run(self, work: Callable[[], T], timeout: float) -> T:
        import gevent  # noqa: PLC0415

        waiting = gevent.Timeout(timeout)
        waiting.start()
        try:
            result: T = self._pool.spawn(work).get()
        except gevent.Timeout as late:
            if late is not waiting:
                raise
            raise TimeoutError("the database did not answer in time") from None
        finally:
            waiting.close()
        return result
