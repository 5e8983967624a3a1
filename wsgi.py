import os

from app import create_app
from proxy.routing.stores import default_path

# The parent is the server that all workers have in common.
app = create_app(shared_path=default_path(os.getppid()))
