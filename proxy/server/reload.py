"""SIGHUP: the configuration is checked before the workers are replaced; a broken one changes nothing."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from proxy import settings
from proxy.server.start_check import StartError, check_start

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 60.0

# Raises StartError for what a worker could not start with.
Check = Callable[[Mapping[str, str]], None]


def guard_reload(arbiter: Any, check: Check | None = None) -> None:
    """Make the arbiter's SIGHUP check first. Workers that could not start would end the whole server."""
    reload = arbiter.handle_hup

    def handle_hup() -> None:
        environ = settings.environment()
        try:
            start = check_start(environ, [listener.sock.getsockname() for listener in arbiter.LISTENERS])
            (check or build_in_child)(environ)
        except StartError as error:
            message = "The configuration is not reloaded, the old one is kept. %s"
            arbiter.log.error(message, error)  # noqa: TRY400  the operator needs no traceback
            return
        for warning in start.warnings:
            arbiter.log.warning(warning)
        reload()
        arbiter.log.info("%s", start.summary)

    arbiter.handle_hup = handle_hup


def build_in_child(environ: Mapping[str, str]) -> None:
    """Build the application as a worker does, in a process of its own."""
    command = [sys.executable, "-m", "proxy", "check"]
    try:
        done = subprocess.run(  # noqa: S603  a command of this program
            command, env={**environ, "PYTHONPATH": str(_ROOT)}, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"It could not be checked: {type(error).__name__}") from None
    if done.returncode:
        lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
        errors = [line for line in lines if line.startswith("error")] or lines[-1:]
        raise StartError("\n".join(errors))
