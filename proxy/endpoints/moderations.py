"""POST moderations."""

from flask import Blueprint, Response

from proxy.domain.operations import MODERATIONS
from proxy.endpoints.operation import read, route, serve
from schemas.moderations import ModerationsSchema

blueprint = Blueprint("moderations", __name__)


@route(blueprint, MODERATIONS)
def create_moderation(model: str | None = None) -> Response:
    return serve(read(MODERATIONS, ModerationsSchema, model))
