"""Which versions of Flask, werkzeug, gunicorn and gevent the fast path was tested with, and which are installed.

It imports none of them: gunicorn's parent process checks them before it forks its workers.
"""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

# Major and minor version. A newer one is added when the suite is green with it, in both modes.
TESTED = {"flask": "3.1", "werkzeug": "3.1", "gunicorn": "27.0", "gevent": "26.9"}


def untested(find: Callable[[str], str] = version) -> tuple[str, ...]:
    """The installed packages whose version is another one, as `flask 3.2.0 (tested with 3.1)`; none is missing here."""
    return tuple(
        f"{name} {installed} (tested with {tested})"
        for name, tested in TESTED.items()
        if (installed := _installed(name, find)) is not None and not f"{installed}.".startswith(f"{tested}.")
    )


def warning(find: Callable[[str], str] = version) -> str | None:
    """What the operator reads at start when the fast path is not used because of a version."""
    names = untested(find)
    if not names:
        return None
    return f"the fast path is off: {', '.join(names)}. Calls are served in the same way by stock Flask and gunicorn"


def _installed(name: str, find: Callable[[str], str]) -> str | None:
    """None for a package that is not there: what needs it fails elsewhere, or does without it."""
    try:
        return find(name)
    except PackageNotFoundError:
        return None
