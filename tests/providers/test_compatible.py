"""What the copies of OpenAI's format do differently, each as its documents and recordings show it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from proxy.domain.wire import Event
from proxy.errors import AuthenticationError, BadGatewayError, BadRequestError, ContextWindowExceededError, GatewayError
from proxy.providers.compatible.mistral import name_call
from proxy.providers.registry import PROVIDERS, find_provider
from tests.providers.gathering import echo, gather, merge
from tests.providers.recordings import build_call, build_deployment

USER = {"role": "user", "content": "Hi"}


def ask(name: str, model: str = "model", connection: Mapping[str, Any] | None = None, **fields: Any) -> tuple[str, Any]:
    """The URL and the body that the provider is sent."""
    call = build_call("chat", {"messages": [USER], **fields})
    deployment = build_deployment(name, model).with_overrides(connection or {})
    request = PROVIDERS[name].build_request(call, deployment)
    return request.url, json.loads(request.body)


def read(name: str, message: Mapping[str, Any], finish: str = "stop", **more: Any) -> dict[str, Any]:
    """The answer that a client gets for a message of the provider's."""
    choice = {"index": 0, "message": message, "finish_reason": finish}
    body = json.dumps({"object": "chat.completion", "model": "m", "choices": [choice], **more}).encode()
    answer: dict[str, Any] = json.loads(
        PROVIDERS[name].parse_response(body, {}, build_call("chat", {}), build_deployment(name, "m")).body
    )
    return answer


def stream(name: str, *chunks: Mapping[str, Any] | tuple[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    decoder = PROVIDERS[name].open_stream(build_call("chat", {"stream": True}), build_deployment(name, "m"))
    found = []
    for chunk in chunks:
        event_name, fields = chunk if isinstance(chunk, tuple) else ("", chunk)
        found += decoder.feed(Event(json.dumps(fields).encode(), event_name))
    return [json.loads(chunk.data) for chunk in found + decoder.finish()]


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def test_seventy_rows_and_more_are_there_when_the_table_is_counted() -> None:
    assert len(PROVIDERS) >= 100
    assert find_provider("no-such-provider") is None
    assert all(name == provider.name for name, provider in PROVIDERS.items())


def test_no_key_is_needed_when_the_provider_is_the_demo() -> None:
    mock = PROVIDERS["mock"]
    assert (mock.base_url, mock.needs_key) == ("mock://local/v1", False)


@pytest.mark.parametrize("name", ["together_ai", "openrouter", "cerebras", "groq", "hosted_vllm"])
def test_reasoning_has_the_name_that_clients_look_for_when_it_has_another(name: str) -> None:
    assert read(name, {"content": "4", "reasoning": "2+2"})["choices"][0]["message"]["reasoning_content"] == "2+2"
    chunks = stream(name, delta(reasoning="2"), delta(reasoning="+2"), delta("stop", content="4"))
    assert gather_text(chunks, "reasoning_content") == "2+2"


def gather_text(chunks: list[dict[str, Any]], member: str) -> str:
    return "".join(chunk["choices"][0]["delta"].get(member) or "" for chunk in chunks)


def test_system_speaks_when_the_provider_knows_no_developer() -> None:
    _, body = ask("together_ai", messages=[{"role": "developer", "content": "x"}, USER])
    assert body["messages"] == [{"role": "system", "content": "x"}, USER]


def test_finish_reason_is_openais_when_the_provider_has_its_own_word() -> None:
    assert read("together_ai", {"content": "x"}, "eos")["choices"][0]["finish_reason"] == "stop"
    assert stream("together_ai", delta("eos"))[0]["choices"][0]["finish_reason"] == "stop"


def test_cached_tokens_stand_in_the_details_when_they_came_flat() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10, "cached_tokens": 4}
    assert read("moonshot", {"content": "x"}, usage=usage)["usage"]["prompt_tokens_details"] == {"cached_tokens": 4}


def test_arguments_are_empty_when_the_provider_leaves_them_out() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f"}}
    message = read("openrouter", {"content": None, "tool_calls": [call]}, "tool_calls")["choices"][0]["message"]
    assert message["tool_calls"][0]["function"]["arguments"] == "{}"


def test_answer_is_untouched_when_nothing_is_different() -> None:
    body = b'{"model":"together_ai/m", "choices":[{"message":{"content":"x"},"finish_reason":"stop"}], "x":1.50 }'
    answer = PROVIDERS["together_ai"].parse_response(
        body, {}, build_call("chat", {}), build_deployment("together_ai", "m")
    )
    assert answer.body == body


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("mistral", "max_completion_tokens", "max_tokens"), ("mistral", "seed", "random_seed"),
     ("deepseek", "max_completion_tokens", "max_tokens"), ("perplexity", "max_completion_tokens", "max_tokens")],
)  # fmt: skip
def test_parameter_has_the_providers_name_when_that_is_another(name: str, old: str, new: str) -> None:
    _, body = ask(name, **{old: 7})
    assert (body.get(old), body[new]) == (None, 7)


@pytest.mark.parametrize(
    ("model", "sent"),
    [("llama-v3", "accounts/fireworks/models/llama-v3"), ("accounts/me/models/x", "accounts/me/models/x")],
)
def test_model_has_its_full_name_when_fireworks_is_asked(model: str, sent: str) -> None:
    assert ask("fireworks_ai", model)[1]["model"] == sent


@pytest.mark.parametrize("name", ["groq", "cerebras"])
def test_reasoning_goes_back_by_the_providers_name_when_a_turn_is_repeated(name: str) -> None:
    first = read(name, {"role": "assistant", "content": "4", "reasoning": "2+2"})
    _, body = ask(name, messages=[USER, echo(first), USER])
    assert body["messages"][1] == {"role": "assistant", "content": "4", "reasoning": "2+2"}


def test_reasoning_goes_back_as_it_came_when_deepseek_is_in_a_tool_loop() -> None:
    message = {"role": "assistant", "content": "", "reasoning_content": "hm", "tool_calls": []}
    assert ask("deepseek", messages=[USER, message])[1]["messages"][1] == message


DETAILS = {"type": "reasoning.text", "text": "2", "format": "anthropic-claude-v1", "index": 0}


def test_details_go_back_bit_for_bit_when_openrouter_streamed_them() -> None:
    chunks = stream(
        "openrouter",
        delta(reasoning="2", reasoning_details=[DETAILS]),
        delta(reasoning_details=[{**DETAILS, "text": "", "signature": "c2ln"}]),
        delta("stop", content="4"),
    )
    assert chunks[1]["choices"][0]["delta"]["reasoning_details"][0]["signature"] == "c2ln"
    sent = [detail for chunk in chunks for detail in chunk["choices"][0]["delta"].get("reasoning_details", [])]
    message = {"role": "assistant", "content": "4", "reasoning_details": sent}
    assert ask("openrouter", messages=[USER, message])[1]["messages"][1] == message


def test_details_go_back_alone_when_the_text_says_the_same() -> None:
    message = {
        "role": "assistant",
        "content": "4",
        "reasoning": "2",
        "reasoning_content": "2",
        "reasoning_details": [DETAILS],
    }
    _, body = ask("openrouter", messages=[USER, message])
    assert body["messages"][1] == {"role": "assistant", "content": "4", "reasoning_details": [DETAILS]}


def test_thoughts_become_details_when_another_claude_had_them() -> None:
    blocks = [
        {"type": "thinking", "thinking": "2", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "ZGF0YQ=="},
        {"type": "thinking", "thinking": "unsigned"},
    ]
    message = {"role": "assistant", "content": "4", "reasoning_content": "2", "thinking_blocks": blocks}
    _, body = ask("openrouter", messages=[USER, message])
    common = {"format": "anthropic-claude-v1"}
    assert body["messages"][1]["reasoning_details"] == [
        {"type": "reasoning.text", "text": "2", "signature": "c2ln", **common, "index": 0},
        {"type": "reasoning.encrypted", "data": "ZGF0YQ==", **common, "index": 1},
    ]
    assert "reasoning_content" not in body["messages"][1]


def test_text_of_reasoning_goes_back_when_there_are_no_details() -> None:
    message = {"role": "assistant", "content": "4", "reasoning": "2"}
    assert ask("openrouter", messages=[USER, message])[1]["messages"][1] == message


def test_error_names_the_reason_when_openrouter_wraps_it() -> None:
    error = {"message": "Provider returned error", "code": 400, "metadata": {"raw": "prompt is too long: 9 > 8"}}
    found = PROVIDERS["openrouter"].parse_error(
        400, json.dumps({"error": error}).encode(), {}, build_deployment("openrouter", "m")
    )
    assert isinstance(found, ContextWindowExceededError)
    assert "Provider returned error: prompt is too long" in found.message


def test_stream_ends_with_the_error_when_openrouter_reports_one() -> None:
    with pytest.raises(BadGatewayError, match="went away"):
        stream("openrouter", delta(content="x"), {**delta("error"), "error": {"code": 502, "message": "went away"}})


def test_usage_is_openais_when_groq_keeps_it_to_itself() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "queue_time": 0.1}
    [chunk] = stream("groq", {**delta("stop"), "x_groq": {"id": "r", "usage": usage}})
    assert chunk["usage"] == usage


def test_stream_ends_with_the_error_when_groq_sends_an_event() -> None:
    error = {"message": "Tool call validation failed", "type": "invalid_request_error", "code": "tool_use_failed"}
    with pytest.raises(BadRequestError, match="Tool call validation failed"):
        stream("groq", delta(content="x"), ("error", {"error": error}))


def test_completion_tokens_include_reasoning_when_xai_counts_it_apart() -> None:
    details = {"reasoning_tokens": 30}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 45, "completion_tokens_details": details}
    assert read("xai", {"content": "x"}, usage=usage)["usage"]["completion_tokens"] == 35
    included = {**usage, "completion_tokens": 35}
    assert read("xai", {"content": "x"}, usage=included)["usage"]["completion_tokens"] == 35


def test_key_is_wrong_when_xai_says_so_with_a_400() -> None:
    body = b'{"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***. Get one at x.ai"}'
    error = PROVIDERS["xai"].parse_error(400, body, {}, build_deployment("xai", "grok-4"))
    assert isinstance(error, AuthenticationError)
    assert "Incorrect API key provided" in error.message


THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}


def test_thinking_is_apart_when_mistral_puts_it_into_the_content() -> None:
    message = read("mistral", {"role": "assistant", "content": [THINKING, {"type": "text", "text": "4"}]})["choices"][0]
    assert message["message"] == {"role": "assistant", "content": "4", "reasoning_content": "hm"}


def test_content_is_text_when_mistral_switches_within_a_stream() -> None:
    chunks = stream("mistral", delta(content=""), delta(content=[THINKING]), delta("stop", content="4"))
    assert (gather_text(chunks, "content"), gather_text(chunks, "reasoning_content")) == ("4", "hm")


def test_thinking_goes_back_into_the_content_when_mistral_is_asked_again() -> None:
    first = read("mistral", {"role": "assistant", "content": [THINKING, {"type": "text", "text": "4"}]})
    _, body = ask("mistral", messages=[USER, echo(first), USER])
    assert body["messages"][1] == {"role": "assistant", "content": [THINKING, {"type": "text", "text": "4"}]}


def test_result_still_finds_its_call_when_mistral_wants_other_ids() -> None:
    identifier = "toolu_01D8Vv47Y4PPAQgEB4Vkk1x5"
    call = {"id": identifier, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": identifier},
    ]
    _, body = ask("mistral", messages=messages)
    sent = body["messages"][0]["tool_calls"][0]["id"]
    assert sent == body["messages"][1]["tool_call_id"] == name_call(identifier)
    assert (len(sent), sent.isalnum()) == (9, True)


def test_id_stays_when_it_is_mistrals_own() -> None:
    assert name_call("aB3dE6gH9") == "aB3dE6gH9"


def test_mistral_is_not_asked_for_usage_when_it_streams() -> None:
    _, body = ask("mistral", stream=True, stream_options={"include_usage": True}, tool_choice="required")
    assert "stream_options" not in body
    assert body["tool_choice"] == "any"


def test_file_is_a_document_when_mistral_is_asked() -> None:
    part = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}}
    _, body = ask("mistral", messages=[{"role": "user", "content": [part]}])
    document = {"type": "document_url", "document_url": "data:application/pdf;base64,AA=="}
    assert body["messages"][0]["content"] == [document]


def test_message_is_readable_when_mistral_nests_it() -> None:
    body = b'{"object":"error","message":{"detail":[{"msg":"Extra inputs are not permitted"}]},"type":"invalid"}'
    error = PROVIDERS["mistral"].parse_error(422, body, {}, build_deployment("mistral", "m"))
    assert (error.status_code, "Extra inputs are not permitted" in error.message) == (422, True)


SEARCH = {"citations": ["https://a.example"], "search_results": [{"title": "A", "url": "https://a.example"}]}
CITED = [{"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}]


def test_sources_are_annotations_when_perplexity_searched() -> None:
    answer = read("perplexity", {"role": "assistant", "content": "x[1]"}, **SEARCH)
    assert answer["choices"][0]["message"]["annotations"] == CITED
    assert answer["citations"] == SEARCH["citations"]


def perplexity_chunk(finish: str | None, text: str, total: int, kind: str) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": "all so far"},
              "delta": {"role": "assistant", "content": text}}  # fmt: skip
    usage = {"prompt_tokens": 1, "completion_tokens": total - 1, "total_tokens": total}
    return {"model": "sonar", "object": kind, "choices": [choice], "usage": usage, **SEARCH}


def test_chunks_are_chunks_when_perplexity_streams() -> None:
    chunks = stream(
        "perplexity",
        perplexity_chunk(None, "a", 2, "chat.completion.chunk"),
        perplexity_chunk(None, "b", 3, "chat.completion"),
        perplexity_chunk("stop", "", 3, "chat.completion.done"),
    )
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert [bool(chunk["usage"]) for chunk in chunks] == [False, False, True]
    assert all("message" not in chunk["choices"][0] for chunk in chunks)
    assert gather_text(chunks, "content") == "ab"
    assert chunks[2]["choices"][0]["delta"]["annotations"] == CITED


def test_whole_answer_keeps_its_message_when_perplexity_adds_an_empty_delta() -> None:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "x"},
        "delta": {"content": ""},
        "finish_reason": "stop",
    }
    body = json.dumps({"model": "sonar", "choices": [choice]}).encode()
    answer = PROVIDERS["perplexity"].parse_response(
        body, {}, build_call("chat", {}), build_deployment("perplexity", "sonar")
    )
    assert json.loads(answer.body)["choices"][0]["message"]["content"] == "x"


def test_file_is_plain_base64_when_perplexity_is_asked() -> None:
    part = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}}
    _, body = ask("perplexity", messages=[{"role": "user", "content": [part]}])
    assert body["messages"][0]["content"] == [{"type": "file_url", "file_url": {"url": "AA=="}, "file_name": "a.pdf"}]


@pytest.mark.parametrize(
    ("model", "base", "url", "sent"),
    [
        ("meta-llama/L", None, "https://router.huggingface.co/v1/chat/completions", "meta-llama/L"),
        ("together/deepseek-ai/R1", None, "https://router.huggingface.co/v1/chat/completions", "deepseek-ai/R1:together"),
        ("tgi", "https://x.endpoints.example", "https://x.endpoints.example/v1/chat/completions", "tgi"),
        ("a/b/c", "https://x.example/v1/chat/completions", "https://x.example/v1/chat/completions", "a/b/c"),
        ("m", "https://router.example/novita/v3/openai", "https://router.example/novita/v3/openai/chat/completions", "m"),
    ],
)  # fmt: skip
def test_address_is_hugging_faces_when_model_and_base_are(model: str, base: str | None, url: str, sent: str) -> None:
    asked, body = ask("huggingface", model, {"api_base": base, "api_key": "k"} if base else None)
    assert (asked, body["model"]) == (url, sent)


def test_base_url_is_filled_in_when_it_is_the_accounts() -> None:
    url, _ = ask("cloudflare", "m", {"account_id": "abc"})
    assert url == "https://api.cloudflare.com/client/v4/accounts/abc/ai/v1/chat/completions"


def test_account_is_named_when_it_is_missing() -> None:
    with pytest.raises(GatewayError, match="account_id"):
        ask("cloudflare")


def test_whole_stream_is_gathered_when_roles_and_names_repeat() -> None:
    chunks = stream("together_ai", delta(role="assistant", content="a"), delta("stop", role="assistant", content="b"))
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == "ab"
    assert gather([])["choices"] == []


THOUGHT = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm", "signature": "c2ln"}]}


def test_thoughts_make_a_round_trip_when_databricks_has_them_in_the_content() -> None:
    content = [THOUGHT, {"type": "text", "text": "4"}]
    first = read("databricks", {"role": "assistant", "content": content})
    message = first["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("4", "hm")
    assert message["thinking_blocks"] == [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}]
    _, body = ask("databricks", connection={"api_base": "https://w.example/serving-endpoints"}, messages=[echo(first)])
    assert body["messages"] == [{"role": "assistant", "content": content}]


def test_thoughts_are_one_block_when_databricks_streams_them() -> None:
    pieces = [{"type": "reasoning", "summary": [{"type": "summary_text", "text": text}]} for text in ("h", "m")]
    signed = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "", "signature": "c2ln"}]}
    chunks = stream("databricks", *(delta(content=[piece]) for piece in [*pieces, signed]), delta("stop", content="4"))
    gathered: dict[str, Any] = {}
    for chunk in chunks:
        merge(gathered, chunk["choices"][0]["delta"])
    assert (gathered["content"], gathered["reasoning_content"]) == ("4", "hm")
    assert gathered["thinking_blocks"] == [{"type": "thinking", "thinking": "hm", "signature": "c2ln", "index": 0}]


def embed(name: str, **fields: Any) -> Any:
    request = PROVIDERS[name].build_request(
        build_call("embeddings", {"input": "x", **fields}), build_deployment(name, "m")
    )
    return json.loads(request.body)


def test_embeddings_are_asked_for_in_their_words_when_they_are_voyages_or_jinas() -> None:
    assert embed("voyage", dimensions=256, encoding_format="float") == {
        "input": "x",
        "model": "m",
        "output_dimension": 256,
    }
    assert embed("voyage", encoding_format="base64")["encoding_format"] == "base64"
    assert embed("jina_ai", encoding_format="float") == {"input": "x", "model": "m", "embedding_type": "float"}


def test_prompt_is_counted_when_voyage_counts_the_total_only() -> None:
    body = b'{"object": "list", "model": "m", "data": [], "usage": {"total_tokens": 7}}'
    answer = PROVIDERS["voyage"].parse_response(body, {}, build_call("embeddings", {}), build_deployment("voyage", "m"))
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 7
