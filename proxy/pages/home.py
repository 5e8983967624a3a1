"""GET /: the status page for people, and for programs what is here."""

from flask import Blueprint, Response, jsonify, request

from proxy import __version__
from proxy.pages.status import show_status
from proxy.web.identity import public

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@public
def show_gateway() -> Response:
    if "text/html" in request.headers.get("accept", ""):
        page: Response = show_status()
        return page
    return jsonify(
        name="Patchbay",
        version=__version__,
        message="An OpenAI-compatible gateway: give clients this address as base_url. GET /v1/models lists the models.",
    )
