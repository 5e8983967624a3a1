"""Several calls at once: all of them, the first that succeeds, or their streams side by side. Threads live only here.

Under gevent's patching the threads are greenlets. Each batch has a pool of its own: a shared one would make one batch
wait for another.
"""

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple

from proxy.domain.answer import Chunk, StreamReply
from proxy.domain.attempt import Outcome
from proxy.domain.call import Call
from proxy.domain.wire import ClientWatch
from proxy.errors import BadRequestError, GatewayError, InternalServerError

RunOne = Callable[[Call], Outcome]

# Beyond this a batch is refused: it would take the gateway's threads and the providers' limits by surprise.
MOST_CALLS = 64
# Lists of chunks that a stream may be ahead of whoever reads the interleaved whole.
AHEAD = 16


class Piece(NamedTuple):
    """What one of several streams has to say: `chunks` that came together, or its end, with the error that broke it."""

    position: int
    chunks: list[Chunk]
    ended: bool = False
    error: GatewayError | None = None


@dataclass(slots=True)
class _Finished:
    position: int
    result: Outcome | GatewayError


def run_batch(calls: Sequence[Call], run_one: RunOne) -> list[Outcome | GatewayError]:
    """Run all calls at once; what became of each, in their order. Raise BadRequestError for too many."""
    _check_number(calls)

    def attempt(call: Call) -> Outcome | GatewayError:
        try:
            return run_one(call)
        except GatewayError as error:
            return error

    with ThreadPoolExecutor(max_workers=max(1, len(calls)), thread_name_prefix="batch") as pool:
        return list(pool.map(attempt, calls))


def first_success(calls: Sequence[Call], run_one: RunOne) -> Outcome:
    """The first answer. The other calls are abandoned: a stream of theirs is closed when it comes.

    Raise the first call's error when all failed.
    """
    _check_number(calls)
    race = _Race()
    for position, call in enumerate(calls):
        _thread(_run, position, replace(call, client=_RaceWatch(race, call.client)), run_one, race.arrive)
    errors: dict[int, GatewayError] = {}
    for _ in calls:
        done = race.finished.get()
        if isinstance(done.result, Outcome):
            return done.result
        errors[done.position] = done.result
    raise errors[0]


class _Race:
    """Lets one outcome through; those that come later are closed on the spot."""

    def __init__(self) -> None:
        self.finished: queue.SimpleQueue[_Finished] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._won = False

    def over(self) -> bool:
        return self._won

    def arrive(self, done: _Finished) -> None:
        if isinstance(done.result, Outcome):
            with self._lock:
                late, self._won = self._won, True
            if late:
                close_outcome(done.result)
        self.finished.put(done)


@dataclass(frozen=True, slots=True)
class _RaceWatch:
    """For a call in a race nobody waits any more once the client has left or another call has won."""

    race: _Race
    client: ClientWatch | None

    def gone(self) -> bool:
        return self.race.over() or (self.client is not None and self.client.gone())

    def fileno(self) -> int | None:
        return None if self.client is None else self.client.fileno()


def close_outcome(outcome: Outcome) -> None:
    """Give up an answer that nobody reads."""
    if isinstance(outcome.reply, StreamReply):
        outcome.reply.close()


def interleave(streams: Sequence[StreamReply | None]) -> Generator[Piece]:
    """The pieces of several streams as they arrive, each with the position of its stream; None has nothing to say.

    A stream that is far ahead waits for the reader. When the reader leaves (the generator is closed) all are closed.
    """
    pieces: queue.Queue[Piece] = queue.Queue(AHEAD)
    left = threading.Event()
    readers = [(position, stream) for position, stream in enumerate(streams) if stream is not None]
    for position, stream in readers:
        _thread(_read_stream, position, stream, pieces, left)
    try:
        open_streams = len(readers)
        while open_streams:
            piece = pieces.get()
            open_streams -= piece.ended
            yield piece
    finally:
        left.set()
        for _, stream in readers:
            stream.close()


def _read_stream(position: int, stream: StreamReply, pieces: queue.Queue[Piece], left: threading.Event) -> None:
    error: GatewayError | None = None
    try:
        for chunks in stream.chunks:
            if not _put(pieces, Piece(position, chunks), left):
                return
    except GatewayError as broken:
        error = broken
    except Exception:
        error = InternalServerError("Internal server error")
        raise
    finally:
        _put(pieces, Piece(position, [], True, error), left)


def _put(pieces: queue.Queue[Piece], piece: Piece, left: threading.Event) -> bool:
    """Hand a piece over as soon as there is room; False when the reader has left."""
    while not left.is_set():
        try:
            pieces.put(piece, timeout=0.25)
        except queue.Full:
            continue
        return True
    return False


def _check_number(calls: Sequence[Call]) -> None:
    if len(calls) > MOST_CALLS:
        raise BadRequestError(f"At most {MOST_CALLS} models may be asked at once, not {len(calls)}.", param="model")


def _run(position: int, call: Call, run_one: RunOne, arrive: Callable[[_Finished], object]) -> None:
    result: Outcome | GatewayError = InternalServerError("Internal server error")
    try:
        result = run_one(call)
    except GatewayError as error:
        result = error
    finally:
        arrive(_Finished(position, result))


def _thread(target: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()
