"""Gemini's answers, whole and streamed, as a client reads them."""

import json
from typing import Any

import pytest

from proxy.domain.usage import Usage
from proxy.domain.wire import Event
from proxy.errors import GatewayError, InvalidProviderResponseError, RateLimitError, TruncatedStreamError
from proxy.providers.registry import PROVIDERS
from tests.providers.gathering import gather
from tests.providers.gemini.exchange import answer_to, build_call, build_deployment, candidate, gathered, stream_of

CALL = {"functionCall": {"name": "look", "args": {}}}


def both(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The choice of a whole answer and of one that comes as a single event."""
    return [answer_to(answer)["choices"][0], gathered([answer])["choices"][0]]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "stop"),
        ("SOMETHING_NEW", "stop"),
        # Recorded of Vertex AI with `enum-encoding=int`.
        (1, "stop"),
        (2, "length"),
        (3, "content_filter"),
        (99, "stop"),
    ],
)
def test_finish_reason_is_openais_when_gemini_ends(reason: Any, expected: str) -> None:
    for choice in both(candidate({"text": "Hi"}, reason=reason)):
        assert choice["finish_reason"] == expected


@pytest.mark.parametrize(
    ("reason", "expected"), [("STOP", "tool_calls"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter")]
)
def test_finish_reason_tells_of_calls_when_gemini_stops_for_them(reason: str, expected: str) -> None:
    for choice in both(candidate(CALL, reason=reason)):
        assert choice["finish_reason"] == expected
        assert not choice["message"]["content"]


def test_native_reason_is_kept_when_openai_has_no_word_for_it() -> None:
    answer = candidate(reason="MALFORMED_FUNCTION_CALL", finishMessage="print(look())")
    for choice in both(answer):
        assert choice["message"]["provider_specific_fields"] == {
            "native_finish_reason": "MALFORMED_FUNCTION_CALL",
            "finish_message": "print(look())",
        }


def test_choice_is_filtered_when_the_prompt_was_blocked() -> None:
    for choice in both({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {}}):
        assert choice["finish_reason"] == "content_filter"
        assert choice["message"]["content"] == ""


@pytest.mark.parametrize(
    "answer",
    [
        {"candidates": [], "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}},
        {"usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}},
        {"candidates": [{"finishReason": "STOP"}]},
        {"candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}]},
    ],
)
def test_answer_is_empty_but_sound_when_pieces_are_missing(answer: dict[str, Any]) -> None:
    choice = answer_to(answer)["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "stop")


def test_thoughts_are_reasoning_when_gemini_shows_them() -> None:
    for choice in both(candidate({"text": "Hm. ", "thought": True}, {"text": "Ah!", "thought": True}, {"text": "Hi"})):
        assert choice["message"]["reasoning_content"] == "Hm. Ah!"
        assert choice["message"]["content"] == "Hi"


def test_every_choice_is_there_when_several_were_asked_for() -> None:
    texts = ["One", "Two"]
    answer = {
        "candidates": [
            {"index": index, "content": {"parts": [{"text": text}]}, "finishReason": "STOP"}
            for index, text in enumerate(texts)
        ]
    }
    for whole in (answer_to(answer), gathered([answer])):
        assert [choice["message"]["content"] for choice in whole["choices"]] == texts


def test_media_are_where_clients_look_when_the_model_makes_them() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    audio = {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "BBBB"}}
    for choice in both(candidate(image, audio)):
        assert choice["message"]["images"][0]["image_url"] == {"url": "data:image/png;base64,AAAA"}
        assert choice["message"]["audio"]["data"] == "BBBB"


def test_citations_count_characters_when_google_counts_bytes() -> None:
    text = "Grüße aus Köln."
    metadata = {
        "groundingChunks": [{"web": {"uri": "https://example.com/1", "title": "One"}}, {"web": {"title": "no uri"}}],
        "groundingSupports": [
            {
                "segment": {"startIndex": 0, "endIndex": len("Grüße".encode())},
                "groundingChunkIndices": [0, 1, 9],
            }
        ],
        "webSearchQueries": ["köln"],
    }
    for choice in both(candidate({"text": text}, groundingMetadata=metadata)):
        assert choice["message"]["annotations"] == [
            {
                "type": "url_citation",
                "url_citation": {"url": "https://example.com/1", "title": "One", "start_index": 0, "end_index": 5},
            }
        ]
        assert choice["message"]["provider_specific_fields"]["grounding_metadata"] == metadata


@pytest.mark.parametrize("member", ["citationSources", "citations"])
def test_citations_are_annotations_when_text_is_quoted(member: str) -> None:
    cited = {"citationMetadata": {member: [{"startIndex": 1, "endIndex": 3, "uri": "https://example.com"}, {}]}}
    for choice in both(candidate({"text": "Quoted"}, **cited)):
        (annotation,) = choice["message"]["annotations"]
        assert annotation["url_citation"] == {
            "url": "https://example.com",
            "title": "",
            "start_index": 1,
            "end_index": 3,
        }


def test_logprobs_are_openais_when_gemini_gives_them() -> None:
    result = {
        "chosenCandidates": [{"token": "é", "logProbability": -0.1}],
        "topCandidates": [{"candidates": [{"token": "é", "logProbability": -0.1}]}],
    }
    expected = {"token": "é", "logprob": -0.1, "bytes": [195, 169]}
    answer = candidate({"text": "é"}, logprobsResult=result)
    assert answer_to(answer)["choices"][0]["logprobs"] == {"content": [{**expected, "top_logprobs": [expected]}]}
    chunks = [json.loads(chunk.data) for chunk in stream_of([answer])]
    found = [choice["logprobs"] for chunk in chunks for choice in chunk["choices"] if choice["logprobs"]]
    assert found == [{"content": [{**expected, "top_logprobs": [expected]}]}]


def test_usage_is_openais_when_everything_is_counted() -> None:
    metadata = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "toolUsePromptTokenCount": 5,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 30,
        "totalTokenCount": 155,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 90}, {"modality": "AUDIO", "tokenCount": 10}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}],
        "serviceTier": "standard",
    }
    whole = answer_to({**candidate({"text": "Hi"}), "usageMetadata": metadata})
    assert whole["service_tier"] == "default"
    expected = Usage(105, 50, 155, 60, reasoning_tokens=30, prompt_audio_tokens=10, completion_audio_tokens=20)
    assert Usage.from_openai(whole["usage"]) == expected
    first = {**candidate({"text": "Hi"}, reason=None), "usageMetadata": {"trafficType": "ON_DEMAND"}}
    last = {**candidate(), "usageMetadata": metadata}
    assert [chunk.usage for chunk in stream_of([first, last])][-1] == expected


def test_finish_is_told_once_when_every_event_repeats_it() -> None:
    chunks = stream_of([candidate({"text": "One"}), candidate({"text": " two"})])
    assert [chunk.finished for chunk in chunks] == [False, False, False, True]
    assert gather(chunks)["choices"][0]["message"]["content"] == "One two"


@pytest.mark.parametrize(
    "events", [[], [candidate({"text": "Hi"}, reason=None)], [{"usageMetadata": {"promptTokenCount": 1}}]]
)
def test_stream_is_truncated_when_no_candidate_finished(events: list[dict[str, Any]]) -> None:
    with pytest.raises(TruncatedStreamError):
        stream_of(events)


@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: [error]], ids=["object", "array"])
def test_error_is_raised_when_it_comes_in_the_stream_or_with_status_200(wrap: Any) -> None:
    error = wrap({"error": {"code": 429, "message": "Slow down", "status": "RESOURCE_EXHAUSTED"}})
    decoder = PROVIDERS["gemini"].open_stream(build_call({"stream": True}), build_deployment())
    with pytest.raises(RateLimitError, match="Slow down"):
        decoder.feed(Event(json.dumps(error).encode()))
    with pytest.raises(RateLimitError, match="Slow down"):
        answer_to(error)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{}", b'{"answer": 42}', b"<html>"])
def test_error_is_a_bad_gateway_when_it_is_no_answer(body: bytes) -> None:
    with pytest.raises(InvalidProviderResponseError):
        answer_to(body)


def test_error_is_ours_when_an_event_is_not_json() -> None:
    decoder = PROVIDERS["gemini"].open_stream(build_call({"stream": True}), build_deployment())
    with pytest.raises(GatewayError):
        decoder.feed(Event(b'{"candidates": ['))


def test_usage_is_counted_when_a_streams_last_event_lacks_the_prompts() -> None:
    usage = {"candidatesTokenCount": 23, "thoughtsTokenCount": 67}
    assert gathered([candidate({"text": "Hi"}) | {"usageMetadata": usage}])["usage"]["completion_tokens"] == 90
