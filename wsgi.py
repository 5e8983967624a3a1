import gc
import os

from gunicorn.errors import AppImportError

from app import create_app
from proxy.host.config_state import ConfigState
from proxy.host.folder import default_path
from proxy.settings import ConfigError, environment
from proxy.settings.load import load_kept

# A large configuration is many small objects, and none of them is garbage: the collector would double the time.
gc.disable()
# The parent is the server that all workers have in common.
shared_path = default_path(os.getppid())
try:
    # A worker that starts after a refused reload serves the last good configuration, as its siblings do.
    settings = load_kept(environment(), ConfigState.beside(shared_path).snapshot())
    app = create_app(settings, shared_path=shared_path)
except ConfigError as error:
    # What gunicorn tells in these words alone, without a traceback, and ends.
    raise AppImportError(f"Patchbay can't start.\n{error}") from None

# What is there now stays: looking through it for garbage would hold every call up for some 60 ms, again and again.
gc.collect()
gc.freeze()
gc.enable()
