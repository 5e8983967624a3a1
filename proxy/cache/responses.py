"""The response cache: finds, keeps and replays answers, and lets equal requests in the air share one."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from proxy.cache.entry import Entry, decode, encode
from proxy.cache.key import build_key
from proxy.cache.replay import join_chunks, read_chunks, split_answer
from proxy.cache.store import CacheStore
from proxy.domain.answer import Answer, Chunk, StreamReply
from proxy.domain.attempt import Outcome
from proxy.domain.cache_control import CacheControl, CacheResult
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import loads
from proxy.domain.usage import Usage
from proxy.errors import GatewayError
from proxy.runtime import Runtime

# An answer beyond this is not kept.
LONGEST_ANSWER = 4 * 2**20
# How long a request waits for an equal one that is under way.
LONGEST_WAIT = 30.0
# Finish reasons of whole answers: not cut (length), not filtered.
_WHOLE = frozenset({"stop", "tool_calls", "function_call"})
_NOT_SET = CacheControl()
# Members of a request whose answer depends on what is kept elsewhere, or is kept there.
_ELSEWHERE = ("previous_response_id", "background", "conversation")
_FOREVER = 365 * 86400.0


class CacheSettings(NamedTuple):
    """`ttl` is seconds. `call_types` are LiteLLM's names. `off_by_default`: only requests with `use-cache`."""

    ttl: float
    scope: str = "key"
    namespace: str | None = None
    off_by_default: bool = False
    call_types: frozenset[str] = frozenset()
    most_messages: int | None = None
    groups: Mapping[str, str] = {}


class _Flight(NamedTuple):
    key: str
    over: threading.Event


class Responses:
    """One per application; safe for threads."""

    def __init__(self, store: CacheStore, settings: CacheSettings, runtime: Runtime) -> None:
        self.store = store
        self._settings = settings
        self._runtime = runtime
        self._lock = threading.Lock()
        self._flights: dict[str, threading.Event] = {}
        # The flights that this process's calls lead, by the call's id.
        self._leading: dict[str, _Flight] = {}

    def find(self, call: Call) -> Outcome | None:
        """The kept answer to an equal request; None for a miss, after a bounded wait for one that is under way."""
        if not self._applies(call):
            return None
        control = call.options.cache or _NOT_SET
        key = self._key(call, control)
        if not control.no_cache and (found := self._read(call, key, control)) is not None:
            return found
        if control.no_store or self._lead(call, key):
            return None
        if control.no_cache:
            return None
        self._wait(key)
        return self._read(call, key, control)

    def keep(self, call: Call, outcome: Outcome) -> Outcome:
        """The same outcome, marked as a miss; a whole answer is kept, a stream once it has ended."""
        if not self._applies(call):
            return outcome
        key = self._key(call, call.options.cache or _NOT_SET)
        outcome = outcome._replace(cache=CacheResult(False, key))
        reply = outcome.reply
        if isinstance(reply, StreamReply):
            if reply.form != "openai" or (call.options.cache or _NOT_SET).no_store:
                self.release(call)
                return outcome
            recorder = _Recorder(self, call, outcome, key)
            return outcome._replace(reply=recorder.reply(reply))
        if reply.form == "openai" and _is_whole(reply.body, call.operation.name):
            self._write(call, key, outcome, body=reply.body.decode(), chunks=(), usage=reply.usage)
        self.release(call)
        return outcome

    def release(self, call: Call) -> None:
        """The call has ended: requests that wait for its answer go on."""
        with self._lock:
            flight = self._leading.pop(call.id, None)
            if flight is not None and self._flights.get(flight.key) is flight.over:
                del self._flights[flight.key]
        if flight is not None:
            flight.over.set()

    def _applies(self, call: Call) -> bool:
        settings, control = self._settings, call.options.cache
        if call.operation.call_type not in settings.call_types or call.options.mock:
            return False
        if settings.off_by_default and not (control is not None and control.use_cache):
            return False
        fields = call.fields
        if any(fields.get(name) for name in _ELSEWHERE):
            return False
        messages = fields.get("messages")
        return (
            settings.most_messages is None or not isinstance(messages, list) or len(messages) <= settings.most_messages
        )

    def _key(self, call: Call, control: CacheControl) -> str:
        settings = self._settings
        namespace = control.namespace or settings.namespace
        return build_key(call, scope=settings.scope, namespace=namespace, groups=settings.groups)

    def _read(self, call: Call, key: str, control: CacheControl) -> Outcome | None:
        now = self._runtime.now()
        data = self.store.read(key, now)
        entry = None if data is None else decode(data)
        if entry is None:
            return None
        age = max(0.0, now - entry.kept_at)
        if control.s_maxage is not None and age >= control.s_maxage:
            return None
        deployment = Deployment(
            id=entry.deployment_id, group=entry.group, provider=entry.provider, model=entry.deployment_model
        )
        reply = _stream(call, entry) if call.stream else _answer(entry)
        return Outcome(reply, deployment, (), cache=CacheResult(True, key, age))

    def _write(
        self, call: Call, key: str, outcome: Outcome, *, body: str | None, chunks: tuple[str, ...], usage: Usage | None
    ) -> None:
        now, deployment = self._runtime.now(), outcome.deployment
        control = call.options.cache or _NOT_SET
        if control.no_store:
            return
        names = (deployment.id, deployment.group, deployment.provider, deployment.model)
        entry = Entry(now, body, chunks, usage, None, *names)
        data = encode(entry)
        ttl = self._settings.ttl if control.ttl is None else control.ttl
        if len(data) <= LONGEST_ANSWER and ttl > 0:
            self.store.write(key, data, now + min(ttl, _FOREVER), now)

    def _lead(self, call: Call, key: str) -> bool:
        """True for the first of equal requests; the others wait."""
        with self._lock:
            if key in self._flights:
                return False
            over = self._flights[key] = threading.Event()
            self._leading[call.id] = _Flight(key, over)
            return True

    def _wait(self, key: str) -> None:
        with self._lock:
            over = self._flights.get(key)
        if over is not None:
            over.wait(LONGEST_WAIT)


class _Recorder:
    """Passes a stream's chunks on, and keeps them where it ends as it should."""

    def __init__(self, responses: Responses, call: Call, outcome: Outcome, key: str) -> None:
        self._responses, self._call, self._outcome, self._key = responses, call, outcome, key
        self._texts: list[str] = []
        self._size = 0
        self._usage: Usage | None = None

    def reply(self, source: StreamReply) -> StreamReply:
        def close() -> None:
            source.close()
            self._responses.release(self._call)

        return StreamReply(
            self._chunks(source),
            close,
            source.headers,
            source.dropped,
            source.provider_seconds,
            source.spent,
            source.interrupt,
            source.attempts,
            source.form,
        )

    def _chunks(self, source: StreamReply) -> Iterator[list[Chunk]]:
        try:
            for batch in source.chunks:
                self._note(batch)
                yield batch
            if not source.attempts():
                self._keep()
        finally:
            self._responses.release(self._call)

    def _note(self, batch: list[Chunk]) -> None:
        for chunk in batch:
            self._size += len(chunk.data)
            if self._size <= LONGEST_ANSWER:
                self._texts.append(chunk.data.decode(errors="replace"))
            self._usage = chunk.usage or self._usage

    def _keep(self) -> None:
        if self._size > LONGEST_ANSWER:
            return
        try:
            whole = join_chunks(self._texts)
        except (ValueError, TypeError, AttributeError, GatewayError):
            return
        if _is_whole(whole, self._call.operation.name):
            texts = tuple(self._texts)
            self._responses._write(self._call, self._key, self._outcome, body=None, chunks=texts, usage=self._usage)


def _is_whole(body: bytes, operation: str) -> bool:
    """Whether an answer has content, and every choice of it ended as it should."""
    try:
        answer: Any = loads(body)
    except ValueError:
        return False
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if operation not in ("chat", "completions"):
        return isinstance(answer, dict) and "error" not in answer
    if not isinstance(choices, list) or not choices:
        return False
    return all(
        isinstance(choice, dict) and choice.get("finish_reason") in _WHOLE and _has_output(choice) for choice in choices
    )


def _has_output(choice: Mapping[str, Any]) -> bool:
    message = choice.get("message")
    if not isinstance(message, Mapping):
        return bool(choice.get("text"))
    return any(message.get(name) for name in ("content", "tool_calls", "function_call", "refusal", "audio", "images"))


def _answer(entry: Entry) -> Answer:
    body = entry.body.encode() if entry.body is not None else join_chunks(entry.chunks)
    return Answer(body, entry.usage, entry.model)


def _stream(call: Call, entry: Entry) -> StreamReply:
    """All chunks in one batch: nothing is gained by sending a kept answer slowly."""
    if entry.body is None:
        chunks = list(read_chunks(entry.chunks))
    else:
        chunks = split_answer(entry.body, whole_text=call.operation.name == "completions")
    return StreamReply(iter([chunks]), lambda: None)
