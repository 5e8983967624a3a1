"""Answers as bytes."""

import pytest

from proxy.serving.reply import Dates, Reply


def answer(
    status: str, headers: list[tuple[str, str]], pieces: list[bytes], closes: bool = False
) -> tuple[Reply, list[bytes]]:
    sent: list[bytes] = []
    reply = Reply(sent.append, "Thu, 01 Jan 1970 00:00:00 GMT", closes)
    reply.start(status, headers)
    for piece in pieces:
        reply.write(piece)
    reply.end()
    return reply, sent


def test_head_and_body_leave_in_one_write_when_the_length_is_known():
    _, sent = answer("200 OK", [("Content-Length", "2"), ("x-one", "1")], [b"{}"])
    assert sent == [
        b"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nConnection: keep-alive\r\n"
        b"Content-Length: 2\r\nx-one: 1\r\n\r\n{}"
    ]


def test_pieces_are_chunks_when_the_length_is_not_known():
    _, sent = answer("200 OK", [], [b"one", b"", b"three"])
    assert b"Transfer-Encoding: chunked\r\n" in sent[0]
    assert sent[0].endswith(b"\r\n\r\n3\r\none\r\n")
    assert sent[1:] == [b"5\r\nthree\r\n", b"0\r\n\r\n"]


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_no_body_is_sent_when_the_status_has_none(status: str):
    _, sent = answer(status, [], [b"body"])
    assert len(sent) == 1
    assert sent[0].endswith(b"\r\n\r\n")
    assert b"chunked" not in sent[0]


def test_a_large_body_is_not_copied_behind_its_head():
    body = b"x" * 1_000_000
    _, sent = answer("200 OK", [("Content-Length", "1000000")], [body])
    assert sent[1] is body


def test_an_empty_answer_has_its_head():
    _, sent = answer("200 OK", [("Content-Length", "0")], [])
    assert sent[0].endswith(b"Content-Length: 0\r\n\r\n")


def test_the_connection_closes_when_the_body_is_shorter_than_it_said():
    reply, _ = answer("200 OK", [("Content-Length", "3")], [b"12"])
    assert reply.closes


def test_a_body_longer_than_it_said_is_refused():
    with pytest.raises(ValueError, match="more than it said"):
        answer("200 OK", [("Content-Length", "1")], [b"12"])


@pytest.mark.parametrize(
    ("status", "headers"),
    [("200 OK\r\nx: y", []), ("200 OK", [("x", "a\r\nset-cookie: b")]), ("200 OK", [("x y", "a")]), ("OK", [])],
)
def test_what_would_forge_a_head_is_refused(status: str, headers: list[tuple[str, str]]):
    with pytest.raises(ValueError, match="HTTP does not allow"):
        answer(status, headers, [])


def test_the_date_is_made_once_a_second():
    clock = iter([0.0, 0.9, 1.0])
    dates = Dates(lambda: next(clock))
    first, again, later = dates.text(), dates.text(), dates.text()
    assert first is again
    assert later == "Thu, 01 Jan 1970 00:00:01 GMT"
