"""The folder in which the workers of one gateway put their metrics together: named in the environment, where the metrics'
library looks; made and kept tidy by their parent, which imports nothing of the library.
"""

import contextlib
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from proxy.host.folder import prepare_folder
from proxy.host.shared_file import SharedFileError

_log = logging.getLogger("patchbay.server")

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def choose_directory(environ: Mapping[str, str], own: Path) -> Path:
    """The operator's folder, if the environment names one; else `own`. A parent that replaces itself hands its own
    folder on in the environment, and its successor has to have another one.
    """
    given = environ.get(VARIABLE)
    return own if not given or Path(given).suffix == own.suffix else Path(given)


def publish_directory(directory: Path) -> None:
    """For all workers: the library looks once, when a worker imports it."""
    os.environ[VARIABLE] = str(directory)


def prepare_directory(directory: Path) -> None:
    """Make it, for this user only, empty of an earlier run's values. For the parent, before any worker starts.

    A folder that can't be used safely costs the sum over the workers, not the gateway.
    """
    try:
        prepare_folder(directory)
    except SharedFileError as error:
        _log.warning("%s. /metrics shows the figures of one worker at a time.", error)
        with contextlib.suppress(KeyError):
            del os.environ[VARIABLE]
        return
    for file in directory.glob("*.db"):
        file.unlink(missing_ok=True)


def forget_process(process: int, directory: Path) -> None:
    """A worker has ended: the gauges of living processes lose its values, its counters stay.

    The names of the files are prometheus_client's, whose `mark_process_dead` does the same.
    """
    for file in directory.glob(f"gauge_live*_{process}.db"):
        file.unlink(missing_ok=True)


def remove_directory(directory: Path) -> None:
    """For the parent, when it ends."""
    shutil.rmtree(directory, ignore_errors=True)
