"""The files that the workers of one gateway share: the router's state, the metrics' folder, the status page's figures.

Their parent process chooses the paths, prepares the folder before the first worker starts, and removes all at its end.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from proxy.host.config_state import ConfigState
from proxy.host.folder import default_path, prepare_folder, warn_of_small_memory
from proxy.server import metrics_directory


class SharedFiles(NamedTuple):
    state: Path
    metrics: Path

    @property
    def config(self) -> ConfigState:
        """The configuration that the workers serve, and how its reloads went."""
        return ConfigState.beside(self.state)

    @classmethod
    def choose(cls, environ: Mapping[str, str]) -> "SharedFiles":
        """For this process as the workers' parent. The workers find the metrics' folder in their environment."""
        state = default_path(os.getpid())
        files = cls(state, metrics_directory.choose_directory(environ, state.with_suffix(".metrics")))
        metrics_directory.publish_directory(files.metrics)
        return files

    def prepare(self) -> None:
        """Before there is any worker."""
        warn_of_small_memory()
        metrics_directory.prepare_directory(self.metrics)
        shutil.rmtree(self.config.folder, ignore_errors=True)
        prepare_folder(self.config.folder)

    def remove(self) -> None:
        """At the parent's end. What a killed parent leaves, the next gateway removes."""
        metrics_directory.remove_directory(self.metrics)
        metrics_directory.remove_directory(self.state.with_suffix(".board"))
        metrics_directory.remove_directory(self.config.folder)
        self.state.unlink(missing_ok=True)
        self.state.with_suffix(".ended").unlink(missing_ok=True)
