"""Thought signatures: what Gemini signs comes back to it bit for bit, and to nobody else."""

import base64
from typing import Any

import pytest

from tests.providers.gathering import echo
from tests.providers.gemini.exchange import answer_to, candidate, contents_for, gathered

SIGNATURE = base64.b64encode(bytes(range(256))).decode()
CALL = {"functionCall": {"name": "look", "args": {"at": "it"}}, "thoughtSignature": SIGNATURE}
PLAIN_CALL = {"functionCall": {"name": "smell", "args": {}}}
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
        assert base64.b64decode(parts[1]["thoughtSignature"]) == b"context_engineering_is_the_way_to_go"


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
