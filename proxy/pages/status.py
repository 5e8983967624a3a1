"""The status page, for people, which `/` shows in a browser. Plain HTML: no scripts, nothing from elsewhere."""

from pathlib import Path
from typing import Any

import orjson
from flask import Blueprint, Response, make_response, redirect, render_template, request

from proxy import __version__
from proxy.domain.call import Call
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.errors import GatewayError
from proxy.pages import login, numbers
from proxy.pages.charts import HEIGHT, WIDTH, build_charts
from proxy.sinks.history import quantile
from proxy.web.current import current_caller
from proxy.web.identity import public
from proxy.web.serving import current_parts

_TEMPLATES = Path(__file__).with_name("templates")
_SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    # Not no-referrer: browsers then hide the origin of forms, too.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Seconds between two looks, for who asks for it: the page reloads itself.
_EVERY = 15

blueprint = Blueprint("status", __name__, template_folder=str(_TEMPLATES))
for _name in ("count", "money", "duration", "share", "clock", "exact_clock"):
    blueprint.add_app_template_filter(getattr(numbers, _name), _name)


@blueprint.get("/status")
@public
def show_status() -> Response:
    return _guarded() or _page()


@blueprint.post("/status/explain")
@public
def explain() -> Response:
    """What would happen to a call for this model now."""
    return _guarded() or _page(_explain(request.form.get("model", ""), request.form.get("prompt", "")))


@blueprint.post("/status/login")
@public
def log_in() -> Response:
    parts = current_parts()
    key = parts.settings.master_key
    if key is None:
        return _home()
    if not login.is_key(request.form.get("key", ""), key.encode()):
        return _login("This is not the master key.")
    response = _home()
    login.remember(response, request, key.encode(), parts.runtime.now())
    return response


@blueprint.post("/status/logout")
@public
def log_out() -> Response:
    response = _home()
    login.forget(response)
    return response


@blueprint.get("/status/style.css")
@public
def show_style() -> Response:
    return Response((_TEMPLATES / "style.css").read_text(encoding="utf-8"), mimetype="text/css")


def _html(template: str, status: int = 200, **values: Any) -> Response:
    """`root` is where the gateway stands, for links."""
    page = make_response(render_template(template, root=request.script_root, **values), status)
    page.headers.update(_SECURITY)
    return page


def _home() -> Response:
    return make_response(redirect(f"{request.script_root}/", 303))


def _guarded() -> Response | None:
    """The form that asks for the key, for who has not shown it."""
    parts = current_parts()
    key = parts.settings.master_key
    if key is None:
        login.check_host(request)
        return None
    return None if login.may_view(request, key.encode(), parts.runtime.now()) else _login()


def _login(problem: str | None = None) -> Response:
    return _html("login.html", 401, problem=problem)


def _page(explained: dict[str, Any] | None = None) -> Response:
    parts = current_parts()
    now = parts.runtime.now()
    history = parts.observation.board.read(now)
    state = parts.inspection.router_state()
    return _html(
        "status.html",
        now=now,
        version=__version__,
        settings=parts.settings,
        history=history,
        totals=history.totals,
        median=quantile(history.latencies, 0.5),
        slow=quantile(history.latencies, 0.95),
        charts=build_charts(history),
        width=WIDTH,
        height=HEIGHT,
        state=state,
        in_flight=sum(one["in_flight"] for one in state["deployments"]),
        models=sorted(name for name in parts.inspection.model_names() if "*" not in name),
        explained=explained,
        every=_EVERY if "live" in request.args else None,
    )


def _explain(model: str, prompt: str) -> dict[str, Any]:
    """The plan and the request as the template shows them; an error is an answer, too."""
    parts = current_parts()
    body = {"model": model, "messages": [{"role": "user", "content": prompt or "Hello"}]}
    call = Call(current_caller().call_id, CHAT, model, Document.of(body), started_at=parts.runtime.now())
    try:
        plan = parts.inspection.explain(call)
    except GatewayError as error:
        return {"model": model, "prompt": prompt, "error": error.message}
    sent = plan.get("request")
    text = orjson.dumps(sent, option=orjson.OPT_INDENT_2).decode() if sent else None
    return {"model": model, "prompt": prompt, "plan": plan, "request": text}
