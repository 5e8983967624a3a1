"""The one door to the fast path: Flask's application, responses and contexts and gunicorn's worker, faster or stock.

Only the modules behind it use private names of Flask, werkzeug, gunicorn and gevent. They are imported when they are
wanted and the installed versions are known; otherwise, and with PATCHBAY_FAST_PATH=off, all is stock, more slowly.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response

from proxy.fastpath import versions
from proxy.fastpath.parts import PLAIN, AppContext, Pairs, Parts, RequestContext

_log = logging.getLogger("patchbay")


class Door:
    """One per process, as gunicorn's classes are: the application that is created last decides.

    Either choice serves any application correctly; it decides only how much each request costs.
    """

    __slots__ = ("app_context", "parts", "request_context", "response")

    def __init__(self) -> None:
        self.use(PLAIN)

    def use(self, parts: Parts) -> None:
        self.parts = parts
        self.request_context: Callable[[], RequestContext] = parts.request_context
        self.app_context: Callable[[], AppContext] = parts.app_context
        self.response: Callable[[bytes | Iterable[bytes], str, Pairs], Response] = parts.response


door = Door()


def app_class(fast: bool) -> type[Flask]:
    """The application's class, and from now on everything that goes with it."""
    door.use(find_parts(fast))
    return door.parts.app_class


def find_parts(fast: bool) -> Parts:
    """The faster ones if they are wanted and can be used here."""
    if not fast or versions.untested():
        return PLAIN
    try:
        return _load_fast()
    except (ImportError, AttributeError) as error:
        _log.warning("the fast path is off: %s. Calls are served in the same way by stock Flask and gunicorn", error)
        return PLAIN


def install(worker: Any, mounted: bool) -> None:
    """Prepare a gunicorn worker whose application is loaded. `mounted`: SCRIPT_NAME is set."""
    door.parts.install(worker, mounted)


def _load_fast() -> Parts:
    from proxy.fastpath.fast import FAST  # noqa: PLC0415  its imports may fail with other versions

    return FAST
