"""POST completions."""

from flask import Blueprint, Response

from proxy.domain.operations import COMPLETIONS
from proxy.endpoints.operation import route, serve

blueprint = Blueprint("completions", __name__)


@route(blueprint, COMPLETIONS)
def create_completion(model: str | None = None) -> Response:
    return serve(COMPLETIONS, model)
