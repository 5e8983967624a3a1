"""How a worker takes a new configuration: it builds a new application from the parent's snapshot, in place of the old one.

Calls that run end in the old application. What has connections, streams or counts is kept: see proxy/host/kept.py.
"""

import gc
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from proxy.host.config_state import ConfigState
from proxy.server.version_board import VersionBoard
from proxy.settings import ConfigError, environment
from proxy.settings.load import load_kept

_POLL = 0.1
_log = logging.getLogger("patchbay.server")

# (settings, where the workers share their state, the kept parts) -> the application.
CreateApp = Callable[..., Any]


class Swap:
    """One per worker. `age` is gunicorn's count of workers, the worker's place on the board."""

    def __init__(
        self, worker: Any, board: VersionBoard, state: ConfigState, shared_path: Path, create_app: CreateApp
    ) -> None:
        self._worker = worker
        self._board = board
        self._state = state
        self._shared_path = shared_path
        self._create_app = create_app
        snapshot = state.snapshot()
        self._version = snapshot.version if snapshot else 1
        board.serve(worker.age, self._version)

    def install(self) -> None:
        threading.Thread(target=self._run, name="configuration", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(_POLL)
            self.step()

    def step(self) -> None:
        """Serve the wanted version. What can't be built, although it was checked, is logged once and left."""
        wanted = self._board.wanted
        if wanted <= self._version:
            return
        self._version = wanted
        try:
            self._serve()
        except ConfigError as error:
            _log.error("Configuration %d can't be served by this worker, the old one is kept. %s", wanted, error)
        except Exception as error:  # noqa: BLE001  the old application serves on, whatever this was
            _log.error("Configuration %d can't be served by this worker: %s", wanted, type(error).__name__)
        self._board.serve(self._worker.age, wanted)

    def _serve(self) -> None:
        parts = self._worker.wsgi.extensions["patchbay"]
        gc.disable()
        try:
            self._build(parts.kept)
        finally:
            gc.enable()
        # What is kept for good is not looked through for garbage again; the old application may be garbage now.
        gc.unfreeze()
        gc.collect()
        gc.freeze()

    def _build(self, kept: Any) -> None:
        settings = load_kept(environment(), self._state.snapshot())
        app = self._create_app(settings, shared_path=self._shared_path, kept=kept)
        self._worker.wsgi = app
        app.extensions["patchbay"].start()
