"""The parts of the application that is serving the current request."""

from proxy.web.current import serving_app
from proxy.web.parts import EXTENSION, Parts


def current_parts() -> Parts:
    parts: Parts = serving_app().extensions[EXTENSION]
    return parts
