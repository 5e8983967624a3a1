"""What is being served, as the object itself: every look through one of Flask's proxies costs three calls."""

from typing import Any

from flask import Flask, Request
from flask.globals import _cv_app, _cv_request


def current_request() -> Request:
    return _cv_request.get().request


def current_facts() -> Any:
    """What the hooks of this application have noted of the request: Flask's `g`."""
    return _cv_app.get().g


def serving_app() -> Flask:
    return _cv_app.get().app
