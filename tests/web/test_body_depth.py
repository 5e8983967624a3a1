"""A request's body has one bound of depth, and errors about it say what is wrong."""

import pytest

from proxy.errors import BadRequestError
from proxy.web.body import _parse


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"model":"m","metadata":' + b"[" * 100 + b"]" * 100 + b"}", "The body is nested deeper than 100 levels."),
        (b"[" * 200_000, "The body is nested deeper than 100 levels."),
        (b"[1]", "The body must be a JSON object."),
        (b'{"model":', "The body is not valid JSON"),
        (b'{"n":' + b"9" * 5000 + b"}", "an integer has more than 4300 digits"),
        (b'{"model":"a","model":"b"}', "The field 'model' is in the body more than once."),
    ],
    ids=["deep", "endless", "array", "cut", "digits", "repeated"],
)
def test_the_reason_is_named_when_a_body_cannot_be_read(raw: bytes, message: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        _parse(raw)
    assert message in str(caught.value)
    assert caught.value.status_code == 400


def test_a_body_at_the_bound_is_read() -> None:
    raw = b'{"model":"m","metadata":' + b"[" * 99 + b"]" * 99 + b"}"

    assert _parse(raw).fields["model"] == "m"
