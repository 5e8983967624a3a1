"""What is being served, as the object itself: every look through one of Flask's proxies costs three calls."""

from typing import Any, cast

from flask import Flask, Request, current_app, g, request


def current_request() -> Request:
    return cast(Request, _behind(request))


def current_facts() -> Any:
    """What the hooks of this application have noted of the request: Flask's `g`."""
    return _behind(g)


def serving_app() -> Flask:
    return cast(Flask, _behind(current_app))


def _behind(proxy: Any) -> Any:
    return proxy._get_current_object()
