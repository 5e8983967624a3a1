import gc
import os

from gunicorn.errors import AppImportError

from app import create_app
from proxy.host.folder import default_path
from proxy.settings import ConfigError

try:
    # The parent is the server that all workers have in common.
    app = create_app(shared_path=default_path(os.getppid()))
except ConfigError as error:
    # What gunicorn tells in these words alone, without a traceback, and ends.
    raise AppImportError(f"Patchbay can't start.\n{error}") from None

# What is there now stays: looking through it for garbage would hold every call up for some 60 ms, again and again.
gc.collect()
gc.freeze()
