"""GET config/version and POST config/reload: which configuration is served, and reading it again."""

from flask import Blueprint, Response, jsonify

from proxy.errors import GatewayTimeoutError, InternalServerError, UnprocessableEntityError
from proxy.host.config_state import ReloadStatus, request_reload
from proxy.web.serving import current_parts

blueprint = Blueprint("config", __name__)
# Longer than a check and the swap in all workers may take.
_LONGEST = 120.0
_POLL = 0.05


@blueprint.get("/config/version")
def show_version() -> Response:
    """The configuration of the whole gateway, and how its last reload went."""
    return _shown(_status())


@blueprint.post("/config/reload")
def reload() -> Response:
    """Read the files again. 200 once all workers serve them; 422 with the reason where they are refused and nothing
    has changed."""
    parts = current_parts()
    before = _status()
    request_reload()
    end = parts.runtime.monotonic() + _LONGEST
    # A reload that runs already may have read the files before they were written.
    while (status := _status()).finished <= before.started:
        if parts.runtime.monotonic() > end:
            raise GatewayTimeoutError("The reload has not ended yet: see GET /config/version.")
        parts.runtime.sleep(_POLL)
    if status.last_result == "failure":
        raise UnprocessableEntityError(_masked(status.reason), code="configuration_refused")
    return _shown(status)


def _status() -> ReloadStatus:
    state = current_parts().config_state
    status = state.status() if state is not None else None
    if status is None:
        raise InternalServerError("The configuration is reloaded only where gunicorn serves.", status_code=501)
    return status


def _shown(status: ReloadStatus) -> Response:
    last = None
    if status.last_result is not None:
        last = {
            "result": status.last_result,
            "at": status.last_at,
            "reason": _masked(status.reason) if status.reason is not None else None,
            "workers_replaced_for": list(status.replaced),
        }
    return jsonify(
        version=status.version,
        source=status.source,
        loaded_at=status.loaded_at,
        reloading=status.started > status.finished,
        last_reload=last,
        reloads=dict(status.counts),
    )


def _masked(reason: str | None) -> str:
    """The reason may hold what the operator wrote: known credentials are masked."""
    return current_parts().settings.secrets.mask(reason or "")
