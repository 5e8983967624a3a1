"""POST embeddings."""

from schemas.fields import Number, OneOf, Text, check_text, check_texts, check_tokens
from schemas.request import RequestSchema


class EmbeddingsSchema(RequestSchema):
    input = OneOf(
        check_text,
        check_texts,
        check_tokens,
        expected="a string, or a filled array of strings or of tokens",
        required=True,
    )
    encoding_format = Text(allow_none=True)
    dimensions = Number(whole=True, minimum=1, maximum=2**20, allow_none=True)
