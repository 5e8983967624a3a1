"""POST rerank: a query and documents, in Cohere's form."""

from typing import Any

from marshmallow import ValidationError

from schemas.fields import Flag, ListOf, Number, Text, check_text, wrong_type
from schemas.request import RequestSchema

# Cohere recommends at most 1,000 documents and refuses more than 10,000: https://docs.cohere.com/reference/rerank
MOST_DOCUMENTS = 10_000


def check_document(value: Any) -> None:
    """A text, or an object with fields of which one is usually `text`."""
    if type(value) is dict:
        if not value:
            raise ValidationError("must not be empty")
    elif type(value) is not str:
        raise wrong_type(value, "a string or an object")


class RerankSchema(RequestSchema):
    query = Text(filled=True, required=True)
    documents = ListOf(check_document, filled=True, most=MOST_DOCUMENTS, required=True)
    top_n = Number(whole=True, minimum=1, allow_none=True)
    return_documents = Flag(allow_none=True)
    rank_fields = ListOf(check_text, filled=True, allow_none=True)
    max_chunks_per_doc = Number(whole=True, minimum=1, allow_none=True)
    max_tokens_per_doc = Number(whole=True, minimum=1, allow_none=True)
