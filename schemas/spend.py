"""The body of POST /spend/calculate."""

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validates_schema


class SpendCalculateSchema(Schema):
    """A request (`model` and `messages`), or a finished answer (`completion_response`)."""

    class Meta:
        unknown = EXCLUDE

    model = fields.String(allow_none=True)
    messages = fields.List(fields.Dict(), allow_none=True)
    completion_response = fields.Dict(allow_none=True)

    @validates_schema
    def check_either(self, data: dict[str, object], **_: object) -> None:
        if not data.get("completion_response") and not (data.get("model") and data.get("messages")):
            raise ValidationError("is needed with messages, or a completion_response", "model")
