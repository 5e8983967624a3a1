"""POST rerank: documents in the order of their relevance to a query, in Cohere's form."""

from flask import Blueprint, Response

from proxy.domain.operations import RERANK
from proxy.endpoints.operation import route, serve

blueprint = Blueprint("rerank", __name__)


@route(blueprint, RERANK)
def create_rerank(model: str | None = None) -> Response:
    return serve(RERANK, model)
