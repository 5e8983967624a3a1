"""POST embeddings."""

from flask import Blueprint, Response

from proxy.domain.operations import EMBEDDINGS
from proxy.endpoints.operation import route, serve

blueprint = Blueprint("embeddings", __name__)


@route(blueprint, EMBEDDINGS)
def create_embeddings(model: str | None = None) -> Response:
    return serve(EMBEDDINGS, model)
