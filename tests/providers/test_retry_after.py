"""`retry-after` of a provider, in all its forms."""

import pytest

from proxy.providers.translation.errors import retry_after

NOW = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:51:37 GMT", "date": NOW}, 120.0),
        ({"retry-after": "Sunday, 06-Nov-94 08:51:37 GMT", "date": NOW}, 120.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:40:00 GMT", "date": NOW}, 0.0),
        ({"retry-after": "Sun, 06 Nov 2094 08:40:00 GMT", "date": NOW}, 86_400.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:51:37 GMT"}, None),
        ({"retry-after": "Sun, 06 Nov 1994 08:51:37 GMT", "date": "today"}, None),
        ({"retry-after": "9" * 300}, 86_400.0),
        ({"retry-after": "1e400"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "later"}, None),
        ({}, None),
    ],
)
def test_seconds_are_finite_and_within_a_day_whatever_the_header(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds
