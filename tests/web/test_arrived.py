"""Bodies that came with their heads, and those that did not, in gunicorn's own readers."""

import io
from collections.abc import Sequence

import pytest
from gunicorn.http.body import Body, EOFReader, LengthReader
from gunicorn.http.unreader import IterUnreader

from proxy.web.arrived import take_arrived

BODY = b'{"model":"m"}'
NEXT = b"POST /the-next-request"


def build_source(held: bytes, coming: Sequence[bytes] = (), length: int = len(BODY)) -> tuple[Body, IterUnreader]:
    """`wsgi.input` after gunicorn has read a head, with `held` behind it; `coming` is still on its way."""
    unreader = IterUnreader(iter(coming))
    unreader.unread(held)
    return Body(LengthReader(unreader, length)), unreader


@pytest.mark.parametrize("behind", [b"", NEXT])
def test_body_is_what_reading_gives_when_all_of_it_is_there(behind: bytes) -> None:
    read, _ = build_source(BODY + behind)
    taken, unreader = build_source(BODY + behind)
    assert take_arrived(taken, len(BODY)) == read.read(len(BODY)) == BODY
    assert taken.read(1024) == read.read(1024) == b""
    assert unreader.take_buffered() == behind


@pytest.mark.parametrize("there", [0, 1, len(BODY) - 1])
def test_nothing_is_taken_when_some_must_come(there: int) -> None:
    source, _ = build_source(BODY[:there], [BODY[there:]])
    assert take_arrived(source, len(BODY)) is None
    assert source.read(len(BODY)) == BODY


def test_nothing_is_taken_when_somebody_has_read_before() -> None:
    source, _ = build_source(BODY)
    first = source.read(1)
    assert take_arrived(source, len(BODY)) is None
    assert first + source.read() == BODY


def test_nothing_is_taken_when_the_length_is_another_one() -> None:
    source, _ = build_source(BODY)
    assert take_arrived(source, 1) is None
    assert source.read() == BODY


def test_nothing_is_taken_when_the_body_has_no_length() -> None:
    unreader = IterUnreader(iter(()))
    unreader.unread(BODY)
    source = Body(EOFReader(unreader))
    assert take_arrived(source, len(BODY)) is None
    assert source.read() == BODY


def test_nothing_is_taken_when_the_server_is_another_one() -> None:
    source = io.BytesIO(BODY)
    assert take_arrived(source, len(BODY)) is None
    assert source.read() == BODY


def test_empty_body_is_taken_when_it_is_announced() -> None:
    source, _ = build_source(NEXT, length=0)
    assert take_arrived(source, 0) == b""
