"""Records and fake sinks for the tests of this folder."""

import threading
from collections.abc import Callable, Sequence

import orjson

from proxy.domain.cost import Cost
from proxy.domain.record import CallRecord, ErrorFacts, Requester
from proxy.domain.usage import Usage
from proxy.errors import Attempt

PAGE_METADATA = {
    "generation_name": "ishaan-generation-openai-client",
    "generation_id": "openai-client-gen-id22",
    "trace_id": "openai-client-trace-id22",
    "trace_user_id": "openai-client-user-id2",
}
ANSWERED = Attempt("fast", "d1", "simple-shuffle", 200, None, 700.0)
REFUSED = Attempt("slow", "d0", "fallback", 429, "RateLimitError", 100.0)


def make_record(call_id: str = "call-1", **changes: object) -> CallRecord:
    """A successful chat call; name what differs."""
    fields: dict[str, object] = {
        "id": call_id,
        "call_type": "acompletion",
        "stream": False,
        "status": "success",
        "start_time": 1700000000.0,
        "end_time": 1700000001.0,
        "response_time": 1.0,
        "model": "gpt-4o",
        "model_group": "fast",
        "served_group": "fast",
        "model_id": "d1",
        "custom_llm_provider": "openai",
        "api_base": "https://api.openai.com/v1",
        "overhead": 0.004,
        "attempts": (ANSWERED,),
        "usage": Usage(12, 34, 46, cached_tokens=2, reasoning_tokens=4),
        "cost": Cost(0.00031, 0.0001, 0.00021, model="gpt-4o"),
        "key_alias": "team-key",
        "requester": Requester("request-1", "/chat/completions", "127.0.0.1", "curl", "abc123"),
        **changes,
    }
    if "metadata" in fields:
        fields["metadata_json"] = orjson.dumps(fields.pop("metadata"))
    return CallRecord(**fields)  # type: ignore[arg-type]


def make_failure(call_id: str = "call-1", **changes: object) -> CallRecord:
    facts = ErrorFacts("RateLimitError", 429, "rate_limit_error", None, "too many requests", "openai")
    return make_record(
        call_id, status="failure", status_code=429, error=facts, attempts=(REFUSED,), usage=None, cost=None, **changes
    )


MESSAGES = b'[{"role":"user","content":"hello"}]'
RESPONSE = b'{"id":"chatcmpl-1","choices":[{"message":{"role":"assistant","content":"roses"},"finish_reason":"stop"}]}'


class FakeSink:
    """Keeps what it is given, or does what `fault` does."""

    tries = 1
    anonymous = False

    def __init__(self, name: str = "fake", fault: Callable[[], object] | None = None) -> None:
        self.name = name
        self.fault = fault
        self.batches: list[list[CallRecord]] = []
        self.closed = threading.Event()

    @property
    def ids(self) -> list[str]:
        return [record.id for batch in self.batches for record in batch]

    def write(self, records: Sequence[CallRecord]) -> None:
        if self.fault is not None:
            self.fault()
        self.batches.append(list(records))

    def close(self) -> None:
        self.closed.set()
