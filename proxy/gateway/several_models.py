"""Several calls at once: all of them, the first that succeeds, or their streams side by side. Threads live only here.

Under gevent's patching the threads are greenlets. Each batch has a pool of its own: a shared one would make one batch
wait for another.
"""

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from proxy.domain.answer import Chunk, StreamReply
from proxy.domain.call import Call
from proxy.domain.wire import ClientWatch
from proxy.errors import BadRequestError, GatewayError, InternalServerError, RequestTooLargeError
from proxy.gateway.served import RunOne, Served

# Gives up an answer that is not read, and writes its record.
Abandon = Callable[[Served], None]

# Beyond this a batch is refused: it would take the gateway's threads and the providers' limits by surprise.
MOST_CALLS = 64
# Of the bodies of a batch together.
MOST_BYTES = 32 * 2**20
# Lists of chunks that a stream may be ahead of the reader of the interleaved whole.
AHEAD = 16


class Piece(NamedTuple):
    """One step of one of several streams: it is open, `chunks` that came together, or its end (and the error)."""

    position: int
    chunks: Sequence[Chunk] = ()
    opened: Served | None = None
    ended: bool = False
    error: GatewayError | None = None


@dataclass(slots=True)
class _Finished:
    position: int
    result: Served | GatewayError


def run_batch(calls: Sequence[Call], run_one: RunOne) -> list[Served | GatewayError]:
    """Run all calls at once; what became of each, in their order. Raise BadRequestError for too many."""
    _check_number(calls)

    def attempt(call: Call) -> Served | GatewayError:
        try:
            return run_one(call)
        except GatewayError as error:
            return error

    with ThreadPoolExecutor(max_workers=max(1, len(calls)), thread_name_prefix="batch") as pool:
        return list(pool.map(attempt, calls))


def first_success(calls: Sequence[Call], run_one: RunOne, abandon: Abandon) -> Served:
    """The first answer. The other calls are abandoned, at once or as soon as their answers come.

    Raise the first call's error when all failed.
    """
    race = _Race(abandon)
    _start(calls, run_one, race.arrive, race.over)
    errors: dict[int, GatewayError] = {}
    for _ in calls:
        done = race.finished.get()
        if isinstance(done.result, Served):
            return done.result
        errors[done.position] = done.result
    raise errors[0]


class _Race:
    """Lets one outcome through; those that come later are given up on the spot."""

    def __init__(self, abandon: Abandon) -> None:
        self.finished: queue.SimpleQueue[_Finished] = queue.SimpleQueue()
        self._abandon = abandon
        self._lock = threading.Lock()
        self._won = False

    def over(self) -> bool:
        return self._won

    def arrive(self, done: _Finished) -> None:
        if isinstance(done.result, Served):
            with self._lock:
                late, self._won = self._won, True
            if late:
                self._abandon(done.result)
        self.finished.put(done)


@dataclass(frozen=True, slots=True)
class _Watch:
    """For a call whose answer is not needed when the client has left, or `over` is true."""

    over: Callable[[], bool]
    client: ClientWatch | None

    def gone(self) -> bool:
        return self.over() or (self.client is not None and self.client.gone())

    def fileno(self) -> int | None:
        return None if self.client is None else self.client.fileno()


def interleave(calls: Sequence[Call], run_one: RunOne, abandon: Abandon) -> Generator[Piece]:
    """Run all calls at once; the steps of their streams as they arrive, each with its call's position.

    A stream that is far ahead waits for the reader. When the reader leaves (the generator is closed) the streams that
    are open are closed by the reader; those that open later are abandoned.
    """
    pieces: queue.Queue[Piece] = queue.Queue(AHEAD)
    left = threading.Event()

    def arrive(done: _Finished) -> None:
        _relay(done, pieces, left, abandon)

    _start(calls, run_one, arrive, left.is_set)
    try:
        waiting = len(calls)
        while waiting:
            piece = pieces.get()
            waiting -= piece.ended
            yield piece
    finally:
        left.set()


def _relay(done: _Finished, pieces: queue.Queue[Piece], left: threading.Event, abandon: Abandon) -> None:
    """Hand one stream on, from its opening to its end."""
    position, result = done.position, done.result
    if isinstance(result, GatewayError):
        _put(pieces, Piece(position, ended=True, error=result), left)
        return
    if not _put(pieces, Piece(position, opened=result), left):
        abandon(result)
        return
    error: GatewayError | None = InternalServerError("Internal server error")
    try:
        for chunks in _chunks_of(result):
            if not _put(pieces, Piece(position, chunks), left):
                break
        error = None
    except GatewayError as broken:
        error = broken
    finally:
        _put(pieces, Piece(position, ended=True, error=error), left)


def _chunks_of(served: Served) -> Iterator[list[Chunk]]:
    reply = served.outcome.reply
    return reply.chunks if isinstance(reply, StreamReply) else iter(())


def _put(pieces: queue.Queue[Piece], piece: Piece, left: threading.Event) -> bool:
    """Hand a piece over as soon as there is room; False when the reader has left."""
    while not left.is_set():
        try:
            pieces.put(piece, timeout=0.25)
        except queue.Full:
            continue
        return True
    return False


def _start(
    calls: Sequence[Call], run_one: RunOne, arrive: Callable[[_Finished], object], over: Callable[[], bool]
) -> None:
    _check_number(calls)
    for position, call in enumerate(calls):
        _thread(_run, position, call._replace(client=_Watch(over, call.client)), run_one, arrive)


def check_batch(call: Call, models: Sequence[str]) -> None:
    """Raise BadRequestError for more models than are called at once, or whose bodies are too large together.

    Each model's request is a body of its own, so a batch is bounded as one request of that size is.
    """
    if len(models) > MOST_CALLS:
        raise _too_many(len(models))
    if call.stream and not call.options.fastest_response and call.dialect != "openai":
        # Several streams in one response have no form but OpenAI's, where each chunk names its place.
        raise BadRequestError("Several models can't be streamed at once here: ask for one.", param="model")
    size = (call.native or call.document).size * len(models)
    if size > MOST_BYTES:
        raise RequestTooLargeError(
            f"The request's body is too large for {len(models)} models at once: together at most {MOST_BYTES >> 20} MB.",
            param="model",
            code="request_too_large",
        )


def _too_many(count: int) -> BadRequestError:
    return BadRequestError(f"At most {MOST_CALLS} models may be asked at once, not {count}.", param="model")


def _check_number(calls: Sequence[Call]) -> None:
    if len(calls) > MOST_CALLS:
        raise _too_many(len(calls))


def _run(position: int, call: Call, run_one: RunOne, arrive: Callable[[_Finished], object]) -> None:
    result: Served | GatewayError = InternalServerError("Internal server error")
    try:
        result = run_one(call)
    except GatewayError as error:
        result = error
    finally:
        arrive(_Finished(position, result))


def _thread(target: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()
