"""A provider's open stream: held back until its first content, metered, and ended by its format's end mark."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from proxy.domain.answer import Chunk, StreamReply
from proxy.domain.attempt import OnResult, Result
from proxy.domain.json_text.codec import loads
from proxy.domain.usage import Usage
from proxy.domain.wire import Clocks, Decoder, Event, WireResponse
from proxy.errors import (
    ClientClosedRequestError,
    GatewayError,
    InvalidProviderResponseError,
    Timeout,
    TruncatedStreamError,
)
from proxy.providers.contract import StreamDecoder
from proxy.routing.estimate import CHARACTERS_PER_TOKEN, prompt_tokens

# A stream is held back until its first content, within bounds of time and size.
HELD_CHUNKS = 64
HELD_BYTES = 256 * 1024
# Events that become no chunk (pings, unknown ones), one after another: each costs about as much as a chunk.
MOST_IDLE_EVENTS = 10_000
# How often the reader of a silent stream looks up: what is late is noticed a tenth of the limit later at most.
LONGEST_TICK = 1.0
TICKS_OF_LIMIT = 10
SHORTEST_TICK = 0.02


def stream_clocks(clocks: Clocks) -> Clocks:
    """The same clocks with a tick that is short enough to measure first and idle by content, not by bytes."""
    limits = [limit for limit in (clocks.first, clocks.idle) if limit is not None]
    ticks = [LONGEST_TICK, clocks.tick or LONGEST_TICK]
    ticks += [max(SHORTEST_TICK, limit / TICKS_OF_LIMIT) for limit in limits]
    return clocks._replace(tick=min(ticks))


class OnceOnly:
    """Reports one result of a try: the first of its end, its failure and its being closed."""

    def __init__(self, on_result: OnResult, monotonic: Callable[[], float], started: float) -> None:
        self._on_result, self._monotonic, self._started = on_result, monotonic, started
        self._done = False
        self._first: float | None = None

    def content(self) -> None:
        if self._first is None:
            self._first = self._monotonic() - self._started

    def end(self, error: GatewayError | None, spent: Callable[[], Usage | None]) -> None:
        if not self._done:
            self._done = True
            self._on_result(Result(self._monotonic() - self._started, error, spent(), self._first))


def text_length(data: bytes) -> int:
    """The characters that a chunk's deltas bring, ids and names counted in: an estimate does not need better."""
    choices = loads(data).get("choices") or ()
    pending: list[Any] = [
        choice.get("delta") or choice.get("text") for choice in choices if isinstance(choice, Mapping)
    ]
    length = 0
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            length += len(value)
        elif isinstance(value, Mapping):
            pending.extend(item for name, item in value.items() if name != "role")
        elif isinstance(value, list):
            pending.extend(value)
    return length


class Meter:
    """What a stream has used so far: the provider's own count, else about the tokens of what was seen.

    Chunks are not parsed for that: of each only its size is noted, and how much of one is not text.
    """

    def __init__(self, fields: Mapping[str, Any], measure: Callable[[bytes], int] = text_length) -> None:
        self._fields = fields
        self._measure = measure
        self._said: Usage | None = None
        self._bytes = self._chunks = 0
        self._sample = b""

    def note(self, chunks: list[Chunk]) -> None:
        for chunk in chunks:
            if chunk.usage is not None:
                self._said = chunk.usage
            elif chunk.content:
                self._chunks += 1
                self._bytes += len(chunk.data)
                self._sample = self._sample or chunk.data

    def usage(self, so_far: Usage | None) -> Usage | None:
        """None while nothing was seen that has a cost. `so_far`: the provider's own count on the way."""
        if self._said is not None or not self._chunks:
            return self._said or so_far
        characters = self._bytes - self._chunks * (len(self._sample) - self._measure(self._sample))
        completion = max(self._chunks, characters // CHARACTERS_PER_TOKEN)
        if so_far is not None:
            completion = max(completion, so_far.completion_tokens)
            return so_far._replace(completion_tokens=completion, total_tokens=so_far.prompt_tokens + completion)
        prompt = prompt_tokens(self._fields)
        return Usage(prompt, completion, prompt + completion)


def _nothing_told() -> Usage | None:
    """For a decoder that has no `usage_so_far`: the provider sends its counts at the end only."""


class ProviderStream:
    """A provider's open answer as lists of chunks; an empty list for each `clocks.tick` of silence.

    What comes before the first content (role, pings) is held back. `last_event` names the event after which nothing
    more comes, whether or not the provider then closes its stream. A connection that breaks when the answer was
    complete, by its format's own measure, has broken nothing.
    """

    def __init__(
        self,
        response: WireResponse,
        framing: Decoder,
        decoder: StreamDecoder,
        meter: Meter,
        once: OnceOnly,
        clocks: Clocks,
        last_event: str,
        monotonic: Callable[[], float],
    ) -> None:
        self._response = response
        self._blocks = response.blocks()
        self._framing = framing
        self._decoder = decoder
        # Not isinstance: to look a protocol up takes longer than to decode some chunks.
        self._so_far: Callable[[], Usage | None] = getattr(decoder, "usage_so_far", _nothing_told)
        self._meter = meter
        self._once = once
        self._clocks = clocks
        self._last_event = last_event
        self._monotonic = monotonic
        self._ticks = 1 if not clocks.tick else math.ceil(clocks.tick / (stream_clocks(clocks).tick or 1))
        self._batches = self._read()
        self._held: list[Chunk] = []
        self._committed = False
        self._failure: GatewayError | None = None
        self._over = False
        self._interruption: GatewayError | None = None
        self._idle_events = 0

    def wait_for_content(self, sent: float) -> None:
        """Read until something is there to show. A failure until then closes the connection and is raised.

        The first timeout ends with content: pings and role chunks do not count.
        """
        try:
            self._hold(sent)
        except BaseException:
            self._response.close()
            raise
        self._committed = True
        self._once.content()

    def _hold(self, sent: float) -> None:
        limit = self._clocks.first
        size = 0
        for batch in self._batches:
            self._held.extend(batch)
            size += sum(len(chunk.data) for chunk in batch)
            if any(chunk.content or chunk.finished for chunk in batch):
                return
            if len(self._held) >= HELD_CHUNKS or size >= HELD_BYTES:
                return
            if limit is not None and self._monotonic() - sent >= limit:
                raise Timeout(f"the stream had no content within {limit:g} s")

    def reply(self, dropped: tuple[str, ...], provider_seconds: float, form: str = "openai") -> StreamReply:
        return StreamReply(
            iter(self),
            self.close,
            self._response.headers,
            dropped,
            provider_seconds,
            self.spent,
            self.interrupt,
            form=form,
        )

    def __iter__(self) -> Iterator[list[Chunk]]:
        silent = 0
        try:
            if self._held:
                held, self._held = self._held, []
                yield held
            for batch in self._batches:
                silent = 0 if batch else silent + 1
                if batch or (self._clocks.tick and silent % self._ticks == 0):
                    yield batch
            self._once.end(None, self.spent)
        except GatewayError as error:
            self._once.end(error, self.spent)
            self.close()
            raise
        except GeneratorExit:
            self.close()
            raise

    def close(self) -> None:
        """Give the provider's connection up; before the end this means that the client left.

        After it the connection may be used again, if the provider ends its stream before the next tick.
        """
        self._once.end(ClientClosedRequestError("The client closed the connection."), self.spent)
        if self._over and self._interruption is None:
            self._over = False
            self._read_rest()
        self._response.close()

    def spent(self) -> Usage | None:
        """The tokens so far: the provider's count, as far as it goes."""
        return self._meter.usage(self._so_far())

    def interrupt(self, error: GatewayError) -> None:
        """End it now, from another thread: its reader gets `error`. The deployment is not to blame."""
        self._interruption = error
        self._once.end(ClientClosedRequestError(error.message), self.spent)
        self._response.close()

    def _read_rest(self) -> None:
        try:
            for block in self._blocks:
                if not block:
                    return
        except GatewayError:
            # It is broken, or was too slow: what counted has been read.
            return

    def _read(self) -> Iterator[list[Chunk]]:
        failure: GatewayError | None = None
        try:
            for events in self._events():
                chunks = self._decode(events)
                self._count_idle_events(events, chunks)
                yield chunks
                self._raise_failure()
                if self._interruption is not None:
                    break
                if events and self._is_last(events[-1]):
                    self._over = True
                    break
            else:
                yield self._decode(self._framing.finish())
                self._raise_failure()
        except (TruncatedStreamError, Timeout) as error:
            failure = error
        if self._interruption is not None:
            raise self._interruption
        yield self._end(failure)

    def _count_idle_events(self, events: list[Event], chunks: list[Chunk]) -> None:
        self._idle_events = 0 if chunks else self._idle_events + len(events)
        if self._idle_events > MOST_IDLE_EVENTS:
            raise InvalidProviderResponseError(f"the stream had {MOST_IDLE_EVENTS} events without content")

    def _events(self) -> Iterator[list[Event]]:
        """The events that each block completes, none for a tick.

        The idle clock is theirs: bytes that never make one are silence. The time that our own reader takes is not.
        """
        limit, silent, asked = self._clocks.idle, 0.0, self._monotonic()
        for block in self._blocks:
            events = self._framing.feed(block) if block else []
            silent = 0.0 if events else silent + self._monotonic() - asked
            if limit is not None and silent >= limit:
                raise Timeout(f"the stream was silent for {limit:g} s in the middle of its answer")
            yield events
            asked = self._monotonic()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _end(self, failure: GatewayError | None) -> list[Chunk]:
        """The last chunks. Also of a stream that failed after its answer was complete; else its failure is raised."""
        try:
            return self._note(self._decoder.finish())
        except TruncatedStreamError as error:
            raise failure or error from None

    def _is_last(self, event: Event) -> bool:
        return event.data == b"[DONE]" or (bool(self._last_event) and event.name == self._last_event)

    def _decode(self, events: list[Event]) -> list[Chunk]:
        """The chunks of these events. What came together with an error is shown first, unless nothing was shown yet:
        then the error is raised at once, and another deployment may answer."""
        feed = self._decoder.feed
        chunks: list[Chunk] = []
        try:
            for event in events:
                chunks += feed(event)
        except GatewayError as error:
            if not self._committed:
                raise
            self._failure = error
        return self._note(chunks)

    def _note(self, chunks: list[Chunk]) -> list[Chunk]:
        self._meter.note(chunks)
        return chunks
