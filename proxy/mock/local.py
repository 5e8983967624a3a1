"""The fake provider inside the gateway's own process: what `mock://` URLs reach. No network, no key."""

import time
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

from proxy.domain.mock_answers import Behaviour
from proxy.domain.wire import WireRequest
from proxy.mock.answers import Broken, Pause, answer

_STEP = 0.25


def build_local(
    sleep: Callable[[float], None] = time.sleep, now: Callable[[], float] = time.time
) -> Callable[[WireRequest], tuple[int, Mapping[str, str], Iterator[bytes]]]:
    """A function for the transport: request in; status, headers and blocks of the body out."""

    def send(request: WireRequest) -> tuple[int, Mapping[str, str], Iterator[bytes]]:
        given = answer(urlsplit(request.url).path, bytes(request.body), Behaviour(created=int(now())), request.headers)

        def pause(seconds: float) -> Iterator[bytes]:
            """In steps, with an empty block after each, so that the reader can check its timeouts."""
            while seconds > 0:
                sleep(min(seconds, _STEP))
                seconds -= _STEP
                yield b""

        def body() -> Iterator[bytes]:
            try:
                for piece in given.body:
                    if isinstance(piece, Pause):
                        yield from pause(piece.seconds)
                    else:
                        yield piece
            except Broken:
                raise ConnectionResetError("the answer is to break here") from None

        return given.status, given.headers, body()

    return send
