"""Whether the process that took something is still the one that has its number."""

import os
from pathlib import Path


def start_time(pid: int) -> int:
    """When the process began, in the system's ticks; 0 where the system does not show it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    # The name in parentheses may hold anything; the start is the 20th field behind it.
    return int(stat.rpartition(b")")[2].split()[19])


def is_alive(pid: int, started: int) -> bool:
    """False when the number belongs to no process, to a zombie, or to a process that began at another time."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    if _is_zombie(pid):
        return False
    return started in (0, start_time(pid))


def _is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[0] == b"Z"
