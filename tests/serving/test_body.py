"""Bodies that come in pieces."""

from proxy.serving.body import Body


class FakeClient:
    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def recv(self, most: int) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > most:
            self._pieces.insert(0, piece[most:])
        return piece[:most]


def test_a_body_is_read_to_its_end_and_not_further():
    body = Body(FakeClient(b"cd", b"ef"), b"ab", 6)
    assert body.read() == b"abcdef"
    assert body.read() == b""
    assert body.drain()


def test_a_part_is_read_when_a_size_is_asked_for():
    body = Body(FakeClient(b"cd"), b"ab", 4)
    assert [body.read(3), body.read(3)] == [b"abc", b"d"]


def test_lines_can_be_read():
    assert list(Body(FakeClient(b"e\nt"), b"on", 5)) == [b"one\n", b"t"]


def test_what_nobody_read_is_drained():
    body = Body(FakeClient(b"cd"), b"ab", 4)
    assert body.drain()


def test_a_client_that_leaves_in_the_middle_is_noticed():
    body = Body(FakeClient(b"c"), b"ab", 9)
    assert body.read() == b"abc"
    assert not body.drain()
