"""Prompts stay out of logs when a provider's error quotes them, however it does."""

import html
import json
import time
from typing import Any

import pytest

from proxy.domain.quotes import LONGEST_CONTENT, REMOVED, TOO_LONG, without_quotes

PROMPT = 'Patient Ann Miller, born 12 May 1971,\nsaid: "my password is Tulip-4711" and asked about Metformin – täglich.'
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROMPT}]
WORDS = ("Miller", "1971", "Tulip", "4711", "Metformin", "password")

QUOTES = {
    "whole": PROMPT,
    "repr": repr(PROMPT),
    "JSON": json.dumps(PROMPT),
    "JSON in ASCII, twice": json.dumps(json.dumps(PROMPT)),
    "JSON in UTF-8": json.dumps(PROMPT, ensure_ascii=False),
    "the messages": json.dumps(MESSAGES),
    "Python's messages": str(MESSAGES),
    "HTML": html.escape(PROMPT),
    "cut": PROMPT[:60] + "...",
    "from the middle": "..." + PROMPT[30:90] + "...",
    "in capitals": PROMPT.upper(),
    "without spaces": PROMPT.replace(" ", ""),
    "twice": f"{PROMPT} and again {PROMPT}",
    "one word in quotes": "invalid value 'Miller'",
}


@pytest.mark.parametrize("kind", QUOTES)
def test_quote_is_removed(kind: str) -> None:
    message = without_quotes(f"The model refused this input: {QUOTES[kind]}. Please shorten it.", [MESSAGES])
    assert not [word for word in WORDS if word.lower() in message.lower()]
    assert message.startswith("The model refused this input: ") or kind == "one word in quotes"
    assert REMOVED in message


@pytest.mark.parametrize("text", ["Tulip", "Müller", "日本語", "my PIN"])
def test_short_prompt_is_removed(text: str) -> None:
    assert text not in without_quotes(f"cannot answer {text} at all", [[{"role": "user", "content": text}]])


def test_quote_of_a_dense_script_is_removed() -> None:
    text = "患者の田中太郎は昭和四十六年に生まれました"
    assert "田中" not in without_quotes(f"refused: {text[2:14]}", [[{"role": "user", "content": f"今日は{text}。"}]])


@pytest.mark.parametrize(
    "message",
    [
        "You exceeded your current quota, please check your plan and billing details.",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "status 500",
        "",
        "…",
    ],
)
def test_message_is_left_alone_when_it_quotes_nothing(message: str) -> None:
    assert without_quotes(message, [MESSAGES]) == message


def test_message_is_left_out_when_the_request_is_too_long() -> None:
    assert without_quotes("a secret", ["x" * (LONGEST_CONTENT + 1)]) == TOO_LONG


SHAPES: dict[str, Any] = {
    "one letter": "a" * 400_000,
    "letters in turn": "ab" * 200_000,
    "many short": [f"w{number}" for number in range(60_000)],
    "deep": json.loads('{"a":' * 90 + '"text"' + "}" * 90),
    "words": "lorem ipsum dolor sit amet " * 14_000,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("message", ["a" * 4000, "ab" * 2000, "lorem ipsum dolor sit amet " * 150, "'a'" * 1300])
def test_time_is_bounded(shape: str, message: str) -> None:
    def seconds() -> float:
        started = time.process_time()
        without_quotes(message, [SHAPES[shape]])
        return time.process_time() - started

    assert min(seconds() for _ in range(3)) < 0.5
