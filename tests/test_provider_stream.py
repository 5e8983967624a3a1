"""The provider's stream by itself: what is held, what ends it, what it cost, on a clock that the test moves."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from proxy.dispatch.stream import HELD_CHUNKS, Meter, OnceOnly, ProviderStream, stream_clocks
from proxy.domain.answer import Chunk
from proxy.domain.attempt import Result
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.usage import Usage
from proxy.domain.wire import Clocks
from proxy.errors import (
    ClientClosedRequestError,
    GatewayError,
    InvalidProviderResponseError,
    ServiceUnavailableError,
    Timeout,
    TruncatedStreamError,
)
from proxy.providers.compatible.openai import PROVIDER
from proxy.transport.framing.sse import SSEDecoder

MESSAGES = [{"role": "user", "content": "x" * 40}]
NO_CLOCKS = Clocks()
DONE = b"data: [DONE]\n\n"


def event(delta: dict[str, Any], finish: str | None = None, index: int = 0) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return b"data: " + orjson.dumps({"id": "1", "object": "chat.completion.chunk", "choices": [choice]}) + b"\n\n"


ROLE = event({"role": "assistant", "content": ""})
FINISH = event({}, "stop")


def text(words: str) -> bytes:
    return event({"content": words})


class Upstream:
    """A provider's answer: its blocks, an error raised where it stands among them, and a clock that each block moves."""

    status = 200
    headers: dict[str, str] = {}

    def __init__(self, blocks: list[bytes | GatewayError], seconds: float = 0.0) -> None:
        self._script, self._seconds = blocks, seconds
        self.now = 0.0
        self.closed = 0
        self.read_blocks = 0

    def blocks(self) -> Iterator[bytes]:
        for block in self._script:
            self.now += self._seconds
            self.read_blocks += 1
            if isinstance(block, GatewayError):
                raise block
            yield block

    def read(self) -> bytes:
        raise AssertionError("a stream is not read as a whole")

    def close(self) -> None:
        self.closed += 1


class Opened:
    def __init__(
        self, blocks: list[bytes | GatewayError], clocks: Clocks = NO_CLOCKS, seconds: float = 0.0, **more: Any
    ) -> None:
        self.upstream = Upstream(blocks, seconds)
        self.results: list[Result] = []
        fields = {"model": "m", "messages": MESSAGES, "stream": True, **more}
        call = Call("1", CHAT, "m", Document.of(fields), stream=True)
        self.stream = ProviderStream(
            self.upstream,
            SSEDecoder(),
            PROVIDER.open_stream(call, Deployment("1", "m", "openai", "m")),
            Meter(call.fields),
            OnceOnly(self.results.append, lambda: self.upstream.now, 0.0),
            clocks,
            "",
            lambda: self.upstream.now,
        )

    def wait(self) -> None:
        self.stream.wait_for_content(0.0)

    def read(self) -> list[Chunk]:
        self.wait()
        return [chunk for batch in self.stream for chunk in batch]


def test_nothing_is_shown_when_only_role_and_pings_came() -> None:
    opened = Opened([ROLE, b": ping\n\n", TruncatedStreamError("cut")])
    with pytest.raises(TruncatedStreamError):
        opened.wait()
    assert opened.upstream.closed == 1


def test_role_is_shown_first_when_content_came() -> None:
    opened = Opened([ROLE, text("hello"), FINISH, DONE])
    assert [chunk.content for chunk in opened.read()] == [False, True, False]


@pytest.mark.parametrize("delta", [{"tool_calls": [{"index": 0}]}, {"reasoning_content": "hm"}, {"refusal": "no"}])
def test_wait_ends_when_something_else_than_text_comes(delta: dict[str, Any]) -> None:
    opened = Opened([ROLE, event(delta), text("never read")])
    opened.wait()
    assert opened.upstream.read_blocks == 2


def test_wait_ends_when_too_much_is_held() -> None:
    opened = Opened([ROLE] * (HELD_CHUNKS + 10))
    opened.wait()
    assert opened.upstream.read_blocks == HELD_CHUNKS


@pytest.mark.parametrize("silence", [b"", b": ping\n\n", ROLE])
def test_first_clock_runs_out_when_nothing_is_said(silence: bytes) -> None:
    opened = Opened([ROLE, *[silence] * 50], Clocks(first=5.0), seconds=1.0)
    with pytest.raises(Timeout, match="no content within 5 s"):
        opened.wait()
    assert opened.upstream.now == 5.0
    assert opened.upstream.closed == 1


def test_idle_clock_runs_out_when_bytes_never_make_an_event() -> None:
    opened = Opened([text("a"), b"data: {", *[b"x"] * 50], Clocks(idle=3.0), seconds=1.0)
    opened.wait()
    with pytest.raises(Timeout, match="silent for 3 s"):
        list(opened.stream)
    assert opened.upstream.now == 4.0


def test_idle_clock_stands_still_when_it_is_the_reader_who_takes_his_time() -> None:
    opened = Opened([text("a"), b"data: {", text("b")[7:], FINISH, DONE], Clocks(idle=3.0), seconds=1.0)
    opened.wait()
    shown = []
    for batch in opened.stream:
        shown += batch
        opened.upstream.now += 60
    assert len(shown) == 3


def test_tick_is_short_when_the_first_clock_is() -> None:
    assert stream_clocks(Clocks(first=1.0, tick=15.0)).tick == pytest.approx(0.1)
    assert stream_clocks(Clocks(idle=2.0, tick=15.0)).tick == pytest.approx(0.2)
    assert stream_clocks(Clocks(tick=15.0)).tick == 1.0
    assert stream_clocks(Clocks(tick=0.5)).tick == 0.5


def test_silence_is_told_when_a_whole_interval_was_silent() -> None:
    opened = Opened([text("a"), *[b""] * 7, text("b"), FINISH, DONE], Clocks(tick=3.0))
    opened.wait()
    batches = list(opened.stream)
    assert [len(batch) for batch in batches if batch] == [1, 1, 1]
    assert sum(not batch for batch in batches) == 2


def test_silence_is_not_told_when_comments_are_off() -> None:
    opened = Opened([text("a"), *[b""] * 50, FINISH, DONE])
    opened.wait()
    assert all(list(opened.stream)[1:2])


@pytest.mark.parametrize(
    "rest",
    [[], [TruncatedStreamError("reset")], [Timeout("idle")], [b'data: {"half'], [DONE, TruncatedStreamError("x")]],
)
def test_answer_is_whole_when_it_had_finished(rest: list[bytes | GatewayError]) -> None:
    opened = Opened([ROLE, text("hello"), FINISH, *rest])
    assert opened.read()[-1].finished
    assert opened.results[0].error is None


@pytest.mark.parametrize(
    "end",
    [[], [DONE], [TruncatedStreamError("reset")], [Timeout("idle")], [b"data: {not json\n\n"], [b"data: \xff\n\n"]],
)
def test_answer_is_broken_when_it_had_not_finished(end: list[bytes | GatewayError]) -> None:
    opened = Opened([ROLE, text("hello"), *end])
    opened.wait()
    with pytest.raises((TruncatedStreamError, Timeout)):
        list(opened.stream)
    assert opened.results[0].error is not None
    assert opened.upstream.closed == 1


def test_answer_is_broken_when_one_of_its_choices_had_not_finished() -> None:
    opened = Opened([text("a"), event({"content": "b"}, index=1), FINISH, DONE], n=2)
    with pytest.raises(TruncatedStreamError):
        opened.read()


def test_stream_ends_when_done_came_and_the_connection_stays() -> None:
    opened = Opened([text("a"), FINISH, DONE, *[b": ping\n\n"] * 1000])
    opened.read()
    assert opened.upstream.read_blocks == 3


def test_rest_is_read_for_the_connection_when_it_comes_at_once() -> None:
    opened = Opened([text("a"), FINISH, DONE, b"\n"])
    opened.read()
    opened.stream.close()
    assert opened.upstream.read_blocks == 4


def test_rest_is_not_waited_for_when_it_is_late() -> None:
    opened = Opened([text("a"), FINISH, DONE, b"", text("never read")])
    opened.read()
    opened.stream.close()
    assert opened.upstream.read_blocks == 4


def test_usage_is_estimated_when_the_client_left_and_nobody_had_told() -> None:
    opened = Opened([ROLE, text("a" * 40), text("b" * 40), FINISH, DONE])
    opened.wait()
    batches = iter(opened.stream)
    for _ in range(2):
        next(batches)
    opened.stream.close()
    result = opened.results[0]
    assert isinstance(result.error, ClientClosedRequestError)
    assert result.usage is not None
    assert result.usage.completion_tokens == pytest.approx(20, abs=3)
    assert result.usage.prompt_tokens >= 10


def test_usage_is_the_providers_when_it_has_told() -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}\n\n'
    opened = Opened([text("a" * 400), FINISH, usage, DONE])
    opened.read()
    assert opened.results[0].usage is not None and opened.results[0].usage.total_tokens == 12


def test_prompt_is_counted_as_told_when_the_provider_tells_it_first() -> None:
    meter = Meter({"messages": MESSAGES})
    meter.note([Chunk(text("a" * 40)[6:-2], content=True)])
    usage = meter.usage(Usage(prompt_tokens=1000, completion_tokens=1, total_tokens=1001, cached_tokens=900))
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (1000, 10, 1010)
    assert usage.cached_tokens == 900


def test_reader_gets_the_error_when_the_stream_is_interrupted() -> None:
    opened = Opened([text("a"), text("b"), text("c"), FINISH, DONE])
    opened.wait()
    batches = iter(opened.stream)
    next(batches)
    opened.stream.interrupt(ServiceUnavailableError("shut down"))
    with pytest.raises(ServiceUnavailableError):
        list(batches)
    assert isinstance(opened.results[0].error, ClientClosedRequestError), "the deployment is not to blame"


UNKNOWN = b'data: {"type": "ping"}\n\n'


def test_stream_is_given_up_when_its_events_never_become_chunks() -> None:
    opened = Opened([ROLE, text("a"), *[UNKNOWN * 1000] * 11, FINISH, DONE])
    opened.stream.wait_for_content(0.0)
    with pytest.raises(InvalidProviderResponseError, match="without content"):
        list(opened.stream)
    assert opened.upstream.closed


def test_stream_goes_on_when_there_are_chunks_among_many_pings() -> None:
    pings = [UNKNOWN * 9000, text("b")]
    opened = Opened([ROLE, text("a"), *pings, *pings, FINISH, DONE])
    opened.stream.wait_for_content(0.0)
    chunks = [chunk for batch in opened.stream for chunk in batch]
    assert b"".join(chunk.data for chunk in chunks).count(b'"b"') == 2
