"""POST moderations. The model may be left out, as with OpenAI."""

from typing import Any

from marshmallow import ValidationError

from schemas.fields import OneOf, check_object, check_text, wrong_type
from schemas.request import ModelName, RequestSchema


def _check_items(value: Any) -> None:
    if type(value) is not list or not value:
        raise wrong_type(value, "a filled array")
    check_item = check_text if type(value[0]) is str else check_object
    for item in value:
        try:
            check_item(item)
        except ValidationError:
            raise ValidationError("expected strings or typed parts, not both") from None


class ModerationsSchema(RequestSchema):
    model = ModelName()
    input = OneOf(check_text, _check_items, expected="a string or a filled array of strings or parts", required=True)
