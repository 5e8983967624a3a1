"""Thought signatures: what Gemini signs comes back to it bit for bit, and to nobody else."""

import base64
import re
from typing import Any

import pytest

from tests.providers.gathering import echo
from tests.providers.gemini.exchange import answer_to, candidate, contents_for, gathered

SIGNATURE = base64.b64encode(bytes(range(256))).decode()
CALL = {"functionCall": {"name": "look", "args": {"at": "it"}}, "thoughtSignature": SIGNATURE}
PLAIN_CALL = {"functionCall": {"name": "smell", "args": {}}}
# The words that each service documents for calls of other models.
DUMMIES = {"gemini": b"context_engineering_is_the_way_to_go", "vertex_ai": b"skip_thought_signature_validator"}
# Half of the clients keep what they don't know, half send back what OpenAI documents.
DOCUMENTED = ("role", "content", "tool_calls")


def answers(*parts: dict[str, Any], provider: str = "gemini") -> list[dict[str, Any]]:
    """The assistant message, whole and streamed part by part."""
    whole = answer_to(candidate(*parts), provider)
    events = [candidate(part, reason=None) for part in parts] + [candidate()]
    return [echo(whole), echo(gathered(events, provider))]


def as_documented(message: dict[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in message.items() if name in DOCUMENTED}
    known["tool_calls"] = [
        {name: call[name] for name in ("id", "type", "function")} for call in message.get("tool_calls", [])
    ]
    return known


def sent_back(message: dict[str, Any], provider: str = "gemini", model: str = "gemini-3-pro-preview") -> list[Any]:
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in message.get("tool_calls", [])
    ]
    contents = contents_for([{"role": "user", "content": "Go"}, message, *results], model, provider)
    parts: list[Any] = contents[1]["parts"]
    for part in parts:
        part.get("functionCall", {}).pop("id", None)
    return parts


@pytest.mark.parametrize("keep", [lambda message: message, as_documented], ids=["all", "documented"])
@pytest.mark.parametrize("provider", ["gemini", "vertex_ai"])
def test_calls_come_back_as_they_were_when_the_first_of_them_is_signed(provider: str, keep: Any) -> None:
    for message in answers(CALL, PLAIN_CALL, provider=provider):
        assert sent_back(keep(message), provider) == [CALL, PLAIN_CALL]


def test_signature_is_where_litellm_has_it_when_a_call_is_signed() -> None:
    message = answer_to(candidate(CALL))["choices"][0]["message"]
    (call,) = message["tool_calls"]
    assert call["provider_specific_fields"]["thought_signature"] == SIGNATURE
    assert call["id"].endswith(f"__thought__{SIGNATURE}")


def test_ids_are_steady_and_unique_when_gemini_gives_none() -> None:
    first = [call["id"] for call in answer_to(candidate(PLAIN_CALL, PLAIN_CALL))["choices"][0]["message"]["tool_calls"]]
    again = [call["id"] for call in answer_to(candidate(PLAIN_CALL, PLAIN_CALL))["choices"][0]["message"]["tool_calls"]]
    assert first == again
    assert len(set(first)) == 2
    assert all(len(identifier) <= 40 for identifier in first)


def test_geminis_own_id_is_kept_when_it_gives_one() -> None:
    part = {"functionCall": {"name": "look", "args": {}, "id": "its-own"}}
    message = echo(answer_to(candidate(part)))
    assert message["tool_calls"][0]["id"] == "its-own"
    contents = contents_for([message, {"role": "tool", "tool_call_id": "its-own", "content": "x"}])
    assert contents[0]["parts"] == [part]
    assert contents[1]["parts"][0]["functionResponse"]["id"] == "its-own"


def test_text_comes_back_signed_when_it_was() -> None:
    part = {"text": "Hello", "thoughtSignature": SIGNATURE}
    for message in answers(part):
        assert sent_back(message) == [part]


def test_thought_comes_back_signed_when_it_was() -> None:
    thought = {"text": "Hm.", "thought": True, "thoughtSignature": SIGNATURE}
    for message in answers(thought, {"text": "Hello"}):
        assert sent_back(message) == [thought, {"text": "Hello"}]


def test_thought_comes_back_when_nobody_signed_it() -> None:
    thought = {"text": "Hm.", "thought": True}
    for message in answers(thought, {"text": "Hello"}):
        assert sent_back(message) == [thought, {"text": "Hello"}]


def test_image_comes_back_signed_when_it_was() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}, "thoughtSignature": SIGNATURE}
    for message in answers({"text": "Here"}, image):
        assert sent_back(message) == [{"text": "Here"}, image]


def test_code_that_google_ran_comes_back_when_there_was_some() -> None:
    ran = {"executableCode": {"language": "PYTHON", "code": "1+1"}, "thoughtSignature": SIGNATURE}
    outcome = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}
    for message in answers(ran, outcome, {"text": "2"}):
        assert sent_back(message) == [ran, outcome, {"text": "2"}]


@pytest.mark.parametrize(("maker", "reader"), [("gemini", "vertex_ai"), ("vertex_ai", "gemini")])
@pytest.mark.parametrize("keep", [lambda message: message, as_documented], ids=["all", "documented"])
def test_signature_is_left_out_when_the_other_service_made_it(maker: str, reader: str, keep: Any) -> None:
    for message in answers({"text": "Hm", "thoughtSignature": SIGNATURE}, CALL, provider=maker):
        parts = sent_back(keep(message), reader)
        assert SIGNATURE not in str(parts)
        assert base64.b64decode(parts[1]["thoughtSignature"]) == DUMMIES[reader]


@pytest.mark.parametrize(
    ("model", "filled"),
    [
        ("gemini-3-pro-preview", True),
        ("gemini-flash-latest", True),
        ("gemini-2.5-pro", False),
        ("gemini-2.0-flash", False),
    ],
)
def test_first_call_gets_the_documented_filler_when_another_model_made_it(model: str, filled: bool) -> None:
    calls = [
        {"id": f"call_{number}", "type": "function", "function": {"name": "look", "arguments": "{}"}}
        for number in range(2)
    ]
    parts = sent_back({"role": "assistant", "content": None, "tool_calls": calls}, model=model)
    assert ["thoughtSignature" in part for part in parts] == [filled, False]


def test_signature_is_read_when_it_is_in_googles_or_litellms_spelling() -> None:
    function = {"type": "function", "function": {"name": "look", "arguments": '{"at":"it"}'}}
    for call in (
        {"id": "a", **function, "extra_content": {"google": {"thought_signature": SIGNATURE}}},
        {"id": "a", **function, "provider_specific_fields": {"thought_signature": SIGNATURE}},
        {"id": f"a__thought__{SIGNATURE}", **function},
    ):
        assert sent_back({"role": "assistant", "content": None, "tool_calls": [call]}) == [CALL]


SPOILED = {
    "cut amid four letters": lambda text: text[:-3],
    "cut": lambda text: text[:-8],
    "cleaned": lambda text: re.sub(r"[^a-zA-Z0-9_-]", "_", text),
    "other letters": lambda text: text.replace("A", "B"),
    "lower case": str.lower,
    "with a suffix": lambda text: text + "_57b05e78dc",
    "an ellipsis": lambda text: text[:40] + "\u2026",
    "cut to sixty-four letters": lambda text: text[:64],
}


@pytest.mark.parametrize("provider", ["gemini", "vertex_ai"])
@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_signature_is_replaced_when_a_client_spoiled_the_id(provider: str, spoil: Any) -> None:
    for message in answers(CALL, PLAIN_CALL, provider=provider):
        kept = as_documented(message)
        for call in kept["tool_calls"]:
            call["id"] = spoil(call["id"])
        first, second = sent_back(kept, provider)
        assert base64.b64decode(first["thoughtSignature"]) == DUMMIES[provider]
        assert second == PLAIN_CALL


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_signature_beside_the_id_counts_when_only_the_id_was_spoiled(spoil: Any) -> None:
    for message in answers(CALL):
        for call in message["tool_calls"]:
            call["id"] = spoil(call["id"])
        assert sent_back(message) == [CALL]


@pytest.mark.parametrize("place", ["provider_specific_fields", "extra_content"])
@pytest.mark.parametrize("signature", [SIGNATURE[:-3], SIGNATURE.replace("+", "_"), "", "not base64!", 7, None])
def test_signature_is_replaced_when_it_is_none(place: str, signature: Any) -> None:
    fields = {"thought_signature": signature}
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    call[place] = fields if place == "provider_specific_fields" else {"google": fields}
    (part,) = sent_back({"role": "assistant", "content": None, "tool_calls": [call]})
    assert base64.b64decode(part["thoughtSignature"]) == DUMMIES["gemini"]


@pytest.mark.parametrize("provider", ["gemini", "vertex_ai"])
@pytest.mark.parametrize("encode", [bytes.decode, lambda word: base64.b64encode(word).decode()], ids=["raw", "base64"])
@pytest.mark.parametrize("word", DUMMIES.values())
def test_dummy_is_the_services_own_when_a_client_brings_one(provider: str, encode: Any, word: bytes) -> None:
    specific = {"thought_signature": encode(word)}
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    message = {"role": "assistant", "tool_calls": [{**call, "provider_specific_fields": specific}]}
    (part,) = sent_back(message, provider)
    assert base64.b64decode(part["thoughtSignature"]) == DUMMIES[provider]


def test_first_call_has_a_dummy_when_only_a_later_one_is_signed() -> None:
    calls = [
        {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}},
        {"id": f"b__thought__{SIGNATURE}", "type": "function", "function": {"name": "smell", "arguments": "{}"}},
    ]
    first, second = sent_back({"role": "assistant", "content": None, "tool_calls": calls})
    assert base64.b64decode(first["thoughtSignature"]) == DUMMIES["gemini"]
    assert second["thoughtSignature"] == SIGNATURE


@pytest.mark.parametrize("spoil", [lambda text: text[:-3], lambda text: text.replace("+", "_")])
def test_thoughts_and_texts_go_without_a_signature_when_a_client_spoiled_it(spoil: Any) -> None:
    message = {
        "role": "assistant",
        "content": "Hello",
        "thinking_blocks": [
            {"type": "thinking", "thinking": "Hm", "signature": spoil(SIGNATURE), "signed_by": "gemini"}
        ],
        "provider_specific_fields": {"thought_signatures": [spoil(SIGNATURE)], "signed_by": "gemini"},
    }
    assert sent_back(message) == [{"text": "Hello"}]


def test_calls_have_no_dummy_when_the_generation_wants_none() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    assert sent_back(message, model="gemini-2.5-pro") == [{"functionCall": {"name": "look", "args": {}}}]
