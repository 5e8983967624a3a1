"""The record of a call: complete, redacted, and in the names that LiteLLM's users know."""

import orjson
import pytest

from proxy.domain.answer import Answer
from proxy.domain.attempt import Outcome
from proxy.domain.call import Call, Options
from proxy.domain.cost import Cost
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.domain.record import CallRecord
from proxy.domain.requester import Requester
from proxy.domain.usage import Usage
from proxy.errors import Attempt, RateLimitError, TruncatedStreamError
from proxy.gateway.record_builder import CallEnd, build_record, may_log_content

PAGE_METADATA = {
    "generation_name": "ishaan-generation-openai-client",
    "generation_id": "openai-client-gen-id22",
    "trace_id": "openai-client-trace-id22",
    "trace_user_id": "openai-client-user-id2",
}
DEPLOYMENT = Deployment(
    id="d1", group="fast", provider="openai", model="gpt-4o", connection={"api_base": "https://u:p@host/v1?key=abc"}
)
ANSWERED = Attempt("fast", "d1", "simple-shuffle", 200, None, 700.0)
REFUSED = Attempt("slow", "d0", "simple-shuffle", 429, "RateLimitError", 100.0)


def mask(text: str) -> str:
    return text.replace("sk-secret-key", "***")


def make_call(metadata: dict[str, object] | None = None, **fields: object) -> Call:
    body = {"messages": [{"role": "user", "content": "a poem with sk-secret-key"}], "user": "u1"} | fields
    return Call(
        id="call-1",
        operation=CHAT,
        model="fast",
        document=Document.of(body),
        options=Options(metadata=metadata or {}, tags=("blue",)),
        started=5.0,
        started_at=1000.0,
        key_alias="team-key",
        end_user=str(body["user"]),
    )


def make_outcome() -> Outcome:
    reply = Answer(b'{"choices":[{"message":{"content":"roses"}}]}')
    return Outcome(reply, DEPLOYMENT, (REFUSED, ANSWERED), retries=0, fallbacks=1)


def make_record(**options: object) -> CallRecord:
    given: dict[str, object] = {"at": 1001.0, "duration": 1.0, **options}
    call, outcome = given.pop("call", make_call()), given.pop("outcome", make_outcome())
    log_content = given.pop("log_content", False)
    return build_record(call, outcome, CallEnd(**given), mask, log_content)  # type: ignore[arg-type]


def test_known_names_are_there_when_a_call_succeeded() -> None:
    usage = Usage(10, 5, 15, cached_tokens=4)
    record = make_record(usage=usage, cost=Cost(0.5, 0.2, 0.3, model="gpt-4o"), first=0.25)
    shown = record.to_dict()
    expected = {
        "id": "call-1",
        "litellm_call_id": "call-1",
        "call_type": "acompletion",
        "status": "success",
        "status_code": 200,
        "model": "gpt-4o",
        "model_group": "fast",
        "model_id": "d1",
        "custom_llm_provider": "openai",
        "prompt_tokens": 10,
        "total_tokens": 15,
        "response_cost": 0.5,
        "startTime": 1000.0,
        "endTime": 1001.0,
        "completionStartTime": 1000.25,
        "request_tags": ["blue"],
        "end_user": "u1",
        "attempted_fallbacks": 1,
    }
    assert {name: shown[name] for name in expected} == expected
    assert shown["cost_breakdown"]["input_cost"] == 0.2
    assert shown["metadata"]["usage_object"]["prompt_tokens_details"] == {"cached_tokens": 4}


def test_metadata_is_whole_when_the_page_example_is_sent() -> None:
    record = make_record(call=make_call(PAGE_METADATA))
    assert record.to_dict()["metadata"]["requester_metadata"] == PAGE_METADATA
    assert record.to_dict()["trace_id"] == "openai-client-trace-id22"


def test_address_is_cleaned_when_it_carries_credentials() -> None:
    assert make_record().api_base == "https://host/v1"


def test_overhead_is_what_attempts_leave_when_none_is_given() -> None:
    assert make_record().overhead == pytest.approx(0.2)


def test_prompt_and_answer_are_absent_when_nobody_allowed_them() -> None:
    assert "roses" not in str(make_record().to_dict()) and "poem" not in str(make_record().to_dict())


def test_prompt_and_answer_are_masked_when_they_are_allowed() -> None:
    shown = make_record(log_content=True).to_dict()
    assert shown["messages"] == [{"role": "user", "content": "a poem with ***"}]
    assert shown["response"]["choices"][0]["message"]["content"] == "roses"


def test_secrets_are_masked_when_metadata_and_error_hold_them() -> None:
    error = RateLimitError("key sk-secret-key is used up", provider="openai")
    record = make_record(call=make_call({"deep": {"key": "sk-secret-key"}}), outcome=None, error=error)
    assert "sk-secret-key" not in str(record.to_dict()) and "sk-secret-key" not in repr(record)


def test_secrets_are_masked_when_a_client_puts_one_where_a_name_belongs() -> None:
    assert make_record(call=make_call(user="sk-secret-key")).end_user == "***"


def test_record_is_unmoved_when_the_metadata_changes_later() -> None:
    metadata: dict[str, object] = {"a": {"b": 1}}
    record = make_record(call=make_call(metadata))
    metadata["a"] = "changed"
    assert record.metadata == {"a": {"b": 1}}


def test_attempts_come_from_the_error_when_the_walk_failed() -> None:
    error = RateLimitError("no", provider="groq")
    error.attempts = (REFUSED, REFUSED, ANSWERED)
    record = make_record(outcome=None, error=error)
    assert [attempt.deployment_id for attempt in record.attempts] == ["d0", "d0", "d1"]
    assert (record.retries, record.fallbacks, record.model_id) == (1, 1, "d1")
    assert record.to_dict()["error_information"]["error_class"] == "RateLimitError"


def test_status_is_failure_when_the_stream_broke_after_its_start() -> None:
    record = make_record(error=TruncatedStreamError("cut"), first=0.1)
    assert (record.status, record.status_code, record.model_id) == ("failure", 502, "d1")


def test_weight_grows_when_a_client_sends_much_metadata() -> None:
    assert make_record(call=make_call({"a": "x" * 5000})).weight >= 5000


def test_vectors_input_is_the_content_when_the_call_is_an_embedding() -> None:
    call = make_call()._replace(operation=EMBEDDINGS, document=Document.of({"input": ["one"]}))
    assert make_record(call=call, log_content=True).to_dict()["messages"] == ["one"]


def test_dict_is_json_when_every_field_is_filled() -> None:
    requester = Requester("r", "/chat/completions", "127.0.0.1", "curl", "hash", None)
    call = make_call()._replace(requester=requester)
    record = make_record(call=call, usage=Usage(1, 1, 2), cost=Cost(0.1), log_content=True)
    assert orjson.loads(orjson.dumps(record.to_dict())) == record.to_dict()


@pytest.mark.parametrize(
    ("operator", "redacted", "no_log", "allowed"),
    [
        (True, False, False, True),
        (False, False, False, False),
        (True, True, False, False),
        (True, False, True, False),
    ],
)
def test_content_is_allowed_when_nobody_objects(operator: bool, redacted: bool, no_log: bool, allowed: bool) -> None:
    call = make_call()._replace(options=Options(no_log=no_log, redact_content=redacted))
    assert may_log_content(call, operator) is allowed


def test_difference_is_known_when_the_provider_named_its_own_cost() -> None:
    assert Cost(0.5, 0.2, 0.2, source="provider").difference == pytest.approx(0.1)
    assert Cost(0.5, source="provider", priced=False).difference is None
    assert Cost(0.4, 0.2, 0.2).difference is None
