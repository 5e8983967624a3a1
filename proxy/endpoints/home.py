"""GET /: whoever opens the base URL in a browser learns what is here."""

from flask import Blueprint, Response, jsonify

from proxy import __version__
from proxy.web.identity import public

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@public
def show_gateway() -> Response:
    return jsonify(
        name="Patchbay",
        version=__version__,
        message="An OpenAI-compatible gateway: give clients this address as base_url. GET /v1/models lists the models.",
    )
