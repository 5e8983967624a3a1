"""POST images/generations, images/edits, images/variations."""

from typing import ClassVar

from schemas.fields import ListOf, Number, Object, OneOf, Text, check_list, check_object, check_text
from schemas.request import FileRule, RequestSchema


class _ImageOptions(RequestSchema):
    n = Number(whole=True, minimum=1, maximum=10, allow_none=True)
    size = Text(allow_none=True)
    response_format = Text(allow_none=True)


class _PaintedOptions(_ImageOptions):
    prompt = Text(filled=True, required=True)
    quality = Text(allow_none=True)
    background = Text(allow_none=True)
    output_format = Text(allow_none=True)
    output_compression = Number(whole=True, minimum=0, maximum=100, allow_none=True)
    partial_images = Number(whole=True, minimum=0, maximum=3, allow_none=True)


class ImagesSchema(_PaintedOptions):
    moderation = Text(allow_none=True)
    style = Text(allow_none=True)


class ImageEditsSchema(_PaintedOptions):
    """A form with the images, or JSON that names them."""

    files = {"image": FileRule(16, instead=("images", "image", "image_url")), "mask": FileRule(required=False)}  # noqa: RUF012

    input_fidelity = Text(allow_none=True)
    images = ListOf(check_object, filled=True, most=16, allow_none=True)
    image = OneOf(check_text, check_object, check_list, expected="a file, an object or an array", allow_none=True)
    mask = Object(allow_none=True)


class ImageVariationsSchema(_ImageOptions):
    files: ClassVar = {"image": FileRule()}
