"""What all pages for people share: access, templates, and security headers."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from flask import Response, make_response, redirect, render_template, request

from proxy.pages import login
from proxy.web.identity import public
from proxy.web.serving import current_parts

TEMPLATES = Path(__file__).with_name("templates")
_SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    # Not no-referrer: browsers then hide the origin of forms, too.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

View = Callable[..., Response]


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A template of `templates/`. In it, `root` is the path at which the gateway is mounted, for links."""
    response = make_response(render_template(template, root=request.script_root, **values), status)
    response.headers.update(_SECURITY)
    return response


def guarded(view: View) -> View:
    """A view for browsers that have shown the master key; others get the login form. Without a key: local clients only."""

    @public
    @wraps(view)
    def checked(*arguments: Any, **named: Any) -> Response:
        parts = current_parts()
        key = parts.settings.master_key
        if key is not None and not login.may_view(request, key.encode(), parts.runtime.now(), parts.ended_sessions):
            return login_form()
        return view(*arguments, **named)

    return checked


def login_form(problem: str | None = None) -> Response:
    return page("login.html", 401, problem=problem)


def redirect_home() -> Response:
    return make_response(redirect(f"{request.script_root}/", 303))
