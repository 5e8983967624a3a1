"""POST moderations."""

from flask import Blueprint, Response

from proxy.domain.operations import MODERATIONS
from proxy.endpoints.operation import route, serve

blueprint = Blueprint("moderations", __name__)


@route(blueprint, MODERATIONS)
def create_moderation(model: str | None = None) -> Response:
    return serve(MODERATIONS, model)
