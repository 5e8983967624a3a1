"""Requests of the management API: the caller, the fields of a body or a query, and the answer."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import ValidationError

from proxy.accounts.permissions import Actor, actor_of
from proxy.domain.json_text.codec import DepthError, dumps
from proxy.domain.json_text.document import Document
from proxy.errors import BadRequestError
from proxy.web.current import current_caller, current_request
from proxy.web.serving import current_parts
from schemas.management import Body, Query
from schemas.problems import first_problem


def current_actor() -> Actor:
    return actor_of(current_caller().account)


def read_fields(body: Body, *, may_be_empty: bool = False) -> tuple[dict[str, Any], list[str]]:
    """The fields of the request's body, and the names that the body does not have.

    Raise BadRequestError, naming the field.
    """
    raw = current_parts().reader.read_bytes()
    given = {} if may_be_empty and not raw.strip() else _parse(raw)
    try:
        return body.load(given), sorted(str(name)[:100] for name in given if name not in body.table)
    except ValidationError as error:
        problem = first_problem(error)
        raise BadRequestError(problem.message, param=problem.param) from None


def read_query(query: Query) -> dict[str, Any]:
    """The parameters of the request's query. Raise BadRequestError, naming the parameter."""
    try:
        return query.load(current_request().args)
    except ValidationError as error:
        problem = first_problem(error)
        raise BadRequestError(problem.message, param=problem.param) from None


def answer(value: Any, ignored: list[str] | None = None) -> Response:
    """`ignored`: names of the request that have no effect here."""
    response = Response(dumps(value), mimetype="application/json")
    if ignored:
        text = ",".join(ignored[:50])
        response.headers["x-litellm-dropped-params"] = text if text.isascii() and text.isprintable() else "?"
    return response


def _parse(raw: bytes) -> Mapping[str, Any]:
    try:
        document = Document.parse(raw)
        repeated = document.repeated()
        fields: Mapping[str, Any] = document.fields
    except DepthError as error:
        raise BadRequestError(f"The body is {error}.", param="request_body") from None
    except ValueError as error:
        fields, repeated = _parse_loosely(raw), None
        if not isinstance(fields, dict):
            message = (
                "The body must be a JSON object." if fields is not None else f"The body is not valid JSON: {error}"
            )
            raise BadRequestError(message, param="request_body") from None
    if repeated is not None:
        raise BadRequestError(f"The field '{repeated}' is in the body more than once.", param=repeated)
    return fields


def _parse_loosely(raw: bytes) -> Any:
    """JSON with NaN and numbers beyond floats, so that the field that has one can be named; None if it is not JSON."""
    try:
        return json.loads(raw, parse_int=_number)
    except (ValueError, RecursionError):
        return None


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else float(digits)
