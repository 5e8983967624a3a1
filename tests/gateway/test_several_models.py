"""Several calls at once."""

import queue
import threading
import time

import pytest

from proxy.domain.answer import Answer, Chunk, StreamReply
from proxy.domain.attempt import Outcome
from proxy.errors import BadRequestError, GatewayError, InternalServerError, TruncatedStreamError
from proxy.gateway import several_models as batch
from proxy.gateway.served import Served
from proxy.gateway.several_models import first_success, interleave, run_batch
from tests.routing.router_bench import call, deployment

ANSWER = Served(call("a"), Outcome(Answer(b"{}"), deployment("a"), ()))


def served(one, reply=None):
    return Served(one, Outcome(reply or Answer(b"{}", model=one.model), deployment(one.model), ()))


def chunk(text):
    return Chunk(text.encode(), content=True)


class Stream:
    """A stream under the test's hand: it waits at its gate before each list of chunks."""

    def __init__(self, *lists, gate=None, error=None):
        self._lists, self._gate, self._error = lists, gate, error
        self.given = 0

    def reply(self):
        return StreamReply(self._chunks(), lambda: None)

    def _chunks(self):
        for texts in self._lists:
            if self._gate is not None:
                self._gate.acquire()
            self.given += 1
            yield [chunk(text) for text in texts]
        if self._error is not None:
            raise self._error


def test_results_are_in_request_order_when_calls_end_in_another():
    release = {name: threading.Event() for name in "abc"}

    def run_one(one):
        release[one.model].wait(5)
        if one.model != "a":
            release[chr(ord(one.model) - 1)].set()
        return served(one)

    release["c"].set()
    results = run_batch([call(name) for name in "abc"], run_one)
    assert [result.outcome.deployment.id for result in results] == ["a", "b", "c"]


def test_all_calls_are_under_way_at_once_when_a_batch_runs():
    together = threading.Barrier(8, timeout=5)

    def run_one(one):
        together.wait()
        return served(one)

    assert len(run_batch([call(str(number)) for number in range(8)], run_one)) == 8


def test_an_error_stands_in_its_slot_when_one_call_fails():
    def run_one(one):
        if one.model == "b":
            raise BadRequestError("no")
        return served(one)

    results = run_batch([call(name) for name in "abc"], run_one)
    assert [type(result).__name__ for result in results] == ["Served", "BadRequestError", "Served"]


@pytest.mark.parametrize(
    "run",
    [
        lambda calls: run_batch(calls, lambda one: ANSWER),
        lambda calls: first_success(calls, lambda one: ANSWER, abandon_nothing),
        lambda calls: list(interleave(calls, lambda one: ANSWER, abandon_nothing)),
    ],
)
def test_too_many_calls_are_refused_when_a_batch_is_too_large(run):
    with pytest.raises(BadRequestError):
        run([call("a")] * (batch.MOST_CALLS + 1))


def abandon_nothing(late):
    raise AssertionError("nothing is to be abandoned here")


def test_an_empty_batch_has_no_results_when_it_runs():
    assert run_batch([], lambda one: ANSWER) == []


def test_the_first_success_wins_when_others_fail_or_take_longer():
    never = threading.Event()

    def run_one(one):
        if one.model == "fails":
            raise InternalServerError("no")
        if one.model == "slow":
            never.wait(5)
        return served(one)

    winner = first_success([call("fails"), call("slow"), call("quick")], run_one, lambda *_: None)
    never.set()
    assert winner.outcome.deployment.id == "quick"


def test_the_first_calls_error_is_raised_when_all_fail():
    def run_one(one):
        raise BadRequestError(one.model)

    with pytest.raises(BadRequestError, match="a"):
        first_success([call("a"), call("b")], run_one, abandon_nothing)


def test_a_late_answer_is_abandoned_when_another_has_won():
    won = threading.Event()
    abandoned: queue.SimpleQueue[str] = queue.SimpleQueue()

    def run_one(one):
        if one.model == "late":
            won.wait(5)
        return served(one)

    first_success([call("late"), call("quick")], run_one, lambda late: abandoned.put(late.outcome.deployment.id))
    won.set()
    assert abandoned.get(timeout=5) == "late"


def test_a_call_in_a_race_learns_that_nobody_waits_when_another_has_won():
    told = threading.Event()

    def run_one(one):
        if one.model == "late":
            while not one.client.gone():
                time.sleep(0.001)
            told.set()
        return served(one)

    first_success([call("late"), call("quick")], run_one, lambda *_: None)
    assert told.wait(5)


def interleaved(*streams, abandon=abandon_nothing):
    """The pieces of streams under the test's hand; an error in the place of a stream is raised by its call."""

    def run_one(one):
        stream = streams[int(one.model)]
        if isinstance(stream, GatewayError):
            raise stream
        return served(one, stream.reply())

    return interleave([call(str(position)) for position in range(len(streams))], run_one, abandon)


def test_pieces_name_their_stream_when_several_are_interleaved():
    pieces = list(interleaved(Stream(["a", "b"], ["c"]), Stream(["x"])))
    texts = {0: [], 1: []}
    for piece in pieces:
        texts[piece.position] += [one.data.decode() for one in piece.chunks]
    assert texts == {0: ["a", "b", "c"], 1: ["x"]}
    assert sorted(piece.position for piece in pieces if piece.opened is not None) == [0, 1]
    assert sorted(piece.position for piece in pieces if piece.ended) == [0, 1]


def test_pieces_come_as_they_arrive_when_one_stream_waits():
    gate = threading.Semaphore(0)
    pieces = interleaved(Stream(["late"], gate=gate), Stream(["early"]))
    texts = []
    for piece in pieces:
        texts += [one.data.decode() for one in piece.chunks]
        if texts == ["early"] and piece.ended:
            gate.release()
    assert texts == ["early", "late"]


def test_a_call_that_fails_ends_with_its_error_when_the_others_open():
    pieces = list(interleaved(BadRequestError("no"), Stream(["x"])))
    assert {piece.position: type(piece.error).__name__ for piece in pieces if piece.ended} == {
        0: "BadRequestError",
        1: "NoneType",
    }


def test_a_broken_stream_ends_with_its_error_and_the_others_go_on_when_it_breaks():
    pieces = list(interleaved(Stream(["a"], error=TruncatedStreamError("cut")), Stream(["x"], ["y"])))
    ends = {piece.position: piece.error for piece in pieces if piece.ended}
    assert isinstance(ends[0], TruncatedStreamError)
    assert ends[1] is None
    assert sum(len(piece.chunks) for piece in pieces if piece.position == 1) == 2


def test_a_stream_that_opens_late_is_abandoned_when_the_reader_has_left():
    opening = threading.Semaphore(0)
    abandoned: queue.SimpleQueue[str] = queue.SimpleQueue()

    def run_one(one):
        if one.model == "late":
            opening.acquire()
        return served(one, Stream(["x"]).reply())

    pieces = interleave([call("late"), call("early")], run_one, lambda late: abandoned.put(late.call.model))
    assert next(pieces).opened is not None
    pieces.close()
    opening.release()
    assert abandoned.get(timeout=5) == "late"


def test_a_stream_waits_when_it_is_far_ahead_of_the_reader():
    stream = Stream(*[["x"]] * 1000)
    pieces = interleaved(stream)
    next(pieces)
    time.sleep(0.05)
    assert stream.given <= batch.AHEAD + 3
    pieces.close()
