"""POST completions."""

from flask import Blueprint, Response

from proxy.domain.operations import COMPLETIONS
from proxy.endpoints.operation import read, route, serve
from schemas.completions import CompletionsSchema

blueprint = Blueprint("completions", __name__)


@route(blueprint, COMPLETIONS)
def create_completion(model: str | None = None) -> Response:
    return serve(read(COMPLETIONS, CompletionsSchema, model))
