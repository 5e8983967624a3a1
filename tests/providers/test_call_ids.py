"""Tool call ids with and without the signatures that Gemini needs."""

from typing import Any

import pytest

from proxy.domain.json_text.document import Document
from proxy.providers.translation.call_ids import SignedId, sign_id, split_id, without_signatures

SIGNATURE = "Cu0HAdHtim/Us0P5TwBW+E7yYz=="


@pytest.mark.parametrize("maker", ["gemini", "vertex_ai"])
def test_id_and_signature_come_apart_when_an_id_was_signed(maker: str) -> None:
    assert split_id(sign_id("call_1", SIGNATURE, maker)) == SignedId("call_1", SIGNATURE, maker)


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("call_1", SignedId("call_1")),
        ("call__gemini", SignedId("call__gemini")),
        (f"call_1__thought__{SIGNATURE}", SignedId("call_1", SIGNATURE)),
    ],
)
def test_maker_is_unknown_when_the_id_does_not_say(identifier: str, expected: SignedId) -> None:
    assert split_id(identifier) == expected


@pytest.mark.parametrize("identifier", [f"call_1__gemini__thought__{SIGNATURE}", f"call_1__thought__{SIGNATURE}"])
def test_signature_counts_when_an_id_is_older_than_checksums(identifier: str) -> None:
    assert split_id(identifier).signature == SIGNATURE
    assert split_id(identifier[:-3]).signature is None
    assert split_id(identifier[:-3]).id == "call_1"


def test_signature_counts_for_none_when_an_id_was_changed() -> None:
    signed = sign_id("call_1", SIGNATURE, "gemini")
    for changed in (signed[:-4], signed.replace("/", "_"), signed + "_2", signed.replace("C", "D")):
        found = split_id(changed)
        assert (found.id, found.signature, found.maker) == ("call_1".replace("C", "D"), None, "gemini")


def conversation(identifier: str, **members: Any) -> dict[str, Any]:
    call = {"id": identifier, "type": "function", "function": {"name": "look", "arguments": "{}"}, **members}
    return {
        "messages": [
            {"role": "user", "content": "Look"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": identifier, "content": "a cat"},
        ]
    }


def test_ids_are_plain_when_signatures_are_taken_off() -> None:
    signed = conversation(
        sign_id("call_1", SIGNATURE, "gemini"), provider_specific_fields={"thought_signature": SIGNATURE}
    )
    document = Document.of(signed)
    assert without_signatures(document).fields == conversation("call_1")
    assert signed["messages"][2]["tool_call_id"].endswith(SIGNATURE)


@pytest.mark.parametrize(
    "fields",
    [
        conversation("call_1"),
        conversation("call_1", provider_specific_fields={"other": 1}),
        conversation("call_1", extra_content={"google": {"thought_signature": SIGNATURE}}),
        {"messages": "none"},
        {"messages": [1, {"tool_calls": [1, {}], "tool_call_id": 7}]},
        {"input": "text"},
    ],
)
def test_document_stays_the_same_when_nothing_is_signed(fields: dict[str, Any]) -> None:
    document = Document.of(fields)
    assert without_signatures(document) is document
