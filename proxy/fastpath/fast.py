"""The faster parts. Importing this module fails where a private name that they use is gone."""

from typing import Any

from flask.globals import _cv_app, _cv_request

from proxy.fastpath import gevent_accept, gunicorn_request, gunicorn_response
from proxy.fastpath.flask_app import FastFlask
from proxy.fastpath.flask_response import FastResponse
from proxy.fastpath.parts import Parts


def install(worker: Any, mounted: bool) -> None:
    """Requests after answers: the first to be installed is what the second falls back to."""
    gevent_accept.install()
    gunicorn_response.install(worker)
    gunicorn_request.install(worker.cfg, mounted)


FAST = Parts(FastFlask, FastResponse, _cv_request.get, _cv_app.get, install)
