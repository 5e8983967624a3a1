"""GET cache/ping, POST cache/delete and cache/flushall: for the master key."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from proxy.cache.responses import Responses
from proxy.errors import BadRequestError, NotFoundError, PermissionDeniedError, ServiceUnavailableError
from proxy.web.current import current_caller
from proxy.web.serving import current_parts

blueprint = Blueprint("cache", __name__)
_MOST_KEYS = 1000


@blueprint.get("/cache/ping")
def ping() -> Response:
    """Whether the store answers."""
    cache = _cache()
    if not cache.store.ping():
        raise ServiceUnavailableError(f"The cache ({cache.store.kind}) does not answer.", retry_after=5.0)
    return jsonify(status="healthy", cache_type=cache.store.kind, ping_response=True, failures=cache.store.failures)


@blueprint.post("/cache/delete")
def delete() -> Response:
    """Forget the entries with these keys, as `x-litellm-cache-key` shows them."""
    body: Any = request.get_json(force=True, silent=True)
    keys = body.get("keys") if isinstance(body, dict) else None
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS or not all(isinstance(key, str) for key in keys):
        raise BadRequestError(f"'keys' must be a list of at most {_MOST_KEYS} texts.", param="keys")
    return _done(_cache().store.delete(keys))


@blueprint.post("/cache/flushall")
def flush() -> Response:
    """Forget everything."""
    return _done(_cache().store.clear())


def _cache() -> Responses:
    if current_caller().account is not None:
        raise PermissionDeniedError("The cache is for the master key.")
    cache = current_parts().cache
    if cache is None:
        raise NotFoundError(
            "Answers are not cached here: set litellm_settings.cache.", error_type="invalid_request_error"
        )
    return cache


def _done(succeeded: bool) -> Response:
    if not succeeded:
        raise ServiceUnavailableError("The cache does not answer.", retry_after=5.0)
    return jsonify(status="success")
