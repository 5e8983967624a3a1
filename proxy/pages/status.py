"""The status page, for people, which `/` shows in a browser. Plain HTML: no scripts, nothing from elsewhere."""

from typing import Any

import orjson
from flask import Blueprint, Response, request

from proxy import __version__
from proxy.domain.call import Call
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.errors import AuthenticationError, GatewayError
from proxy.pages import login, numbers
from proxy.pages.charts import HEIGHT, WIDTH, build_charts
from proxy.pages.page import TEMPLATES, guarded, login_form, page, redirect_home
from proxy.sinks.history import quantile
from proxy.web.current import current_caller
from proxy.web.identity import public
from proxy.web.serving import current_parts

# Seconds after which the page reloads, where the visitor turns that on.
_EVERY = 15

blueprint = Blueprint("status", __name__, template_folder=str(TEMPLATES))
for _name in ("count", "money", "duration", "share", "clock", "exact_clock"):
    blueprint.add_app_template_filter(getattr(numbers, _name), _name)


@blueprint.get("/status")
@guarded
def show_status() -> Response:
    return _page()


@blueprint.post("/status/explain")
@guarded
def explain() -> Response:
    """What would happen to a call for this model now."""
    form = current_parts().reader.read_form()
    return _page(_explain(form.get("model", ""), form.get("prompt", "")))


@blueprint.post("/status/login")
@public
def log_in() -> Response:
    parts = current_parts()
    key = parts.settings.master_key
    if key is None:
        return redirect_home()
    if not login.is_key(parts.reader.read_form().get("key", ""), key.encode()):
        refused = AuthenticationError("This is not the master key.", code="invalid_api_key")
        parts.refusals.note(refused, request.remote_addr, request.path)
        parts.refusals.slow(refused, request.remote_addr)
        return login_form(refused.message)
    response = redirect_home()
    login.remember(response, request, key.encode(), parts.runtime.now())
    return response


@blueprint.post("/status/logout")
@public
def log_out() -> Response:
    parts, response = current_parts(), redirect_home()
    key = parts.settings.master_key
    login.forget(response, request, key.encode() if key else None, parts.runtime.now(), parts.ended_sessions)
    return response


@blueprint.get("/status/style.css")
@public
def show_style() -> Response:
    return Response((TEMPLATES / "style.css").read_text(encoding="utf-8"), mimetype="text/css")


def _page(explained: dict[str, Any] | None = None) -> Response:
    parts = current_parts()
    now = parts.runtime.now()
    history = parts.observation.recent_calls.read(now)
    state = parts.inspection.router_state()
    return page(
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
        models=sorted(parts.inspection.models.names()),
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
