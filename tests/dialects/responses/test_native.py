"""The Responses API asked natively: bytes in are bytes out, ids of stored answers lead back to their deployment."""

import json
from typing import Any

import pytest

from proxy.dialects.responses.writer import NativeWriter
from proxy.domain.answer import Chunk, StreamEnd, StreamReply
from proxy.domain.wire import WireRequest
from proxy.web.streaming import EventStream
from tests.dialects.responses.asking import call_of
from tests.dialects.responses.events import events_of
from tests.dialects.responses.upstream import Upstream, chat_answer, client_of

USAGE = {
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 3},
    "output_tokens": 4,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 15,
}
ASK = {"model": "m", "input": "hi", "store": False}
OPENAI = {"m": {"model": "openai/gpt-5"}}


def response_of(**members: Any) -> dict[str, Any]:
    text = {"type": "output_text", "text": "Hello", "annotations": []}
    item = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [text]}
    head = {"id": "resp_upstream_1", "object": "response", "created_at": 1, "model": "gpt-5", "status": "completed"}
    return {**head, "output": [item], "usage": USAGE, "new_field": {"n": 1.50}, **members}


def stream_of(*, end: str = "response.completed", **members: Any) -> str:
    whole = response_of(**members)
    opened = {**whole, "status": "in_progress", "output": [], "usage": None}
    delta = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "Hello", "obfuscation": "x"}
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": opened}),
        ("response.in_progress", {"response": opened}),
        ("response.output_item.added", {"output_index": 0, "item": {**whole["output"][0], "content": []}}),
        ("response.output_text.delta", delta),
        ("response.brand_new.event", {"x": [1, 2]}),
        ("response.output_item.done", {"output_index": 0, "item": whole["output"][0]}),
        (end, {"response": whole}),
    ]
    return "".join(
        f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': number, **data})}\n\n"
        for number, (kind, data) in enumerate(events)
        if kind
    )


def answering(body: Any, status: int = 200) -> Upstream:
    return Upstream(lambda _request, _body: (status, body))


def test_bytes_in_are_bytes_out_when_nothing_is_stored() -> None:
    raw = json.dumps(response_of()).encode()
    upstream = answering(raw)
    sent = b'{"model":"m","input":[{"type":"message", "role":"user","content":"\\u00e9","x":1e2}],"store":false,"new":1.50}'
    answer = client_of(upstream, OPENAI).post("/v1/responses", data=sent, content_type="application/json")
    assert upstream.paths() == ["api.openai.com/v1/responses"]
    assert upstream.raw[0] == sent.replace(b'"m"', b'"gpt-5"')
    assert answer.data == raw


@pytest.mark.parametrize("cut", [0, 1, 7, 100])
def test_events_pass_as_they_came_when_nothing_is_stored(cut: int) -> None:
    text = stream_of()
    upstream = Upstream(lambda _request, _body: (200, text), cut)
    client = client_of(upstream, OPENAI, router_settings={"keepalive_seconds": 0})
    answer = client.post("/v1/responses", json={**ASK, "stream": True})
    assert answer.get_data(as_text=True) == text


def test_a_stored_answer_carries_a_signed_id_that_leads_back() -> None:
    def handle(request: WireRequest, body: Any) -> tuple[int, Any]:
        if request.method == "DELETE":
            return 200, {"id": "resp_upstream_1", "object": "response", "deleted": True}
        if request.url.endswith("input_items"):
            return 200, {"object": "list", "data": []}
        return 200, response_of(previous_response_id=(body or {}).get("previous_response_id"))

    upstream = Upstream(handle)
    client = client_of(upstream, {"m": {"model": "openai/gpt-5"}, "n": {"model": "xai/grok-4"}})
    made = client.post("/v1/responses", json={"model": "m", "input": "hi"}).get_json()
    assert made["id"].startswith("resp_") and made["id"] != "resp_upstream_1"
    following = client.post("/v1/responses", json={"model": "m", "input": "b", "previous_response_id": made["id"]})
    assert upstream.asked[1][2]["previous_response_id"] == "resp_upstream_1"
    assert following.get_json()["previous_response_id"] == made["id"]
    assert client.get(f"/v1/responses/{made['id']}?include[]=x").get_json()["id"] == made["id"]
    assert client.get(f"/v1/responses/{made['id']}/input_items").get_json() == {"object": "list", "data": []}
    assert client.post(f"/v1/responses/{made['id']}/cancel").get_json()["id"] == made["id"]
    assert client.delete(f"/v1/responses/{made['id']}").get_json() == {
        "id": made["id"], "object": "response", "deleted": True,
    }  # fmt: skip
    below = "api.openai.com/v1/responses/resp_upstream_1"
    assert [(method, path) for method, path, _ in upstream.asked[2:]] == [
        ("GET", f"{below}?include[]=x"),
        ("GET", f"{below}/input_items"),
        ("POST", f"{below}/cancel"),
        ("DELETE", below),
    ]
    elsewhere = client.post("/v1/responses", json={"model": "n", "input": "b", "previous_response_id": made["id"]})
    assert elsewhere.status_code == 400
    assert elsewhere.get_json()["error"]["code"] == "previous_response_not_found"


def test_a_follow_up_reaches_the_deployment_that_keeps_the_answer() -> None:
    upstream = answering(response_of())
    bases = [{"model": "openai/gpt-5", "api_base": f"http://host-{number}/v1"} for number in range(4)]
    model_list = [{"model_name": "m", "litellm_params": {"api_key": "sk-1234567890", **base}} for base in bases]
    client = client_of(upstream, {}, model_list=model_list)
    for _ in range(6):
        made = client.post("/v1/responses", json={"model": "m", "input": "a"}).get_json()["id"]
        client.post("/v1/responses", json={"model": "m", "input": "b", "previous_response_id": made})
    paths = upstream.paths()
    assert paths[0::2] == paths[1::2]


def test_ids_in_events_are_signed_when_the_answer_is_stored() -> None:
    upstream = answering(stream_of())
    answer = client_of(upstream, OPENAI).post("/v1/responses", json={"model": "m", "input": "hi", "stream": True})
    events = events_of(answer.get_data(as_text=True))
    ids = {event["response"]["id"] for event in events if "response" in event}
    assert len(ids) == 1 and "resp_upstream_1" not in ids
    assert events[-1]["response"]["usage"] == USAGE


def test_a_server_is_asked_for_chats_when_it_has_no_responses() -> None:
    def handle(request: WireRequest, _body: Any) -> tuple[int, Any]:
        return (404, {"detail": "Not Found"}) if request.url.endswith("/responses") else (200, chat_answer())

    upstream = Upstream(handle)
    client = client_of(upstream, {"m": {"model": "openai/x", "api_base": "http://h/v1"}})
    for _ in range(2):
        answer = client.post("/v1/responses", json=ASK)
        assert answer.get_json()["output"][0]["content"][0]["text"] == "Hello"
    assert upstream.paths() == ["h/v1/responses", "h/v1/chat/completions", "h/v1/chat/completions"]


@pytest.mark.parametrize(
    ("setting", "paths"),
    [
        (True, ["h/v1/responses"]),
        (False, ["h/v1/chat/completions"]),
        ("auto", ["h/v1/responses", "h/v1/chat/completions"]),
    ],
)
def test_use_responses_api_decides_how_a_server_is_asked(setting: Any, paths: list[str]) -> None:
    upstream = answering({"detail": "Not Found"}, 404)
    params = {"model": "openai/x", "api_base": "http://h/v1", "use_responses_api": setting, "num_retries": 0}
    answer = client_of(upstream, {"m": params}).post("/v1/responses", json=ASK)
    assert (answer.status_code, upstream.paths()) == (404, paths)


def test_a_missing_model_does_not_show_that_the_server_has_no_responses() -> None:
    upstream = answering({"error": {"message": "The model `x` does not exist", "code": "model_not_found"}}, 404)
    client = client_of(upstream, {"m": {"model": "openai/x", "api_base": "http://h/v1"}})
    assert client.post("/v1/responses", json=ASK).status_code == 404
    assert set(upstream.paths()) == {"h/v1/responses"}


ADDRESSES: list[tuple[dict[str, Any], str]] = [
    ({"model": "openai/gpt-5"}, "api.openai.com/v1/responses"),
    ({"model": "openai/responses/gpt-5"}, "api.openai.com/v1/responses"),
    ({"model": "azure/d", "api_base": "https://r.openai.azure.com"}, "r.openai.azure.com/openai/v1/responses"),
    (
        {"model": "azure/d", "api_base": "https://r.openai.azure.com", "api_version": "2024-10-21"},
        "r.openai.azure.com/openai/v1/responses",
    ),
    (
        {"model": "azure/d", "api_base": "https://r.openai.azure.com", "api_version": "2025-04-01-preview"},
        "r.openai.azure.com/openai/responses?api-version=2025-04-01-preview",
    ),
    (
        {"model": "azure/d", "api_base": "https://r.openai.azure.com/openai/v1", "api_version": "preview"},
        "r.openai.azure.com/openai/v1/responses?api-version=preview",
    ),
    ({"model": "xai/grok-4"}, "api.x.ai/v1/responses"),
    ({"model": "openrouter/a/b"}, "openrouter.ai/api/v1/responses"),
    ({"model": "hosted_vllm/q", "api_base": "http://v:8000/v1"}, "v:8000/v1/responses"),
    ({"model": "litellm_proxy/q", "api_base": "http://l:4000"}, "l:4000/responses"),
    ({"model": "databricks/q", "api_base": "https://d/serving-endpoints"}, "d/serving-endpoints/responses"),
]


@pytest.mark.parametrize(("params", "address"), ADDRESSES, ids=lambda value: str(value)[:60])
def test_each_provider_is_asked_at_its_address(params: dict[str, Any], address: str) -> None:
    upstream = answering(response_of())
    answer = client_of(upstream, {"m": params}).post("/v1/responses", json=ASK)
    assert (answer.status_code, upstream.paths()) == (200, [address])
    name = params["model"].split("/", 1)[1].removeprefix("responses/")
    assert upstream.asked[0][2]["model"] == name


def test_reasoning_that_the_gateway_sealed_does_not_reach_another_provider() -> None:
    upstream = answering(response_of())
    items = [
        {"type": "reasoning", "summary": [], "encrypted_content": "pbr1_abc"},
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"},
        {"role": "user", "content": "a"},
    ]
    client_of(upstream, OPENAI).post("/v1/responses", json={**ASK, "input": items})
    assert upstream.asked[0][2]["input"] == items[1:]


def test_defaults_of_a_deployment_go_under_their_names_here() -> None:
    upstream = answering(response_of())
    params = {
        "model": "openai/gpt-5",
        "max_tokens": 9,
        "reasoning_effort": "low",
        "temperature": 1,
        "stop": ["x"],
        "v": 1,
    }
    client_of(upstream, {"m": params}).post("/v1/responses", json={**ASK, "temperature": 0.5})
    assert upstream.asked[0][2] == {
        "model": "gpt-5", "input": "hi", "store": False, "temperature": 0.5, "max_output_tokens": 9,
        "reasoning": {"effort": "low"}, "v": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"type": "error", "code": "rate_limit_exceeded", "message": "slow down"}, "rate_limit_exceeded"),
        ({"type": "error", "error": {"code": "context_length_exceeded", "message": "long"}}, "context_length_exceeded"),
        ({"type": "response.failed", "response": {"error": {"code": "server_error", "message": "no"}}}, "server_error"),
    ],
    ids=str,
)
@pytest.mark.parametrize("is_late", [False, True])
def test_a_failure_in_a_stream_is_the_clients_error(event: dict[str, Any], code: str, is_late: bool) -> None:
    """Before anything was shown it is an HTTP error, after that the stream's last event; never a false end."""
    opened = stream_of().split("event: response.brand_new")[0] if is_late else ""
    text = f"{opened}event: {event['type']}\ndata: {json.dumps(event)}\n\n"
    upstream = Upstream(lambda _request, _body: (200, text), len(opened))
    client = client_of(upstream, OPENAI, router_settings={"num_retries": 0})
    answer = client.post("/v1/responses", json={**ASK, "stream": True})
    if not is_late:
        assert answer.status_code >= 400
        assert answer.get_json()["error"]["code"] == code
        return
    events = events_of(answer.get_data(as_text=True))
    assert [one["type"] for one in events].count("response.completed") == 0
    assert (events[-1]["type"], events[-1]["response"]["error"]["code"]) == ("response.failed", code)
    assert events[-1]["response"]["id"] == "resp_upstream_1"


def test_a_cut_stream_ends_with_a_failure() -> None:
    text = stream_of().split("event: response.completed")[0]
    answer = client_of(answering(text), OPENAI).post("/v1/responses", json={**ASK, "stream": True})
    events = events_of(answer.get_data(as_text=True))
    assert (events[-1]["type"], events[-1]["response"]["status"]) == ("response.failed", "failed")


def test_a_fallback_crosses_from_native_to_bridged() -> None:
    def handle(request: WireRequest, _body: Any) -> tuple[int, Any]:
        return (500, {"error": {"message": "down"}}) if "api.openai" in request.url else (200, chat_answer("other"))

    models = {"m": {"model": "openai/gpt-5"}, "n": {"model": "groq/llama"}}
    settings = {"num_retries": 0, "fallbacks": [{"m": ["n"]}]}
    answer = client_of(Upstream(handle), models, router_settings=settings).post("/v1/responses", json=ASK)
    assert answer.get_json()["output"][0]["content"][0]["text"] == "other"


def test_an_answer_that_is_none_is_the_providers_fault() -> None:
    answer = client_of(answering({"hello": 1}), OPENAI, router_settings={"num_retries": 0}).post(
        "/v1/responses", json=ASK
    )
    assert answer.status_code == 502


def test_tokens_are_counted_by_the_provider_where_it_can() -> None:
    upstream = answering({"object": "response.input_tokens", "input_tokens": 42})
    answer = client_of(upstream, OPENAI).post("/v1/responses/input_tokens", json={"model": "m", "input": "hi"})
    assert (answer.get_json()["input_tokens"], upstream.paths()) == (42, ["api.openai.com/v1/responses/input_tokens"])


def test_compaction_is_the_providers() -> None:
    upstream = answering({"id": "resp_1", "object": "response.compaction", "output": [], "usage": USAGE})
    answer = client_of(upstream, OPENAI).post("/v1/responses/compact", json=ASK)
    assert (answer.status_code, upstream.paths()) == (200, ["api.openai.com/v1/responses/compact"])


@pytest.mark.parametrize(
    ("events", "is_finished"), [(["response.created"], False), (["response.created", "response.completed"], True)]
)
def test_a_client_that_leaves_at_the_last_event_has_the_whole_answer(events: list[str], is_finished: bool) -> None:
    """Codex closes its connection at response.completed."""
    ends: list[StreamEnd] = []
    chunks = [Chunk(f"event: {kind}\ndata: {{}}\n\n".encode(), True, kind.endswith("completed")) for kind in events]

    class Ending:
        keeps_content = False

        def price(self, usage: Any) -> None:
            return None

        def finish(self, end: StreamEnd) -> None:
            ends.append(end)

    reply = StreamReply(iter([[chunk] for chunk in [*chunks, Chunk(b"x")]]), lambda: None, form="responses")
    stream = EventStream(reply, NativeWriter(call_of({"model": "m", "input": "a"})), Ending(), lambda error: b"")
    sent = iter(stream)
    assert [next(sent) for _ in chunks] == [chunk.data for chunk in chunks]
    stream.close()
    assert len(ends) == 1 and (ends[0].error is None) == is_finished
