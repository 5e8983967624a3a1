"""POST images/generations, images/edits, images/variations."""

from flask import Blueprint, Response

from proxy.domain.operations import IMAGE_EDITS, IMAGE_VARIATIONS, IMAGES
from proxy.endpoints.operation import route, serve

blueprint = Blueprint("images", __name__)


@route(blueprint, IMAGES)
def create_image(model: str | None = None) -> Response:
    return serve(IMAGES, model)


@route(blueprint, IMAGE_EDITS)
def edit_image(model: str | None = None) -> Response:
    return serve(IMAGE_EDITS, model)


@route(blueprint, IMAGE_VARIATIONS)
def vary_image(model: str | None = None) -> Response:
    return serve(IMAGE_VARIATIONS, model)
