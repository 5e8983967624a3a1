"""Where the processes of one gateway meet: a folder in memory if it has room, and what earlier gateways left there."""

import fcntl
import logging
import os
import shutil
import stat
import tempfile
from pathlib import Path

from proxy.host.processes import is_alive, start_time
from proxy.host.shared_file import SharedFileError, check_owner

_log = logging.getLogger("patchbay.host")

MEMORY = Path("/dev/shm")  # noqa: S108 - files there are made for one user only, and refused if they are another's
# What the shared files of a gateway need: its state, its counters, the metrics of its workers.
NEEDED_BYTES = 16 * 2**20
# Open files that hold a folder while this process and its forks live.
_held: list[int] = []


def default_path(master: int) -> Path:
    """The path of the state of all workers that `master` has started.

    It is the same for a worker that starts later, and another one for another gateway. What ended gateways have left
    there is removed.
    """
    folder = shared_folder(MEMORY)
    remove_leftovers(folder)
    return folder / f"patchbay-{os.geteuid()}-{master}-{start_time(master)}.state"


def shared_folder(memory: Path) -> Path:
    """`memory` if it can be written and has room, else the system's folder for temporary files, which may be slower.

    A gateway's own files count as room: its workers find the same folder as their parent.
    """
    if not os.access(memory, os.W_OK | os.X_OK):
        return Path(tempfile.gettempdir())
    size = os.statvfs(memory)
    if size.f_blocks and size.f_blocks * size.f_frsize < NEEDED_BYTES:
        return Path(tempfile.gettempdir())
    return memory


def warn_of_small_memory() -> None:
    """One warning for the operator, if the folder in memory can't be used. For the parent, before any worker starts."""
    folder = shared_folder(MEMORY)
    if folder != MEMORY:
        _log.warning(
            "%s is missing or smaller than %d MB: the workers share their state in %s, which may be slower.",
            MEMORY,
            NEEDED_BYTES // 2**20,
            folder,
        )


def prepare_folder(folder: Path) -> None:
    """Make the folder for this user only, and hold it while this process lives. Raise SharedFileError with the reason."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_owner(folder, folder.lstat(), stat.S_ISDIR, "a folder")
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except SharedFileError:
        raise
    except OSError as error:
        raise SharedFileError(f"{folder} can't be used: {error.strerror}") from error
    fcntl.flock(file, fcntl.LOCK_SH)
    _held.append(file)


def remove_leftovers(folder: Path) -> None:
    """Remove this user's files and folders of gateways that have ended.

    The process of another PID namespace looks like one that has ended; what it uses is locked, and stays.
    """
    for path in folder.glob(f"patchbay-{os.geteuid()}-*-*.*"):
        master, started = path.stem.split("-")[2:4]
        if master.isdigit() and started.isdigit() and not is_alive(int(master), int(started)):
            _remove_unused(path)


def _remove_unused(path: Path) -> None:
    """Neither links nor FIFOs are opened; what a process holds stays."""
    try:
        kind = path.lstat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            return
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISDIR(kind):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        return
    finally:
        os.close(file)
