"""What is being served, as the object itself: every look through one of Flask's proxies costs three calls."""

from typing import NamedTuple

from flask import Flask, Request
from flask.globals import _cv_app, _cv_request

from proxy.domain.requester import Key


class Caller(NamedTuple):
    """Who sent a request: its ids, when it came (monotonic seconds), and the key that it showed."""

    call_id: str
    request_id: str
    started: float
    key: Key


def current_request() -> Request:
    return _cv_request.get().request


def current_caller() -> Caller:
    """As `identity` noted it before anything else was done for the request."""
    caller: Caller = _cv_app.get().g.caller
    return caller


def note_caller(caller: Caller) -> None:
    _cv_app.get().g.caller = caller


def serving_app() -> Flask:
    return _cv_app.get().app
